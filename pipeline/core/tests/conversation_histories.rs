//! Histories of conversations: whoever of them is told first, how often, and by what words, each is charged once.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::World;
use common::conversations::{ANA, HOUR, JULY_2024_S, SWITCH_S, cbp, sent, sound, status, world, writes};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_core::change::CounterKey;
use tollgate_core::ids::{PairKey, SenderIx, User, WabaIx};

/// One delivery of a history, as the platform makes it.
#[derive(Clone, Copy, Debug)]
struct Made {
    person: usize,
    at_s: u32,
    category: usize,
    entry: bool,
}

const CATEGORIES: [&str; 4] = ["marketing", "utility", "authentication", "service"];
const PEOPLE: [&str; 2] = [ANA, "+5511987654322"];

/// The conversation of each delivery, by scanning all that were opened before: its number, and whether it opens it.
fn conversations_of(history: &[Made]) -> Vec<Option<(usize, bool)>> {
    let mut opened: Vec<Made> = Vec::new();
    let mut of = Vec::new();
    for m in history {
        let covers = |o: &Made| {
            let open = o.person == m.person && m.at_s - o.at_s < if o.entry { 72 * HOUR } else { 24 * HOUR };
            open && (o.entry || !m.entry && (o.category == m.category || m.category == 3))
        };
        // A free entry point goes before all others.
        let by = opened.iter().position(|o| o.entry && covers(o)).or_else(|| opened.iter().position(covers));
        of.push(match by {
            Some(n) => Some((n, false)),
            None if m.at_s >= SWITCH_S => None,
            None => {
                opened.push(*m);
                Some((opened.len() - 1, true))
            }
        });
    }
    of
}

fn history() -> impl Strategy<Value = Vec<Made>> {
    let start = prop::sample::select(vec![JULY_2024_S, 1_730_289_600, SWITCH_S - 48 * HOUR]);
    let offset = prop_oneof![(0..110_u32).prop_map(|h| h * HOUR), 0..110 * HOUR];
    // Around the ends of days, where one conversation follows the other.
    let offset =
        prop_oneof![offset, (0..5_u32, 0..7200_u32).prop_map(|(days, s)| (days * 24 * HOUR + s).saturating_sub(HOUR))];
    let made = (0..2_usize, offset, 0..4_usize, prop::bool::weighted(0.1));
    (start, prop::collection::vec(made, 1..14)).prop_map(|(start, all)| {
        let made = |(person, offset, category, entry)| Made { person, at_s: start + offset, category, entry };
        let mut all: Vec<Made> = all.into_iter().map(made).collect();
        all.sort_by_key(|m| m.at_s);
        all
    })
}

/// No two at one instant, where the hash of the wamid would decide who is the first.
fn apart(mut history: Vec<Made>) -> Vec<Made> {
    for n in 1..history.len() {
        history[n].at_s = history[n].at_s.max(history[n - 1].at_s + 1);
    }
    history
}

/// Every message is accepted before anything is delivered; the window is open all the time.
fn all_sent(history: &[Made]) -> (World, Vec<u64>) {
    let mut w = world(history[0].at_s - HOUR);
    let uids = history
        .iter()
        .map(|m| {
            // Pair rate and marketing caps are not in question here.
            w.advance(20_000);
            let now_s = (w.now_ms / 1000) as u32;
            writes(&mut w, PEOPLE[m.person], now_s);
            sent(&mut w, CATEGORIES[m.category], PEOPLE[m.person])
        })
        .collect();
    w.out.ledger.clear();
    w.advance(6 * 86_400_000);
    (w, uids)
}

/// What stands at the end: price, type and period by the message's hash.
fn standing(w: &World) -> BTreeMap<String, String> {
    sound(w);
    let mut by: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for e in &w.out.ledger {
        by.entry(e["wamid_hash"].as_str().unwrap().to_owned()).or_default().push(e);
    }
    by.retain(|_, entries| entries.iter().map(|e| e["quantity"].as_i64().unwrap()).sum::<i64>() == 1);
    let show = |e: &&Value| format!("{} {} {}", e["pricing_type"], e["category"], e["usage_period"]);
    by.into_iter().map(|(wamid, entries)| (wamid, show(entries.last().unwrap()))).collect()
}

/// The account of these worlds, paid for by somebody.
fn funded(funding: &str) -> Value {
    let mut spec = common::account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002"}));
    spec["wabas"][0]["funding"] = json!(funding);
    spec
}

fn hash(w: &World, uid: u64) -> u128 {
    w.engine.config().hash_key.wamid(&format!("wamid.{uid}"))
}

