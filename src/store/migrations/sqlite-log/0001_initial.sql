-- One row holds consecutive chunks of one step: `marks` says where each begins, `data` is their bytes.

CREATE TABLE blocks (
  id INTEGER PRIMARY KEY,
  build_id INTEGER NOT NULL,
  last_number INTEGER NOT NULL,
  run INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  last_event INTEGER NOT NULL,
  step TEXT NOT NULL,
  begins INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  marks BLOB NOT NULL,
  data BLOB NOT NULL
);
CREATE INDEX blocks_build ON blocks (build_id, last_number);
CREATE INDEX blocks_step ON blocks (build_id, run, step, ends);
