//! What was told while the lists were read stays: they may be older by then. Pure.

use crate::graph::ListedNumber;
use crate::views::Known;
use std::collections::HashMap;
use tollgate_wire::command::TemplateSpec;

/// The list with what is known and not in it.
pub(super) fn with_known(mut listed: Vec<TemplateSpec>, known: &Known) -> Vec<TemplateSpec> {
    let missing = known.templates.iter().filter(|known| {
        let same = |t: &TemplateSpec| t.name == known.name && t.language == known.language;
        known.components.is_some() && !listed.iter().any(same)
    });
    let missing: Vec<TemplateSpec> = missing.cloned().collect();
    listed.extend(missing);
    listed
}

/// The list, but templates that changed since `before` as they are now.
pub(super) fn unless_told(listed: Vec<TemplateSpec>, before: &Known, now: &Known) -> Vec<TemplateSpec> {
    type ByName<'k> = HashMap<(&'k str, &'k str), &'k TemplateSpec>;
    fn by_name(known: &Known) -> ByName<'_> {
        known.templates.iter().map(|t| ((t.name.as_str(), t.language.as_str()), t)).collect()
    }
    let (before, now) = (by_name(before), by_name(now));
    let told = |listed: TemplateSpec| {
        let name = (listed.name.as_str(), listed.language.as_str());
        match (before.get(&name), now.get(&name)) {
            (was, Some(is)) if was != Some(is) => (*is).clone(),
            _ => listed,
        }
    };
    listed.into_iter().map(told).collect()
}

/// Says nothing of what changed since `before`.
pub(super) fn numbers_unless_told(listed: &mut [ListedNumber], before: &Known, now: &Known) {
    for number in listed {
        let of = |known: &Known| known.senders.iter().find(|s| s.id == number.id).cloned();
        if of(before) != of(now) {
            (number.quality, number.throughput) = (None, None);
        }
        if before.limit != now.limit {
            number.limit = None;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use super::*;
    use crate::views::KnownSender;
    use tollgate_quality::{Limit, Score};
    use tollgate_wire::command::{LimitScope, TemplateStatus};

    fn template(name: &str, status: TemplateStatus) -> TemplateSpec {
        let spec = serde_json::json!({ "name": name, "language": "pt_BR", "category": "utility" });
        TemplateSpec { status, ..serde_json::from_value(spec).unwrap() }
    }

    fn known(status: TemplateStatus, quality: Score, limit: Limit) -> Known {
        Known {
            templates: vec![template("a", status)],
            limit,
            limit_scope: LimitScope::Portfolio,
            wabas: 1,
            senders: vec![KnownSender { id: "1".to_owned(), quality, throughput: 80 }],
        }
    }

    #[test]
    fn what_was_told_while_the_lists_were_read_stays() {
        let before = known(TemplateStatus::Approved, Score::Green, Limit::Unlimited);
        let paused = known(TemplateStatus::Paused, Score::Yellow, Limit::Users(1_000));
        let listed = || vec![template("a", TemplateStatus::Approved), template("b", TemplateStatus::Approved)];
        let status = |of: Vec<TemplateSpec>| of.into_iter().map(|t| t.status).collect::<Vec<_>>();
        let both = [TemplateStatus::Paused, TemplateStatus::Approved];
        assert_eq!(status(unless_told(listed(), &before, &paused)), both);
        assert_eq!(status(unless_told(listed(), &paused, &paused)), [TemplateStatus::Approved; 2], "the list is newer");
        let number = ListedNumber {
            id: "1".to_owned(),
            quality: Some(Score::Green),
            throughput: Some(80),
            limit: Some(Limit::Unlimited),
        };
        let mut numbers = [number.clone()];
        numbers_unless_told(&mut numbers, &before, &before);
        assert_eq!(numbers[0], number);
        numbers_unless_told(&mut numbers, &before, &paused);
        assert_eq!((numbers[0].quality, numbers[0].throughput, numbers[0].limit), (None, None, None));
    }
}
