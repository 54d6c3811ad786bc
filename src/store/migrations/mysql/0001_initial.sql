-- Times are microseconds since 1970-01-01 UTC; what is true or false is 1 or 0, as on the other databases. Texts are
-- compared by their bytes. Configuration and run-time state are different tables.

CREATE TABLE teams (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  canonical VARCHAR(255) NOT NULL UNIQUE,
  name VARCHAR(255) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE users (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  username VARCHAR(255) NOT NULL UNIQUE,
  full_name LONGTEXT NOT NULL,
  admin BIGINT NOT NULL,
  password_hash LONGTEXT NOT NULL,
  token_generation BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Values are sealed.
CREATE TABLE settings (
  name VARCHAR(255) PRIMARY KEY,
  value LONGBLOB NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE pipelines (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  team_id BIGINT NOT NULL,
  canonical VARCHAR(255) NOT NULL,
  name VARCHAR(255) NOT NULL,
  public BIGINT NOT NULL,
  revision_id BIGINT NOT NULL,
  revision_number BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  updated_by LONGTEXT NOT NULL,
  UNIQUE (team_id, canonical),
  FOREIGN KEY (team_id) REFERENCES teams (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- `state` counts the changes that decisions depend on.
CREATE TABLE pipeline_states (
  pipeline_id BIGINT PRIMARY KEY,
  state BIGINT NOT NULL,
  last_build_at BIGINT,
  FOREIGN KEY (pipeline_id) REFERENCES pipelines (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Values given for variables: JSON, sealed where the variable is backed by a secret.
CREATE TABLE pipeline_values (
  pipeline_id BIGINT NOT NULL,
  secret BIGINT NOT NULL,
  name VARCHAR(255) NOT NULL,
  value LONGBLOB NOT NULL,
  PRIMARY KEY (pipeline_id, secret, name),
  FOREIGN KEY (pipeline_id) REFERENCES pipelines (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE revisions (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  pipeline_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  content_hash LONGTEXT NOT NULL,
  source LONGBLOB NOT NULL,
  compiled LONGTEXT NOT NULL,
  UNIQUE (pipeline_id, number),
  FOREIGN KEY (pipeline_id) REFERENCES pipelines (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE jobs (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  pipeline_id BIGINT NOT NULL,
  name VARCHAR(255) NOT NULL,
  position BIGINT NOT NULL,
  archived BIGINT NOT NULL,
  UNIQUE (pipeline_id, name),
  FOREIGN KEY (pipeline_id) REFERENCES pipelines (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE job_states (
  job_id BIGINT PRIMARY KEY,
  last_number BIGINT NOT NULL,
  FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE resources (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  pipeline_id BIGINT NOT NULL,
  canonical VARCHAR(255) NOT NULL,
  archived BIGINT NOT NULL,
  UNIQUE (pipeline_id, canonical),
  FOREIGN KEY (pipeline_id) REFERENCES pipelines (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE resource_states (
  resource_id BIGINT PRIMARY KEY,
  webhook_token VARCHAR(512) NOT NULL UNIQUE,
  last_check BIGINT,
  next_check BIGINT,
  failing BIGINT NOT NULL,
  logs LONGTEXT NOT NULL,
  again BIGINT NOT NULL,
  leases BIGINT NOT NULL,
  lease_node LONGTEXT,
  lease_until BIGINT,
  FOREIGN KEY (resource_id) REFERENCES resources (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX resource_states_due ON resource_states (next_check);

-- Where a get stands. `passed` and `newest` are empty for a root get: `newest` is the newest version that passed all.
CREATE TABLE job_gets (
  job_id BIGINT NOT NULL,
  name VARCHAR(255) NOT NULL,
  resource_id BIGINT NOT NULL,
  passed LONGTEXT NOT NULL,
  triggers BIGINT NOT NULL,
  every BIGINT NOT NULL,
  floor BIGINT NOT NULL,
  every_from BIGINT NOT NULL,
  newest BIGINT,
  PRIMARY KEY (job_id, name),
  FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE,
  FOREIGN KEY (resource_id) REFERENCES resources (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX job_gets_resource ON job_gets (resource_id);

CREATE TABLE versions (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  resource_id BIGINT NOT NULL,
  digest BINARY(32) NOT NULL,
  value LONGTEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (resource_id, digest),
  FOREIGN KEY (resource_id) REFERENCES resources (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX versions_resource ON versions (resource_id, id);

-- `stage`: 0 queued, 1 held by a worker, 2 done. `passes`: its versions count as passed.
CREATE TABLE builds (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  pipeline_id BIGINT NOT NULL,
  job_id BIGINT NOT NULL,
  job_name VARCHAR(255) NOT NULL,
  revision_id BIGINT NOT NULL,
  number_major BIGINT NOT NULL,
  number_retry BIGINT NOT NULL,
  cause_key VARCHAR(512) NOT NULL,
  cause LONGTEXT NOT NULL,
  inputs LONGTEXT NOT NULL,
  created_at BIGINT NOT NULL,
  status VARCHAR(255) NOT NULL,
  phase VARCHAR(255) NOT NULL,
  stage BIGINT NOT NULL,
  passes BIGINT NOT NULL,
  failure LONGTEXT,
  versions LONGTEXT NOT NULL,
  run BIGINT NOT NULL,
  claims BIGINT NOT NULL,
  node VARCHAR(255),
  incarnation BIGINT,
  fence BIGINT,
  worker LONGTEXT,
  cancel_requested LONGTEXT,
  events_through BIGINT NOT NULL,
  exports LONGTEXT NOT NULL,
  started_at BIGINT,
  ended_at BIGINT,
  UNIQUE (job_id, cause_key),
  UNIQUE (job_id, number_major, number_retry),
  FOREIGN KEY (pipeline_id) REFERENCES pipelines (id) ON DELETE CASCADE,
  FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX builds_stage ON builds (stage, id);
CREATE INDEX builds_pipeline ON builds (pipeline_id, stage, id);
CREATE INDEX builds_job ON builds (job_id, id);
CREATE INDEX builds_passing ON builds (job_id, passes, id);

-- `kind`: 0 used by the get `name`, 1 created by the step `name`.
CREATE TABLE build_versions (
  build_id BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  name VARCHAR(255) NOT NULL,
  version_id BIGINT NOT NULL,
  resource_id BIGINT NOT NULL,
  job_id BIGINT NOT NULL,
  PRIMARY KEY (build_id, kind, name, version_id),
  FOREIGN KEY (build_id) REFERENCES builds (id) ON DELETE CASCADE,
  FOREIGN KEY (version_id) REFERENCES versions (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX build_versions_version ON build_versions (version_id, build_id);

CREATE TABLE passed (
  job_id BIGINT NOT NULL,
  resource_id BIGINT NOT NULL,
  version_id BIGINT NOT NULL,
  PRIMARY KEY (job_id, resource_id, version_id),
  FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Versions above a get's floor that passed all its upstream jobs.
CREATE TABLE candidates (
  job_id BIGINT NOT NULL,
  get_name VARCHAR(255) NOT NULL,
  version_id BIGINT NOT NULL,
  used BIGINT NOT NULL,
  PRIMARY KEY (job_id, get_name, version_id),
  FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX candidates_unused ON candidates (job_id, get_name, used, version_id);

CREATE TABLE steps (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  build_id BIGINT NOT NULL,
  run BIGINT NOT NULL,
  path VARCHAR(255) NOT NULL,
  record LONGTEXT NOT NULL,
  UNIQUE (build_id, run, path),
  FOREIGN KEY (build_id) REFERENCES builds (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE services (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  build_id BIGINT NOT NULL,
  run BIGINT NOT NULL,
  instance VARCHAR(255) NOT NULL,
  state VARCHAR(255) NOT NULL,
  record LONGTEXT NOT NULL,
  UNIQUE (build_id, run, instance),
  FOREIGN KEY (build_id) REFERENCES builds (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX services_owed ON services (state, id);
CREATE INDEX services_by_instance ON services (build_id, instance);

CREATE TABLE workers (
  node VARCHAR(255) PRIMARY KEY,
  name VARCHAR(255) NOT NULL,
  incarnation BIGINT NOT NULL,
  home LONGTEXT NOT NULL,
  state VARCHAR(255) NOT NULL,
  renewal BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  profile LONGTEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Builds that ended. Those that have not are few, and counted when asked for.
CREATE TABLE ended_builds (
  pipeline_id BIGINT NOT NULL,
  status VARCHAR(255) NOT NULL,
  builds BIGINT NOT NULL,
  PRIMARY KEY (pipeline_id, status),
  FOREIGN KEY (pipeline_id) REFERENCES pipelines (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What tokens of workers carry, so that they can be revoked: by team, and '' for workers of all teams.
CREATE TABLE worker_salts (
  team VARCHAR(255) PRIMARY KEY,
  salt LONGTEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Where a build's log stands. Whoever appends locks the row: two servers may hold the same build for a moment.
CREATE TABLE log_ends (
  build_id BIGINT PRIMARY KEY,
  last_number BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  last_event BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Logs, append-only: one row holds consecutive chunks of one step, `marks` says where each begins, `data` is their bytes.
CREATE TABLE blocks (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  build_id BIGINT NOT NULL,
  last_number BIGINT NOT NULL,
  run BIGINT NOT NULL,
  fence BIGINT NOT NULL,
  last_event BIGINT NOT NULL,
  step VARCHAR(255) NOT NULL,
  begins BIGINT NOT NULL,
  ends BIGINT NOT NULL,
  marks LONGBLOB NOT NULL,
  data LONGBLOB NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX blocks_build ON blocks (build_id, last_number);
CREATE INDEX blocks_step ON blocks (build_id, run, step, ends);
