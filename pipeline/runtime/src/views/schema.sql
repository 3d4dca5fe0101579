-- The views: where every message is, how it got there, and the live state of every account.

-- Campaigns by number; 0 stands for none.
CREATE TABLE campaigns (ix INTEGER PRIMARY KEY, account INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (account, name));

-- Where messages are: one row per (account, campaign, outcome, reason) with how many. A message refers to its
-- row, so the counts cost one number per move. `reason` is empty when there is none.
CREATE TABLE states (
  ix INTEGER PRIMARY KEY,
  account INTEGER NOT NULL, campaign INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL,
  messages INTEGER NOT NULL DEFAULT 0,
  UNIQUE (account, campaign, outcome, reason)
);

-- Messages: what their moves have in common, and where they are. `last_move` is the key of the newest move.
CREATE TABLE messages (
  ix INTEGER PRIMARY KEY,
  account INTEGER NOT NULL, id TEXT NOT NULL, uid INTEGER NOT NULL, campaign INTEGER NOT NULL,
  recipient TEXT NOT NULL, metadata TEXT,
  state INTEGER NOT NULL, at INTEGER NOT NULL, last_move INTEGER NOT NULL
);
CREATE INDEX messages_by_id ON messages (account, id);

-- Moves in the order of the topic: key = account << 41 | offset, `prev` the message's move before, `body` the
-- outcome's JSON without what the message's row says already.
CREATE TABLE moves (
  key INTEGER PRIMARY KEY,
  message INTEGER NOT NULL, prev INTEGER, at INTEGER NOT NULL, body TEXT NOT NULL
);

-- The newest snapshot of each account, as it was on the topic.
CREATE TABLE snapshots (account INTEGER PRIMARY KEY, as_of INTEGER NOT NULL, body TEXT NOT NULL);
