//! Accounts and what is theirs, as JSON behind a version byte: few, and changed by people.

use super::{CodecError, Reader, Result, VERSION};
use crate::consent::Words;
use crate::ids::{AccountIx, BrandIx, CampaignIx, SenderIx, TemplateIx, WabaIx};
use crate::record::{Account, Brands, Campaign, CampaignState, Pauses, Sender, Template, Waba, Was};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tollgate_quality::Bucket;
use tollgate_rate_card::{Country, Currency, Markup, Zone};
use tollgate_wire::command::{AccountSpec, CampaignSpec, SenderSpec, TemplateSpec, WabaSpec};
use tollgate_wire::snapshot::CampaignCounts;

#[derive(Serialize, Deserialize)]
struct StoredAccount {
    ix: u16,
    spec: AccountSpec,
    declared: AccountSpec,
    wabas: Vec<u16>,
    senders: Vec<u16>,
    #[serde(default, skip_serializing_if = "is_none")]
    closed: u32,
    /// Earlier versions do not know it and need not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since_ms: Option<u64>,
    /// Names of brands, in order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    brands: Vec<String>,
    /// Number and brand, where a number was of another before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    brands_before: Vec<(u16, u8)>,
    /// Until when, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    brands_until: Vec<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(n: &u32) -> bool {
    *n == 0
}

#[derive(Serialize, Deserialize)]
struct StoredWaba {
    ix: u16,
    account: u16,
    spec: WabaSpec,
    /// Packed countries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    barred: Vec<u16>,
}

#[derive(Serialize, Deserialize)]
struct StoredSender {
    ix: u16,
    account: u16,
    waba: u16,
    spec: SenderSpec,
    removed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blocked_by: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    marketing_held_by: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct StoredTemplate {
    ix: u32,
    waba: u16,
    spec: TemplateSpec,
    /// How often it was paused, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pauses: Option<(u8, u32)>,
}

#[derive(Serialize, Deserialize)]
struct StoredCampaign {
    ix: u32,
    account: u16,
    spec: CampaignSpec,
    state: CampaignState,
    spent: Decimal,
    counts: CampaignCounts,
    /// When the bucket of its own rate is full.
    #[serde(default, skip_serializing_if = "is_full")]
    bucket: Bucket,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_test: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    test_round: Option<u8>,
    /// Earlier versions do not know it and need not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said_day: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_full(b: &Bucket) -> bool {
    *b == Bucket::FULL
}

/// Accounts and WABAs with mark-ups, which earlier versions must not book without. All others are written as before.
const WITH_MARKUP: u8 = 2;
/// Accounts with a closed month, for which earlier versions must not book: they would add to a bill that is written. All
/// others are written as before.
const WITH_CLOSED_MONTH: u8 = 3;

/// Accounts and WABAs whose mark-ups have fees, also those with a closed month: earlier versions would close a month without
/// them. All others are written as before.
const WITH_FEES: u8 = 4;

/// WABAs that are barred from a country, senders that an error code holds, and templates that were paused: earlier versions
/// would send what waits, or let it wait for ever. And templates with what the platform says besides, which earlier versions
/// do not read. All others are written as before.
const WITH_HOLDS: u8 = 5;
/// Accounts with rules of their own about consent, without which earlier versions would send what must not be sent, and
/// those whose marketing leaves by a call of its own. All others are written as before.
const WITH_CONSENT_POLICY: u8 = 5;

/// Accounts that have brands or had, for which earlier versions would not know what people said to them. All others are
/// written as before.
const WITH_BRANDS: u8 = 6;

/// Campaigns with a rate of their own, test recipients or a split, without which earlier versions would send too fast, to
/// all, or the same to all. All others are written as before.
const WITH_CAMPAIGN_RULES: u8 = 6;

/// Accounts and WABAs of which it is known where the business is, or since when authentication is international: earlier
/// versions do not read it, and would expect another price. All others are written as before.
const WITH_LOCATION: u8 = 7;

/// Accounts and WABAs of which it is known to which country they are sold: earlier versions do not read it, and would send
/// what is no longer delivered. All others are written as before.
const WITH_SOLD_TO: u8 = 8;

/// The format of what has these WABAs.
fn version_of_places<'a>(wabas: impl Iterator<Item = &'a WabaSpec>) -> u8 {
    let version = |w: &WabaSpec| match (w.sold_to, w.location) {
        (Some(_), _) => WITH_SOLD_TO,
        (None, None) if w.auth_international.is_empty() => VERSION,
        (None, _) => WITH_LOCATION,
    };
    wabas.map(version).max().unwrap_or(VERSION)
}

