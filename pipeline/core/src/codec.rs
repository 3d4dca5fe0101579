//! Records as bytes. Hot records have a fixed layout behind a version byte; settings are JSON behind one. An
//! unknown version is an error, never a guess.

use crate::change::{CounterKey, Proof};
use crate::ids::{AccountIx, CampaignIx, SenderIx, TemplateIx, User, WabaIx};
use crate::lots::Resource;
use crate::record::{
    Account, Attempt, AttemptState, Booked, Campaign, CampaignState, Consent, Contact, Message, MessageState, OPT_OUTS,
    Pair, Park, Sender, SenderLive, Tail, Template, Waba,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use tollgate_quality::{BackOff, Bucket, Counted, RateFactor};
use tollgate_rate_card::{
    Category, Country, Currency, PricingModel, Reported, ReportedCategory, ReportedModel, ReportedType, Zone,
};
use tollgate_wire::Reason;
use tollgate_wire::command::{AccountSpec, CampaignSpec, SenderSpec, TemplateSpec, WabaSpec};
use tollgate_wire::request::Purpose;
use tollgate_wire::snapshot::CampaignCounts;

/// Format written. Readers know this one and the one before, once there is one.
pub const VERSION: u8 = 1;
/// Version of a contact who ever said no; those who did not are written as before.
const WITH_OPT_OUTS: u8 = 2;

/// Stored bytes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by a version we do not know.
    #[error("record format {0} is unknown to this version; start the version that wrote it")]
    Version(u8),
    /// Cut off or changed.
    #[error("stored {what} is damaged: {why}")]
    Damaged {
        /// Kind of record.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
}

type Result<T> = std::result::Result<T, CodecError>;

struct Reader<'a> {
    what: &'static str,
    b: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(what: &'static str, b: &'a [u8]) -> Result<Self> {
        Self::of(what, b, &[VERSION]).map(|(reader, _)| reader)
    }
    /// The version too, of those that can be read.
    fn of(what: &'static str, b: &'a [u8], readable: &[u8]) -> Result<(Self, u8)> {
        match b.split_first() {
            Some((version, rest)) if readable.contains(version) => Ok((Self { what, b: rest }, *version)),
            Some((version, _)) => Err(CodecError::Version(*version)),
            None => Err(CodecError::Damaged { what, why: "empty".to_owned() }),
        }
    }
    fn bad<T>(&self, why: &str) -> Result<T> {
        Err(CodecError::Damaged { what: self.what, why: why.to_owned() })
    }
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.b.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.b = rest;
                Ok(*head)
            }
            None => self.bad("cut off"),
        }
    }
    fn u8(&mut self) -> Result<u8> {
        Ok(self.take::<1>()?[0])
    }
    fn u16(&mut self) -> Result<u16> {
        self.take().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }
    fn u128(&mut self) -> Result<u128> {
        self.take().map(u128::from_le_bytes)
    }
    fn bool(&mut self) -> Result<bool> {
        Ok(self.flags(1)? != 0)
    }
    /// A byte in which only the bits of `known` may be set.
    fn flags(&mut self, known: u8) -> Result<u8> {
        match self.u8()? {
            b if b & !known == 0 => Ok(b),
            _ => self.bad("flags"),
        }
    }
    fn end(&self) -> Result<()> {
        if self.b.is_empty() { Ok(()) } else { self.bad("too long") }
    }
    fn decimal(&mut self) -> Result<Decimal> {
        self.take().map(Decimal::deserialize)
    }
    fn text(&mut self) -> Result<Box<str>> {
        let n = self.u16()? as usize;
        let Some((head, rest)) = self.b.split_at_checked(n) else { return self.bad("cut off") };
        self.b = rest;
        match std::str::from_utf8(head) {
            Ok(s) => Ok(s.into()),
            Err(_) => self.bad("not UTF-8"),
        }
    }
}

macro_rules! put {
    ($out:expr, $($v:expr),+ $(,)?) => { $($out.extend_from_slice(&$v.to_le_bytes());)+ };
}

fn put_text(out: &mut Vec<u8>, s: &str) {
    put!(out, s.len() as u16);
    out.extend_from_slice(s.as_bytes());
}

