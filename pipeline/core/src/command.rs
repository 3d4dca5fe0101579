//! Commands and the platform's changes of settings: accounts, senders, templates, campaigns, consents.

mod account;
mod campaign;
mod check;
mod platform;
mod scope;
mod template;

use self::account::apply_account;
use self::campaign::{control_campaign, put_campaign};
use self::template::put_template;
use crate::consent::said;
use crate::decide::{Decision, Facts};
use tollgate_wire::command::Command;

pub(crate) use campaign::{has_room, new_campaign, too_many};
pub use check::check_account;
pub(crate) use platform::{account_state, limit_changed, sender_changed};
pub(crate) use template::template_changed;

/// Applies a command; what cannot be applied leaves `rejected` with field, value and remedy, and changes nothing.
pub(crate) fn apply(facts: &Facts<'_>, command: &Command, now_ms: u64, out: &mut Decision) {
    let result = match command {
        Command::ApplyAccount { spec } => apply_account(facts, spec, now_ms, out),
        other => match facts.state.account(other.account()) {
            None => Err(format!("account {:?} is not in the registry; apply it first", other.account())),
            Some(account) => match other {
                Command::PutCampaign { spec, .. } => put_campaign(facts.state, account, spec, now_ms, out),
                Command::ControlCampaign { campaign, action, test_recipients, .. } => {
                    control_campaign(facts.state, account, campaign, (*action, test_recipients), out)
                }
                Command::SetConsent { consent, .. } => said::command(facts, account, consent, now_ms, out),
                Command::SetSuppression { suppression, .. } => {
                    said::suppression(facts, account, suppression, now_ms, out)
                }
                Command::ErasePerson { to, .. } => said::erase(facts, account, to, out),
                Command::PutTemplate { waba, template, .. } => put_template(facts.state, account, waba, template, out),
                Command::ApplyAccount { .. } => Ok(()),
            },
        },
    };
    if let Err(why) = result {
        out.changes.clear();
        out.effects.clear();
        out.rejected = Some(why);
    }
}
