-- Ledger and views in PostgreSQL. Times are milliseconds since the Unix epoch, amounts exact numerics, hashes 16 bytes.
-- Texts compare by their bytes ("C"), so that exports are sorted alike whatever the database's locale.

CREATE TABLE accounts (
  ix bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE
);

-- Next offset to apply, per topic and partition; in the transaction that applied what comes before it.
CREATE TABLE positions (
  topic text COLLATE "C" NOT NULL, partition bigint NOT NULL, next bigint NOT NULL, PRIMARY KEY (topic, partition)
);

-- When each topic was last read.
CREATE TABLE freshness (topic text COLLATE "C" PRIMARY KEY, as_of bigint NOT NULL);

-- Records that could not be applied, with their bytes.
CREATE TABLE rejected (
  topic text COLLATE "C" NOT NULL, partition bigint NOT NULL, "offset" bigint NOT NULL,
  reason text NOT NULL, value bytea NOT NULL, PRIMARY KEY (topic, partition, "offset")
);

-- The summary: one row per combination of the summary columns, sums kept as entries arrive.
CREATE TABLE entry_groups (
  ix bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  fingerprint bytea NOT NULL UNIQUE,
  billing_period text COLLATE "C" NOT NULL, usage_period text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL,
  account text COLLATE "C" NOT NULL, account_name text COLLATE "C" NOT NULL, legal_entity text COLLATE "C" NOT NULL,
  waba text COLLATE "C" NOT NULL, sender text COLLATE "C" NOT NULL, campaign text COLLATE "C",
  cost_center text COLLATE "C", country text COLLATE "C", market text COLLATE "C", category text COLLATE "C",
  pricing_type text COLLATE "C", pricing_model text COLLATE "C" NOT NULL, band bigint, band_basis text COLLATE "C",
  card text COLLATE "C", card_status text COLLATE "C", origin text COLLATE "C" NOT NULL,
  list_rate numeric, cost_rate numeric, cost_currency text COLLATE "C" NOT NULL, fx_rate numeric,
  markup_rule text COLLATE "C", price_currency text COLLATE "C" NOT NULL, tax_code text COLLATE "C",
  invoice_id text COLLATE "C",
  entries bigint NOT NULL DEFAULT 0, messages bigint NOT NULL DEFAULT 0, quantity bigint NOT NULL DEFAULT 0,
  cost numeric, markup numeric, fee numeric, price_ex_tax numeric
) WITH (fillfactor = 70);
CREATE INDEX entry_groups_by_month ON entry_groups (billing_period, account);

-- Every entry id, whichever month it is billed in: an id is booked once.
CREATE TABLE entry_ids (entry bytea PRIMARY KEY);

-- Entries, one partition a month: `month` = year * 12 + month - 1 of the billing period. A partition is made when its
-- month has its first entry.
CREATE TABLE entries (
  month bigint NOT NULL, account bigint NOT NULL, occurred_at bigint NOT NULL, entry bytea NOT NULL,
  grp bigint NOT NULL, cause text COLLATE "C", adjusts bytea, revision bigint NOT NULL,
  message_uid bigint, message text COLLATE "C", attempt bigint,
  recipient_hash bytea NOT NULL, wamid_hash bytea NOT NULL, template text COLLATE "C", language text COLLATE "C",
  expected_category text COLLATE "C", expected_type text COLLATE "C", expected_model text COLLATE "C",
  reported_category text COLLATE "C", reported_type text COLLATE "C", reported_model text COLLATE "C",
  conversation text COLLATE "C", rulebook text COLLATE "C", ordinal bigint, quantity bigint NOT NULL,
  cost numeric, markup numeric, fee numeric, price_ex_tax numeric, fx_source text COLLATE "C",
  fx_date text COLLATE "C", booked_at bigint NOT NULL, reason text COLLATE "C",
  PRIMARY KEY (month, account, occurred_at, entry)
) PARTITION BY LIST (month);
CREATE INDEX entries_by_message ON entries (account, message_uid) WHERE message_uid IS NOT NULL;

-- People's data, apart so that it can be erased: the ledger itself holds keyed hashes only.
CREATE TABLE people (
  month bigint NOT NULL, account bigint NOT NULL, occurred_at bigint NOT NULL, entry bytea NOT NULL,
  recipient text COLLATE "C", wamid text COLLATE "C",
  PRIMARY KEY (month, account, occurred_at, entry)
) PARTITION BY LIST (month);

-- Every ledger field under its name in the contract, for people with a SQL prompt.
CREATE VIEW ledger AS
SELECT encode(e.entry, 'hex') AS entry, g.kind, e.cause, encode(e.adjusts, 'hex') AS adjusts,
  e.revision, g.account, g.waba, g.sender, g.origin, e.message_uid, e.message, e.attempt,
  encode(e.recipient_hash, 'hex') AS recipient_hash, encode(e.wamid_hash, 'hex') AS wamid_hash,
  g.campaign, g.cost_center, e.template, e.language, g.country, g.market, g.category, g.pricing_model,
  g.pricing_type, e.expected_category, e.expected_type, e.expected_model, e.reported_category, e.reported_type,
  e.reported_model, e.conversation, e.rulebook, g.card, g.card_status, g.band, g.band_basis, e.ordinal,
  g.list_rate, g.cost_rate, e.quantity, e.cost, g.cost_currency, g.markup_rule, e.markup, e.fee, e.price_ex_tax,
  g.price_currency, g.fx_rate, e.fx_source, e.fx_date, to_timestamp(e.occurred_at / 1000.0) AS occurred_at,
  to_timestamp(e.booked_at / 1000.0) AS booked_at, g.usage_period, g.billing_period, g.tax_code, g.invoice_id,
  e.reason, g.account_name, g.legal_entity
FROM entries e JOIN entry_groups g ON g.ix = e.grp;

-- The views: where every message is, how it got there, and the live state of every account.

-- Campaigns by number; 0 stands for none.
CREATE TABLE campaigns (
  ix bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account bigint NOT NULL, name text COLLATE "C" NOT NULL,
  UNIQUE (account, name)
);

-- Where messages are: one row per (account, campaign, outcome, reason) with how many. `reason` is empty when there is
-- none.
CREATE TABLE states (
  ix bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account bigint NOT NULL, campaign bigint NOT NULL, outcome text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL, messages bigint NOT NULL DEFAULT 0,
  UNIQUE (account, campaign, outcome, reason)
) WITH (fillfactor = 70);

-- Numbers of messages are given in blocks of a thousand, so that several processes can write at once.
CREATE SEQUENCE message_blocks;

-- Messages: what their moves have in common, and where they are. `last_move` is the key of the newest move.
CREATE TABLE messages (
  ix bigint PRIMARY KEY,
  account bigint NOT NULL, id text COLLATE "C" NOT NULL, uid bigint NOT NULL, campaign bigint NOT NULL,
  recipient text COLLATE "C" NOT NULL, metadata text COLLATE "C",
  state bigint NOT NULL, at bigint NOT NULL, last_move bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX messages_by_id ON messages (account, id);

-- Moves in the order of the topic: key = account << 41 | offset, `prev` the message's move before, `body` the
-- outcome's JSON without what the message's row says already.
CREATE TABLE moves (
  key bigint PRIMARY KEY,
  message bigint NOT NULL, prev bigint, at bigint NOT NULL, body text COLLATE "C" NOT NULL
);

-- The newest snapshot of each account, as it was on the topic.
CREATE TABLE snapshots (account bigint PRIMARY KEY, as_of bigint NOT NULL, body text COLLATE "C" NOT NULL);