fn put_counted(out: &mut Vec<u8>, c: Counted) {
    put!(out, c.confirmed_at_s, c.reserved_at_s, c.reserved_n);
}

fn counted(r: &mut Reader<'_>) -> Result<Counted> {
    Ok(Counted { confirmed_at_s: r.u32()?, reserved_at_s: r.u32()?, reserved_n: r.u16()? })
}

/// Contact to bytes.
pub fn put_contact(c: &Contact, out: &mut Vec<u8>) {
    let opt_outs = c.opt_out_s != [0; OPT_OUTS];
    out.push(if opt_outs { WITH_OPT_OUTS } else { VERSION });
    put_counted(out, c.counted);
    out.extend(c.consent.iter().map(|c| *c as u8));
    out.push(u8::from(c.stop_all));
    put!(out, c.off_platform_until_s);
    for m in c.marketing_s {
        put!(out, m);
    }
    if opt_outs {
        for at_s in c.opt_out_s {
            put!(out, at_s);
        }
    }
}

/// Contact from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn contact(b: &[u8]) -> Result<Contact> {
    let (mut r, version) = Reader::of("contact", b, &[VERSION, WITH_OPT_OUTS])?;
    let r = &mut r;
    let counted = counted(r)?;
    let mut consent = [Consent::None; 4];
    for c in &mut consent {
        *c = match r.u8()? {
            0 => Consent::None,
            1 => Consent::In,
            2 => Consent::Out,
            _ => return r.bad("consent"),
        };
    }
    let stop_all = r.bool()?;
    let off_platform_until_s = r.u32()?;
    let mut marketing_s = [0; 4];
    for m in &mut marketing_s {
        *m = r.u32()?;
    }
    let mut opt_out_s = [0; OPT_OUTS];
    if version == WITH_OPT_OUTS {
        for at_s in &mut opt_out_s {
            *at_s = r.u32()?;
        }
    }
    r.end()?;
    Ok(Contact { counted, consent, stop_all, off_platform_until_s, marketing_s, opt_out_s })
}

/// Pair to bytes.
pub fn put_pair(p: &Pair, out: &mut Vec<u8>) {
    out.push(VERSION);
    put!(
        out,
        p.last_inbound_s,
        p.referral_s,
        p.fep_until_s,
        p.bucket.tat_ns,
        p.back_off.not_before_s,
        p.back_off.exponent
    );
    put_counted(out, p.counted);
}

/// Pair from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn pair(b: &[u8]) -> Result<Pair> {
    let r = &mut Reader::new("pair", b)?;
    let pair = Pair {
        last_inbound_s: r.u32()?,
        referral_s: r.u32()?,
        fep_until_s: r.u32()?,
        bucket: Bucket { tat_ns: r.u64()? },
        back_off: BackOff { not_before_s: r.u32()?, exponent: r.u8()? },
        counted: counted(r)?,
    };
    r.end()?;
    Ok(pair)
}

/// Live values of a sender to bytes.
pub fn put_live(l: &SenderLive, out: &mut Vec<u8>) {
    out.push(VERSION);
    put!(out, l.throughput.tat_ns);
    for bucket in l.pacing {
        put!(out, bucket.tat_ns);
    }
    put!(out, l.factor.permille, l.factor.halved_at_ms, l.back_off_until_ms);
}

/// Live values of a sender from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn live(b: &[u8]) -> Result<SenderLive> {
    let r = &mut Reader::new("sender", b)?;
    let mut live = SenderLive { throughput: Bucket { tat_ns: r.u64()? }, ..SenderLive::default() };
    for bucket in &mut live.pacing {
        bucket.tat_ns = r.u64()?;
    }
    live.factor = RateFactor { permille: r.u16()?, halved_at_ms: r.u64()? };
    live.back_off_until_ms = r.u64()?;
    r.end()?;
    Ok(live)
}

fn category_byte(c: Option<Category>) -> u8 {
    c.map_or(255, |c| c.index() as u8)
}

