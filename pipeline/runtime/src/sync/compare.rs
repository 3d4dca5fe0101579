//! What the platform says against what is known. Only what differs leaves; each difference also in words.

use crate::graph::ListedNumber;
use crate::views::{Known, KnownSender, SyncChange};
use std::collections::HashSet;
use tollgate_quality::Limit;
use tollgate_wire::command::{Command, LimitScope, TemplateSpec, TemplateStatus};
use tollgate_wire::event::{PlatformEvent, SenderChange};
use tollgate_wire::{Time, command};

/// An announced category is believed in for so long after its time, where the list still has the one before.
const ANNOUNCED_S: u32 = 2 * 86_400;
/// Messages a second of a number that is not called high.
const STANDARD: u32 = 80;

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// For the commands.
    pub(super) templates: Vec<TemplateSpec>,
    /// For the events.
    pub(super) events: Vec<PlatformEvent<'static>>,
    /// In words.
    pub(super) changes: Vec<SyncChange>,
    /// Templates that are known and that the platform does not have.
    pub(super) not_listed: Vec<String>,
    /// Those of them that were listed before: deleted, if the next list lacks them too.
    pub(super) missed: Missed,
}

/// Name and language of templates that a list lacked.
pub(super) type Missed = HashSet<(String, String)>;

/// Compares both whole lists of a WABA. `missed` is what the list before lacked: a list may lack a template by a fault of
/// the platform and not say so, and what is deleted is sent no more.
///
/// # Errors
/// The list is too strange to be acted upon.
pub(super) fn differences(
    known: &Known,
    templates: Vec<TemplateSpec>,
    numbers: &[ListedNumber],
    missed: &Missed,
    now: Time,
) -> Result<Differences, String> {
    let mut found = Differences::default();
    let were_listed = known.templates.iter().filter(|t| t.components.is_some() && t.status != TemplateStatus::Deleted);
    let were_listed = were_listed.count();
    if templates.is_empty() && were_listed > 0 {
        return Err(format!(
            "the platform lists no template, and {were_listed} were listed before; nothing is changed: check that the \
             token of its app may read them"
        ));
    }
    let listed: HashSet<(String, String)> = templates.iter().map(|t| (t.name.clone(), t.language.clone())).collect();
    for template in templates {
        one_template(known, template, now, &mut found);
    }
    for gone in &known.templates {
        let name = (gone.name.clone(), gone.language.clone());
        if listed.contains(&name) || gone.status == TemplateStatus::Deleted {
            continue;
        }
        found.not_listed.push(format!("{} {}", gone.name, gone.language));
        // One that was only declared may be on its way to the platform.
        if gone.components.is_none() {
            continue;
        }
        if missed.contains(&name) {
            let deleted = TemplateSpec { status: TemplateStatus::Deleted, ..gone.clone() };
            found.change_template(Some(gone), deleted);
        }
        found.missed.insert(name);
    }
    for number in numbers {
        if let Some(known) = known.senders.iter().find(|sender| sender.id == number.id) {
            one_number(known, number, &mut found);
        }
    }
    limit(known, numbers, &mut found);
    Ok(found)
}

fn one_template(known: &Known, mut listed: TemplateSpec, now: Time, found: &mut Differences) {
    let before = known.templates.iter().find(|t| t.name == listed.name && t.language == listed.language);
    let announced = before.and_then(|before| before.next_category);
    listed.next_category = announced.filter(|next| {
        let is_past = next.at_s != 0 && now.secs() > next.at_s.saturating_add(ANNOUNCED_S);
        next.category != listed.category && !is_past
    });
    if before == Some(&listed) {
        return;
    }
    found.change_template(before, listed);
}

fn one_number(known: &KnownSender, listed: &ListedNumber, found: &mut Differences) {
    let quality = listed.quality.filter(|quality| *quality != known.quality);
    // Numbers that are slower than the standard (those that are on a phone too) are listed as standard.
    let throughput = listed.throughput.map(|rate| if rate == STANDARD { known.throughput.min(STANDARD) } else { rate });
    let throughput = throughput.filter(|throughput| *throughput != known.throughput);
    let mut say = |what: String| found.changes.push(SyncChange { of: known.id.clone(), what });
    if let Some(new) = quality {
        say(format!("quality {} → {new}", known.quality));
    }
    if let Some(new) = throughput {
        say(format!("throughput {} → {new}", known.throughput));
    }
    if quality.is_some() || throughput.is_some() {
        let change = SenderChange { sender: known.id.clone().into(), quality, throughput, limit: None };
        found.events.push(PlatformEvent::Sender(change));
    }
}

