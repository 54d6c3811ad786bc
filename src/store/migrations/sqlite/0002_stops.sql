-- Services whose stop is owed are found without looking through all of them.
ALTER TABLE services ADD COLUMN state TEXT NOT NULL DEFAULT '';
UPDATE services SET state = json_extract(record, '$.state');
CREATE INDEX services_owed ON services (id) WHERE state IN ('stop_failed', 'stop_pending');
CREATE INDEX services_by_instance ON services (build_id, instance);
