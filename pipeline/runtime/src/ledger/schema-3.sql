-- Version 3.

-- The invoice by which a closed month was billed to the account's client; beside the entries, so that what was closed
-- keeps its bytes. `month` as with entries.
CREATE TABLE IF NOT EXISTS invoices (
  account INTEGER NOT NULL, month INTEGER NOT NULL, invoice_id TEXT NOT NULL, tax_code TEXT, attached_at INTEGER NOT NULL,
  PRIMARY KEY (account, month)
) WITHOUT ROWID;
