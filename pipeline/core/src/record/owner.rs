//! Account, WABA, sender, template: settings, and the few live values of a sender.

use super::Brands;
use crate::consent::Words;
use crate::ids::{AccountIx, SenderIx, TemplateIx, WabaIx};
use tollgate_quality::{Bucket, RateFactor};
use tollgate_rate_card::{Country, Currency, CurrencyDeadline, RateCards, Zone};
use tollgate_wire::command::{AccountSpec, Funding, SenderSpec, TemplateSpec, TemplateStatus, WabaSpec};

/// A business portfolio.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its number.
    pub ix: AccountIx,
    /// Settings in force: what was declared, overlaid with what the platform reported since.
    pub spec: AccountSpec,
    /// Settings as last declared, to tell a new declaration from a repeated one.
    pub declared: AccountSpec,
    /// Its WABAs.
    pub wabas: Vec<WabaIx>,
    /// Its senders, in order of declaration.
    pub senders: Vec<SenderIx>,
    /// Stop words and words that confirm.
    pub words: Words,
    /// Its brands, also those that it has no longer.
    pub brands: Brands,
    /// The newest closed month, in months since year 0 (`year * 12 + month - 1`); 0 = none. All before it are closed.
    pub closed: u32,
    /// When it was first declared, milliseconds since 1970; 0 = before that was kept.
    pub since_ms: u64,
}

/// A WhatsApp Business account.
#[derive(Clone, Debug)]
pub struct Waba {
    /// Its number.
    pub ix: WabaIx,
    /// Its account.
    pub account: AccountIx,
    /// The platform's id.
    pub id: String,
    /// Billing currency.
    pub currency: Currency,
    /// Time zone.
    pub zone: Zone,
    /// Who pays.
    pub funding: Funding,
    /// As declared, without senders and templates.
    pub spec: WabaSpec,
    /// Countries that the platform has barred it from, in the order in which it said so. To apply the account again lifts
    /// them.
    pub barred: Vec<Country>,
}

impl Waba {
    /// Until when it may bill in its currency; none where the country that it is sold to asks for no other, or is not known.
    #[must_use]
    pub fn currency_deadline<'r>(&self, rates: &'r RateCards) -> Option<&'r CurrencyDeadline> {
        rates.currency_deadline(self.spec.sold_to?, self.currency)
    }
}

/// A business phone number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    /// Its number.
    pub ix: SenderIx,
    /// Its account.
    pub account: AccountIx,
    /// Its WABA.
    pub waba: WabaIx,
    /// Settings in force.
    pub spec: SenderSpec,
    /// No longer declared: nothing is sent, late events still count.
    pub removed: bool,
    /// The platform's error code that blocked it.
    pub blocked_by: Option<u32>,
    /// The platform's error code that holds its marketing, while it is held. It ends when the platform reports a quality
    /// above RED, or the account is applied again.
    pub marketing_held_by: Option<u32>,
}

/// Values of a sender that change with every message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderLive {
    /// Throughput.
    pub throughput: Bucket,
    /// Quality pacing, one bucket a category class: a campaign must not use up what one-time codes need.
    pub pacing: [Bucket; 4],
    /// Back-pressure: the part of the throughput in force.
    pub factor: RateFactor,
    /// Nothing before this instant (the platform asked to wait).
    pub back_off_until_ms: u64,
}

/// A template in one language.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its number.
    pub ix: TemplateIx,
    /// Its WABA.
    pub waba: WabaIx,
    /// Settings and state.
    pub spec: TemplateSpec,
    /// The platform's pauses of it.
    pub pauses: Pauses,
}

/// The platform's pauses of a template: the first ends by itself after 3 hours, the second after 6. The third time it is
/// disabled, and then the platform says so with another code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    /// How often it was paused since it was declared.
    pub count: u8,
    /// When the latest ends by itself, in seconds; 0 = only when somebody says so.
    pub until_s: u32,
}

impl Pauses {
    /// Lengths of the first and the second, in seconds.
    const LENGTHS_S: [u32; 2] = [3 * 3600, 6 * 3600];

    /// One more, noticed at a second.
    #[must_use]
    pub fn another(self, now_s: u32) -> Self {
        let until_s =
            Self::LENGTHS_S.get(usize::from(self.count)).map_or(0, |length_s| now_s.saturating_add(*length_s));
        Self { count: self.count.saturating_add(1), until_s }
    }

    /// The first, second … as the platform numbers it, noticed at a second.
    #[must_use]
    pub fn nth(self, number: u8, now_s: u32) -> Self {
        Self { count: number.saturating_sub(1), until_s: 0 }.another(now_s)
    }

    /// One that ends only when somebody says so.
    #[must_use]
    pub fn until_told(self) -> Self {
        Self { until_s: 0, ..self }
    }
}

impl Template {
    /// Whether it may be sent: it is approved, or its pause has ended by itself.
    #[must_use]
    pub fn may_be_sent(&self, now_s: u32) -> bool {
        match self.spec.status {
            TemplateStatus::Approved => true,
            TemplateStatus::Paused => self.pauses.until_s != 0 && self.pauses.until_s <= now_s,
            _ => false,
        }
    }

    /// When it may be sent again without anybody saying so; `u64::MAX` = not.
    #[must_use]
    pub fn resumes_ms(&self) -> u64 {
        match (self.spec.status, self.pauses.until_s) {
            (TemplateStatus::Paused, 1..) => u64::from(self.pauses.until_s) * 1000,
            _ => u64::MAX,
        }
    }
}
