//! What people say, into their records: with the platform's switch, by a word, and as an operator records it. Every one
//! has its proof and is shown to the views. What is said to a brand is kept apart from what is said to the account.

use super::Means;
use super::moved::follow;
use super::proof::{Said, prove};
use crate::change::Change;
use crate::decide::{Decision, Facts, person};
use crate::effect::Effect;
use crate::ids::{BrandIx, BrandKey, ContactKey, PairKey, SenderIx, User};
use crate::record::{Account, Contact, Refusals};
use crate::window;
use smallvec::SmallVec;
use tollgate_rate_card::Category;
use tollgate_wire::Time;
use tollgate_wire::command::{ConsentPolicy, ConsentSpec, ConsentState, SuppressionSpec};
use tollgate_wire::request::Recipient;

/// Who said something, and to which brand; none = to the account as a whole.
pub(crate) type Whose = (ContactKey, BrandIx);

/// Where a consent comes from, and the version of its text.
pub(super) type Source<'a> = (&'a str, &'a str);

/// Applies `set_consent`.
pub(crate) fn command(
    facts: &Facts<'_>,
    account: &Account,
    c: &ConsentSpec,
    now_ms: u64,
    out: &mut Decision,
) -> Result<(), String> {
    let brand = match c.state {
        ConsentState::OptIn => brand_of(account, c.brand.as_deref()).map_err(|why| format!("consent.brand: {why}"))?,
        ConsentState::OptOut => refused_brand(account, c.brand.as_deref()),
    };
    let key = ContactKey::new(account.ix, whom(facts, &c.to, out)?);
    let at_s = said_at_s(c.at, now_ms);
    let source = (c.source.as_str(), c.text_version.as_str());
    match c.state {
        ConsentState::OptOut => no(facts, (key, brand), &[c.category], at_s, source, out),
        ConsentState::OptIn => yes(facts, (key, brand), account, c, at_s, source, out),
    }
    Ok(())
}

/// The brand of that name that is said no to, also when it is gone. A no to one that never was is one to the account: that
/// it is lost would be worse than that it holds for more than was meant.
fn refused_brand(account: &Account, name: Option<&str>) -> BrandIx {
    name.and_then(|name| account.brands.by_name(name)).unwrap_or(BrandIx::NONE)
}

/// The brand of that name, which the account must have; none without a name.
pub(crate) fn brand_of(account: &Account, name: Option<&str>) -> Result<BrandIx, String> {
    let Some(name) = name else { return Ok(BrandIx::NONE) };
    let brands = &account.brands;
    brands.by_name(name).filter(|brand| brands.is_here(*brand)).ok_or_else(|| {
        let here: Vec<&str> = account.spec.policy.brands.iter().map(|b| b.name.as_str()).collect();
        let remedy = match here.as_slice() {
            [] => "leave it out, or name it under policy.brands and apply the account".to_owned(),
            here => format!("use one of {}, or add it to policy.brands and apply the account", here.join(", ")),
        };
        format!("{name:?} is no brand of account {}; {remedy}", account.spec.account)
    })
}

/// Notes a yes to the account or to a brand.
fn agree(contact: &mut Contact, brand: BrandIx, category: Option<Category>, at_s: u32, ends_s: u32) {
    match brand {
        BrandIx::NONE => contact.opt_in(category, at_s, ends_s),
        _ => contact.opt_in_to_brand(category, at_s, ends_s),
    }
}

/// What a person said, to the account or to a brand, as it is to be.
pub(super) fn put((key, brand): Whose, contact: Contact) -> Change {
    match brand {
        BrandIx::NONE => Change::Contact(key, contact),
        brand => Change::Brand(BrandKey { contact: key, brand }, contact),
    }
}

/// Applies `set_suppression`. A place on the list is also one of the numbers that the person has moved to since; taking
/// somebody off is for the number that it names.
pub(crate) fn suppression(
    facts: &Facts<'_>,
    account: &Account,
    s: &SuppressionSpec,
    now_ms: u64,
    out: &mut Decision,
) -> Result<(), String> {
    let whose = (ContactKey::new(account.ix, whom(facts, &s.to, out)?), BrandIx::NONE);
    let before = facts.state.contact(whose.0);
    let at_s = said_at_s(s.at, now_ms);
    out.changes.push(put(whose, Contact { suppressed: s.listed, ..before }));
    prove(whose, &Said::listed(s.listed, at_s, &s.source), out);
    // Who is on the list already was followed when that was said, and may have been taken off it there since.
    if s.listed && !before.suppressed {
        follow(facts, whose, before.moved, &Refusals::new(), Some(at_s), out);
    }
    Ok(())
}

