//! What was said, with where and in which version of the text: kept, and shown to the views.

use super::said::{Source, Whose};
use crate::change::{Change, Proof};
use crate::decide::Decision;
use crate::effect::Effect;
use tollgate_rate_card::Category;
use tollgate_wire::command::ConsentState;

/// What was said, for its proof.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    /// As in [`Proof::category`].
    pub(super) matter: u8,
    pub(super) state: ConsentState,
    pub(super) at_s: u32,
    pub(super) source: Source<'a>,
    pub(super) ends_s: u32,
    pub(super) pending: bool,
}

impl<'a> Said<'a> {
    /// Yes or no to a category, or to everything.
    pub(crate) fn consent(c: Option<Category>, state: ConsentState, at_s: u32, source: Source<'a>) -> Self {
        let matter = c.map_or(Proof::ALL, |c| crate::record::slot_of(c) as u8);
        Self { matter, state, at_s, source, ends_s: 0, pending: false }
    }

    /// Onto the suppression list, or off it.
    pub(crate) fn listed(listed: bool, at_s: u32, source: &'a str) -> Self {
        let state = if listed { ConsentState::OptOut } else { ConsentState::OptIn };
        Self { matter: Proof::SUPPRESSION, state, at_s, source: (source, ""), ends_s: 0, pending: false }
    }
}

/// Keeps what a person said, with where and in which version of the text, and shows it to the views.
pub(crate) fn prove((key, brand): Whose, said: &Said<'_>, out: &mut Decision) {
    let (source, text_version) = said.source;
    let proof = Box::new(Proof {
        contact: key.0,
        category: said.matter,
        state: said.state,
        source: source.to_owned(),
        at_ms: u64::from(said.at_s) * 1000,
        text_version: text_version.to_owned(),
        ends_s: said.ends_s,
        pending: said.pending,
        brand: brand.0,
    });
    out.effects.push(Effect::Consent(proof.clone()));
    out.changes.push(Change::Proof(proof));
}
