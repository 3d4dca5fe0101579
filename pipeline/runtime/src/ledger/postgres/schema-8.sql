-- Version 8: what many entries have in common beyond the summary columns is stored once, as in the other database. And the row that
-- makes an id unique also says where its entry lies, and to whom the message went: an entry is two rows and two index entries,
-- of three and four before. Of an entry whose partition is detached, month, account and instant are 0 where people's data
-- does not tell them.

-- Who was erased, so that what comes late of a message that was requested before names nobody. The greatest `ix` tells whether
-- anybody was since it was last looked at: it is given while no other is.
CREATE TABLE erased (
  ix bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account bigint NOT NULL, recipient_hash bytea NOT NULL,
  until_uid bigint NOT NULL, at bigint NOT NULL
);
CREATE INDEX erased_by_person ON erased (account, recipient_hash);

CREATE TABLE entry_ids_8 (
  message_uid bigint NOT NULL, entry bytea NOT NULL, month bigint NOT NULL, account bigint NOT NULL,
  occurred_at bigint NOT NULL, recipient text COLLATE "C", wamid text COLLATE "C"
);
INSERT INTO entry_ids_8
  SELECT i.message_uid, i.entry, coalesce(e.month, p.month, 0), coalesce(e.account, p.account, 0),
    coalesce(e.occurred_at, p.occurred_at, 0), p.recipient, p.wamid
  FROM entry_ids i
  LEFT JOIN entries e ON e.entry = i.entry AND coalesce(e.message_uid, 0) = i.message_uid
  LEFT JOIN people p ON p.entry = i.entry AND p.message_uid = i.message_uid
  ORDER BY 1, 2;
DROP TABLE people;
DROP TABLE entry_ids;
ALTER TABLE entry_ids_8 RENAME TO entry_ids;
ALTER TABLE entry_ids ADD CONSTRAINT entry_ids_pkey PRIMARY KEY (message_uid, entry);

CREATE VIEW people AS
  SELECT month, message_uid, entry, account, occurred_at, recipient, wamid FROM entry_ids
  WHERE recipient IS NOT NULL OR wamid IS NOT NULL;

DROP VIEW ledger;
CREATE TABLE entry_terms (
  ix bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, fingerprint bytea NOT NULL UNIQUE, grp bigint NOT NULL,
  cause text COLLATE "C", template text COLLATE "C", language text COLLATE "C",
  expected_category text COLLATE "C", expected_type text COLLATE "C", expected_model text COLLATE "C",
  reported_category text COLLATE "C", reported_type text COLLATE "C", reported_model text COLLATE "C",
  rulebook text COLLATE "C", fx_source text COLLATE "C", fx_date text COLLATE "C"
);
CREATE INDEX entry_terms_by_group ON entry_terms (grp);
INSERT INTO entry_terms (fingerprint, grp, cause, template, language, expected_category, expected_type, expected_model,
    reported_category, reported_type, reported_model, rulebook, fx_source, fx_date)
  SELECT uuid_send(gen_random_uuid()), d.* FROM (
    SELECT DISTINCT grp, cause, template, language, expected_category, expected_type, expected_model,
      reported_category, reported_type, reported_model, rulebook, fx_source, fx_date FROM entries
  ) d;

ALTER TABLE entries RENAME TO entries_7;
ALTER INDEX entries_pkey RENAME TO entries_7_pkey;
ALTER INDEX entries_by_adjusted RENAME TO entries_7_by_adjusted;
CREATE TABLE entries (
  month bigint NOT NULL, account bigint NOT NULL, occurred_at bigint NOT NULL, entry bytea NOT NULL,
  terms bigint NOT NULL, adjusts bytea, revision bigint NOT NULL,
  message_uid bigint, message text COLLATE "C", attempt bigint,
  recipient_hash bytea NOT NULL, wamid_hash bytea NOT NULL, conversation text COLLATE "C", ordinal bigint,
  quantity bigint NOT NULL, cost numeric, markup numeric, fee numeric, price_ex_tax numeric,
  booked_at bigint NOT NULL, reason text COLLATE "C",
  PRIMARY KEY (month, account, occurred_at, entry)
) PARTITION BY LIST (month);
CREATE INDEX entries_by_adjusted ON entries (account, adjusts) WHERE adjusts IS NOT NULL;
DO $$
DECLARE part record;
BEGIN
  FOR part IN
    SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'entries_7'::regclass
  LOOP
    EXECUTE format('ALTER TABLE %I RENAME TO %I', part.name, part.name || '_7');
    EXECUTE format('CREATE TABLE %I PARTITION OF entries %s', part.name, part.bound);
  END LOOP;
END $$;
INSERT INTO entries
  SELECT e.month, e.account, e.occurred_at, e.entry, t.ix, e.adjusts, e.revision, e.message_uid, e.message, e.attempt,
    e.recipient_hash, e.wamid_hash, e.conversation, e.ordinal, e.quantity, e.cost, e.markup, e.fee, e.price_ex_tax,
    e.booked_at, e.reason
  FROM entries_7 e JOIN entry_terms t ON t.grp = e.grp AND t.cause IS NOT DISTINCT FROM e.cause
    AND t.template IS NOT DISTINCT FROM e.template AND t.language IS NOT DISTINCT FROM e.language
    AND t.expected_category IS NOT DISTINCT FROM e.expected_category
    AND t.expected_type IS NOT DISTINCT FROM e.expected_type
    AND t.expected_model IS NOT DISTINCT FROM e.expected_model
    AND t.reported_category IS NOT DISTINCT FROM e.reported_category
    AND t.reported_type IS NOT DISTINCT FROM e.reported_type
    AND t.reported_model IS NOT DISTINCT FROM e.reported_model AND t.rulebook IS NOT DISTINCT FROM e.rulebook
    AND t.fx_source IS NOT DISTINCT FROM e.fx_source AND t.fx_date IS NOT DISTINCT FROM e.fx_date
  ORDER BY e.month, e.account, e.occurred_at, e.entry;
DROP TABLE entries_7;

CREATE VIEW ledger AS
SELECT encode(e.entry, 'hex') AS entry, g.kind, t.cause, encode(e.adjusts, 'hex') AS adjusts,
  e.revision, g.account, g.waba, g.sender, g.origin, e.message_uid, e.message, e.attempt,
  encode(e.recipient_hash, 'hex') AS recipient_hash, encode(e.wamid_hash, 'hex') AS wamid_hash,
  g.campaign, g.cost_center, t.template, t.language, g.country, g.market, g.category, g.pricing_model,
  g.pricing_type, t.expected_category, t.expected_type, t.expected_model, t.reported_category, t.reported_type,
  t.reported_model, e.conversation, t.rulebook, g.card, g.card_status, g.band, g.band_basis, e.ordinal,
  g.list_rate, g.cost_rate, e.quantity, e.cost, g.cost_currency, g.markup_rule, e.markup, e.fee, e.price_ex_tax,
  g.price_currency, g.fx_rate, t.fx_source, t.fx_date, to_timestamp(e.occurred_at / 1000.0) AS occurred_at,
  to_timestamp(e.booked_at / 1000.0) AS booked_at, g.usage_period, g.billing_period, g.tax_code, g.invoice_id,
  e.reason, g.account_name, g.legal_entity
FROM entries e JOIN entry_terms t ON t.ix = e.terms JOIN entry_groups g ON g.ix = t.grp;
