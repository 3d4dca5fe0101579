//! Entries and databases for tests, here and in the views and the export.

use super::{LedgerStore, Options, Place, Reader, Record, Writer};
use rust_decimal::Decimal;
use std::path::Path;
use tollgate_rate_card::{Category, PricingModel, PricingType};
use tollgate_wire::Time;
use tollgate_wire::ledger::{EntryKind, LedgerEntry, Origin};

/// 2026-10-05T10:00:00Z.
pub(crate) const T0: u64 = 1_791_194_400_000;

/// When tests read their topics.
pub(crate) const READ_AT: Time = Time(T0 + 3_600_000);

/// How many rows a measurement is over: `TOLLGATE_ROWS`, a million by default.
pub(crate) fn measured_rows() -> u64 {
    std::env::var("TOLLGATE_ROWS").map_or(1_000_000, |n| n.parse().expect("TOLLGATE_ROWS is a number"))
}

/// An entry's id as in real life, where hashes are scattered.
pub(crate) fn scattered(n: u64) -> String {
    format!("{:032x}", u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

pub(crate) fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// A charged utility message to Brazil, the `n`-th.
pub(crate) fn charge(n: u64) -> LedgerEntry<'static> {
    LedgerEntry {
        entry: format!("{n:032x}").into(),
        kind: EntryKind::Charge,
        cause: None,
        adjusts: None,
        revision: 0,
        account: "acme".into(),
        account_name: "Acme".into(),
        legal_entity: "Acme Ltda".into(),
        waba: "waba-1".into(),
        sender: "106540352242922".into(),
        origin: Origin::Own,
        message_uid: Some(n),
        message: Some(format!("m{n}").into()),
        attempt: Some(1),
        recipient_hash: format!("{:032x}", u128::from(n) + (1 << 100)).into(),
        wamid_hash: format!("{:032x}", u128::from(n) << 64).into(),
        recipient: Some("+5511987654321".into()),
        wamid: Some(format!("wamid.{n}").into()),
        campaign: Some("black-friday-2026".into()),
        cost_center: Some("cc-7".into()),
        template: Some("order_shipped".into()),
        language: Some("pt_BR".into()),
        country: Some("BR".into()),
        market: Some("Brazil".into()),
        category: Some(Category::Utility),
        pricing_model: PricingModel::Pmp,
        pricing_type: Some(PricingType::Regular),
        expected_category: Some(Category::Utility),
        expected_type: Some(PricingType::Regular),
        expected_model: Some(PricingModel::Pmp),
        reported_category: Some(Category::Utility),
        reported_type: Some(PricingType::Regular),
        reported_model: Some(PricingModel::Pmp),
        conversation: None,
        rulebook: Some("2026-10-01".into()),
        card: Some("pmp_usd_2026-10-01".into()),
        card_status: Some("published".into()),
        band: Some(0),
        band_basis: Some("own_count".into()),
        ordinal: Some(n),
        list_rate: Some(dec("0.0068")),
        cost_rate: Some(dec("0.0068")),
        quantity: 1,
        cost: Some(dec("0.0068")),
        cost_currency: "USD".into(),
        markup_rule: None,
        markup: None,
        fee: None,
        price_ex_tax: Some(dec("0.0068")),
        price_currency: "USD".into(),
        fx_rate: None,
        fx_source: None,
        fx_date: None,
        occurred_at: Time(T0 + n * 1000),
        booked_at: Time(T0 + n * 1000 + 250),
        usage_period: "2026-10".into(),
        billing_period: "2026-10".into(),
        tax_code: None,
        invoice_id: None,
        reason: None,
    }
}

/// A month with every kind of row that an export must get right.
pub(crate) fn month() -> Vec<LedgerEntry<'static>> {
    let free = LedgerEntry {
        kind: EntryKind::Free,
        pricing_type: Some(PricingType::FreeEntryPoint),
        reported_type: Some(PricingType::FreeEntryPoint),
        cost_rate: Some(Decimal::ZERO),
        cost: Some(Decimal::ZERO),
        price_ex_tax: Some(Decimal::ZERO),
        ..charge(3)
    };
    let unpriced = LedgerEntry {
        kind: EntryKind::Unpriced,
        origin: Origin::Foreign,
        message_uid: None,
        message: None,
        attempt: None,
        recipient: None,
        wamid: None,
        campaign: None,
        cost_center: None,
        template: None,
        language: None,
        country: None,
        market: None,
        pricing_type: None,
        expected_category: None,
        expected_type: None,
        expected_model: None,
        card: None,
        card_status: None,
        band: None,
        band_basis: None,
        ordinal: None,
        list_rate: None,
        cost_rate: None,
        cost: None,
        price_ex_tax: None,
        reason: Some("no_country".into()),
        ..charge(4)
    };
    let marked_up = LedgerEntry {
        account: "zeta".into(),
        account_name: "=cmd|' /C calc'!A0".into(),
        legal_entity: "Zeta, \"Z\" GmbH".into(),
        campaign: Some("@spring".into()),
        cost_center: Some("-1".into()),
        category: Some(Category::Marketing),
        expected_category: Some(Category::Marketing),
        reported_category: Some(Category::Marketing),
        band: None,
        band_basis: None,
        card_status: Some("unverified".into()),
        list_rate: Some(dec("0.0625")),
        cost_rate: Some(dec("0.0625")),
        cost: Some(dec("0.0625")),
        markup_rule: Some("five percent".into()),
        markup: Some(dec("0.0168750005")),
        fee: Some(dec("0.001")),
        price_ex_tax: Some(dec("0.3553750005")),
        price_currency: "BRL".into(),
        fx_rate: Some(dec("5.4")),
        fx_source: Some("ecb".into()),
        fx_date: Some("2026-10-02".into()),
        ..charge(5)
    };
    let taken_back = LedgerEntry {
        kind: EntryKind::Adjustment,
        cause: Some(tollgate_wire::ledger::Cause::Reclassified),
        adjusts: Some(format!("{:032x}", 2).into()),
        revision: 1,
        quantity: -1,
        cost: Some(dec("-0.0068")),
        price_ex_tax: Some(dec("-0.0068")),
        recipient: None,
        wamid: None,
        reason: Some("the platform reported marketing".into()),
        message_uid: Some(2),
        message: Some("m2".into()),
        ..charge(6)
    };
    let listed = LedgerEntry { band_basis: Some("list_unknown".into()), usage_period: "2026-09".into(), ..charge(7) };
    let other_month = LedgerEntry { billing_period: "2026-11".into(), ..charge(8) };
    vec![listed, marked_up, charge(2), charge(1), free, taken_back, unpriced, other_month]
}

