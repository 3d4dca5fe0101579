//! What a reason is about, in words: the template, the number, the country, the person's record, what the platform said.

use super::consent;
use crate::command::too_many;
use crate::effect::OutcomeFx;
use crate::ids::{ContactKey, SenderIx};
use crate::lots::Resource;
use crate::record::Message;
use crate::state::State;
use tollgate_rate_card::{CurrencyDeadline, RateCards};
use tollgate_wire::command::TemplateStatus;
use tollgate_wire::{Reason, Time, platform_error};

/// The codes of the platform whose holds are not of a number.
const COUNTRY_BARRED: u32 = 130_497;
const MARKETING_CAPPED: u32 = 131_049;
/// How an operator says that a hold is over.
const APPLY_AGAIN: &str = "waits until the account is applied again";

/// Why a number's messages, or its marketing, wait, where the platform's code says so.
fn held_by(state: &State, sender: SenderIx, code: Option<u32>) -> String {
    let Some(code) = code else { return String::new() };
    let (id, text) = (&state.sender_at(sender).spec.id, platform_error::meaning(code).text);
    format!("sender {id}, platform error {code}: {text}; {APPLY_AGAIN}")
}

/// Names what a reason is about: the template, the country, what the platform said.
pub(super) fn about(state: &State, rates: &RateCards, o: &OutcomeFx, m: &Message) -> String {
    match (o.reason, m.park.map(|p| p.resource)) {
        (Some(Reason::TemplatePaused), Some(Resource::Template(ix, _))) => {
            let t = &state.template_at(ix).spec;
            let what = if t.status == TemplateStatus::Pending { "in review" } else { "paused" };
            let until_s = state.template_at(ix).pauses.until_s;
            let until = if t.status == TemplateStatus::Paused && until_s != 0 {
                format!(" until {}", Time::from_secs(until_s))
            } else {
                String::new()
            };
            format!("template {} in {} is {what}{until}", t.name, t.language)
        }
        (Some(Reason::Platform), _) if o.code != 0 => platform_error::meaning(o.code).text.to_owned(),
        (Some(Reason::SenderBlocked), Some(Resource::Sender(s))) => held_by(state, s, state.sender_at(s).blocked_by),
        (Some(Reason::SenderBlocked), Some(Resource::Pacing(s))) => {
            held_by(state, s, state.sender_at(s).marketing_held_by)
        }
        (Some(Reason::SenderBlocked), Some(Resource::Template(..))) => {
            held_by(state, m.sender, state.sender_at(m.sender).marketing_held_by)
        }
        (Some(Reason::CountryBarred), Some(Resource::Barred(w, country))) => {
            let text = platform_error::meaning(COUNTRY_BARRED).text;
            let waba = &state.waba_at(w).id;
            format!("country {country}, WABA {waba}, platform error {COUNTRY_BARRED}: {text}; {APPLY_AGAIN}")
        }
        (Some(Reason::FrequencyCapped), _) => {
            let contact = state.contact(ContactKey::new(m.account, m.user));
            if u64::from(contact.capped_until_s) * 1000 <= o.at_ms {
                return String::new();
            }
            let text = platform_error::meaning(MARKETING_CAPPED).text;
            let until = Time::from_secs(contact.capped_until_s);
            format!("platform error {MARKETING_CAPPED}: {text}; no marketing to this person before {until}")
        }
        (Some(Reason::CountryBarred), _) => {
            let country = m.user.digits().and_then(|digits| rates.map().lookup(digits));
            country.map_or_else(String::new, |country| format!("country {country}"))
        }
        (Some(Reason::CurrencyNotAllowed), _) => {
            let waba = state.waba_at(state.sender_at(m.sender).waba);
            let told = |d: &CurrencyDeadline| {
                let (id, currency) = (&waba.id, waba.currency);
                format!(
                    "WABA {id} is sold to {} and bills in {currency}; only {} after {}",
                    d.country, d.currency, d.last_day
                )
            };
            waba.currency_deadline(rates).map_or_else(String::new, told)
        }
        (Some(Reason::TooManyCampaigns), _) => too_many(&state.account_at(m.account).spec.account),
        (Some(Reason::OptedOut), _) => consent::refused(state, o, m),
        (Some(Reason::NotOptedIn), _) => consent::missing(state, o, m),
        (Some(Reason::SenderUnknown), _) => consent::other_brand(state, o, m),
        _ => String::new(),
    }
}