/// The limit that the numbers name. All of a portfolio name the same; under a limit per number it is the smallest, and
/// only where no other WABA of the account has a word in it.
fn limit(known: &Known, numbers: &[ListedNumber], found: &mut Differences) {
    if known.limit_scope == LimitScope::Number && known.wabas > 1 {
        return;
    }
    let ours = numbers.iter().filter(|number| known.senders.iter().any(|sender| sender.id == number.id));
    let users = |limit: &Limit| limit.users().unwrap_or(u32::MAX);
    let Some(limit) = ours.filter_map(|number| number.limit).min_by_key(users) else { return };
    if limit != known.limit {
        let what = format!("{} → {limit}", known.limit);
        found.changes.push(SyncChange { of: "messaging limit".to_owned(), what });
        found.events.push(PlatformEvent::Limit { limit });
    }
}

impl Differences {
    fn change_template(&mut self, before: Option<&TemplateSpec>, new: TemplateSpec) {
        let of = format!("{} {}", new.name, new.language);
        let probe = Command::PutTemplate { account: "a".to_owned(), waba: "1".to_owned(), template: new.clone() };
        if let Err(why) = command::check(&probe) {
            self.changes.push(SyncChange { of, what: format!("left alone: {why}") });
            return;
        }
        self.changes.push(SyncChange { of, what: words(before, &new) });
        self.templates.push(new);
    }
}

