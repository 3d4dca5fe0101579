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
