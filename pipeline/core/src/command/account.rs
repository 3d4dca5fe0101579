//! An account is declared: its WABAs, senders and templates, and what the platform told of them since.

use super::check::{check_budgets, check_currencies};
use super::platform::live_under;
use super::{check_account, scope};
use crate::admission;
use crate::change::Change;
use crate::consent::Words;
use crate::decide::{Decision, Facts};
use crate::effect::Effect;
use crate::fee;
use crate::ids::{AccountIx, SenderIx, TemplateIx, WabaIx};
use crate::levels;
use crate::markup;
use crate::record::{Account, Brands, NamesUsedUp, Sender, Template, Waba};
use crate::state::State;
use tollgate_rate_card::{Currency, Zone};
use tollgate_wire::command::{AccountSpec, SenderSpec, TemplateSpec, WabaSpec};

pub(super) fn apply_account(
    facts: &Facts<'_>,
    spec: &AccountSpec,
    now_ms: u64,
    out: &mut Decision,
) -> Result<(), String> {
    let state = facts.state;
    check_account(state, spec)?;
    check_currencies(facts, spec)?;
    check_budgets(facts, spec)?;
    markup::check(facts, spec, now_ms)?;
    let old = state.account(&spec.account);
    let ix = match old {
        Some(a) => a.ix,
        None => AccountIx(State::owner_slot(state.accounts.len(), "accounts").map_err(|e| e.to_string())?),
    };
    let declared_before = old.map(|a| &a.declared);
    let mut told = Vec::new();
    let mut live = spec.clone();
    // What the platform reported since stays, unless the declaration itself changed. A block does not: to apply an
    // account again is how an operator says that token, number or payment is in order.
    if let (Some(old), Some(before)) = (old, declared_before)
        && before.limit == spec.limit
    {
        live.limit = old.spec.limit;
    }
    if let Some(old) = old {
        levels::limit(old, live.limit, &mut told);
    }
    let names = old.into_iter().flat_map(|a| a.brands.names());
    let was = old.into_iter().flat_map(|a| a.brands.history(&a.senders, (now_ms / 1000) as u32));
    // Once the senders have their numbers.
    let brands = |senders: &[SenderIx]| {
        Brands::of(spec, senders, names, was).map_err(|NamesUsedUp| {
            format!("account {}: policy.brands: too many names were used so far; use one of them again", spec.account)
        })
    };
    let mut account = Account {
        ix,
        declared: spec.clone(),
        wabas: Vec::new(),
        senders: Vec::new(),
        words: Words::of(&spec.policy),
        brands: Brands::default(),
        // No declaration opens a month again.
        closed: old.map_or(0, |a| a.closed),
        since_ms: old.map_or(now_ms, |a| a.since_ms),
        spec: live,
    };
    let (mut wabas, mut senders, mut templates) = (state.wabas.len(), state.senders.len(), state.templates.len());
    let (mut later, mut numbers) = (Vec::new(), Vec::new());
    for w in &spec.wabas {
        let waba = state.waba_of(ix, &w.id).map(|known| known.ix).map_or_else(
            || {
                wabas += 1;
                State::owner_slot(wabas - 1, "WABAs").map(WabaIx)
            },
            Ok,
        );
        let waba = waba.map_err(|e| e.to_string())?;
        account.wabas.push(waba);
        later.push(Change::Waba(Box::new(Waba {
            ix: waba,
            account: ix,
            id: w.id.clone(),
            currency: Currency::new(&w.currency).ok_or("currency")?,
            zone: Zone::new(&w.time_zone).map_err(|e| e.to_string())?,
            funding: w.funding,
            spec: WabaSpec { senders: Vec::new(), templates: Vec::new(), ..w.clone() },
            barred: Vec::new(),
        })));
        for s in &w.senders {
            let known = state.sender_of(ix, &s.id);
            let sender = match known {
                Some(k) => k.ix,
                None => {
                    senders += 1;
                    SenderIx(State::owner_slot(senders - 1, "senders").map_err(|e| e.to_string())?)
                }
            };
            account.senders.push(sender);
            numbers.push(fee::Declared {
                waba,
                sender,
                zone: Zone::new(&w.time_zone).map_err(|e| e.to_string())?,
                asked: w.markup.iter().any(fee::asks_for_numbers),
            });
            let before = declared_sender(declared_before, &s.id);
            let spec = merge_sender(s, before, known.map(|k| &k.spec));
            if let Some(known) = known {
                levels::sender(known, &spec, &mut told);
            }
            later.push(Change::Sender(Box::new(Sender {
                ix: sender,
                account: ix,
                waba,
                spec,
                removed: false,
                blocked_by: None,
                marketing_held_by: None,
            })));
        }
        for t in &w.templates {
            let known = state.template(waba, &t.name, &t.language).filter(|_| waba.at() < state.wabas.len());
            let template = known.map_or_else(
                || {
                    templates += 1;
                    TemplateIx(templates as u32 - 1)
                },
                |k| k.ix,
            );
            let before = declared_template(declared_before, &w.id, t);
            let spec = merge_template(t, before, known.map(|k| &k.spec));
            // A pause goes on while the status stays.
            let pauses = known.filter(|known| known.spec.status == spec.status).map(|known| known.pauses);
            let pauses = pauses.unwrap_or_default();
            later.push(Change::Template(Box::new(Template { ix: template, waba, spec, pauses })));
            told.push(Effect::Template(template));
        }
    }
    account.brands = brands(&account.senders)?;
    if let Some(old) = old {
        for gone in old.senders.iter().filter(|s| !account.senders.contains(s)) {
            let sender = Sender { removed: true, ..state.sender_at(*gone).clone() };
            later.push(Change::Sender(Box::new(sender)));
        }
    }
    let declared = |change: &Change| match change {
        Change::Sender(s) if !s.removed => Some((**s).clone()),
        _ => None,
    };
    let declared: Vec<Sender> = later.iter().filter_map(declared).collect();
    let weights = admission::pacing_weights(declared.iter().map(|s| &s.spec));
    for sender in declared.iter().filter(|s| s.ix.at() < state.senders.len()) {
        let live = state.live(sender.ix);
        let under = live_under(live, &account, sender, weights, now_ms);
        if under != live {
            later.push(Change::SenderLive(sender.ix, under));
        }
    }
    fee::numbers(facts, old, &numbers, now_ms, &mut later);
    if old.is_some_and(|old| scope::is_to_change(old, &account.spec)) {
        scope::change(facts, ix, spec.limit_scope, now_ms, &mut later);
    }
    // The account first: senders are looked up through it.
    out.changes.push(Change::Account(Box::new(account)));
    out.changes.append(&mut later);
    out.effects.push(Effect::Registry(ix));
    out.effects.append(&mut told);
    Ok(())
}

