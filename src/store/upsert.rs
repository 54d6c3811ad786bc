//! Statements whose words differ between databases: insert, unless or over what is there.
//!
//! SQLite and PostgreSQL share theirs. Where it is counted what was inserted, MySQL is told to ignore what is there, since
//! it would count an untouched row; elsewhere it keeps the row by setting a column to itself, which ignores nothing else.

use crate::sql::Sql;

/// A version passed a job.
pub(crate) const ADD_PASSED: Sql =
    Sql::new("INSERT INTO passed (job_id, resource_id, version_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
        .mysql("INSERT IGNORE INTO passed (job_id, resource_id, version_id) VALUES (?, ?, ?)");
/// A version became a candidate of a get.
pub(crate) const ADD_CANDIDATE: Sql = Sql::new(
    "INSERT INTO candidates (job_id, get_name, version_id, used) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
)
.mysql(
    "INSERT INTO candidates (job_id, get_name, version_id, used) VALUES (?, ?, ?, ?) \
     ON DUPLICATE KEY UPDATE used = used",
);
/// A build uses or created a version.
pub(crate) const ADD_BUILD_VERSION: Sql = Sql::new(
    "INSERT INTO build_versions (build_id, kind, name, version_id, resource_id, job_id) \
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
)
.mysql(
    "INSERT INTO build_versions (build_id, kind, name, version_id, resource_id, job_id) \
     VALUES (?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE kind = kind",
);
/// A step's record.
pub(crate) const PUT_STEP: Sql = Sql::new(
    "INSERT INTO steps (build_id, run, path, record) VALUES (?, ?, ?, ?) \
     ON CONFLICT (build_id, run, path) DO UPDATE SET record = excluded.record",
)
.mysql(
    "INSERT INTO steps (build_id, run, path, record) VALUES (?, ?, ?, ?) \
     ON DUPLICATE KEY UPDATE record = VALUES(record)",
);
/// A service's record.
pub(crate) const PUT_SERVICE: Sql = Sql::new(
    "INSERT INTO services (build_id, run, instance, state, record) VALUES (?, ?, ?, ?, ?) \
     ON CONFLICT (build_id, run, instance) DO UPDATE SET state = excluded.state, record = excluded.record",
)
.mysql(
    "INSERT INTO services (build_id, run, instance, state, record) VALUES (?, ?, ?, ?, ?) \
     ON DUPLICATE KEY UPDATE state = VALUES(state), record = VALUES(record)",
);
/// A setting, if none is stored.
pub(crate) const ADD_SETTING: Sql =
    Sql::new("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .mysql("INSERT INTO settings (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = value");
/// A setting.
pub(crate) const PUT_SETTING: Sql = Sql::new(
    "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
)
.mysql("INSERT INTO settings (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value)");
/// A salt of worker tokens, if none is stored.
pub(crate) const ADD_SALT: Sql =
    Sql::new("INSERT INTO worker_salts (team, salt) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .mysql("INSERT INTO worker_salts (team, salt) VALUES (?, ?) ON DUPLICATE KEY UPDATE salt = salt");
/// A salt of worker tokens.
pub(crate) const PUT_SALT: Sql = Sql::new(
    "INSERT INTO worker_salts (team, salt) VALUES (?, ?) ON CONFLICT (team) DO UPDATE SET salt = excluded.salt",
)
.mysql("INSERT INTO worker_salts (team, salt) VALUES (?, ?) ON DUPLICATE KEY UPDATE salt = VALUES(salt)");
/// One more build of a pipeline has ended.
pub(crate) const COUNT_ENDED: Sql = Sql::new(
    "INSERT INTO ended_builds (pipeline_id, status, builds) VALUES (?, ?, 1) \
     ON CONFLICT (pipeline_id, status) DO UPDATE SET builds = ended_builds.builds + 1",
)
.mysql(
    "INSERT INTO ended_builds (pipeline_id, status, builds) VALUES (?, ?, 1) \
     ON DUPLICATE KEY UPDATE builds = builds + 1",
);
/// A worker that announced itself.
pub(crate) const PUT_WORKER: Sql = Sql::new(
    "INSERT INTO workers (node, name, incarnation, home, state, renewal, last_seen_at, profile) \
     VALUES (?, ?, ?, ?, ?, 0, ?, ?) ON CONFLICT (node) DO UPDATE SET name = excluded.name, \
     incarnation = excluded.incarnation, home = excluded.home, state = excluded.state, renewal = 0, \
     last_seen_at = excluded.last_seen_at, profile = excluded.profile",
)
.mysql(
    "INSERT INTO workers (node, name, incarnation, home, state, renewal, last_seen_at, profile) \
     VALUES (?, ?, ?, ?, ?, 0, ?, ?) ON DUPLICATE KEY UPDATE name = VALUES(name), \
     incarnation = VALUES(incarnation), home = VALUES(home), state = VALUES(state), renewal = 0, \
     last_seen_at = VALUES(last_seen_at), profile = VALUES(profile)",
);
/// A get's run-time row.
pub(crate) const PUT_GET: Sql = Sql::new(
    "INSERT INTO job_gets (job_id, name, resource_id, passed, triggers, every, floor, every_from, newest) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id, name) DO UPDATE SET \
     resource_id = excluded.resource_id, passed = excluded.passed, triggers = excluded.triggers, \
     every = excluded.every, floor = excluded.floor, every_from = excluded.every_from, \
     newest = excluded.newest",
)
.mysql(
    "INSERT INTO job_gets (job_id, name, resource_id, passed, triggers, every, floor, every_from, newest) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE \
     resource_id = VALUES(resource_id), passed = VALUES(passed), triggers = VALUES(triggers), \
     every = VALUES(every), floor = VALUES(floor), every_from = VALUES(every_from), newest = VALUES(newest)",
);
