-- Version 8: the row that makes an id unique also says where its entry lies, and to whom the message went: an entry is two
-- rows and two index entries, of three and four before. Of an entry whose partition is detached, month, account and instant are
-- 0 where people's data does not tell them.

CREATE TABLE entry_ids_8 (
  message_uid bigint NOT NULL, entry bytea NOT NULL, month bigint NOT NULL, account bigint NOT NULL,
  occurred_at bigint NOT NULL, recipient text COLLATE "C", wamid text COLLATE "C"
);
INSERT INTO entry_ids_8
  SELECT i.message_uid, i.entry, coalesce(e.month, p.month, 0), coalesce(e.account, p.account, 0),
    coalesce(e.occurred_at, p.occurred_at, 0), p.recipient, p.wamid
  FROM entry_ids i
  LEFT JOIN entries e ON e.entry = i.entry AND coalesce(e.message_uid, 0) = i.message_uid
  LEFT JOIN people p ON p.entry = i.entry AND p.message_uid = i.message_uid
  ORDER BY 1, 2;
DROP TABLE people;
DROP TABLE entry_ids;
ALTER TABLE entry_ids_8 RENAME TO entry_ids;
ALTER TABLE entry_ids ADD CONSTRAINT entry_ids_pkey PRIMARY KEY (message_uid, entry);
DROP INDEX entries_by_message;

CREATE VIEW people AS
  SELECT month, message_uid, entry, account, occurred_at, recipient, wamid FROM entry_ids
  WHERE recipient IS NOT NULL OR wamid IS NOT NULL;
