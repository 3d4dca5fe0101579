//! A month's messages: as the engine books them in some order, and what they come to, both by hand.

use crate::ledger::fixture::{T0, charge, dec};
use crate::ledger::{LedgerReader, Reader};
use crate::settle::Terms;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_rate_card::{Category, Markup, PricingType, RateCards, Source, Sources, Zone};
use tollgate_wire::Time;
use tollgate_wire::ledger::{Cause, EntryKind, LedgerEntry, Origin};

/// Messages that are free of charge, per number.
const FREE: u64 = 3;

/// Which catalogue: the first one has bands of 5 messages for Mexico's utility, the second one, that is right, of 4, and
/// of 2 for authentication, whose bands the first one does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bands {
    First,
    Right,
}

/// October's rules with an allowance of 3 and bands.
pub(super) fn rates(bands: Bands) -> RateCards {
    let mut sources = Sources::embedded();
    let rules = sources.charging_rules.text.replace(",1000,sender,delivered,", ",3,sender,delivered,");
    sources.charging_rules = Source::new("charging_rules.csv", rules);
    let rows = match bands {
        Bands::First => "Mexico,USD,utility,1,5,LIST,0.0085,0\nMexico,USD,utility,6,,TIER,0.0081,-5\n",
        Bands::Right => {
            "Mexico,USD,utility,1,4,LIST,0.0085,0\nMexico,USD,utility,5,,TIER,0.0080,-6\n\
             Mexico,USD,authentication,1,2,LIST,0.0085,0\nMexico,USD,authentication,3,,TIER,0.0079,-7\n"
        }
    };
    let head = "# currency=USD valid_from=2026-10-01 valid_to=open scale=4\n\
        market,currency,category,from_message,to_message,rate_type,rate,vs_list_pct\n";
    sources.bands = vec![Source::new("bands.csv", format!("{head}{rows}"))];
    RateCards::from_sources(&sources).unwrap()
}

/// The first catalogue without the price of one cell.
pub(super) fn rates_without(row: &str) -> RateCards {
    let mut sources = Sources::embedded();
    let card = sources.cards.iter_mut().find(|card| card.name.contains("pmp_usd_2026-10-01")).unwrap();
    assert_eq!(card.text.matches(row).count(), 1);
    let cell = row.split(',').take(2).collect::<Vec<_>>().join(",");
    card.text = card.text.replace(row, &format!("{cell},,unknown,")).into();
    RateCards::from_sources(&sources).unwrap()
}

/// One WABA at cost, one with a percentage and a fee, rounded to 4 decimals.
pub(super) fn terms() -> BTreeMap<String, Terms> {
    let markup: Markup = serde_json::from_str(
        r#"{"valid_from": "2026-10-01", "decimals": 4,
            "rules": [{"name": "standard", "percent": "12.5", "fixed": "0.001"}]}"#,
    )
    .unwrap();
    let zone = || Zone::new("America/Mexico_City").unwrap();
    let at_cost = Terms { zone: zone(), markup: Vec::new() };
    [("waba-1".to_owned(), at_cost), ("waba-2".to_owned(), Terms { zone: zone(), markup: vec![markup] })].into()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stands,
    TakenBack,
    /// In the month after, when its own is closed.
    TakenBackLater,
    /// Other software sent it and the client pays: it has its position, and is in no bill.
    Counted,
    /// The same after it was counted otherwise: at another time, or in another category.
    CountedAnew,
    /// The same, and taken back: it is of another month.
    Withdrawn,
}

impl Fate {
    pub fn is_counted(self) -> bool {
        matches!(self, Self::Counted | Self::CountedAnew | Self::Withdrawn)
    }

    /// Whether it has a position in its month, now or when the month is closed.
    pub fn stands(self) -> bool {
        !matches!(self, Self::TakenBack | Self::Withdrawn)
    }
}

