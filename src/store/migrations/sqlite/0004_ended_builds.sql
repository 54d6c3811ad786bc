-- Builds that ended, by pipeline and status: counting does not grow with history, and builds of different pipelines
-- never wait for one counter. Those that have not ended are few, and counted when asked for.
CREATE TABLE ended_builds (
  pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  status TEXT NOT NULL,
  builds INTEGER NOT NULL,
  PRIMARY KEY (pipeline_id, status)
) WITHOUT ROWID;
INSERT INTO ended_builds (pipeline_id, status, builds)
SELECT pipeline_id, status, COUNT(*) FROM builds WHERE stage = 2 GROUP BY pipeline_id, status;
DROP TRIGGER builds_inserted;
DROP TRIGGER builds_changed;
DROP TRIGGER builds_deleted;
DROP TABLE build_counts;
