//! Records of the `snapshots` topic that are told as something changes: consents, erasures, templates, levels, answers.

use crate::change::Proof;
use crate::effect::{LevelChange, Reply, ReplyKind};
use crate::hashing::{HashKey, Hex};
use crate::ids::{BrandIx, ContactKey, TemplateIx};
use crate::record::{Account, Consent, Contact, pending_until_s};
use crate::state::State;
use tollgate_rate_card::Category;
use tollgate_wire::Time;
use tollgate_wire::command::ConsentState;
use tollgate_wire::snapshot::{
    AnsweredSnapshot, BrandConsents, ByCategory, ConsentProof, ConsentSnapshot, Consents, LevelSnapshot, PersonErased,
    ReplySnapshot, TemplateSnapshot,
};

/// What holds for a person.
fn holds(state: &State, key: ContactKey, now_ms: u64) -> Consents {
    let account = state.account_at(key.account());
    let brands = &account.brands;
    let of_brand = |brand| BrandConsents {
        brand: brands.name(brand).to_owned(),
        holds: holds_of(account, &state.said(key, brand), now_ms),
    };
    let of_brands = brands.numbers().map(of_brand).filter(|b| b.holds != Consents::default());
    Consents { brands: of_brands.collect(), ..holds_of(account, &state.contact(key), now_ms) }
}

/// What holds by one record.
fn holds_of(account: &Account, contact: &Contact, now_ms: u64) -> Consents {
    let account = &account.spec;
    let now_s = (now_ms / 1000) as u32;
    let holds = |c| match contact.consent_at(c, now_s) {
        Consent::None => None,
        Consent::In => Some(ConsentState::OptIn),
        Consent::Out => Some(ConsentState::OptOut),
    };
    let pending = |c| {
        let asked_s = Some(contact.pending_for(c).asked_s).filter(|at_s| *at_s != 0)?;
        let until_s = pending_until_s(asked_s, account.policy.consent.confirm_hours);
        (now_s <= until_s).then(|| Time::from_secs(until_s))
    };
    let times = |of: &dyn Fn(Category) -> Option<Time>| ByCategory {
        marketing: of(Category::Marketing),
        utility: of(Category::Utility),
        authentication: of(Category::Authentication),
        service: of(Category::Service),
    };
    Consents {
        marketing: holds(Category::Marketing),
        utility: holds(Category::Utility),
        authentication: holds(Category::Authentication),
        service: holds(Category::Service),
        stop_all: contact.stop_all,
        suppressed: contact.suppressed,
        ends: times(&|c| contact.opt_in_ends_s(c).map(Time::from_secs)),
        pending: times(&pending),
        brands: Vec::new(),
    }
}

/// Writes that a person was erased, with what stays.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn erased(
    state: &State,
    hash_key: &HashKey,
    key: ContactKey,
    now_ms: u64,
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let to = state.user_text(key.user());
    let recipient_hash = Hex::new(hash_key.recipient(&to));
    let left = holds(state, key, now_ms);
    let record = PersonErased {
        erased: to.as_str().into(),
        account: state.account_at(key.account()).spec.account.as_str().into(),
        as_of: Time(now_ms),
        holds: (left != Consents::default()).then_some(left),
        recipient_hash: Some(recipient_hash.as_str().into()),
        until_uid: Some(state.next_uid() - 1),
    };
    serde_json::to_writer(out, &record)
}

/// Writes what a person said and what holds since.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn said(state: &State, proof: &Proof, now_ms: u64, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let key = ContactKey(proof.contact);
    let of = state.account_at(key.account());
    let (account, brand) = (&of.spec, BrandIx(proof.brand));
    let to = state.user_text(key.user());
    let matters = ["marketing", "utility", "authentication", "service", "all", "suppression"];
    let record = ConsentSnapshot {
        consents_of: to.as_str().into(),
        account: account.account.as_str().into(),
        as_of: Time(now_ms),
        holds: holds(state, key, now_ms),
        said: ConsentProof {
            category: matters[usize::from(proof.category).min(matters.len() - 1)].into(),
            state: proof.state,
            source: proof.source.as_str().into(),
            at: Time(proof.at_ms),
            text_version: proof.text_version.as_str().into(),
            expires: (proof.ends_s != 0).then(|| Time::from_secs(proof.ends_s)),
            pending: proof.pending,
            brand: brand.some().map(|brand| of.brands.name(brand).into()),
        },
    };
    serde_json::to_writer(out, &record)
}

/// Writes a template as it is now.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn template(state: &State, ix: TemplateIx, now_ms: u64, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let template = state.template_at(ix);
    let waba = state.waba_at(template.waba);
    let record = TemplateSnapshot {
        template_of: waba.id.as_str().into(),
        account: state.account_at(waba.account).spec.account.as_str().into(),
        as_of: Time(now_ms),
        template: template.spec.clone(),
    };
    serde_json::to_writer(out, &record)
}

/// Writes that a person wrote, or was answered.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn reply(state: &State, reply: &Reply, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let sender = state.sender_at(reply.sender);
    let person = state.user_text(reply.user);
    let (account, sender) = (state.account_at(sender.account).spec.account.as_str(), sender.spec.id.as_str());
    let (person, account, sender) = (person.as_str().into(), account.into(), sender.into());
    let at = Time::from_secs(reply.at_s);
    match reply.kind {
        ReplyKind::Answered => serde_json::to_writer(out, &AnsweredSnapshot { answered: person, account, sender, at }),
        kind => {
            let (stranger, settled, reaction) = (kind == ReplyKind::StrangerWrote, reply.settled, reply.reaction);
            let told = ReplySnapshot { reply_of: person, account, sender, at, stranger, settled, reaction };
            serde_json::to_writer(out, &told)
        }
    }
}

/// Writes a change of what a number or a portfolio may do.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn level(state: &State, change: &LevelChange, now_ms: u64, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let record = LevelSnapshot {
        level_of: change.level,
        account: state.account_at(change.account).spec.account.as_str().into(),
        sender: change.sender.map(|sender| state.sender_at(sender).spec.id.as_str().into()),
        at: Time(now_ms),
        from: (&*change.from).into(),
        to: (&*change.to).into(),
    };
    serde_json::to_writer(out, &record)
}
