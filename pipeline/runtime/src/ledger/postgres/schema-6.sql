-- Version 6; see the other database's for what it is about. `message_uid` is 0 for entries of no message, and for those
-- whose partition is detached.

CREATE TABLE entry_ids_6 (message_uid bigint NOT NULL, entry bytea NOT NULL);
INSERT INTO entry_ids_6
  SELECT coalesce(e.message_uid, 0), i.entry FROM entry_ids i LEFT JOIN entries e ON e.entry = i.entry ORDER BY 1, 2;
DROP TABLE entry_ids;
ALTER TABLE entry_ids_6 RENAME TO entry_ids;
ALTER TABLE entry_ids ADD CONSTRAINT entry_ids_pkey PRIMARY KEY (message_uid, entry);
