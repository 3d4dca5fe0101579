//! A refusal for want of consent in words: whose no it is, opt-ins that have ended or wait for a confirmation, brands.

use crate::effect::OutcomeFx;
use crate::ids::{BrandIx, ContactKey, SenderIx};
use crate::record::{Account, Contact, Message, pending_until_s};
use crate::state::State;
use std::fmt::Write as _;
use tollgate_rate_card::Category;
use tollgate_wire::Time;

const CATEGORIES: [Category; 4] = [Category::Marketing, Category::Utility, Category::Authentication, Category::Service];

fn brand_of(o: &OutcomeFx) -> BrandIx {
    o.trace.map_or(BrandIx::NONE, |t| t.brand)
}

/// The suppression list; and where there are brands, whom the person said no to.
pub(super) fn refused(state: &State, o: &OutcomeFx, m: &Message) -> String {
    let key = ContactKey::new(m.account, m.user);
    let (contact, account) = (state.contact(key), state.account_at(m.account));
    if contact.suppressed {
        return "on the suppression list".to_owned();
    }
    // What the message is for comes first: a no to something else may have been said to somebody else.
    let purpose = m.purpose.category();
    let asked = std::iter::once(purpose).chain(CATEGORIES.into_iter().filter(|c| *c != purpose));
    let by = (brand_of(o), m.sender, (o.at_ms / 1000) as u32);
    asked.filter_map(|c| no_to(state, account, (key, &contact), by, c)).next().unwrap_or_default()
}

fn no_to(
    state: &State,
    account: &Account,
    (key, contact): (ContactKey, &Contact),
    (brand, sender, now_s): (BrandIx, SenderIx, u32),
    category: Category,
) -> Option<String> {
    let brands = &account.brands;
    let refuses = |brand: BrandIx| state.said(key, brand).refuses(category);
    if brands.is_empty() {
        None
    } else if contact.refuses(category) {
        Some("opted out of the account as a whole".to_owned())
    } else if let Some(brand) = brand.some().filter(|brand| refuses(*brand)) {
        Some(format!("opted out of brand {}", brands.name(brand)))
    } else {
        let yes_s = brand.some().and_then(|brand| state.said(key, brand).agreed_s(category, now_s));
        let counts = |no_s: u32| yes_s.is_none_or(|yes_s| yes_s < no_s);
        let refused = |brand: &BrandIx| state.said(key, *brand).refused_s(category).is_some_and(counts);
        let past = brands.past(brand, Some(sender)).find(refused)?;
        let what =
            if brands.is_here(past) { "which the number was of before" } else { "which the account has no longer" };
        Some(format!("opted out of brand {}, {what}", brands.name(past)))
    }
}

/// Which brand the person has not agreed with; opt-ins that have ended, and those that wait for a confirmation.
pub(super) fn missing(state: &State, o: &OutcomeFx, m: &Message) -> String {
    let (key, account) = (ContactKey::new(m.account, m.user), state.account_at(m.account));
    let (brands, brand) = (&account.brands, brand_of(o));
    let now_s = (o.at_ms / 1000) as u32;
    let mut words = String::new();
    if let Some(brand) = brand.some() {
        let name = brands.name(brand);
        if !brands.is_here(brand) {
            return format!("brand {name} is not in policy.brands any more");
        }
        let _ = write!(words, "no opt-in to brand {name}");
        opt_ins(&mut words, account, &state.said(key, brand), now_s);
        if !brands.inherits(brand) {
            return words;
        }
        words.push_str(" or to the account as a whole");
    }
    opt_ins(&mut words, account, &state.contact(key), now_s);
    words
}

fn opt_ins(words: &mut String, account: &Account, contact: &Contact, now_s: u32) {
    for c in CATEGORIES {
        let asked_s = contact.pending_for(c).asked_s;
        let until_s = pending_until_s(asked_s, account.spec.policy.consent.confirm_hours);
        let ended_s = contact.opt_in_ends_s(c).filter(|at_s| *at_s <= now_s);
        let (what, at_s) = match (asked_s, ended_s) {
            (0, None) => continue,
            (0, Some(at_s)) => ("ended", at_s),
            _ if now_s <= until_s => ("waits for the person's confirmation until", until_s),
            (_, Some(at_s)) => ("ended", at_s),
            _ => ("was not confirmed by", until_s),
        };
        let between = if words.is_empty() { "" } else { "; " };
        let _ = write!(words, "{between}opt-in to {} {what} {}", c.as_str(), Time::from_secs(at_s));
    }
}

/// A request that names a brand, and a number of another.
pub(super) fn other_brand(state: &State, o: &OutcomeFx, m: &Message) -> String {
    let brands = &state.account_at(m.account).brands;
    brand_of(o).some().map_or_else(String::new, |brand| {
        format!(
            "brand {} writes by its own numbers and by those of no brand; the request names none of them",
            brands.name(brand)
        )
    })
}
