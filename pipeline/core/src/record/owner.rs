//! Account, WABA, sender, template: settings, and the few live values of a sender.

use crate::ids::{AccountIx, SenderIx, TemplateIx, WabaIx};
use tollgate_quality::{Bucket, RateFactor};
use tollgate_rate_card::{Currency, Zone};
use tollgate_wire::command::{AccountSpec, Funding, SenderSpec, TemplateSpec, WabaSpec};

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
    /// Stop words in upper case.
    pub stop_words: Vec<String>,
    /// The newest closed month, in months since year 0 (`year * 12 + month - 1`); 0 = none. All before it are closed.
    pub closed: u32,
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
}
