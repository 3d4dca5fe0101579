-- Version 4; see the other database's for what it is about.

CREATE TABLE IF NOT EXISTS variants (
  ix bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account bigint NOT NULL, campaign bigint NOT NULL, template text COLLATE "C" NOT NULL,
  language text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, test bigint NOT NULL,
  UNIQUE (campaign, template, language, kind, test)
);

ALTER TABLE states ADD COLUMN IF NOT EXISTS variant bigint NOT NULL DEFAULT 0;
ALTER TABLE states DROP CONSTRAINT IF EXISTS states_account_campaign_outcome_reason_key;
CREATE UNIQUE INDEX IF NOT EXISTS states_by_name ON states (account, campaign, outcome, reason, variant);

CREATE TABLE IF NOT EXISTS test_messages (
  account bigint NOT NULL, uid bigint NOT NULL, at bigint NOT NULL,
  PRIMARY KEY (account, uid)
);

CREATE TABLE IF NOT EXISTS unanswered (
  account bigint NOT NULL, sender text COLLATE "C" NOT NULL, person text COLLATE "C" NOT NULL, at bigint NOT NULL,
  PRIMARY KEY (account, sender, person)
);
CREATE INDEX IF NOT EXISTS unanswered_by_time ON unanswered (at);
