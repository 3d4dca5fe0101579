-- Version 2.

-- What a person consented to: all that holds, as JSON.
CREATE TABLE IF NOT EXISTS consents (
  account bigint NOT NULL, person text COLLATE "C" NOT NULL, as_of bigint NOT NULL, holds text COLLATE "C" NOT NULL,
  PRIMARY KEY (account, person)
);

-- What a person said, with its proof as JSON; `digest` is of the proof, so that what is said again is there once, `said`
-- the offset on the topic.
CREATE TABLE IF NOT EXISTS consent_proofs (
  account bigint NOT NULL, person text COLLATE "C" NOT NULL, digest bigint NOT NULL, said bigint NOT NULL, proof text COLLATE "C" NOT NULL,
  PRIMARY KEY (account, person, digest)
);

-- Ends of months, as the topic told them; once the month is closed also the manifest and its SHA-256. `month` as with
-- entries.
CREATE TABLE IF NOT EXISTS closes (
  account bigint NOT NULL, month bigint NOT NULL, at bigint NOT NULL, forced text COLLATE "C",
  closed_at bigint, manifest text COLLATE "C", sha256 text COLLATE "C",
  PRIMARY KEY (account, month)
);

-- What corrects an entry: true-ups of a charge that is taken back in a later month.
CREATE INDEX IF NOT EXISTS entries_by_adjusted ON entries (account, adjusts) WHERE adjusts IS NOT NULL;
