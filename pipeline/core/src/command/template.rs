//! Templates: put, and changed by the platform.

use crate::change::Change;
use crate::decide::{Decision, Facts};
use crate::effect::Effect;
use crate::ids::TemplateIx;
use crate::record::{Account, Template};
use crate::state::State;
use tollgate_wire::command::{TemplateSpec, TemplateStatus};
use tollgate_wire::event::TemplateChange;

pub(super) fn put_template(
    state: &State,
    account: &Account,
    waba: &str,
    spec: &TemplateSpec,
    out: &mut Decision,
) -> Result<(), String> {
    let Some(ix) = state.waba_of(account.ix, waba).map(|w| w.ix).filter(|w| account.wabas.contains(w)) else {
        return Err(format!("waba {waba} is not one of account {}", account.spec.account));
    };
    let known = state.template(ix, &spec.name, &spec.language);
    let template = Template {
        ix: known.map_or(TemplateIx(state.templates.len() as u32), |k| k.ix),
        waba: ix,
        spec: spec.clone(),
        // A pause goes on while the status stays: whoever asked the platform tells other news of a paused one.
        pauses: known.filter(|k| k.spec.status == spec.status).map(|k| k.pauses).unwrap_or_default(),
    };
    // Told also when nothing changes: whoever asks for it does not see it as it is.
    out.effects.push(Effect::Template(template.ix));
    if known != Some(&template) {
        out.changes.push(Change::Template(Box::new(template)));
    }
    Ok(())
}

/// The platform changed a template. A pause ends by its own rule if no word of its end comes; one that is known of already,
/// because a message was refused for it, is the same pause.
pub(crate) fn template_changed(
    facts: &Facts<'_>,
    account: &Account,
    t: &TemplateChange<'_>,
    now_ms: u64,
    out: &mut Decision,
) {
    let state = facts.state;
    let known = state
        .waba_of(account.ix, &t.waba)
        .filter(|w| account.wabas.contains(&w.ix))
        .and_then(|w| state.template(w.ix, &t.name, &t.language));
    let Some(known) = known else {
        out.rejected = Some(format!("template {} {} is not known; declare or sync it", &*t.name, &*t.language));
        return;
    };
    let mut new = known.clone();
    new.spec.status = t.status.unwrap_or(new.spec.status);
    let now_s = (now_ms / 1000) as u32;
    if t.status == Some(TemplateStatus::Paused) {
        let was_paused = known.spec.status == TemplateStatus::Paused;
        match t.pause {
            // The one that goes on, or told again after it has ended.
            Some(number) if was_paused && number <= known.pauses.count => {}
            Some(number) => new.pauses = known.pauses.nth(number, now_s),
            // Without a number it is no pause that ends by itself.
            None => new.pauses = known.pauses.until_told(),
        }
    }
    new.spec.category = t.category.unwrap_or(new.spec.category);
    new.spec.quality = t.quality.unwrap_or(new.spec.quality);
    new.spec.next_category = t.next_category.or(new.spec.next_category);
    // What was announced is there, or is taken back.
    if new.spec.next_category.is_some_and(|next| next.category == new.spec.category) {
        new.spec.next_category = None;
    }
    if new != *known {
        out.effects.push(Effect::Template(new.ix));
        out.changes.push(Change::Template(Box::new(new)));
    }
}
