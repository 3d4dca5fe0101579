-- Version 5; see the other database's for what it is about.

CREATE TABLE IF NOT EXISTS figures (
  waba text COLLATE "C" NOT NULL, metric text COLLATE "C" NOT NULL, day bigint NOT NULL, seen_at bigint NOT NULL,
  asked_at bigint NOT NULL, points text COLLATE "C" NOT NULL,
  PRIMARY KEY (waba, metric, day, seen_at)
);

CREATE TABLE IF NOT EXISTS bands_reached (
  account bigint NOT NULL, month bigint NOT NULL, market text COLLATE "C" NOT NULL, category text COLLATE "C" NOT NULL,
  first bigint NOT NULL, at bigint NOT NULL,
  PRIMARY KEY (account, month, market, category, first)
);