/// Applies `erase_person`.
pub(crate) fn erase(facts: &Facts<'_>, account: &Account, to: &str, out: &mut Decision) -> Result<(), String> {
    let key = ContactKey::new(account.ix, whom(facts, to, out)?);
    out.changes.push(Change::Contact(key, facts.state.contact(key).erased()));
    for brand in account.brands.numbers() {
        let said = facts.state.said(key, brand);
        if said != said.erased() {
            out.changes.push(put((key, brand), said.erased()));
        }
    }
    // What the person wrote stands for no agreement any more, and opens no window; quota and back-off stay. Also with
    // numbers that are not declared now: they may come back.
    for sender in facts.state.senders.iter().filter(|s| s.account == account.ix) {
        let key = PairKey::new(sender.ix, key.user());
        let before = facts.state.pair(key);
        let mut pair = before.clone();
        window::forget(&mut pair);
        if pair != before {
            out.changes.push(Change::Pair(key, pair));
        }
    }
    // No campaign tries anything on the person any more.
    let of_account = facts.state.campaigns_of(account.ix);
    for campaign in of_account.filter(|c| c.spec.test_recipients.iter().any(|known| known == to)) {
        let mut campaign = campaign.clone();
        campaign.spec.test_recipients.retain(|known| known != to);
        out.changes.push(Change::Campaign(Box::new(campaign)));
    }
    out.changes.push(Change::Erased(key));
    out.effects.push(Effect::Erased(key));
    Ok(())
}

/// The person that a command names.
fn whom(facts: &Facts<'_>, to: &str, out: &mut Decision) -> Result<User, String> {
    let recipient = if to.starts_with('+') {
        tollgate_wire::request::parse_e164(to).map_err(|e| format!("to: {e}"))?;
        Recipient::Number(to.into())
    } else {
        Recipient::Scoped { bsuid: to.into(), country: None }
    };
    person(facts, &recipient, out).0.ok_or_else(|| "to: not a number the platform can reach".to_owned())
}

/// A time to come would bar every yes until then.
fn said_at_s(at: Option<Time>, now_ms: u64) -> u32 {
    at.map_or(u32::MAX, Time::secs).min((now_ms / 1000) as u32)
}

fn yes(
    facts: &Facts<'_>,
    whose: Whose,
    account: &Account,
    c: &ConsentSpec,
    at_s: u32,
    source: Source<'_>,
    out: &mut Decision,
) {
    let policy = &account.spec.policy.consent;
    let mut contact = facts.state.said(whose.0, whose.1);
    let asked_s = c.expires.map_or(0, Time::secs);
    let ends_s = ends_s(policy, at_s, asked_s);
    let waits = |category: &Category| !c.confirmed && policy.double_opt_in.contains(category);
    let all = [Category::Marketing, Category::Utility, Category::Authentication, Category::Service];
    let (pending, given): (SmallVec<[Category; 4]>, SmallVec<[Category; 4]>) = match c.category {
        Some(category) => [category].into_iter().partition(waits),
        None => all.into_iter().partition(waits),
    };
    for category in &pending {
        contact.await_confirmation(*category, at_s, asked_s);
    }
    if pending.is_empty() {
        agree(&mut contact, whose.1, c.category, at_s, ends_s);
        lift_gone(facts, account, whose, c.category, at_s, out);
    } else {
        for category in given {
            agree(&mut contact, whose.1, Some(category), at_s, ends_s);
            lift_gone(facts, account, whose, Some(category), at_s, out);
        }
    }
    out.changes.push(put(whose, contact));
    let said = Said::consent(c.category, ConsentState::OptIn, at_s, source);
    prove(whose, &Said { ends_s, pending: !pending.is_empty(), ..said }, out);
}

/// A yes to the account as a whole answers what was refused before to brands that are gone: nothing else could.
fn lift_gone(
    facts: &Facts<'_>,
    account: &Account,
    (key, brand): Whose,
    category: Option<Category>,
    at_s: u32,
    out: &mut Decision,
) {
    if brand != BrandIx::NONE {
        return;
    }
    for gone in account.brands.gone() {
        // Categories of one command may follow each other.
        let changed = out.changes.iter().rev().find_map(|change| match change {
            Change::Brand(known, said) if *known == BrandKey { contact: key, brand: gone } => Some(*said),
            _ => None,
        });
        let before = changed.unwrap_or_else(|| facts.state.said(key, gone));
        let mut said = before;
        said.lift(category, at_s);
        if said != before {
            out.changes.push(put((key, gone), said));
        }
    }
}