/// The format of what has these mark-ups.
fn version_of<'a>(markups: impl Iterator<Item = &'a Markup>) -> u8 {
    markups.map(|m| if m.fees.is_none() { WITH_MARKUP } else { WITH_FEES }).max().unwrap_or(VERSION)
}

pub(super) fn json<T: Serialize>(v: &T) -> Vec<u8> {
    json_in(VERSION, v)
}

fn json_in<T: Serialize>(version: u8, v: &T) -> Vec<u8> {
    let mut out = vec![version];
    // Plain data: serialising into memory cannot fail, and a short record would be noticed on reading.
    let _ = serde_json::to_writer(&mut out, v);
    out
}

pub(super) fn from_json<T: for<'a> Deserialize<'a>>(what: &'static str, b: &[u8]) -> Result<T> {
    from_json_in(what, b, &[VERSION])
}

fn from_json_in<T: for<'a> Deserialize<'a>>(what: &'static str, b: &[u8], readable: &[u8]) -> Result<T> {
    let (r, _) = Reader::of(what, b, readable)?;
    serde_json::from_slice(r.b).map_err(|e| CodecError::Damaged { what, why: e.to_string() })
}

/// Account to bytes.
#[must_use]
pub fn put_account(a: &Account) -> Vec<u8> {
    let specs = [&a.spec, &a.declared];
    let markups = specs.into_iter().flat_map(|spec| &spec.wabas).flat_map(|w| &w.markup);
    let plain = specs.iter().all(|spec| spec.policy.consent.is_default() && spec.policy.marketing_api.is_default());
    let closed = if a.closed == 0 { VERSION } else { WITH_CLOSED_MONTH };
    let places = version_of_places(specs.into_iter().flat_map(|spec| &spec.wabas));
    let consent = if plain { VERSION } else { WITH_CONSENT_POLICY };
    let brands = if a.brands.is_empty() { VERSION } else { WITH_BRANDS };
    json_in(
        version_of(markups).max(closed).max(consent).max(places).max(brands),
        &StoredAccount {
            ix: a.ix.0,
            spec: a.spec.clone(),
            declared: a.declared.clone(),
            wabas: a.wabas.iter().map(|w| w.0).collect(),
            senders: a.senders.iter().map(|s| s.0).collect(),
            closed: a.closed,
            since_ms: Some(a.since_ms).filter(|since| *since != 0),
            brands: a.brands.names().map(str::to_owned).collect(),
            brands_before: a.brands.was().iter().map(|w| (w.sender.0, w.brand.0)).collect(),
            brands_until: a.brands.was().iter().map(|w| w.until_s).collect(),
        },
    )
}

/// Account from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn account(b: &[u8]) -> Result<Account> {
    let readable = [
        VERSION,
        WITH_MARKUP,
        WITH_CLOSED_MONTH,
        WITH_FEES,
        WITH_CONSENT_POLICY,
        WITH_BRANDS,
        WITH_LOCATION,
        WITH_SOLD_TO,
    ];
    let s: StoredAccount = from_json_in("account", b, &readable)?;
    let senders: Vec<SenderIx> = s.senders.into_iter().map(SenderIx).collect();
    // The first that had brands did not know until when.
    let until = s.brands_until.iter().copied().chain(std::iter::repeat(0));
    let was = s.brands_before.iter().zip(until);
    let was = was.map(|(&(sender, brand), until_s)| Was { sender: SenderIx(sender), brand: BrandIx(brand), until_s });
    let brands = Brands::of(&s.spec, &senders, s.brands.iter().map(String::as_str), was);
    Ok(Account {
        ix: AccountIx(s.ix),
        words: Words::of(&s.spec.policy),
        brands: brands.map_err(|_| CodecError::Damaged { what: "account", why: "brands".to_owned() })?,
        spec: s.spec,
        declared: s.declared,
        wabas: s.wabas.into_iter().map(WabaIx).collect(),
        senders,
        closed: s.closed,
        since_ms: s.since_ms.unwrap_or_default(),
    })
}

/// WABA to bytes.
#[must_use]
pub fn put_waba(w: &Waba) -> Vec<u8> {
    let version = version_of(w.spec.markup.iter()).max(if w.barred.is_empty() { VERSION } else { WITH_HOLDS });
    let version = version.max(version_of_places(std::iter::once(&w.spec)));
    let barred = w.barred.iter().map(|c| c.to_u16()).collect();
    json_in(version, &StoredWaba { ix: w.ix.0, account: w.account.0, spec: w.spec.clone(), barred })
}

