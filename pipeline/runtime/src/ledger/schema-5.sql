-- Version 5.

-- The platform's own figures of a WABA's day (UTC), each time that it told other ones: first and last time that it did, in
-- milliseconds since 1970, and the figures as a JSON list. `metric` is the platform's name of what they are of.
CREATE TABLE IF NOT EXISTS figures (
  waba TEXT NOT NULL, metric TEXT NOT NULL, day INTEGER NOT NULL, seen_at INTEGER NOT NULL, asked_at INTEGER NOT NULL,
  points TEXT NOT NULL,
  PRIMARY KEY (waba, metric, day, seen_at)
) WITHOUT ROWID;

-- Volume bands that the platform said an account had reached: the first message of the band, and the earliest time that it
-- gave for it, in seconds since 1970. `month` as with entries.
CREATE TABLE IF NOT EXISTS bands_reached (
  account INTEGER NOT NULL, month INTEGER NOT NULL, market TEXT NOT NULL, category TEXT NOT NULL, first INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (account, month, market, category, first)
) WITHOUT ROWID;
