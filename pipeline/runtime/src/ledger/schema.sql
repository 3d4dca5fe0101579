-- The ledger. Text amounts are exact decimals, times are milliseconds since the Unix epoch.

-- Accounts by number, shared with the views.
CREATE TABLE accounts (ix INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- Next offset to apply, per topic and partition; in the transaction that applied what comes before it.
CREATE TABLE positions (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY (topic, partition)
) WITHOUT ROWID;

-- When the caller last read each topic.
CREATE TABLE freshness (topic TEXT PRIMARY KEY, as_of INTEGER NOT NULL) WITHOUT ROWID;

-- Records that could not be applied, with their bytes.
CREATE TABLE rejected (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
  reason TEXT NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (topic, partition, offset)
) WITHOUT ROWID;

-- The summary: one row per combination of the summary columns, sums kept as entries arrive. Entries refer to
-- their row for these columns, so they are stored once and an invoice is attached to a row, not to a million.
CREATE TABLE entry_groups (
  ix INTEGER PRIMARY KEY,
  fingerprint BLOB NOT NULL UNIQUE,
  billing_period TEXT NOT NULL, usage_period TEXT NOT NULL, kind TEXT NOT NULL,
  account TEXT NOT NULL, account_name TEXT NOT NULL, legal_entity TEXT NOT NULL,
  waba TEXT NOT NULL, sender TEXT NOT NULL, campaign TEXT, cost_center TEXT,
  country TEXT, market TEXT, category TEXT, pricing_type TEXT, pricing_model TEXT NOT NULL,
  band INTEGER, band_basis TEXT, card TEXT, card_status TEXT, origin TEXT NOT NULL,
  list_rate TEXT, cost_rate TEXT, cost_currency TEXT NOT NULL, fx_rate TEXT,
  markup_rule TEXT, price_currency TEXT NOT NULL, tax_code TEXT, invoice_id TEXT,
  entries INTEGER NOT NULL DEFAULT 0, messages INTEGER NOT NULL DEFAULT 0, quantity INTEGER NOT NULL DEFAULT 0,
  cost TEXT, markup TEXT, fee TEXT, price_ex_tax TEXT
);
CREATE INDEX entry_groups_by_month ON entry_groups (billing_period, account);

-- Entries, in the order of the detail export. `month` = year * 12 + month - 1 of the billing period.
CREATE TABLE entries (
  month INTEGER NOT NULL, account INTEGER NOT NULL, occurred_at INTEGER NOT NULL, entry BLOB NOT NULL,
  grp INTEGER NOT NULL, cause TEXT, adjusts BLOB, revision INTEGER NOT NULL,
  message_uid INTEGER, message TEXT, attempt INTEGER, recipient_hash BLOB NOT NULL, wamid_hash BLOB NOT NULL,
  template TEXT, language TEXT,
  expected_category TEXT, expected_type TEXT, expected_model TEXT,
  reported_category TEXT, reported_type TEXT, reported_model TEXT,
  conversation TEXT, rulebook TEXT, ordinal INTEGER, quantity INTEGER NOT NULL,
  cost TEXT, markup TEXT, fee TEXT, price_ex_tax TEXT, fx_source TEXT, fx_date TEXT,
  booked_at INTEGER NOT NULL, reason TEXT,
  PRIMARY KEY (month, account, occurred_at, entry)
) WITHOUT ROWID;
CREATE UNIQUE INDEX entries_by_id ON entries (entry);
CREATE INDEX entries_by_message ON entries (account, message_uid) WHERE message_uid IS NOT NULL;

-- People's data, apart so that it can be erased: the ledger itself holds keyed hashes only.
CREATE TABLE people (
  month INTEGER NOT NULL, account INTEGER NOT NULL, occurred_at INTEGER NOT NULL, entry BLOB NOT NULL,
  recipient TEXT, wamid TEXT,
  PRIMARY KEY (month, account, occurred_at, entry)
) WITHOUT ROWID;

-- Every ledger field under its name in the contract, for people with a SQL prompt.
CREATE VIEW ledger AS
SELECT CASE typeof(e.entry) WHEN 'blob' THEN lower(hex(e.entry)) ELSE e.entry END AS entry,
  g.kind, e.cause,
  CASE typeof(e.adjusts) WHEN 'blob' THEN lower(hex(e.adjusts)) ELSE e.adjusts END AS adjusts,
  e.revision, g.account, g.waba, g.sender, g.origin, e.message_uid, e.message, e.attempt,
  CASE typeof(e.recipient_hash) WHEN 'blob' THEN lower(hex(e.recipient_hash)) ELSE e.recipient_hash END
    AS recipient_hash,
  CASE typeof(e.wamid_hash) WHEN 'blob' THEN lower(hex(e.wamid_hash)) ELSE e.wamid_hash END AS wamid_hash,
  g.campaign, g.cost_center, e.template, e.language, g.country, g.market, g.category, g.pricing_model,
  g.pricing_type, e.expected_category, e.expected_type, e.expected_model, e.reported_category, e.reported_type,
  e.reported_model, e.conversation, e.rulebook, g.card, g.card_status, g.band, g.band_basis, e.ordinal,
  g.list_rate, g.cost_rate, e.quantity, e.cost, g.cost_currency, g.markup_rule, e.markup, e.fee, e.price_ex_tax,
  g.price_currency, g.fx_rate, e.fx_source, e.fx_date, e.occurred_at, e.booked_at, g.usage_period,
  g.billing_period, g.tax_code, g.invoice_id, e.reason, g.account_name, g.legal_entity
FROM entries e JOIN entry_groups g ON g.ix = e.grp;
