-- Times are microseconds since 1970-01-01 UTC. Configuration and run-time state are different tables.

CREATE TABLE teams (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  canonical TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL
);

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  username TEXT NOT NULL UNIQUE,
  full_name TEXT NOT NULL,
  admin INTEGER NOT NULL,
  password_hash TEXT NOT NULL,
  token_generation INTEGER NOT NULL
);

-- Values are sealed.
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
);

CREATE TABLE pipelines (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  team_id INTEGER NOT NULL REFERENCES teams (id),
  canonical TEXT NOT NULL,
  name TEXT NOT NULL,
  public INTEGER NOT NULL,
  revision_id INTEGER NOT NULL,
  revision_number INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_by TEXT NOT NULL,
  UNIQUE (team_id, canonical)
);

-- `state` counts the changes that decisions depend on.
CREATE TABLE pipeline_states (
  pipeline_id INTEGER PRIMARY KEY REFERENCES pipelines (id) ON DELETE CASCADE,
  state INTEGER NOT NULL,
  last_build_at INTEGER
);

-- Values given for variables: JSON, sealed where the variable is backed by a secret.
CREATE TABLE pipeline_values (
  pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  secret INTEGER NOT NULL,
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (pipeline_id, secret, name)
) WITHOUT ROWID;

CREATE TABLE revisions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  source BLOB NOT NULL,
  compiled TEXT NOT NULL,
  UNIQUE (pipeline_id, number)
);

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  archived INTEGER NOT NULL,
  UNIQUE (pipeline_id, name)
);

CREATE TABLE job_states (
  job_id INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
  last_number INTEGER NOT NULL
);

CREATE TABLE resources (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  canonical TEXT NOT NULL,
  archived INTEGER NOT NULL,
  UNIQUE (pipeline_id, canonical)
);

CREATE TABLE resource_states (
  resource_id INTEGER PRIMARY KEY REFERENCES resources (id) ON DELETE CASCADE,
  webhook_token TEXT NOT NULL UNIQUE,
  last_check INTEGER,
  next_check INTEGER,
  failing INTEGER NOT NULL,
  logs TEXT NOT NULL,
  again INTEGER NOT NULL,
  leases INTEGER NOT NULL,
  lease_node TEXT,
  lease_until INTEGER
);
CREATE INDEX resource_states_due ON resource_states (next_check);

-- Where a get stands. `passed` and `newest` are empty for a root get: `newest` is the newest version that passed all.
CREATE TABLE job_gets (
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  resource_id INTEGER NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
  passed TEXT NOT NULL,
  triggers INTEGER NOT NULL,
  every INTEGER NOT NULL,
  floor INTEGER NOT NULL,
  every_from INTEGER NOT NULL,
  newest INTEGER,
  PRIMARY KEY (job_id, name)
) WITHOUT ROWID;
CREATE INDEX job_gets_resource ON job_gets (resource_id);

CREATE TABLE versions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  resource_id INTEGER NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
  digest BLOB NOT NULL,
  value TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (resource_id, digest)
);
CREATE INDEX versions_resource ON versions (resource_id, id);

-- `stage`: 0 queued, 1 held by a worker, 2 done. `passes`: its versions count as passed.
CREATE TABLE builds (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline_id INTEGER NOT NULL REFERENCES pipelines (id) ON DELETE CASCADE,
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  job_name TEXT NOT NULL,
  revision_id INTEGER NOT NULL,
  number_major INTEGER NOT NULL,
  number_retry INTEGER NOT NULL,
  cause_key TEXT NOT NULL,
  cause TEXT NOT NULL,
  inputs TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  status TEXT NOT NULL,
  phase TEXT NOT NULL,
  stage INTEGER NOT NULL,
  passes INTEGER NOT NULL,
  failure TEXT,
  versions TEXT NOT NULL,
  run INTEGER NOT NULL,
  claims INTEGER NOT NULL,
  node TEXT,
  incarnation INTEGER,
  fence INTEGER,
  worker TEXT,
  cancel_requested TEXT,
  events_through INTEGER NOT NULL,
  exports TEXT NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  UNIQUE (job_id, cause_key),
  UNIQUE (job_id, number_major, number_retry)
);
CREATE INDEX builds_stage ON builds (stage, id);
CREATE INDEX builds_pipeline ON builds (pipeline_id, stage, id);
CREATE INDEX builds_job ON builds (job_id, id);
CREATE INDEX builds_passing ON builds (job_id, passes, id);

-- `kind`: 0 used by the get `name`, 1 created by the step `name`.
CREATE TABLE build_versions (
  build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  version_id INTEGER NOT NULL REFERENCES versions (id) ON DELETE CASCADE,
  resource_id INTEGER NOT NULL,
  job_id INTEGER NOT NULL,
  PRIMARY KEY (build_id, kind, name, version_id)
) WITHOUT ROWID;
CREATE INDEX build_versions_version ON build_versions (version_id, build_id);

CREATE TABLE passed (
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  resource_id INTEGER NOT NULL,
  version_id INTEGER NOT NULL,
  PRIMARY KEY (job_id, resource_id, version_id)
) WITHOUT ROWID;

-- Versions above a get's floor that passed all its upstream jobs.
CREATE TABLE candidates (
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  get_name TEXT NOT NULL,
  version_id INTEGER NOT NULL,
  used INTEGER NOT NULL,
  PRIMARY KEY (job_id, get_name, version_id)
) WITHOUT ROWID;
CREATE INDEX candidates_unused ON candidates (job_id, get_name, used, version_id);

CREATE TABLE steps (
  id INTEGER PRIMARY KEY,
  build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  run INTEGER NOT NULL,
  path TEXT NOT NULL,
  record TEXT NOT NULL,
  UNIQUE (build_id, run, path)
);

CREATE TABLE services (
  id INTEGER PRIMARY KEY,
  build_id INTEGER NOT NULL REFERENCES builds (id) ON DELETE CASCADE,
  run INTEGER NOT NULL,
  instance TEXT NOT NULL,
  record TEXT NOT NULL,
  UNIQUE (build_id, run, instance)
);

CREATE TABLE workers (
  node TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  incarnation INTEGER NOT NULL,
  home TEXT NOT NULL,
  state TEXT NOT NULL,
  renewal INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  profile TEXT NOT NULL
);

-- Builds by status, kept so that counting does not grow with history.
CREATE TABLE build_counts (
  status TEXT PRIMARY KEY,
  builds INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO build_counts (status, builds)
VALUES ('pending', 0), ('started', 0), ('succeeded', 0), ('failed', 0), ('warning', 0), ('cancelled', 0);
CREATE TRIGGER builds_inserted AFTER INSERT ON builds BEGIN
  UPDATE build_counts SET builds = builds + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER builds_changed AFTER UPDATE OF status ON builds WHEN OLD.status <> NEW.status BEGIN
  UPDATE build_counts SET builds = builds - 1 WHERE status = OLD.status;
  UPDATE build_counts SET builds = builds + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER builds_deleted AFTER DELETE ON builds BEGIN
  UPDATE build_counts SET builds = builds - 1 WHERE status = OLD.status;
END;
