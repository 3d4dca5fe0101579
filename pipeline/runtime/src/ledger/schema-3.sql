-- Version 3.

-- The invoice by which a closed month was billed to the account's client; beside the entries, so that what was closed
-- keeps its bytes. `month` as with entries.
CREATE TABLE IF NOT EXISTS invoices (
  account INTEGER NOT NULL, month INTEGER NOT NULL, invoice_id TEXT NOT NULL, tax_code TEXT, attached_at INTEGER NOT NULL,
  PRIMARY KEY (account, month)
) WITHOUT ROWID;

-- Templates as the topic last told them; `body` is the whole template as JSON.
CREATE TABLE IF NOT EXISTS templates (
  account INTEGER NOT NULL, waba TEXT NOT NULL, name TEXT NOT NULL, language TEXT NOT NULL,
  as_of INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (account, waba, name, language)
) WITHOUT ROWID;

-- What a number or portfolio may do, each time that it changed: the newest of each account. `told` is the offset on the
-- topic, `body` the record as it was there.
CREATE TABLE IF NOT EXISTS levels (
  account INTEGER NOT NULL, told INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (account, told)
) WITHOUT ROWID;

-- When the platform was asked about a WABA last, and when it is to be asked again; `report` says as JSON what came of it.
-- Times are milliseconds since 1970. A process that asks has moved `due_at` on first, so that no other does.
CREATE TABLE IF NOT EXISTS syncs (
  waba TEXT PRIMARY KEY, account TEXT NOT NULL, started_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
  failures INTEGER NOT NULL, report TEXT
) WITHOUT ROWID;

-- That a person answered: `kind` 0 wrote or called, 1 ended a consent. One row an hour, with the last of it: whether there was
-- an answer after an instant is exact. `hour` is hours since 1970, `at` milliseconds.
CREATE TABLE IF NOT EXISTS answers (
  account INTEGER NOT NULL, person TEXT NOT NULL, kind INTEGER NOT NULL, hour INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (account, person, kind, hour)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_hour ON answers (hour);