/// A message: 0 service, 1 utility, 2 marketing, 3 authentication, 4 marketing that was booked before there was a card, 5
/// utility of a type that we do not know, 6 service to a country that is not known, which uses up the allowance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drawn {
    pub what: u8,
    pub sender: bool,
    pub marked_up: bool,
    pub second: u64,
    pub fate: Fate,
}

impl Drawn {
    fn waba(&self) -> &'static str {
        if self.marked_up { "waba-2" } else { "waba-1" }
    }

    /// A number belongs to one WABA.
    fn number(&self) -> &'static str {
        match (self.marked_up, self.sender) {
            (false, false) => "a",
            (false, true) => "b",
            (true, false) => "c",
            (true, true) => "d",
        }
    }

    fn category(&self) -> Category {
        match self.what {
            0 | 6 => Category::Service,
            1 | 5 => Category::Utility,
            3 => Category::Authentication,
            _ => Category::Marketing,
        }
    }

    /// Whether the other is counted in the same group.
    fn counted_with(&self, other: &Self) -> bool {
        let service = |what| matches!(what, 0 | 6);
        match service(self.what) {
            true => service(other.what) && self.number() == other.number(),
            false => self.what == other.what,
        }
    }
}

/// Type, band, basis, rate, and whether it has a price.
fn price(
    d: &Drawn,
    earlier: u64,
    bands: Bands,
) -> (Option<PricingType>, Option<u8>, Option<&'static str>, Option<Decimal>) {
    let regular = Some(PricingType::Regular);
    let banded = |listed: u64, tier: &str| match earlier < listed {
        true => (regular, Some(0), Some("table"), Some(dec("0.0085"))),
        false => (regular, Some(1), Some("table"), Some(dec(tier))),
    };
    match d.what {
        0 if earlier < FREE => (Some(PricingType::FreeAllowance), None, None, Some(Decimal::ZERO)),
        0 => (regular, None, None, Some(dec("0.0085"))),
        1 if bands == Bands::First => banded(5, "0.0081"),
        1 => banded(4, "0.0080"),
        3 if bands == Bands::Right => banded(2, "0.0079"),
        3 => (regular, None, Some("list_unknown"), Some(dec("0.0085"))),
        5 | 6 => (None, None, None, None),
        _ => (regular, None, None, Some(dec("0.0397"))),
    }
}

/// What is asked for it.
fn asked(d: &Drawn, kind: Option<PricingType>, cost: Decimal) -> Decimal {
    match (d.marked_up, kind) {
        (false, _) => cost,
        (true, Some(PricingType::Regular)) => match cost.to_string().as_str() {
            // 0.0095625 + 0.001, 0.0091125 + 0.001 and so on at four decimals.
            "0.0085" => dec("0.0106"),
            "0.0081" => dec("0.0101"),
            "0.0080" => dec("0.0100"),
            "0.0079" => dec("0.0099"),
            "0.0397" => dec("0.0457"),
            other => panic!("no price of {other}"),
        },
        (true, _) => Decimal::ZERO,
    }
}

fn list(d: &Drawn) -> &'static str {
    if d.category() == Category::Marketing { "0.0397" } else { "0.0085" }
}

