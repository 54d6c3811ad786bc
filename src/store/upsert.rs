//! Statements whose words differ between databases: insert, unless or over what is there.

/// A version passed a job.
pub(crate) const ADD_PASSED: &str =
    "INSERT INTO passed (job_id, resource_id, version_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
/// A version became a candidate of a get.
pub(crate) const ADD_CANDIDATE: &str = "INSERT INTO candidates (job_id, get_name, version_id, used) \
     VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
/// A build uses or created a version.
pub(crate) const ADD_BUILD_VERSION: &str = "INSERT INTO build_versions \
     (build_id, kind, name, version_id, resource_id, job_id) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
/// A step's record.
pub(crate) const PUT_STEP: &str = "INSERT INTO steps (build_id, run, path, record) VALUES (?, ?, ?, ?) \
     ON CONFLICT (build_id, run, path) DO UPDATE SET record = excluded.record";
/// A service's record.
pub(crate) const PUT_SERVICE: &str = "INSERT INTO services (build_id, run, instance, state, record) \
     VALUES (?, ?, ?, ?, ?) ON CONFLICT (build_id, run, instance) DO UPDATE SET state = excluded.state, \
     record = excluded.record";
/// A setting, if none is stored.
pub(crate) const ADD_SETTING: &str =
    "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING";
/// A salt of worker tokens, if none is stored.
pub(crate) const ADD_SALT: &str =
    "INSERT INTO worker_salts (team, salt) VALUES (?, ?) ON CONFLICT DO NOTHING";
/// A salt of worker tokens.
pub(crate) const PUT_SALT: &str = "INSERT INTO worker_salts (team, salt) VALUES (?, ?) \
     ON CONFLICT (team) DO UPDATE SET salt = excluded.salt";
/// A worker that announced itself.
pub(crate) const PUT_WORKER: &str = "INSERT INTO workers \
     (node, name, incarnation, home, state, renewal, last_seen_at, profile) VALUES (?, ?, ?, ?, ?, 0, ?, ?) \
     ON CONFLICT (node) DO UPDATE SET name = excluded.name, incarnation = excluded.incarnation, \
     home = excluded.home, state = excluded.state, renewal = 0, last_seen_at = excluded.last_seen_at, \
     profile = excluded.profile";
/// A get's run-time row.
pub(crate) const PUT_GET: &str = "INSERT INTO job_gets \
     (job_id, name, resource_id, passed, triggers, every, floor, every_from, newest) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id, name) DO UPDATE SET \
     resource_id = excluded.resource_id, passed = excluded.passed, triggers = excluded.triggers, \
     every = excluded.every, floor = excluded.floor, every_from = excluded.every_from, newest = excluded.newest";
