-- Version 4.

-- What a campaign sends: a template in a language, or the kind of what is none, and whether to test recipients (1) or not (0).
CREATE TABLE IF NOT EXISTS variants (
  ix INTEGER PRIMARY KEY,
  account INTEGER NOT NULL, campaign INTEGER NOT NULL, template TEXT NOT NULL, language TEXT NOT NULL, kind TEXT NOT NULL,
  test INTEGER NOT NULL,
  UNIQUE (campaign, template, language, kind, test)
);

-- Where messages are, by what was sent too: 0 before anything is, and outside campaigns.
CREATE TABLE states_4 (
  ix INTEGER PRIMARY KEY,
  account INTEGER NOT NULL, campaign INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL,
  messages INTEGER NOT NULL DEFAULT 0, variant INTEGER NOT NULL DEFAULT 0,
  UNIQUE (account, campaign, outcome, reason, variant)
);
INSERT INTO states_4 (ix, account, campaign, outcome, reason, messages)
  SELECT ix, account, campaign, outcome, reason, messages FROM states;
DROP TABLE states;
ALTER TABLE states_4 RENAME TO states;

-- Messages to test recipients, by number: their entries are told apart. `at` is milliseconds since 1970.
CREATE TABLE IF NOT EXISTS test_messages (
  account INTEGER NOT NULL, uid INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (account, uid)
) WITHOUT ROWID;

-- People who wrote to a number and have had nothing from it since; `at` is when they wrote last, in milliseconds since 1970.
CREATE TABLE IF NOT EXISTS unanswered (
  account INTEGER NOT NULL, sender TEXT NOT NULL, person TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (account, sender, person)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unanswered_by_time ON unanswered (at);
