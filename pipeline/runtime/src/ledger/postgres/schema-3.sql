-- Version 3; see the other database's for what it is about.

CREATE TABLE IF NOT EXISTS invoices (
  account bigint NOT NULL, month bigint NOT NULL, invoice_id text COLLATE "C" NOT NULL, tax_code text COLLATE "C",
  attached_at bigint NOT NULL,
  PRIMARY KEY (account, month)
);

-- Templates as the topic last told them; `body` is the whole template as JSON.
CREATE TABLE IF NOT EXISTS templates (
  account bigint NOT NULL, waba text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, language text COLLATE "C" NOT NULL,
  as_of bigint NOT NULL, body text COLLATE "C" NOT NULL,
  PRIMARY KEY (account, waba, name, language)
);

-- What a number or portfolio may do, each time that it changed: the newest of each account. `told` is the offset on the
-- topic, `body` the record as it was there.
CREATE TABLE IF NOT EXISTS levels (
  account bigint NOT NULL, told bigint NOT NULL, body text COLLATE "C" NOT NULL,
  PRIMARY KEY (account, told)
);

-- When the platform was asked about a WABA last, and when it is to be asked again; `report` says as JSON what came of it.
-- Times are milliseconds since 1970. A process that asks has moved `due_at` on first, so that no other does.
CREATE TABLE IF NOT EXISTS syncs (
  waba text COLLATE "C" PRIMARY KEY, account text COLLATE "C" NOT NULL, started_at bigint NOT NULL, due_at bigint NOT NULL,
  failures bigint NOT NULL, report text COLLATE "C"
);

-- That a person answered: `kind` 0 wrote or called, 1 ended a consent. One row an hour, with the last of it: whether there was
-- an answer after an instant is exact. `hour` is hours since 1970, `at` milliseconds.
CREATE TABLE IF NOT EXISTS answers (
  account bigint NOT NULL, person text COLLATE "C" NOT NULL, kind bigint NOT NULL, hour bigint NOT NULL, at bigint NOT NULL,
  PRIMARY KEY (account, person, kind, hour)
);
CREATE INDEX IF NOT EXISTS answers_by_hour ON answers (hour);
