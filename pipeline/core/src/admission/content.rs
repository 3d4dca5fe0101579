//! Gate 5, content: each alternative is tested for legal form, template state, parameters, country bar, consent,
//! purpose and rate. With none left, the first alternative's reason stands and the others travel in the detail.

use super::{Candidate, Verdict, parameters};
use crate::consent::{self, Asked, Heard};
use crate::ids::TemplateIx;
use crate::lots::Resource;
use crate::record::Template;
use rust_decimal::Decimal;
use smallvec::SmallVec;
use tollgate_rate_card::{AuthInternational, Category, WorstCaseInput};
use tollgate_wire::Reason;
use tollgate_wire::command::TemplateStatus;
use tollgate_wire::request::{Content, ContentKind, Purpose, TemplateContent};

/// An alternative that may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usable {
    /// Position in the request's `content`.
    pub alternative: u8,
    /// Position in the alternative's languages.
    pub language: u8,
    /// Template; `None` for what only goes inside the window.
    pub template: Option<TemplateIx>,
    /// Pricing category.
    pub category: Category,
    /// Worst-case price in the WABA's currency.
    pub price: Decimal,
    /// When the consent that it relies on ends by itself, in seconds; 0 = it does not.
    pub consent_until_s: u32,
    /// What it is.
    pub kind: ContentKind,
}

/// Why each alternative cannot be used now, in order; at most eight.
pub type Rejections = SmallVec<[Rejection; 2]>;

/// Why an alternative cannot be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Position in the request's `content`.
    pub alternative: u8,
    /// Why.
    pub reason: Reason,
    /// More of it, for people: what of the parameters does not fit.
    pub why: Option<Box<str>>,
}

/// Usable alternatives, in order.
pub(super) type UsableList = SmallVec<[Usable; 2]>;

/// Templates that may come free, in order, in all languages asked for.
pub(super) type Waiting = SmallVec<[TemplateIx; 2]>;

/// The same of one alternative, with the instant at which the first of them does so by itself.
type Waits = (Waiting, u64);

/// What the gate found.
pub(super) struct Found {
    pub verdict: Verdict,
    pub usable: UsableList,
    /// What is not usable, and why.
    pub rejected: Rejections,
    /// What an alternative waits for that may come free.
    pub waits: Option<Verdict>,
    pub waiting: Waiting,
}

/// Tests each alternative.
pub(super) fn check(c: &Candidate<'_>) -> Found {
    let mut usable = UsableList::new();
    let mut rejected = Rejections::new();
    let mut park: Option<(Reason, Resource, u64)> = None;
    let mut waiting = Waiting::new();
    for (i, content) in c.request.content.iter().enumerate() {
        match alternative(c, i as u8, content, &mut waiting) {
            Ok(u) => usable.push(u),
            Err(No { reason, until, why }) => {
                rejected.push(Rejection { alternative: i as u8, reason, why });
                if let Some((resource, until_ms)) = until {
                    // It waits for the first that may come free; looked at again when any of them does by itself.
                    let first = park.get_or_insert((reason, resource, until_ms));
                    first.2 = first.2.min(until_ms);
                }
            }
        }
    }
    // Of several templates any will do: it waits with those who can use the same ones.
    if let (Some((_, resource @ Resource::Template(..), _)), Some((first, others))) = (&mut park, waiting.split_first())
    {
        *resource = Resource::any_of(*first, others);
    }
    let waits = park.map(|(reason, resource, until_ms)| Verdict::Park { reason, resource, until_ms });
    let verdict = match (usable.is_empty(), waits, rejected.first()) {
        (false, ..) => Verdict::Pass,
        (true, Some(waits), _) => waits,
        (true, None, Some(first)) => Verdict::Refuse(first.reason),
        (true, None, None) => Verdict::Refuse(Reason::Malformed),
    };
    Found { verdict, usable, rejected, waits, waiting }
}

/// Why not, and what would free it.
struct No {
    reason: Reason,
    until: Option<(Resource, u64)>,
    why: Option<Box<str>>,
}

impl From<Reason> for No {
    fn from(reason: Reason) -> Self {
        Self { reason, until: None, why: None }
    }
}