/// When an opt-in of `at_s` ends; 0 = not by itself.
fn ends_s(policy: &ConsentPolicy, at_s: u32, asked_s: u32) -> u32 {
    match (asked_s, policy.valid_days) {
        (0, 0) => 0,
        (0, days) => at_s.saturating_add(u32::from(days).saturating_mul(super::DAY_S)),
        (asked_s, _) => asked_s,
    }
}

/// A person said no: it holds for the number it was said from, and for those that the person has moved to since.
pub(crate) fn no(
    facts: &Facts<'_>,
    whose: Whose,
    matters: &[Option<Category>],
    at_s: u32,
    source: Source<'_>,
    out: &mut Decision,
) {
    let mut contact = facts.state.said(whose.0, whose.1);
    for category in matters {
        contact.opt_out(*category, at_s);
        prove(whose, &Said::consent(*category, ConsentState::OptOut, at_s, source), out);
    }
    out.changes.push(put(whose, contact));
    let said = matters.iter().map(|c| (*c, at_s)).collect();
    follow(facts, whose, facts.state.contact(whose.0).moved, &said, None, out);
}

/// A person wrote one of the account's words to a number: to the brand that it is of. What ends everything is said to the
/// account. What was written before the number was of its brand is told too late to confirm anything; a stop is said to
/// whomever it may have been written to.
pub(crate) fn word(
    facts: &Facts<'_>,
    account: &Account,
    (sender, user): (SenderIx, User),
    means: Means,
    at_s: u32,
    out: &mut Decision,
) {
    let key = ContactKey::new(account.ix, user);
    let whose = (key, account.brands.of_sender(sender));
    match means {
        Means::StopAll => no(facts, (key, BrandIx::NONE), &[None], at_s, ("whatsapp stop word", ""), out),
        Means::Stop => {
            let ends: SmallVec<[Option<Category>; 4]> =
                account.spec.policy.consent.stop_ends.iter().copied().map(Some).collect();
            for brand in std::iter::once(whose.1).chain(account.brands.since(sender, at_s)) {
                no(facts, (key, brand), &ends, at_s, ("whatsapp stop word", ""), out);
            }
        }
        Means::Confirm if at_s < account.brands.since_s(sender) => {}
        Means::Confirm => {
            confirm(facts, account, whose, at_s, out);
            // What the brand has from the account was asked for by the brand's number too.
            if account.brands.inherits(whose.1) {
                confirm(facts, account, (key, BrandIx::NONE), at_s, out);
            }
        }
    }
}

/// The person confirms what waits for it and has not waited too long.
fn confirm(facts: &Facts<'_>, account: &Account, whose: Whose, at_s: u32, out: &mut Decision) {
    let policy = &account.spec.policy.consent;
    let mut contact = facts.state.said(whose.0, whose.1);
    let before = contact;
    for category in contact.confirmable(at_s, policy.confirm_hours) {
        let pending = contact.pending_for(category);
        let ends_s = ends_s(policy, at_s, pending.ends_s);
        agree(&mut contact, whose.1, Some(category), at_s, ends_s);
        lift_gone(facts, account, whose, Some(category), at_s, out);
        let said = Said::consent(Some(category), ConsentState::OptIn, at_s, ("whatsapp confirmation", ""));
        prove(whose, &Said { ends_s, ..said }, out);
    }
    if contact != before {
        out.changes.push(put(whose, contact));
    }
}

/// The platform's own switch: marketing stopped or resumed. It is thrown for the account.
pub(crate) fn switch(facts: &Facts<'_>, key: ContactKey, stop: bool, at_s: u32, out: &mut Decision) {
    let source = ("whatsapp user preference", "");
    let whose = (key, BrandIx::NONE);
    if stop {
        return no(facts, whose, &[Some(Category::Marketing)], at_s, source, out);
    }
    let policy = &facts.state.account_at(key.account()).spec.policy.consent;
    let ends_s = ends_s(policy, at_s, 0);
    let mut contact = facts.state.contact(key);
    contact.resume_marketing(at_s, ends_s);
    out.changes.push(Change::Contact(key, contact));
    let said = Said::consent(Some(Category::Marketing), ConsentState::OptIn, at_s, source);
    prove(whose, &Said { ends_s, ..said }, out);
}
