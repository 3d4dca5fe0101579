-- Version 8: what many entries have in common beyond the summary columns is stored once. Here and in the summary is all that few
-- values share; an entry has what is its own. `fingerprint` of terms that were made by the upgrade is of no use: they are found
-- by nobody, and made once more when such an entry comes.

-- Who was erased, so that what comes late of a message that was requested before names nobody. The greatest `ix` tells whether
-- anybody was since it was last looked at.
CREATE TABLE erased (
  ix INTEGER PRIMARY KEY, account INTEGER NOT NULL, recipient_hash BLOB NOT NULL, until_uid INTEGER NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX erased_by_person ON erased (account, recipient_hash);

DROP VIEW ledger;
CREATE TABLE entry_terms (
  ix INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL UNIQUE, grp INTEGER NOT NULL,
  cause TEXT, template TEXT, language TEXT,
  expected_category TEXT, expected_type TEXT, expected_model TEXT,
  reported_category TEXT, reported_type TEXT, reported_model TEXT,
  rulebook TEXT, fx_source TEXT, fx_date TEXT
);
CREATE INDEX entry_terms_by_group ON entry_terms (grp);
INSERT INTO entry_terms (fingerprint, grp, cause, template, language, expected_category, expected_type, expected_model,
    reported_category, reported_type, reported_model, rulebook, fx_source, fx_date)
  SELECT randomblob(16), d.* FROM (
    SELECT DISTINCT grp, cause, template, language, expected_category, expected_type, expected_model,
      reported_category, reported_type, reported_model, rulebook, fx_source, fx_date FROM entries
  ) d;

CREATE TABLE entries_8 (
  month INTEGER NOT NULL, account INTEGER NOT NULL, occurred_at INTEGER NOT NULL, entry BLOB NOT NULL,
  terms INTEGER NOT NULL, adjusts BLOB, revision INTEGER NOT NULL,
  message_uid INTEGER, message TEXT, attempt INTEGER, recipient_hash BLOB NOT NULL, wamid_hash BLOB NOT NULL,
  conversation TEXT, ordinal INTEGER, quantity INTEGER NOT NULL,
  cost TEXT, markup TEXT, fee TEXT, price_ex_tax TEXT, booked_at INTEGER NOT NULL, reason TEXT,
  PRIMARY KEY (month, account, occurred_at, entry)
) WITHOUT ROWID;
INSERT INTO entries_8
  SELECT e.month, e.account, e.occurred_at, e.entry, t.ix, e.adjusts, e.revision, e.message_uid, e.message, e.attempt,
    e.recipient_hash, e.wamid_hash, e.conversation, e.ordinal, e.quantity, e.cost, e.markup, e.fee, e.price_ex_tax,
    e.booked_at, e.reason
  FROM entries e CROSS JOIN entry_terms t WHERE t.grp = e.grp AND t.cause IS e.cause AND t.template IS e.template
    AND t.language IS e.language AND t.expected_category IS e.expected_category AND t.expected_type IS e.expected_type
    AND t.expected_model IS e.expected_model AND t.reported_category IS e.reported_category
    AND t.reported_type IS e.reported_type AND t.reported_model IS e.reported_model AND t.rulebook IS e.rulebook
    AND t.fx_source IS e.fx_source AND t.fx_date IS e.fx_date
  ORDER BY e.month, e.account, e.occurred_at, e.entry;
DROP TABLE entries;
ALTER TABLE entries_8 RENAME TO entries;
CREATE UNIQUE INDEX entries_by_message ON entries (message_uid, entry) WHERE message_uid IS NOT NULL;
CREATE UNIQUE INDEX entries_by_id ON entries (entry) WHERE message_uid IS NULL;
CREATE INDEX entries_by_adjusted ON entries (account, adjusts) WHERE adjusts IS NOT NULL;

-- Where each entry of a message lies, as the other database keeps it in a table of its own.
CREATE VIEW entry_ids AS
  SELECT message_uid, entry, month, account, occurred_at FROM entries WHERE message_uid IS NOT NULL;

-- Every ledger field under its name in the contract, for people with a SQL prompt.
CREATE VIEW ledger AS
SELECT CASE typeof(e.entry) WHEN 'blob' THEN lower(hex(e.entry)) ELSE e.entry END AS entry,
  g.kind, t.cause,
  CASE typeof(e.adjusts) WHEN 'blob' THEN lower(hex(e.adjusts)) ELSE e.adjusts END AS adjusts,
  e.revision, g.account, g.waba, g.sender, g.origin, e.message_uid, e.message, e.attempt,
  CASE typeof(e.recipient_hash) WHEN 'blob' THEN lower(hex(e.recipient_hash)) ELSE e.recipient_hash END
    AS recipient_hash,
  CASE typeof(e.wamid_hash) WHEN 'blob' THEN lower(hex(e.wamid_hash)) ELSE e.wamid_hash END AS wamid_hash,
  g.campaign, g.cost_center, t.template, t.language, g.country, g.market, g.category, g.pricing_model,
  g.pricing_type, t.expected_category, t.expected_type, t.expected_model, t.reported_category, t.reported_type,
  t.reported_model, e.conversation, t.rulebook, g.card, g.card_status, g.band, g.band_basis, e.ordinal,
  g.list_rate, g.cost_rate, e.quantity, e.cost, g.cost_currency, g.markup_rule, e.markup, e.fee, e.price_ex_tax,
  g.price_currency, g.fx_rate, t.fx_source, t.fx_date, e.occurred_at, e.booked_at, g.usage_period,
  g.billing_period, g.tax_code, g.invoice_id, e.reason, g.account_name, g.legal_entity
FROM entries e JOIN entry_terms t ON t.ix = e.terms JOIN entry_groups g ON g.ix = t.grp;