pub(crate) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("into memory")
}

/// Records of partition 3 from an offset on.
pub(crate) fn records(values: &[Vec<u8>], first: u64) -> Vec<Record<'_>> {
    let mut records = Vec::with_capacity(values.len());
    for (offset, value) in (first..).zip(values) {
        records.push(Record { partition: 3, offset, after: 0, value });
    }
    records
}

/// An empty database of either kind.
pub(crate) struct Database {
    place: Place,
    /// Of a file, where it lies.
    folder: tempfile::TempDir,
}

impl Database {
    /// A SQLite file.
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { place: Place::File(folder.path().join("ledger.db")), folder }
    }

    /// A schema of a real PostgreSQL.
    pub(crate) fn postgres() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { place: Place::Postgres(Box::new(super::postgres::server::database())), folder }
    }

    /// Another one of the same kind.
    pub(crate) fn another(&self) -> Self {
        if matches!(self.place, Place::File(_)) { Self::sqlite() } else { Self::postgres() }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn writer(&self) -> Writer {
        self.place.writer().expect("opens")
    }

    pub(crate) fn reader(&self) -> Reader {
        self.place.reader(Options::default()).expect("opens")
    }

    /// Books [`month`].
    pub(crate) fn with_month(&self) -> Reader {
        let values: Vec<_> = month().iter().map(json).collect();
        let done = self.writer().ingest(&records(&values, 0), READ_AT).expect("books");
        assert_eq!(done.applied, values.len() as u64);
        self.reader()
    }

    /// Makes the tables those of version 5, with what [`month`] has in them.
    pub(crate) fn back_to_version_5(&self, writer: &mut Writer) {
        const OWN: &str = "month, account, occurred_at, entry, grp, cause, adjusts, revision, message_uid, message, attempt, \
             recipient_hash, wamid_hash, template, language, expected_category, expected_type, expected_model, \
             reported_category, reported_type, reported_model, conversation, rulebook, ordinal, quantity, cost, markup, \
             fee, price_ex_tax, fx_source, fx_date, booked_at, reason";
        let (schema, version_2) = match self.place() {
            Place::File(_) => (include_str!("schema.sql"), include_str!("schema-2.sql")),
            Place::Postgres(_) => (include_str!("postgres/schema.sql"), include_str!("postgres/schema-2.sql")),
        };
        let made = |begins: &str| {
            let from = schema
                .find(begins)
                .map(|at| &schema[at..])
                .or_else(|| version_2.find(begins).map(|at| &version_2[at..]));
            from.and_then(|from| from.split_once(';')).expect("made by version 1 or 2").0.to_owned()
        };
        let mut back = vec![
            format!("CREATE TABLE kept AS SELECT {OWN} FROM entries e JOIN entry_terms t ON t.ix = e.terms"),
            "CREATE TABLE kept_people AS SELECT month, account, occurred_at, entry, recipient, wamid FROM people"
                .to_owned(),
            "CREATE TABLE kept_ids AS SELECT entry FROM entry_ids".to_owned(),
            "DROP VIEW ledger".to_owned(),
            "ALTER TABLE positions DROP COLUMN last".to_owned(),
        ];
        let server = matches!(self.place(), Place::Postgres(_));
        let drop = |kind: &str, name: &str| format!("DROP {kind} {name}");
        if server {
            back.extend([drop("VIEW", "people"), drop("TABLE", "entry_ids")]);
        } else {
            back.extend([drop("TABLE", "people"), drop("VIEW", "entry_ids")]);
        }
        back.extend(["entries", "entry_terms", "erased", "rejected_beyond"].map(|table| drop("TABLE", table)));
        back.extend(["CREATE TABLE entries (", "CREATE TABLE people ("].map(made));
        if server {
            let partition = |table: &str, month: u32| {
                let of = month - 24_312 + 1;
                format!("CREATE TABLE {table}_2026_{of} PARTITION OF {table} FOR VALUES IN ({month})")
            };
            back.extend([24_321, 24_322].map(|month| partition("entries", month)));
            back.extend([24_321, 24_322].map(|month| partition("people", month)));
            back.extend([
                made("CREATE TABLE entry_ids ("),
                "INSERT INTO entry_ids SELECT entry FROM kept_ids".to_owned(),
            ]);
        } else {
            back.push(made("CREATE UNIQUE INDEX entries_by_id"));
        }
        back.extend(
            ["CREATE INDEX entries_by_message", "CREATE INDEX IF NOT EXISTS entries_by_adjusted", "CREATE VIEW ledger"]
                .map(made),
        );
        back.push(format!("INSERT INTO entries ({OWN}) SELECT {OWN} FROM kept"));
        back.push("INSERT INTO people SELECT * FROM kept_people".to_owned());
        back.extend(["kept", "kept_people", "kept_ids"].map(|table| drop("TABLE", table)));
        back.push("UPDATE schema_version SET version = 5".to_owned());
        let done = writer.transact(|tx, _| back.iter().map(|sql| tx.run(sql, &[])).collect::<Result<Vec<_>, _>>());
        done.expect("the tables of version 8");
    }
}

/// Makes every named function a test of each database.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&crate::ledger::fixture::Database::sqlite()); })+
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(&crate::ledger::fixture::Database::postgres()); })+
        }
    };
}
pub(crate) use on_both;

/// Compares with a golden file; `UPDATE_GOLDEN=1` writes it instead.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("writes the golden file");
    }
    let expected = std::fs::read_to_string(&path).expect("golden file; UPDATE_GOLDEN=1 writes it");
    assert_eq!(text, expected, "{name} differs; UPDATE_GOLDEN=1 accepts the new text");
}
