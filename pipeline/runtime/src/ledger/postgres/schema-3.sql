-- Version 3; see the other database's for what it is about.

CREATE TABLE IF NOT EXISTS invoices (
  account bigint NOT NULL, month bigint NOT NULL, invoice_id text COLLATE "C" NOT NULL, tax_code text COLLATE "C",
  attached_at bigint NOT NULL,
  PRIMARY KEY (account, month)
);