fn category(r: &mut Reader<'_>) -> Result<Option<Category>> {
    match r.u8()? {
        255 => Ok(None),
        i => match Category::ALL.get(usize::from(i)) {
            Some(c) => Ok(Some(*c)),
            None => r.bad("category"),
        },
    }
}

fn put_reported(out: &mut Vec<u8>, r: &Reported) {
    out.push(match r.category {
        None => 255,
        Some(ReportedCategory::Unknown) => 254,
        Some(ReportedCategory::ReferralConversion) => 253,
        Some(ReportedCategory::Known(c)) => c.index() as u8,
    });
    out.push(match r.pricing_type {
        None => 0,
        Some(ReportedType::Regular) => 1,
        Some(ReportedType::FreeCustomerService) => 2,
        Some(ReportedType::FreeEntryPoint) => 3,
        Some(ReportedType::Unknown) => 4,
    });
    out.push(match r.model {
        None => 0,
        Some(ReportedModel::Known(PricingModel::Cbp)) => 1,
        Some(ReportedModel::Known(PricingModel::Pmp)) => 2,
        Some(_) => 3,
    });
}

fn reported(r: &mut Reader<'_>) -> Result<Reported> {
    let category = match r.u8()? {
        255 => None,
        254 => Some(ReportedCategory::Unknown),
        253 => Some(ReportedCategory::ReferralConversion),
        i => match Category::ALL.get(usize::from(i)) {
            Some(c) => Some(ReportedCategory::Known(*c)),
            None => return r.bad("reported category"),
        },
    };
    let pricing_type = match r.u8()? {
        0 => None,
        1 => Some(ReportedType::Regular),
        2 => Some(ReportedType::FreeCustomerService),
        3 => Some(ReportedType::FreeEntryPoint),
        4 => Some(ReportedType::Unknown),
        _ => return r.bad("reported type"),
    };
    let model = match r.u8()? {
        0 => None,
        1 => Some(ReportedModel::Known(PricingModel::Cbp)),
        2 => Some(ReportedModel::Known(PricingModel::Pmp)),
        3 => Some(ReportedModel::Unknown),
        _ => return r.bad("reported model"),
    };
    Ok(Reported { category, pricing_type, model })
}

fn put_resource(out: &mut Vec<u8>, r: Resource) {
    let (tag, ix): (u8, u32) = match r {
        Resource::Own => (0, 0),
        Resource::Campaign(i) => (1, i.0),
        Resource::Sender(i) => (2, i.0.into()),
        Resource::Template(i) => (3, i.0),
        Resource::Pacing(i) => (4, i.0.into()),
        Resource::Quota(i) => (5, i.0.into()),
        Resource::NumberQuota(i) => (6, i.0.into()),
        Resource::Budget(i) => (7, i.0),
        Resource::Throughput(i) => (8, i.0.into()),
        Resource::InFlight(i) => (9, i.0.into()),
    };
    out.push(tag);
    put!(out, ix);
}

fn resource(r: &mut Reader<'_>) -> Result<Resource> {
    let (tag, ix) = (r.u8()?, r.u32()?);
    let large = matches!(tag, 1 | 3 | 7);
    let small = match u16::try_from(ix) {
        Ok(small) => small,
        Err(_) if large => 0,
        Err(_) => return r.bad("resource"),
    };
    Ok(match tag {
        0 => Resource::Own,
        1 => Resource::Campaign(CampaignIx(ix)),
        2 => Resource::Sender(SenderIx(small)),
        3 => Resource::Template(TemplateIx(ix)),
        4 => Resource::Pacing(SenderIx(small)),
        5 => Resource::Quota(AccountIx(small)),
        6 => Resource::NumberQuota(SenderIx(small)),
        7 => Resource::Budget(CampaignIx(ix)),
        8 => Resource::Throughput(SenderIx(small)),
        9 => Resource::InFlight(SenderIx(small)),
        _ => return r.bad("resource"),
    })
}

