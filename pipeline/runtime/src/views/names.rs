//! Campaigns and states by number, and what the present batch changes in the counts.

use crate::ledger::{LedgerError, Sql, Value, named};
use std::collections::HashMap;
use tollgate_wire::outcome::{Chosen, OutcomeKind, ReasonText};
use tollgate_wire::request::ContentKind;

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// Numbers given so far; all of it is found again in the database.
#[derive(Default)]
pub(crate) struct Names {
    campaigns: Map<i64, Map<Box<str>, i64>>,
    states: Map<StateKey, i64>,
    stands: Map<i64, (OutcomeKind, i64)>,
    /// Of a campaign: what it sends, few enough to be looked through.
    variants: Map<(i64, bool), Vec<Variant>>,
    added: Map<i64, i64>,
}

/// Template and language, or the kind of what is no template; and its number.
type Variant = (Box<str>, Box<str>, &'static str, i64);

/// A message's state in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StateKey {
    account: i64,
    campaign: i64,
    outcome: OutcomeKind,
    reason: i64,
    variant: i64,
}

/// `reason` of a platform code; known reasons are 0 to 255, none is -1.
const PLATFORM: i64 = 1 << 32;

impl Names {
    /// The campaign's number, given at its first mention.
    pub(super) fn campaign(&mut self, tx: &dyn Sql, account: i64, name: &str) -> Result<i64, LedgerError> {
        let known = self.campaigns.entry(account).or_default();
        if let Some(ix) = known.get(name) {
            return Ok(*ix);
        }
        let values = [account.into(), name.into()];
        tx.run(
            "INSERT INTO campaigns (account, name) VALUES (?1, ?2) ON CONFLICT (account, name) DO NOTHING",
            &values,
        )?;
        let ix = tx.number("SELECT ix FROM campaigns WHERE account = ?1 AND name = ?2", &values)?.unwrap_or_default();
        known.insert(name.into(), ix);
        Ok(ix)
    }

    /// The number of what a campaign sends, given at its first mention.
    pub(super) fn variant(
        &mut self,
        tx: &dyn Sql,
        account: i64,
        campaign: i64,
        sent: &Chosen<'_>,
        test: bool,
    ) -> Result<i64, LedgerError> {
        let (template, language) = (sent.template.as_deref().unwrap_or(""), sent.language.as_deref().unwrap_or(""));
        // Earlier versions named no kind of a text.
        let kind = match &sent.template {
            Some(_) => "",
            None => sent.kind.unwrap_or(ContentKind::Text).as_str(),
        };
        let known = self.variants.entry((campaign, test)).or_default();
        if let Some((.., ix)) = known.iter().find(|(t, l, k, _)| (&**t, &**l, *k) == (template, language, kind)) {
            return Ok(*ix);
        }
        let [template_, language_] = [template, language].map(Value::Text);
        let of_it = [campaign.into(), template_, language_, Value::Text(kind), i64::from(test).into()];
        let [campaign_, template_, language_, kind_, test_] = of_it;
        tx.run(
            "INSERT INTO variants (account, campaign, template, language, kind, test) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (campaign, template, language, kind, test) DO NOTHING",
            &[account.into(), campaign_, template_, language_, kind_, test_],
        )?;
        let sql = "SELECT ix FROM variants WHERE campaign = ?1 AND template = ?2 AND language = ?3 AND kind = ?4 \
             AND test = ?5";
        let ix = tx.number(sql, &of_it)?.unwrap_or_default();
        known.push((template.into(), language.into(), kind, ix));
        Ok(ix)
    }

    /// The state's number; `variant` is what was sent, 0 before.
    pub(super) fn state(
        &mut self,
        tx: &dyn Sql,
        (account, campaign, variant): (i64, i64, i64),
        outcome: OutcomeKind,
        reason: Option<&ReasonText<'_>>,
    ) -> Result<i64, LedgerError> {
        let number = match reason {
            None => Some(-1),
            Some(ReasonText::Known(r)) => Some(*r as i64),
            Some(ReasonText::Platform(code)) => Some(PLATFORM + i64::from(*code)),
            // Written by a newer version: looked up every time.
            Some(ReasonText::Other(_)) => None,
        };
        let key = number.map(|reason| StateKey { account, campaign, outcome, reason, variant });
        if let Some(ix) = key.and_then(|k| self.states.get(&k)) {
            return Ok(*ix);
        }
        let reason = reason.map(ToString::to_string).unwrap_or_default();
        let values = [account.into(), campaign.into(), outcome.as_str().into(), reason.as_str().into(), variant.into()];
        tx.run(
            "INSERT INTO states (account, campaign, outcome, reason, variant) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (account, campaign, outcome, reason, variant) DO NOTHING",
            &values,
        )?;
        let sql = "SELECT ix FROM states WHERE account = ?1 AND campaign = ?2 AND outcome = ?3 AND reason = ?4 \
             AND variant = ?5";
        let ix = tx.number(sql, &values)?.unwrap_or_default();
        if let Some(key) = key {
            self.states.insert(key, ix);
        }
        Ok(ix)
    }

    /// The outcome that a state stands for, and what was sent.
    pub(super) fn stands(&mut self, tx: &dyn Sql, state: i64) -> Result<(OutcomeKind, i64), LedgerError> {
        if let Some(known) = self.stands.get(&state) {
            return Ok(*known);
        }
        let sql = "SELECT outcome, variant FROM states WHERE ix = ?1";
        let found = tx.first(sql, &[state.into()], |row| Ok((named("outcome", row.words(0)?)?, row.required(1)?)))?;
        let stands = found.ok_or_else(|| LedgerError::Damaged { what: "state", place: state.to_string() })?;
        self.stands.insert(state, stands);
        Ok(stands)
    }

    /// So many messages more in a state.
    pub(super) fn count(&mut self, state: i64, add: i64) {
        *self.added.entry(state).or_default() += add;
    }

    /// Writes what the batch changed in the counts; to be called before its commit.
    pub(super) fn save(&mut self, tx: &dyn Sql) -> Result<(), LedgerError> {
        // In one order, as every process has it: no two wait for each other.
        let mut added: Vec<_> = self.added.drain().filter(|(_, add)| *add != 0).collect();
        added.sort_unstable();
        for (state, add) in added {
            let changed =
                tx.run("UPDATE states SET messages = messages + ?2 WHERE ix = ?1", &[state.into(), add.into()])?;
            if changed != 1 {
                return Err(LedgerError::Damaged { what: "state", place: state.to_string() });
            }
        }
        Ok(())
    }
}
