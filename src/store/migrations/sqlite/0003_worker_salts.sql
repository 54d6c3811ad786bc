-- What tokens of workers carry, so that they can be revoked: by team, and '' for workers of all teams.
CREATE TABLE worker_salts (
  team TEXT PRIMARY KEY,
  salt TEXT NOT NULL
) WITHOUT ROWID;
