-- Version 8: where each entry of a message lies, as the other database keeps it in a table of its own.

CREATE VIEW entry_ids AS
  SELECT message_uid, entry, month, account, occurred_at FROM entries WHERE message_uid IS NOT NULL;
