//! System messages: a person has another number, or another business-scoped id. The platform writes them in the person's
//! place; they open no window. Newer and older names of the same change are told apart by nothing else.

use super::Out;
use super::envelope::RawMessage;
use super::recipient::recipient;
use crate::Text;
use crate::event::{NumberChanged, PlatformEvent};

/// One message of type `system`. Both ids of a person may be named; each is followed for itself.
pub(super) fn read<'a>(raw: RawMessage<'a>, sender: Option<&Text<'a>>, out: &mut Out<'a>) {
    let changed = |kind: &str| {
        matches!(
            kind,
            "user_changed_number" | "customer_changed_number" | "user_changed_user_id" | "customer_changed_user_id"
        )
    };
    let Some(system) = raw.system.filter(|s| s.kind.as_deref().is_some_and(changed)) else {
        return out.form("message_system");
    };
    let Some(at_s) = raw.timestamp.and_then(|t| t.u32()) else { return out.malformed() };
    let number = (recipient(raw.from, None), recipient(system.wa_id.or(system.new_wa_id), None));
    let scoped = (recipient(None, raw.from_user_id), recipient(None, system.user_id));
    let pairs = match (number, scoped) {
        // A number that is shared no longer, or again.
        ((Some(from), None), (None, Some(to))) | ((None, Some(to)), (Some(from), None)) => [Some((from, to)), None],
        ((from, to), (from_scoped, to_scoped)) => [from.zip(to), from_scoped.zip(to_scoped)],
    };
    let mut told = false;
    for (from, to) in pairs.into_iter().flatten() {
        told = true;
        if from == to {
            out.form("message_system");
        } else {
            out.event(sender.cloned(), PlatformEvent::NumberChanged(NumberChanged { from, to, at_s }));
        }
    }
    if !told {
        out.malformed();
    }
}