/// What is different, for people.
fn words(before: Option<&TemplateSpec>, new: &TemplateSpec) -> String {
    let Some(before) = before else {
        return format!("new: {}, {}", new.category, new.status.as_str());
    };
    let mut words = Vec::new();
    if before.status != new.status {
        words.push(format!("{} → {}", before.status.as_str(), new.status.as_str()));
    }
    if before.category != new.category {
        words.push(format!("{} → {}", before.category, new.category));
    }
    if before.quality != new.quality {
        words.push(format!("quality {} → {}", before.quality, new.quality));
    }
    let parameters = |t: &TemplateSpec| (t.body.clone(), t.header, t.buttons);
    let digest = |t: &TemplateSpec| t.components.as_ref().map(|components| components.digest.clone());
    if parameters(before) != parameters(new) {
        words.push("other parameters".to_owned());
    } else if before.components.is_none() {
        words.push("its components".to_owned());
    } else if digest(before) != digest(new) {
        words.push("other words".to_owned());
    }
    if before.ttl_s != new.ttl_s {
        let of = |ttl_s: Option<u32>| ttl_s.map_or_else(|| "the default".to_owned(), |s| format!("{s} s"));
        words.push(format!("time to live {} → {}", of(before.ttl_s), of(new.ttl_s)));
    }
    if before.next_category != new.next_category {
        words.push("the announced category is off".to_owned());
    }
    if words.is_empty() {
        words.push("its components".to_owned());
    }
    words.join(", ")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tollgate_quality::Score;

    const NOW: Time = Time(1_795_262_400_000);

    fn template(more: &Value) -> TemplateSpec {
        let mut spec = json!({"name": "promo", "language": "pt_BR", "category": "marketing", "body": ["1"],
            "components": {"digest": "aa"}});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(spec).unwrap()
    }

    fn known(templates: Vec<TemplateSpec>) -> Known {
        let sender = |id: &str| KnownSender { id: id.to_owned(), quality: Score::Green, throughput: 80 };
        Known {
            templates,
            limit: Limit::Users(1_000),
            limit_scope: LimitScope::Portfolio,
            wabas: 1,
            senders: vec![sender("1"), sender("2")],
        }
    }

    fn number(id: &str, quality: Option<Score>, throughput: Option<u32>, limit: Option<Limit>) -> ListedNumber {
        ListedNumber { id: id.to_owned(), quality, throughput, limit }
    }

    /// After a list that lacked nothing.
    fn compared(known: &Known, templates: Vec<TemplateSpec>, numbers: &[ListedNumber]) -> Result<Differences, String> {
        differences(known, templates, numbers, &Missed::new(), NOW)
    }

    fn told(known: &Known, templates: Vec<TemplateSpec>, numbers: &[ListedNumber]) -> Vec<String> {
        let found = compared(known, templates, numbers).unwrap();
        found.changes.iter().map(|change| format!("{}: {}", change.of, change.what)).collect()
    }

    #[test]
    fn what_is_as_it_was_says_nothing() {
        let same = vec![template(&json!({})), template(&json!({"language": "en_US"}))];
        let known = known(same.clone());
        let numbers =
            [number("1", Some(Score::Green), Some(80), Some(Limit::Users(1_000))), number("2", None, None, None)];
        let found = compared(&known, same, &numbers).unwrap();
        assert!(found.templates.is_empty() && found.events.is_empty() && found.changes.is_empty(), "{found:?}");
    }

    #[test]
    fn templates() {
        let plain = template(&json!({}));
        let old = known(vec![plain.clone()]);
        let with = |more: Value| told(&old, vec![template(&more)], &[]);
        assert_eq!(with(json!({"status": "paused"})), ["promo pt_BR: approved → paused"]);
        assert_eq!(with(json!({"category": "utility"})), ["promo pt_BR: marketing → utility"]);
        assert_eq!(with(json!({"quality": "RED"})), ["promo pt_BR: quality UNKNOWN → RED"]);
        assert_eq!(with(json!({"body": ["1", "2"]})), ["promo pt_BR: other parameters"]);
        assert_eq!(with(json!({"components": {"digest": "bb"}})), ["promo pt_BR: other words"]);
        let both = vec![plain.clone(), template(&json!({"name": "news"}))];
        assert_eq!(told(&old, both, &[]), ["news pt_BR: new: marketing, approved"]);
        let strange = vec![plain, template(&json!({"name": "No Name"}))];
        let told = told(&old, strange.clone(), &[]);
        assert!(told.len() == 1 && told[0].starts_with("No Name pt_BR: left alone: "), "{told:?}");
        assert!(compared(&old, strange, &[]).unwrap().templates.is_empty());
    }

    #[test]
    fn what_two_lists_lack_is_gone_only_if_it_was_listed_before() {
        let mut declared = template(&json!({"name": "declared"}));
        declared.components = None;
        let old = known(vec![template(&json!({})), template(&json!({"name": "news"})), declared.clone()]);
        let first = compared(&old, vec![template(&json!({}))], &[]).unwrap();
        assert_eq!(first.not_listed, ["news pt_BR", "declared pt_BR"]);
        assert!(first.templates.is_empty() && first.changes.is_empty(), "one list may be less than it says");
        let whole = vec![template(&json!({})), template(&json!({"name": "news"}))];
        let back = differences(&old, whole, &[], &first.missed, NOW).unwrap();
        assert!(back.missed.is_empty() && back.changes.is_empty(), "{back:?}");
        let found = differences(&old, vec![template(&json!({}))], &[], &first.missed, NOW).unwrap();
        assert_eq!(found.not_listed, first.not_listed);
        let deleted: Vec<_> = found.templates.iter().map(|t| (t.name.as_str(), t.status)).collect();
        assert_eq!(deleted, [("news", TemplateStatus::Deleted)]);
        let why = compared(&old, Vec::new(), &[]).unwrap_err();
        assert!(why.starts_with("the platform lists no template, and 2 were listed before"), "{why}");
        let nothing = compared(&known(vec![declared]), Vec::new(), &[]).unwrap();
        assert_eq!((nothing.templates.len(), nothing.not_listed.len()), (0, 1), "a new WABA has none");
        let gone = known(vec![template(&json!({"status": "deleted"}))]);
        assert!(told(&gone, Vec::new(), &[]).is_empty());
    }

    #[test]
    fn an_announced_category_stays_until_it_is_there_or_long_past() {
        let next = |at_s: u32| json!({"next_category": {"category": "utility", "at_s": at_s}});
        let ahead = known(vec![template(&next(NOW.secs() + 60))]);
        assert!(told(&ahead, vec![template(&json!({}))], &[]).is_empty());
        assert_eq!(told(&ahead, vec![template(&json!({"category": "utility"}))], &[]).len(), 1);
        let found = compared(&ahead, vec![template(&json!({"category": "utility"}))], &[]).unwrap();
        assert_eq!(found.templates[0].next_category, None);
        let past = known(vec![template(&next(NOW.secs() - ANNOUNCED_S - 1))]);
        assert_eq!(told(&past, vec![template(&json!({}))], &[]), ["promo pt_BR: the announced category is off"]);
        let undated = known(vec![template(&next(0))]);
        assert!(told(&undated, vec![template(&json!({}))], &[]).is_empty());
    }

    #[test]
    fn numbers_and_their_limit() {
        let mut old = known(Vec::new());
        let of = |old: &Known, numbers: &[ListedNumber]| told(old, Vec::new(), numbers);
        let high = number("1", Some(Score::Yellow), Some(1_000), Some(Limit::Unlimited));
        let small = number("2", None, None, Some(Limit::Users(2_000)));
        let foreign = number("9", Some(Score::Red), Some(1_000), Some(Limit::Users(250)));
        assert_eq!(
            of(&old, &[high.clone(), small.clone(), foreign]),
            ["1: quality GREEN → YELLOW", "1: throughput 80 → 1000", "messaging limit: 1000 → 2000"]
        );
        assert_eq!(of(&old, &[high]).last().map(String::as_str), Some("messaging limit: 1000 → UNLIMITED"));
        let standard = number("1", None, Some(80), None);
        old.senders[0].throughput = 20;
        assert!(of(&old, std::slice::from_ref(&standard)).is_empty(), "a number that is on a phone too");
        old.senders[0].throughput = 1_000;
        assert_eq!(of(&old, &[standard]), ["1: throughput 1000 → 80"]);
        (old.limit_scope, old.wabas) = (LimitScope::Number, 2);
        assert!(of(&old, &[small]).is_empty(), "another WABA has a word in it");
    }
}