fn declared_sender<'a>(declared: Option<&'a AccountSpec>, id: &str) -> Option<&'a SenderSpec> {
    declared?.wabas.iter().flat_map(|w| &w.senders).find(|s| s.id == id)
}

fn declared_template<'a>(d: Option<&'a AccountSpec>, waba: &str, t: &TemplateSpec) -> Option<&'a TemplateSpec> {
    let waba = d?.wabas.iter().find(|w| w.id == waba)?;
    waba.templates.iter().find(|o| o.name == t.name && o.language == t.language)
}

/// The declaration, and what the platform told since where the declaration says nothing new. A template that was read from
/// the platform before it was declared is as the platform has it.
fn merge_template(new: &TemplateSpec, before: Option<&TemplateSpec>, live: Option<&TemplateSpec>) -> TemplateSpec {
    let Some(live) = live else { return new.clone() };
    match before {
        Some(before) if before == new => return live.clone(),
        None if live.components.is_some() => return live.clone(),
        _ => {}
    }
    let mut spec = new.clone();
    if let Some(before) = before {
        if before.status == new.status {
            spec.status = live.status;
        }
        if before.category == new.category {
            spec.category = live.category;
        }
    }
    // A time to live that is declared stands; otherwise it is as the platform has it.
    let declared = spec.ttl_s.take();
    if spec.is_plain() {
        spec.ttl_s = live.ttl_s;
        spec.quality = live.quality;
        spec.next_category = live.next_category;
        // By a body, header or buttons that are new it is not checked any more until the platform was asked again.
        let same = (&new.body, new.header, new.buttons) == (&live.body, live.header, live.buttons);
        spec.components = live.components.clone().filter(|_| same);
    }
    spec.ttl_s = declared.or(spec.ttl_s);
    spec
}

fn merge_sender(new: &SenderSpec, before: Option<&SenderSpec>, live: Option<&SenderSpec>) -> SenderSpec {
    let mut spec = new.clone();
    if let (Some(before), Some(live)) = (before, live) {
        if before.quality == new.quality {
            spec.quality = live.quality;
        }
        if before.throughput == new.throughput {
            spec.throughput = live.throughput;
        }
    }
    spec
}