/// The entries as they are booked in an order of reports: positions are those of booking.
pub(super) fn book(all: &[(u64, Drawn)], order: &[usize]) -> Vec<LedgerEntry<'static>> {
    let mut booked: Vec<Option<LedgerEntry<'static>>> = vec![None; all.len()];
    for (at, &i) in order.iter().enumerate() {
        let (n, d) = all[i];
        let earlier = order[..at].iter().filter(|&&j| d.counted_with(&all[j].1)).count() as u64;
        let (mut kind, band, basis, mut rate) = price(&d, earlier, Bands::First);
        if d.what == 4 {
            (kind, rate) = (None, None);
        }
        let ask = rate.map(|rate| asked(&d, kind, rate));
        let fee = if kind == Some(PricingType::Regular) { dec("0.001") } else { Decimal::ZERO };
        let marked = d.marked_up && rate.is_some();
        let position = matches!(d.what, 0 | 1 | 3 | 6).then_some(earlier + 1);
        let known = d.what != 6;
        booked[i] = Some(LedgerEntry {
            kind: match kind {
                None => EntryKind::Unpriced,
                Some(PricingType::Regular) => EntryKind::Charge,
                Some(_) => EntryKind::Free,
            },
            waba: d.waba().into(),
            sender: d.number().into(),
            campaign: Some(if n % 2 == 0 { "even" } else { "odd" }.into()),
            country: known.then(|| "MX".into()),
            market: known.then(|| "Mexico".into()),
            category: Some(d.category()),
            expected_category: Some(d.category()),
            reported_category: Some(d.category()),
            pricing_type: kind,
            expected_type: None,
            reported_type: (d.what != 5 && known).then_some(PricingType::Regular),
            rulebook: Some("pmp-2026-10-01".into()),
            card: (rate.is_some()).then(|| "pmp-usd-2026-10-01".into()),
            card_status: rate.map(|_| "published".into()),
            band,
            band_basis: basis.map(Into::into),
            ordinal: position,
            list_rate: rate.map(|_| dec(list(&d))),
            cost_rate: rate,
            cost: rate,
            markup_rule: marked.then(|| "standard".into()),
            markup: ask.zip(rate).filter(|_| marked).map(|(ask, cost)| ask - cost - fee),
            fee: marked.then_some(fee),
            price_ex_tax: ask,
            occurred_at: Time(T0 + d.second * 1000),
            reason: match d.what {
                4 => Some("no_card".into()),
                5 => Some("unknown_type".into()),
                6 => Some("no_country".into()),
                _ => None,
            },
            ..charge(n)
        });
        if d.fate.is_counted() {
            booked[i] = booked[i].take().map(counted);
        }
    }
    booked.into_iter().map(Option::unwrap).collect()
}

/// What the engine writes of a message that is not booked.
pub(super) fn counted(entry: LedgerEntry<'static>) -> LedgerEntry<'static> {
    LedgerEntry {
        kind: EntryKind::Counted,
        origin: Origin::Foreign,
        quantity: 0,
        message_uid: None,
        message: None,
        attempt: None,
        recipient: None,
        wamid: None,
        campaign: None,
        template: None,
        language: None,
        expected_category: None,
        card: None,
        card_status: None,
        band: None,
        list_rate: None,
        cost_rate: None,
        cost: None,
        markup_rule: None,
        markup: None,
        fee: None,
        price_ex_tax: None,
        ..entry
    }
}

/// The entries of a message that is counted in the end, or no more: what was written before it and of it, and what takes back.
pub(super) fn counted_entries(n: u64, d: &Drawn, entry: &LedgerEntry<'static>) -> Vec<LedgerEntry<'static>> {
    let withdrawal = |of: &LedgerEntry<'static>| LedgerEntry {
        entry: charge(n + 1_000).entry,
        cause: Some(Cause::Reversal),
        adjusts: Some(of.entry.clone()),
        revision: of.revision + 1,
        ..of.clone()
    };
    let first = LedgerEntry { entry: charge(n + 2_000).entry, ..entry.clone() };
    let first = match n % 2 {
        0 => LedgerEntry { occurred_at: Time(T0 + (d.second + 5) % 12 * 1000), ..first },
        _ => LedgerEntry {
            category: Some(Category::Marketing),
            reported_category: Some(Category::Marketing),
            band_basis: None,
            ordinal: None,
            ..first
        },
    };
    match d.fate {
        Fate::Withdrawn => vec![entry.clone(), withdrawal(entry)],
        Fate::CountedAnew => {
            let stands = LedgerEntry {
                cause: Some(Cause::Settle),
                adjusts: Some(first.entry.clone()),
                revision: 2,
                ..entry.clone()
            };
            vec![withdrawal(&first), first, stands]
        }
        _ => vec![entry.clone()],
    }
}

/// The entry that takes another back.
pub(super) fn back(n: u64, of: &LedgerEntry<'static>, billed: &'static str) -> LedgerEntry<'static> {
    LedgerEntry {
        entry: charge(n).entry,
        kind: EntryKind::Adjustment,
        cause: Some(Cause::Reclassified),
        adjusts: Some(of.entry.clone()),
        revision: 1,
        quantity: -1,
        cost: of.cost.map(|cost| -cost),
        markup: of.markup.map(|markup| -markup),
        fee: of.fee.map(|fee| -fee),
        price_ex_tax: of.price_ex_tax.map(|price| -price),
        billing_period: billed.into(),
        ..of.clone()
    }
}

