-- Version 2.

-- What a person consented to: all that holds, as JSON.
CREATE TABLE IF NOT EXISTS consents (
  account INTEGER NOT NULL, person TEXT NOT NULL, as_of INTEGER NOT NULL, holds TEXT NOT NULL,
  PRIMARY KEY (account, person)
) WITHOUT ROWID;

-- What a person said, with its proof as JSON; `digest` is of the proof, so that what is said again is there once, `said`
-- the offset on the topic.
CREATE TABLE IF NOT EXISTS consent_proofs (
  account INTEGER NOT NULL, person TEXT NOT NULL, digest INTEGER NOT NULL, said INTEGER NOT NULL, proof TEXT NOT NULL,
  PRIMARY KEY (account, person, digest)
) WITHOUT ROWID;

-- Ends of months, as the topic told them; once the month is closed also the manifest and its SHA-256. `month` as with
-- entries.
CREATE TABLE IF NOT EXISTS closes (
  account INTEGER NOT NULL, month INTEGER NOT NULL, at INTEGER NOT NULL, forced TEXT,
  closed_at INTEGER, manifest TEXT, sha256 TEXT,
  PRIMARY KEY (account, month)
) WITHOUT ROWID;

-- What corrects an entry: true-ups of a charge that is taken back in a later month.
CREATE INDEX IF NOT EXISTS entries_by_adjusted ON entries (account, adjusts) WHERE adjusts IS NOT NULL;