/// What a status says of the price.
#[derive(Clone, Copy, Debug)]
enum Word {
    Nothing,
    /// Model and category, and no id.
    Kind,
    Id,
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![Just(Word::Nothing), Just(Word::Kind), Just(Word::Id)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// In order, whatever of the platform's words there are: those messages have an entry that open a conversation, or that
    /// none covers where messages are charged.
    #[test]
    fn a_history_is_booked_as_a_recount_of_it(history in history(), words in prop::collection::vec(0..3_u8, 14)) {
        let history = apart(history);
        let (mut w, uids) = all_sent(&history);
        let of = conversations_of(&history);
        for (n, m) in history.iter().enumerate() {
            // A free entry point is known by the platform's word alone.
            let pricing = match (of[n], words[n]) {
                (None, _) if m.entry => json!({"model": "PMP", "category": CATEGORIES[m.category],
                    "pricing_type": "free_entry_point"}),
                (None, _) => Value::Null,
                (Some(_), 0) if !m.entry => Value::Null,
                (Some((c, _)), _) => cbp(kind(&history, &of, c), &format!("c{c}")),
            };
            for kind in &["delivered", "read", "delivered"][..1 + usize::from(words[n])] {
                w.event(&status(kind, uids[n], PEOPLE[m.person], m.at_s, pricing.clone()));
            }
        }
        let charged: Vec<String> = standing(&w).into_keys().collect();
        let mut expected: Vec<String> = (0..history.len())
            .filter(|n| of[*n].is_none_or(|(_, opens)| opens))
            .map(|n| format!("{:032x}", hash(&w, uids[n])))
            .collect();
        expected.sort();
        prop_assert_eq!(charged, expected);
    }

    /// In any order and any number of times, with and without a word, with times that become earlier, and some of them of other
    /// software: in the end each conversation is charged to its earliest message, in the month of it; the same after restarts.
    #[test]
    fn a_conversation_is_charged_to_its_earliest_message_in_any_order(
        history in history(),
        told in prop::collection::vec((any::<prop::sample::Index>(), word(), 0..7200_u32, prop_oneof![Just(0), 0..50 * HOUR]), 1..40),
        last in prop::collection::vec((any::<prop::sample::Index>(), 0..7200_u32), 14),
        commits in prop::collection::vec(prop::bool::weighted(0.2), 60),
        foreign in prop::collection::vec(prop::bool::weighted(0.3), 14),
        client_pays: bool,
    ) {
        let (mut w, uids) = all_sent(&history);
        if client_pays {
            w.apply(&funded("client_pays"));
        }
        // What other software sent has another wamid and no callback.
        let hash = |w: &World, n: usize| match foreign[n] {
            true => w.engine.config().hash_key.wamid(&format!("wamid.foreign.{n}")),
            false => hash(w, uids[n]),
        };
        let of = conversations_of(&history);
        // Everybody is told of once at least with the id, in another order.
        let mut order: Vec<usize> = (0..history.len()).collect();
        order.sort_by_key(|n| last[*n].0.index(1000));
        let named = order.into_iter().map(|n| (n, Word::Id, last[n].1, 0));
        let all = told.iter().map(|(i, word, earlier, later)| (i.index(history.len()), *word, *earlier, *later)).chain(named);
        let mut first_s = vec![u32::MAX; history.len()];
        for (step, (n, word, earlier, later)) in all.enumerate() {
            let Some((c, _)) = of[n] else { continue };
            let mut pricing = cbp(kind(&history, &of, c), &format!("c{c}"));
            let at_s = match word {
                Word::Id => history[n].at_s - earlier,
                // That it was read may be told before that it was delivered.
                Word::Nothing | Word::Kind => history[n].at_s + later,
            };
            match word {
                Word::Id => {}
                Word::Nothing => pricing = Value::Null,
                Word::Kind => _ = pricing.as_object_mut().unwrap().remove("conversation"),
            }
            first_s[n] = first_s[n].min(at_s);
            let mut told = status("delivered", uids[n], PEOPLE[history[n].person], at_s, pricing);
            if foreign[n] {
                told.as_object_mut().unwrap().remove("callback");
                told["wamid"] = json!(format!("wamid.foreign.{n}"));
            }
            w.event(&told);
            sound(&w);
            if commits.get(step).is_some_and(|c| *c) {
                w.commit();
                w.reload();
            }
        }
        let mut earliest: BTreeMap<usize, (u32, u128, usize)> = BTreeMap::new();
        for n in 0..history.len() {
            let Some((c, _)) = of[n] else { continue };
            let this = (first_s[n], hash(&w, n), n);
            let e = earliest.entry(c).or_insert(this);
            *e = this.min(*e);
        }
        let expected: Vec<String> = {
            let counted = |n: usize| foreign[n] && client_pays;
            let charged = earliest.values().filter(|(_, _, n)| !counted(*n));
            let mut all: Vec<String> = charged.map(|(_, hash, _)| format!("{hash:032x}")).collect();
            all.sort();
            all
        };
        prop_assert_eq!(standing(&w).into_keys().collect::<Vec<_>>(), expected);
        for (at_s, hash, n) in earliest.values() {
            let hash = json!(format!("{hash:032x}"));
            let stands = w.out.ledger.iter().rfind(|e| e["wamid_hash"] == hash).unwrap();
            prop_assert_eq!(&stands["usage_period"], &json!(month(*at_s)), "{}", stands);
            if foreign[*n] {
                let counted = stands["kind"] == "counted" && stands["cause"] != "reversal";
                prop_assert_eq!(counted, client_pays, "{}", stands);
                continue;
            }
            let told = w.out.outcomes.iter().rfind(|o| o["message_uid"] == json!(uids[*n]) && !o["charge"].is_null());
            prop_assert_eq!(&told.unwrap()["charge"]["entry"], &stands["entry"]);
        }
        let covered = |n: &usize| of[*n].is_some() && !earliest.values().any(|(_, _, first)| first == n);
        for n in (0..history.len()).filter(covered) {
            if foreign[n] {
                let hash = json!(format!("{:032x}", hash(&w, n)));
                let last = w.out.ledger.iter().rfind(|e| e["wamid_hash"] == hash);
                let is_back = |e: &Value| e["quantity"] == -1 || e["cause"] == "reversal";
                prop_assert!(last.is_none_or(is_back), "{:?}", last);
                continue;
            }
            let told = w.out.outcomes.iter().rfind(|o| o["message_uid"] == json!(uids[n]));
            let told = told.unwrap();
            prop_assert!(told["charge"].is_null() || told["charge"]["amount"] == json!("0"), "{}", told);
            prop_assert!(told["detail"].as_str().unwrap().starts_with("not charged"), "{}", told);
        }
    }

    /// Whatever the platform says, and says otherwise later: what is taken back was booked, what stands is counted once, and
    /// the allowance has been used by what stands.
    #[test]
    fn whatever_is_said_the_books_are_sound(
        history in history(),
        said in prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize, 0..7_u8, 0..4_usize, 0..7200_u32), 1..60),
    ) {
        let (mut w, uids) = all_sent(&history);
        for (message, status_kind, words, category, earlier) in said {
            let n = message.index(history.len());
            let id = format!("c{}", (n + category) % 3);
            let pricing = match words {
                0 => Value::Null,
                1 => cbp(CATEGORIES[category], &id),
                2 => cbp(CATEGORIES[history[n].category], &id),
                3 => json!({"model": "CBP", "category": CATEGORIES[category]}),
                4 => json!({"model": "PMP", "category": CATEGORIES[category], "pricing_type": "regular"}),
                5 => cbp("free_entry_point", &id),
                _ => json!({"model": "CBP", "category_text": "unheard of", "conversation": id}),
            };
            let kind = ["sent", "delivered", "read"][status_kind];
            let at_s = history[n].at_s - if words % 2 == 0 { 0 } else { earlier };
            w.event(&status(kind, uids[n], PEOPLE[history[n].person], at_s, pricing));
            sound(&w);
        }
        let mut used: BTreeMap<(u32, u8), i64> = BTreeMap::new();
        for e in &w.out.ledger {
            let counts = e["pricing_model"] == "CBP" && e["category"] == "service" && e["rulebook"] == "cbp-2023-06-01"
                && matches!(e["pricing_type"].as_str(), Some("regular" | "free_allowance"));
            if counts {
                let (year, month) = e["usage_period"].as_str().unwrap().split_once('-').unwrap();
                let month = year.parse::<u32>().unwrap() * 12 + month.parse::<u32>().unwrap() - 1;
                *used.entry((month, 4)).or_default() += e["quantity"].as_i64().unwrap();
            }
        }
        for ((month, category), n) in used {
            let counted = w.engine.state().counter(CounterKey::WabaAllowance(WabaIx(0), month, category));
            prop_assert_eq!(counted, u64::try_from(n).unwrap());
        }
        w.commit();
        let key = PairKey::new(SenderIx(0), User::from_digits(ANA[1..].parse().unwrap()).unwrap());
        prop_assert_eq!(w.engine.state().pair(key), w.fresh().state().pair(key));
    }
}

/// Local month, in Sao Paulo.
fn month(at_s: u32) -> String {
    let zone = tollgate_rate_card::Zone::new("America/Sao_Paulo").unwrap();
    zone.local_date_at(at_s.into()).to_string()[..7].to_owned()
}

/// Kind of a conversation, by the message that opened it.
fn kind(history: &[Made], of: &[Option<(usize, bool)>], conversation: usize) -> &'static str {
    let opener = of.iter().position(|o| *o == Some((conversation, true))).unwrap();
    if history[opener].entry { "free_entry_point" } else { CATEGORIES[history[opener].category] }
}
