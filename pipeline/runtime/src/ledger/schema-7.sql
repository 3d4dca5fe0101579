-- Version 7: people's data lies by message, as ids do, so that what a batch adds lies together. `message_uid` is 0 for entries
-- of no message.

CREATE TABLE people_7 (
  month INTEGER NOT NULL, message_uid INTEGER NOT NULL, entry BLOB NOT NULL,
  account INTEGER NOT NULL, occurred_at INTEGER NOT NULL, recipient TEXT, wamid TEXT,
  PRIMARY KEY (month, message_uid, entry)
) WITHOUT ROWID;
INSERT INTO people_7
  SELECT p.month, coalesce(e.message_uid, 0), p.entry, p.account, p.occurred_at, p.recipient, p.wamid
  FROM people p LEFT JOIN entries e ON e.month = p.month AND e.account = p.account AND e.occurred_at = p.occurred_at
    AND e.entry = p.entry;
DROP TABLE people;
ALTER TABLE people_7 RENAME TO people;