/// Message to bytes.
pub fn put_message(m: &Message, out: &mut Vec<u8>) {
    out.push(VERSION);
    put!(out, m.uid, m.account.0, m.sender.0, m.user.raw(), m.campaign.0);
    out.push(u8::from(m.priority));
    out.push(crate::lots::LotKey::class(m.purpose));
    out.push(m.state as u8);
    put!(out, m.created_s, m.expires_ms, m.body_bytes);
    match &m.park {
        None => out.push(0),
        Some(p) => {
            out.push(1);
            out.push(p.reason as u8);
            put_resource(out, p.resource);
            put!(out, p.until_ms, p.told_s);
        }
    }
    out.push(m.attempts.len() as u8);
    for a in &m.attempts {
        put_attempt(a, out);
    }
    put_text(out, &m.tail.id);
    put_text(out, m.tail.metadata.as_ref().map_or("", |json| json.get()));
}

fn put_attempt(a: &Attempt, out: &mut Vec<u8>) {
    out.push(a.number);
    out.push(a.state as u8);
    put!(out, a.sender.0, a.template.map_or(u32::MAX, |t| t.0));
    out.push(a.alternative);
    out.push(category_byte(Some(a.category)));
    out.push(u8::from(a.window_open) | u8::from(a.reserved_user) << 1 | u8::from(a.slot) << 2);
    out.extend_from_slice(&a.reserved.serialize());
    put!(out, a.admitted_ms, a.leave_by_ms, a.check_ms, a.wamid, a.code, a.delivered_s);
    put_reported(out, &a.reported);
    match &a.booked {
        None => out.push(0),
        Some(b) => {
            out.push(1 | u8::from(b.window_open) << 1 | u8::from(b.fep_open) << 2);
            put!(out, b.at_s, b.country.map_or(u16::MAX, Country::to_u16), b.allowance_used, b.ordinal, b.revision);
            put_reported(out, &b.reported);
            out.extend_from_slice(&b.cost.serialize());
        }
    }
}

/// Message from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn message(b: &[u8]) -> Result<Message> {
    let r = &mut Reader::new("message", b)?;
    let mut m = Message {
        uid: r.u64()?,
        account: AccountIx(r.u16()?),
        sender: SenderIx(r.u16()?),
        user: User::from_raw(r.u64()?),
        campaign: CampaignIx(r.u32()?),
        priority: r.bool()?,
        purpose: purpose(r)?,
        state: match MessageState::from_byte(r.u8()?) {
            Some(s) => s,
            None => return r.bad("state"),
        },
        created_s: r.u32()?,
        expires_ms: r.u64()?,
        body_bytes: r.u32()?,
        park: None,
        attempts: smallvec::SmallVec::new(),
        tail: Arc::new(Tail::default()),
    };
    if r.bool()? {
        let reason = match Reason::from_index(r.u8()?) {
            Some(reason) => reason,
            None => return r.bad("reason"),
        };
        m.park = Some(Park { reason, resource: resource(r)?, until_ms: r.u64()?, told_s: r.u32()? });
    }
    for _ in 0..r.u8()? {
        m.attempts.push(attempt(r)?);
    }
    let id = r.text()?;
    let metadata = r.text()?;
    let metadata = match metadata.is_empty() {
        true => None,
        false => match RawValue::from_string(metadata.into()) {
            Ok(json) => Some(json),
            Err(_) => return r.bad("metadata"),
        },
    };
    m.tail = Arc::new(Tail { id, metadata });
    r.end()?;
    Ok(m)
}

fn purpose(r: &mut Reader<'_>) -> Result<Purpose> {
    Ok(match r.u8()? {
        0 => Purpose::Authentication,
        1 => Purpose::Utility,
        2 => Purpose::Service,
        3 => Purpose::Marketing,
        _ => return r.bad("purpose"),
    })
}