/// WABA from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn waba(b: &[u8]) -> Result<Waba> {
    let readable = [VERSION, WITH_MARKUP, WITH_FEES, WITH_HOLDS, WITH_LOCATION, WITH_SOLD_TO];
    let s: StoredWaba = from_json_in("waba", b, &readable)?;
    let damaged = |why: String| CodecError::Damaged { what: "waba", why };
    Ok(Waba {
        ix: WabaIx(s.ix),
        account: AccountIx(s.account),
        id: s.spec.id.clone(),
        currency: Currency::new(&s.spec.currency).ok_or_else(|| damaged("currency".to_owned()))?,
        zone: Zone::new(&s.spec.time_zone).map_err(|e| damaged(e.to_string()))?,
        funding: s.spec.funding,
        spec: s.spec,
        barred: (s.barred.into_iter().map(|c| Country::from_u16(c).ok_or_else(|| damaged("country".to_owned()))))
            .collect::<Result<_>>()?,
    })
}

/// Sender to bytes.
#[must_use]
pub fn put_sender(x: &Sender) -> Vec<u8> {
    let held = x.blocked_by.is_some() || x.marketing_held_by.is_some();
    json_in(
        if held { WITH_HOLDS } else { VERSION },
        &StoredSender {
            ix: x.ix.0,
            account: x.account.0,
            waba: x.waba.0,
            spec: x.spec.clone(),
            removed: x.removed,
            blocked_by: x.blocked_by,
            marketing_held_by: x.marketing_held_by,
        },
    )
}

/// Sender from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn sender(b: &[u8]) -> Result<Sender> {
    let s: StoredSender = from_json_in("sender", b, &[VERSION, WITH_HOLDS])?;
    Ok(Sender {
        ix: SenderIx(s.ix),
        account: AccountIx(s.account),
        waba: WabaIx(s.waba),
        spec: s.spec,
        removed: s.removed,
        blocked_by: s.blocked_by,
        marketing_held_by: s.marketing_held_by,
    })
}

/// Template to bytes.
#[must_use]
pub fn put_template(t: &Template) -> Vec<u8> {
    let pauses = (t.pauses != Pauses::default()).then_some((t.pauses.count, t.pauses.until_s));
    let version = if pauses.is_some() || !t.spec.is_plain() { WITH_HOLDS } else { VERSION };
    json_in(version, &StoredTemplate { ix: t.ix.0, waba: t.waba.0, spec: t.spec.clone(), pauses })
}

/// Template from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn template(b: &[u8]) -> Result<Template> {
    let s: StoredTemplate = from_json_in("template", b, &[VERSION, WITH_HOLDS])?;
    let (count, until_s) = s.pauses.unwrap_or_default();
    Ok(Template { ix: TemplateIx(s.ix), waba: WabaIx(s.waba), spec: s.spec, pauses: Pauses { count, until_s } })
}

/// Campaign to bytes.
#[must_use]
pub fn put_campaign(c: &Campaign) -> Vec<u8> {
    let in_test = c.in_test || c.test_round != 0 || !c.spec.test_recipients.is_empty();
    json_in(
        if in_test || c.spec.per_minute.is_some() || !c.spec.split.is_empty() { WITH_CAMPAIGN_RULES } else { VERSION },
        &StoredCampaign {
            ix: c.ix.0,
            account: c.account.0,
            spec: c.spec.clone(),
            state: c.state,
            spent: c.spent,
            counts: c.counts,
            bucket: c.bucket,
            in_test: c.in_test.then_some(true),
            test_round: Some(c.test_round).filter(|round| *round != 0),
            said_day: Some(c.said_day).filter(|day| *day != 0),
        },
    )
}

/// Campaign from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn campaign(b: &[u8]) -> Result<Campaign> {
    let s: StoredCampaign = from_json_in("campaign", b, &[VERSION, WITH_CAMPAIGN_RULES])?;
    Ok(Campaign {
        ix: CampaignIx(s.ix),
        account: AccountIx(s.account),
        zone: s.spec.hours.as_ref().and_then(|h| Zone::new(&h.time_zone).ok()),
        spec: s.spec,
        state: s.state,
        spent: s.spent,
        reserved: Decimal::ZERO,
        counts: s.counts,
        bucket: s.bucket,
        in_test: s.in_test.unwrap_or_default(),
        test_round: s.test_round.unwrap_or_default(),
        said_day: s.said_day.unwrap_or_default(),
    })
}