fn alternative(c: &Candidate<'_>, alternative: u8, content: &Content<'_>, waiting: &mut Waiting) -> Result<Usable, No> {
    let window_open = c.window_until_s().is_some();
    // A pause ends, the other objections do not: it counts only when nothing else stands in the way.
    let mut paused = None;
    let (template, language, category) = match content {
        Content::Text(_) | Content::Rich(_) => {
            if !window_open {
                return Err(Reason::WindowClosed.into());
            }
            (None, 0, Category::Service)
        }
        Content::Template(t) => {
            let (found, language, waits) = find(c, t)?;
            paused = waits.map(|(all, until_ms)| (found.ix, all, until_ms));
            parameters::check(&found.spec, &t.components).map_err(|why| No {
                reason: Reason::BadParameters,
                until: None,
                why: Some(why.into()),
            })?;
            (Some(found.ix), language, found.spec.category)
        }
    };
    let waba = c.waba.ok_or(Reason::SenderUnknown)?;
    let place = c.place.ok_or(Reason::InvalidRecipient)?;
    let (date, last_delivery) = c.state.day(waba.ix, c.now_s());
    if template.is_some() && c.rates.barred(place, category, date).is_some() {
        return Err(Reason::CountryBarred.into());
    }
    let heard = match c.contact_key() {
        Some(key) => Heard::of(c.state, c.account, (key, &c.contact), (c.brand, c.sender.map(|s| s.ix))),
        None => Heard::plain(&c.contact),
    };
    // Who wrote to a number of no brand, or before it was of this one, agreed with nothing of a brand.
    let brands = &c.account.brands;
    let since_s = |sender| Some(brands.since_s(sender)).filter(|since_s| *since_s != 0);
    let since = |sender| since_s(sender).is_none_or(|since_s| c.pair.last_inbound_s > since_s);
    let wrote_to_it = c.sender.is_some_and(|s| brands.of_sender(s.ix) == c.brand && since(s.ix));
    let implied_until_s = match wrote_to_it {
        true => consent::implied_until_s(&c.account.spec.policy.consent, &c.pair, category),
        false => 0,
    };
    let asked = Asked { category, window_open, implied_until_s, now_s: c.now_s() };
    let consent_until_s = consent::check(&heard, &asked)?.unwrap_or(0);
    // Free text for a purpose still respects the person's no to that purpose.
    if template.is_none() && heard.refuses(c.request.purpose.category(), c.now_s()) {
        return Err(Reason::OptedOut.into());
    }
    if !purpose_allows(c.request.purpose, template.map(|_| category)) {
        return Err(Reason::PurposeMismatch.into());
    }
    let (starts, location) = (&waba.spec.auth_international, waba.spec.location);
    let worst = WorstCaseInput {
        currency: waba.currency,
        from: date,
        to: last_delivery,
        country: Some(place),
        category,
        auth_international: AuthInternational::applies(starts, location, Some(place), last_delivery),
    };
    let price = c.rates.worst_case(&worst).map_err(|_| Reason::NoRate)?;
    if waba.barred.contains(&place) {
        let until = Some((Resource::Barred(waba.ix, place), u64::MAX));
        return Err(No { reason: Reason::CountryBarred, until, why: None });
    }
    if let Some((ix, all, until_ms)) = paused {
        waiting.extend(all);
        let until = Some((Resource::Template(ix, 0), until_ms));
        return Err(No { reason: Reason::TemplatePaused, until, why: None });
    }
    Ok(Usable { alternative, language, template, category, price, consent_until_s, kind: content.kind() })
}

/// The template in the first language in which it may be sent; else in the first in which it may be sent again, with all
/// that may and the instant at which one of them may without anybody saying so: waiting is better than refusing. Else what
/// stands in the way of the first that exists.
fn find<'a>(c: &Candidate<'a>, t: &TemplateContent<'_>) -> Result<(&'a Template, u8, Option<Waits>), Reason> {
    let waba = c.waba.ok_or(Reason::SenderUnknown)?;
    let mut waits: Option<(&Template, u8, Waits)> = None;
    let mut no = Reason::TemplateUnknown;
    for (i, language) in t.language.iter().enumerate() {
        let Some(found) = c.state.template(waba.ix, &t.name, language) else { continue };
        match found.spec.status {
            _ if found.may_be_sent(c.now_s()) => return Ok((found, i as u8, None)),
            TemplateStatus::Approved | TemplateStatus::Pending | TemplateStatus::Paused => {
                let (.., (all, until_ms)) = waits.get_or_insert((found, i as u8, (Waiting::new(), u64::MAX)));
                all.push(found.ix);
                *until_ms = found.resumes_ms().min(*until_ms);
            }
            TemplateStatus::Rejected | TemplateStatus::Disabled | TemplateStatus::Deleted => {
                no = Reason::TemplateRejected;
            }
        }
    }
    waits.map(|(found, language, all)| (found, language, Some(all))).ok_or(no)
}

/// Whether content may serve a purpose, so that price never tempts into misusing a cheaper category. Marketing
/// needs a marketing template, a one-time code an authentication template; a utility purpose may use a dearer
/// marketing template (the platform may have re-classified it). `None` is free text inside the window, which may
/// serve anything but a one-time code.
#[must_use]
pub fn purpose_allows(purpose: Purpose, template: Option<Category>) -> bool {
    use Category as C;
    match (purpose, template) {
        (Purpose::Authentication, t) => matches!(t, Some(C::Authentication | C::AuthenticationInternational)),
        (Purpose::Marketing, Some(t)) => t == C::Marketing,
        (Purpose::Utility | Purpose::Service, Some(t)) => matches!(t, C::Utility | C::Marketing),
        (Purpose::Marketing | Purpose::Utility | Purpose::Service, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purpose_table() {
        use Category::{Authentication, Marketing, Utility};
        let table = [
            (Purpose::Marketing, Some(Marketing), true),
            (Purpose::Marketing, Some(Utility), false),
            (Purpose::Marketing, None, true),
            (Purpose::Utility, Some(Utility), true),
            (Purpose::Utility, Some(Marketing), true),
            (Purpose::Utility, Some(Authentication), false),
            (Purpose::Utility, None, true),
            (Purpose::Authentication, Some(Authentication), true),
            (Purpose::Authentication, Some(Utility), false),
            (Purpose::Authentication, None, false),
            (Purpose::Service, None, true),
            (Purpose::Service, Some(Utility), true),
        ];
        for (purpose, template, expected) in table {
            assert_eq!(purpose_allows(purpose, template), expected, "{purpose:?} by {template:?}");
        }
    }
}
