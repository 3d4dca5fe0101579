-- Version 7; see the other database's for what it is about. Of an entry whose partition is detached, the message is not known.

ALTER TABLE people RENAME TO people_6;
CREATE TABLE people (
  month bigint NOT NULL, message_uid bigint NOT NULL, entry bytea NOT NULL,
  account bigint NOT NULL, occurred_at bigint NOT NULL, recipient text COLLATE "C", wamid text COLLATE "C",
  PRIMARY KEY (month, message_uid, entry)
) PARTITION BY LIST (month);
DO $$
DECLARE part record;
BEGIN
  FOR part IN
    SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'people_6'::regclass
  LOOP
    EXECUTE format('ALTER TABLE %I RENAME TO %I', part.name, part.name || '_6');
    EXECUTE format('CREATE TABLE %I PARTITION OF people %s', part.name, part.bound);
  END LOOP;
END $$;
INSERT INTO people
  SELECT p.month, coalesce(e.message_uid, 0), p.entry, p.account, p.occurred_at, p.recipient, p.wamid
  FROM people_6 p LEFT JOIN entries e ON e.month = p.month AND e.account = p.account AND e.occurred_at = p.occurred_at
    AND e.entry = p.entry;
DROP TABLE people_6;