fn attempt(r: &mut Reader<'_>) -> Result<Attempt> {
    let number = r.u8()?;
    let state = match AttemptState::from_byte(r.u8()?) {
        Some(s) => s,
        None => return r.bad("attempt state"),
    };
    let sender = SenderIx(r.u16()?);
    let template = Some(r.u32()?).filter(|t| *t != u32::MAX).map(TemplateIx);
    let alternative = r.u8()?;
    let category = match category(r)? {
        Some(c) => c,
        None => return r.bad("category"),
    };
    let flags = r.flags(7)?;
    let mut a = Attempt {
        number,
        state,
        sender,
        template,
        alternative,
        category,
        window_open: flags & 1 != 0,
        reserved_user: flags & 2 != 0,
        slot: flags & 4 != 0,
        reserved: r.decimal()?,
        admitted_ms: r.u64()?,
        leave_by_ms: r.u64()?,
        check_ms: r.u64()?,
        wamid: r.u128()?,
        code: r.u32()?,
        delivered_s: r.u32()?,
        reported: reported(r)?,
        booked: None,
    };
    let flags = r.flags(7)?;
    if flags & 1 != 0 {
        a.booked = Some(Booked {
            at_s: r.u32()?,
            country: country(r)?,
            allowance_used: r.u64()?,
            ordinal: r.u64()?,
            revision: r.u32()?,
            window_open: flags & 2 != 0,
            fep_open: flags & 4 != 0,
            reported: reported(r)?,
            cost: r.decimal()?,
        });
    }
    Ok(a)
}

fn country(r: &mut Reader<'_>) -> Result<Option<Country>> {
    match r.u16()? {
        u16::MAX => Ok(None),
        n => match Country::from_u16(n) {
            Some(c) => Ok(Some(c)),
            None => r.bad("country"),
        },
    }
}

/// Key of a counter as bytes.
#[must_use]
pub fn counter_key(k: CounterKey) -> Vec<u8> {
    let mut out = Vec::with_capacity(12);
    match k {
        CounterKey::Allowance(s, month, c) => {
            out.push(0);
            out.extend_from_slice(&s.0.to_be_bytes());
            out.extend_from_slice(&month.to_be_bytes());
            out.push(c);
        }
        CounterKey::Band(a, month, market, c) => {
            out.push(1);
            out.extend_from_slice(&a.0.to_be_bytes());
            out.extend_from_slice(&month.to_be_bytes());
            out.extend_from_slice(&market.to_be_bytes());
            out.push(c);
        }
    }
    out
}

/// Key of a counter from bytes.
///
/// # Errors
/// Damage.
pub fn counter_from_key(b: &[u8]) -> Result<CounterKey> {
    let be16 = |b: &[u8]| u16::from_be_bytes([b[0], b[1]]);
    let be32 = |b: &[u8]| u32::from_be_bytes([b[0], b[1], b[2], b[3]]);
    match b {
        [0, rest @ ..] if rest.len() == 7 => Ok(CounterKey::Allowance(SenderIx(be16(rest)), be32(&rest[2..]), rest[6])),
        [1, rest @ ..] if rest.len() == 9 => {
            Ok(CounterKey::Band(AccountIx(be16(rest)), be32(&rest[2..]), be16(&rest[6..]), rest[8]))
        }
        _ => Err(CodecError::Damaged { what: "counter", why: "key".to_owned() }),
    }
}

#[derive(Serialize, Deserialize)]
struct StoredAccount {
    ix: u16,
    spec: AccountSpec,
    declared: AccountSpec,
    wabas: Vec<u16>,
    senders: Vec<u16>,
}

#[derive(Serialize, Deserialize)]
struct StoredWaba {
    ix: u16,
    account: u16,
    spec: WabaSpec,
}