/// Quantity, cost and price of what has the same columns.
pub(super) type Net = BTreeMap<String, (i64, Decimal, Decimal)>;

fn key(
    names: [&str; 5],
    category: Option<Category>,
    kind: Option<PricingType>,
    band: Option<u8>,
    rates: [Option<Decimal>; 2],
) -> String {
    format!("{names:?} {category:?} {kind:?} {band:?} {:?}", rates.map(|rate| rate.map(|r| r.normalize())))
}

/// What entries of billing months come to. What comes to nothing is left out.
pub(super) fn net(reader: &Reader, months: &[&str]) -> Net {
    let mut all = Net::new();
    for month in months {
        let each = &mut |e: &LedgerEntry<'_>| {
            let names = [
                &*e.usage_period,
                &*e.waba,
                &*e.sender,
                e.campaign.as_deref().unwrap(),
                e.market.as_deref().unwrap_or_default(),
            ];
            let key = key(names, e.category, e.pricing_type, e.band, [e.list_rate, e.cost_rate]);
            let sum = all.entry(key).or_default();
            sum.0 += e.quantity;
            sum.1 += e.cost.unwrap_or_default();
            sum.2 += e.price_ex_tax.unwrap_or_default();
            ControlFlow::Continue(())
        };
        reader.detail(month.parse().unwrap(), None, false, each).unwrap();
    }
    all.retain(|_, sum| *sum != (0, Decimal::ZERO, Decimal::ZERO));
    all.into_iter().map(|(k, (n, cost, price))| (k, (n, cost.normalize(), price.normalize()))).collect()
}

/// The same by hand: each message's position is counted over all that stand before it. What was taken back in the month
/// after had its position; `later` leaves what it came to out.
pub(super) fn expected(all: &[(u64, Drawn)], later: bool) -> Net {
    expected_by(all, later, Bands::First)
}

/// The same by a catalogue.
pub(super) fn expected_by(all: &[(u64, Drawn)], later: bool, bands: Bands) -> Net {
    let standing = || all.iter().filter(|(_, d)| d.fate.stands());
    let mut sums = Net::new();
    let billed = |d: &Drawn| !d.fate.is_counted() && (!later || d.fate != Fate::TakenBackLater);
    for (n, d) in standing().filter(|(_, d)| billed(d)) {
        let before = |(m, e): &&(u64, Drawn)| d.counted_with(e) && (e.second, *m) < (d.second, *n);
        let (kind, band, _, rate) = price(d, standing().filter(before).count() as u64, bands);
        let market = if d.what == 6 { "" } else { "Mexico" };
        let names = ["2026-10", d.waba(), d.number(), if n % 2 == 0 { "even" } else { "odd" }, market];
        let key = key(names, Some(d.category()), kind, band, [rate.map(|_| dec(list(d))), rate]);
        let sum = sums.entry(key).or_default();
        sum.0 += 1;
        sum.1 += rate.unwrap_or_default();
        sum.2 += rate.map_or(Decimal::ZERO, |rate| asked(d, kind, rate));
    }
    sums.into_iter().map(|(k, (n, cost, price))| (k, (n, cost.normalize(), price.normalize()))).collect()
}
