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