#[derive(Serialize, Deserialize)]
struct StoredSender {
    ix: u16,
    account: u16,
    waba: u16,
    spec: SenderSpec,
    removed: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredTemplate {
    ix: u32,
    waba: u16,
    spec: TemplateSpec,
}

#[derive(Serialize, Deserialize)]
struct StoredCampaign {
    ix: u32,
    account: u16,
    spec: CampaignSpec,
    state: CampaignState,
    spent: Decimal,
    counts: CampaignCounts,
}

fn json<T: Serialize>(v: &T) -> Vec<u8> {
    let mut out = vec![VERSION];
    // Plain data: serialising into memory cannot fail, and a short record would be noticed on reading.
    let _ = serde_json::to_writer(&mut out, v);
    out
}

fn from_json<T: for<'a> Deserialize<'a>>(what: &'static str, b: &[u8]) -> Result<T> {
    let r = Reader::new(what, b)?;
    serde_json::from_slice(r.b).map_err(|e| CodecError::Damaged { what, why: e.to_string() })
}

/// Account to bytes.
#[must_use]
pub fn put_account(a: &Account) -> Vec<u8> {
    json(&StoredAccount {
        ix: a.ix.0,
        spec: a.spec.clone(),
        declared: a.declared.clone(),
        wabas: a.wabas.iter().map(|w| w.0).collect(),
        senders: a.senders.iter().map(|s| s.0).collect(),
    })
}

/// Account from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn account(b: &[u8]) -> Result<Account> {
    let s: StoredAccount = from_json("account", b)?;
    Ok(Account {
        ix: AccountIx(s.ix),
        stop_words: s.spec.policy.stop_words.iter().map(|w| w.trim().to_uppercase()).collect(),
        spec: s.spec,
        declared: s.declared,
        wabas: s.wabas.into_iter().map(WabaIx).collect(),
        senders: s.senders.into_iter().map(SenderIx).collect(),
    })
}

/// WABA to bytes.
#[must_use]
pub fn put_waba(w: &Waba) -> Vec<u8> {
    json(&StoredWaba { ix: w.ix.0, account: w.account.0, spec: w.spec.clone() })
}

/// WABA from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn waba(b: &[u8]) -> Result<Waba> {
    let s: StoredWaba = from_json("waba", b)?;
    let damaged = |why: String| CodecError::Damaged { what: "waba", why };
    Ok(Waba {
        ix: WabaIx(s.ix),
        account: AccountIx(s.account),
        id: s.spec.id.clone(),
        currency: Currency::new(&s.spec.currency).ok_or_else(|| damaged("currency".to_owned()))?,
        zone: Zone::new(&s.spec.time_zone).map_err(|e| damaged(e.to_string()))?,
        funding: s.spec.funding,
        spec: s.spec,
    })
}

/// Sender to bytes.
#[must_use]
pub fn put_sender(x: &Sender) -> Vec<u8> {
    json(&StoredSender { ix: x.ix.0, account: x.account.0, waba: x.waba.0, spec: x.spec.clone(), removed: x.removed })
}

/// Sender from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn sender(b: &[u8]) -> Result<Sender> {
    let s: StoredSender = from_json("sender", b)?;
    Ok(Sender {
        ix: SenderIx(s.ix),
        account: AccountIx(s.account),
        waba: WabaIx(s.waba),
        spec: s.spec,
        removed: s.removed,
    })
}

/// Template to bytes.
#[must_use]
pub fn put_template(t: &Template) -> Vec<u8> {
    json(&StoredTemplate { ix: t.ix.0, waba: t.waba.0, spec: t.spec.clone() })
}

/// Template from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn template(b: &[u8]) -> Result<Template> {
    let s: StoredTemplate = from_json("template", b)?;
    Ok(Template { ix: TemplateIx(s.ix), waba: WabaIx(s.waba), spec: s.spec })
}

/// Campaign to bytes.
#[must_use]
pub fn put_campaign(c: &Campaign) -> Vec<u8> {
    json(&StoredCampaign {
        ix: c.ix.0,
        account: c.account.0,
        spec: c.spec.clone(),
        state: c.state,
        spent: c.spent,
        counts: c.counts,
    })
}

/// Campaign from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn campaign(b: &[u8]) -> Result<Campaign> {
    let s: StoredCampaign = from_json("campaign", b)?;
    Ok(Campaign {
        ix: CampaignIx(s.ix),
        account: AccountIx(s.account),
        zone: s.spec.hours.as_ref().and_then(|h| Zone::new(&h.time_zone).ok()),
        spec: s.spec,
        state: s.state,
        spent: s.spent,
        reserved: Decimal::ZERO,
        counts: s.counts,
    })
}

/// Proof of a consent to bytes.
#[must_use]
pub fn put_proof(p: &Proof) -> Vec<u8> {
    json(p)
}

/// Proof of a consent from bytes.
///
/// # Errors
/// Unknown version or damage.
pub fn proof(b: &[u8]) -> Result<Proof> {
    from_json("proof", b)
}
