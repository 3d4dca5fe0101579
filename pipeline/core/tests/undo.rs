//! An abort leaves what a fresh load from the store gives; a commit and a fresh load give what is running; a batch that is
//! written in parts comes to what it comes to when it is written whole.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{NOON_MS, Unwritten, World, accepted, account_spec, promo, shipped, status};
use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::Engine;
use tollgate_core::change::CounterKey;
use tollgate_core::ids::{AccountIx, ContactKey, PairKey, SenderIx, User, WabaIx};
use tollgate_core::lots::Resource;
use tollgate_wire::Time;

const PEOPLE: u32 = 6;
const SENDERS: [&str; 2] = ["1001", "1002"];

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Request { person: u32, kind: u8, urgent: bool, later: bool },
    Result { order: prop::sample::Index, kind: u8 },
    Status { order: prop::sample::Index, kind: u8, after_s: u32, priced: bool },
    Inbound { person: u32, sender: bool, stop: bool },
    Foreign { person: u32, wamid: u8, read: bool },
    Scoped { id: u8 },
    Consent { person: u32, opt_in: bool, ends: bool },
    Listed { person: u32, listed: bool },
    Erase { person: u32 },
    Moved { from: u32, to: u32, earlier_s: u32 },
    Campaign { action: u8 },
    Settings { kind: u8 },
    Advance { ms: u32 },
    Tick { most: u8 },
    Write,
    Commit,
    Abort,
}

fn step() -> impl Strategy<Value = Step> {
    let person = || 0..PEOPLE;
    let order = any::<prop::sample::Index>;
    prop_oneof![
        6 => (person(), 0..4_u8, any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(person, kind, urgent, later)| Step::Request { person, kind, urgent, later }),
        8 => (order(), 0..13_u8).prop_map(|(order, kind)| Step::Result { order, kind }),
        6 => (order(), 0..4_u8, 0..100_u32, any::<bool>())
            .prop_map(|(order, kind, after_s, priced)| Step::Status { order, kind, after_s, priced }),
        2 => (person(), any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(person, sender, stop)| Step::Inbound { person, sender, stop }),
        1 => (person(), 0..3_u8, any::<bool>()).prop_map(|(person, wamid, read)| Step::Foreign { person, wamid, read }),
        1 => (0..3_u8).prop_map(|id| Step::Scoped { id }),
        1 => (person(), any::<bool>(), any::<bool>())
            .prop_map(|(person, opt_in, ends)| Step::Consent { person, opt_in, ends }),
        1 => (person(), any::<bool>()).prop_map(|(person, listed)| Step::Listed { person, listed }),
        1 => person().prop_map(|person| Step::Erase { person }),
        1 => (person(), person(), 0..100_u32).prop_map(|(from, to, earlier_s)| Step::Moved { from, to, earlier_s }),
        2 => (0..6_u8).prop_map(|action| Step::Campaign { action }),
        2 => (0..7_u8).prop_map(|kind| Step::Settings { kind }),
        3 => prop_oneof![0..3_000_u32, 60_000..7_200_000_u32].prop_map(|ms| Step::Advance { ms }),
        4 => (1..40_u8).prop_map(|most| Step::Tick { most }),
        4 => Just(Step::Write),
        2 => Just(Step::Commit),
        3 => Just(Step::Abort),
    ]
}

/// What the platform says of a message: few conversations, so that messages meet in them.
fn conversation(n: u64) -> Value {
    let id = format!("c{}", n % 5);
    if n.is_multiple_of(5) {
        return json!({"model": "CBP", "category_text": "referral_conversion", "pricing_type": "free_entry_point",
            "conversation": id});
    }
    let category = ["marketing", "utility", "service"][(n % 5) as usize % 3];
    json!({"model": "CBP", "category": category, "conversation": id})
}

fn number(person: u32) -> String {
    format!("+55119870000{person:02}")
}

struct Play {
    w: World,
    spec: Value,
    requests: u32,
    by_conversation: bool,
}

/// 2024-07-30 12:00:00 UTC: conversations are charged.
const JULY_2024_MS: u64 = 1_722_340_800_000;

impl Play {
    fn new(scope: &str, by_conversation: bool) -> Self {
        let mut spec = account_spec("acme", "waba-1", "1001", "4", "GREEN");
        spec["limit_scope"] = json!(scope);
        spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002", "quality": "YELLOW"}));
        spec["policy"] = json!({"marketing_cap": 2, "in_flight": 3, "waiting_messages": 12,
            "consent": {"double_opt_in": ["service"], "implied_utility_days": 1}});
        let mut w = World::at(if by_conversation { JULY_2024_MS } else { NOON_MS });
        w.apply(&spec);
        w.campaign(&json!({"name": "c", "budget": "0.20"}));
        for person in 0..PEOPLE {
            w.opt_in(&number(person), "marketing");
            w.opt_in(&number(person), "utility");
        }
        w.commit();
        Self { w, spec, requests: 0, by_conversation }
    }

    fn request(&mut self, to: Value, kind: u8, urgent: bool, later: bool) {
        self.requests += 1;
        let id = format!("r{}", self.requests);
        let mut r = match kind {
            0 => shipped(&id, ""),
            1 => json!({"id": id, "account": "acme", "to": "", "purpose": "service", "content": [{"text": "Oi"}]}),
            _ => promo(&id, ""),
        };
        r["to"] = to;
        match kind {
            2 => r["campaign"] = json!("c"),
            // Created by its first request.
            3 => r["campaign"] = json!(format!("new{}", self.requests % 3)),
            _ => {}
        }
        r["sender"] = json!(SENDERS[(self.requests % 2) as usize]);
        if later {
            r["send_after"] = json!(Time(self.w.now_ms + 600_000).to_string());
        }
        let done = if urgent { self.w.urgent(&r) } else { self.w.request(&r) };
        assert_eq!(done, Ok(()));
    }

    fn order(&self, ix: prop::sample::Index) -> Option<(u64, u64)> {
        let orders = &self.w.out.orders;
        // An order of an aborted batch may name a message that never was: its results change nothing.
        let o = (!orders.is_empty()).then(|| &orders[ix.index(orders.len())])?;
        Some((o["message_uid"].as_u64().unwrap(), o["attempt"].as_u64().unwrap()))
    }

    fn step(&mut self, step: &Step) {
        let now_s = (self.w.now_ms / 1000) as u32;
        match step {
            Step::Request { person, kind, urgent, later } => {
                self.request(json!(number(*person)), *kind, *urgent, *later);
            }
            Step::Result { order, kind } => {
                let Some((uid, attempt)) = self.order(*order) else { return };
                let result = match kind {
                    0 => json!({"not_sent": {"reason": "leave_by"}}),
                    1 => json!({"rejected": {"code": 130_429}}),
                    2 => json!({"rejected": {"code": 131_026}}),
                    3 => json!("in_doubt"),
                    4 => json!({"rejected": {"code": 2}}),
                    5 => json!({"rejected": {"code": 131_016, "retry_after_s": 7}}),
                    6 => json!({"rejected": {"code": 80_007}}),
                    7 => json!({"rejected": {"code": 131_056}}),
                    8 => json!({"not_sent": {"reason": "unreachable"}}),
                    9 => {
                        let code = [132_015, 130_497, 131_048, 1][(uid % 4) as usize];
                        json!({"rejected": {"code": code}})
                    }
                    _ => json!({"accepted": {"wamid": format!("wamid.{uid}.{attempt}")}}),
                };
                let mut v = accepted(uid, 1, "");
                v["callback"]["attempt"] = json!(attempt);
                v["result"] = result;
                self.w.event(&v);
            }
            Step::Status { order, kind, after_s, priced } => {
                let Some((uid, attempt)) = self.order(*order) else { return };
                let kind = ["sent", "delivered", "read", "failed"][usize::from(*kind)];
                let mut v = status(kind, uid, &format!("wamid.{uid}.{attempt}"), now_s + after_s, *priced);
                v["callback"]["attempt"] = json!(attempt);
                if *priced && self.by_conversation {
                    v["pricing"] = conversation(uid);
                }
                v["code"] = if kind == "failed" { json!(131_049) } else { Value::Null };
                self.w.event(&v);
            }
            Step::Inbound { person, sender, stop } => {
                let mut v = json!({"event": "inbound", "sender": SENDERS[usize::from(*sender)], "from": number(*person),
                    "at_s": now_s, "id": format!("wrote.{}", now_s % 7)});
                if *stop {
                    v["keyword"] = json!(if now_s.is_multiple_of(5) { "Stop all!" } else { "stop" });
                } else if person.is_multiple_of(2) {
                    v["keyword"] = json!("Yes");
                }
                // Some of those that requests are addressed to, and some whom nobody knows.
                if now_s.is_multiple_of(3) {
                    v["bsuid"] = json!(format!("BR.{person}"));
                }
                self.w.event(&v);
            }
            Step::Foreign { person, wamid, read } => {
                let mut v = json!({"event": "status", "sender": "1001", "wamid": format!("foreign.{wamid}"),
                    "to": number(*person), "status": if *read { "read" } else { "delivered" }, "at_s": now_s});
                if !read {
                    v["pricing"] = json!({"model": "PMP", "category": "utility", "pricing_type": "regular"});
                    if self.by_conversation {
                        v["pricing"] = conversation(u64::from(*wamid));
                    }
                }
                self.w.event(&v);
            }
            Step::Scoped { id } => {
                self.request(json!({"bsuid": format!("BR.{id}"), "country": "BR"}), 0, false, false);
            }
            Step::Consent { person, opt_in, ends } => {
                let mut consent = json!({"to": number(*person), "state": if *opt_in { "opt_in" } else { "opt_out" },
                    "source": "t"});
                if *opt_in && *ends {
                    consent["expires"] = json!(Time(self.w.now_ms + 60_000).to_string());
                }
                self.w.command(&json!({"command": "set_consent", "account": "acme", "consent": consent}));
            }
            Step::Listed { person, listed } => self.w.command(&json!({"command": "set_suppression", "account": "acme",
                "suppression": {"to": number(*person), "listed": listed}})),
            Step::Erase { person } => {
                self.w.command(&json!({"command": "erase_person", "account": "acme", "to": number(*person)}));
            }
            Step::Moved { from, to, earlier_s } => {
                self.w.event(&json!({"event": "number_changed", "from": number(*from),
                "to": number(*to), "at_s": now_s - earlier_s}))
            }
            Step::Campaign { action } => match action {
                0 => self.w.control("c", "pause"),
                1 | 2 => self.w.control("c", "resume"),
                3 => self.w.campaign(&json!({"name": "c", "budget": "0.50"})),
                4 => self.w.campaign(&json!({"name": "c", "budget": "0.10", "weight": 3})),
                _ => {
                    // Unknown when no request has named it yet: then nothing happens.
                    let name = format!("new{}", self.requests % 3);
                    let _ = self.w.try_command(&json!({"command": "control_campaign", "account": "acme",
                        "campaign": name, "action": "cancel"}));
                }
            },
            Step::Settings { kind } => match kind {
                6 => self.w.event(&json!({"event": "template", "waba": "waba-1", "name": "promo", "language": "pt_BR",
                    "status": "paused", "pause": 1})),
                0 => self.w.event(&json!({"event": "sender", "sender": "1001", "quality": "RED"})),
                1 => self.w.event(&json!({"event": "sender", "sender": "1001", "quality": "GREEN", "throughput": 20})),
                2 => self.w.event(&json!({"event": "limit", "limit": 8})),
                3 => self.w.event(&json!({"event": "template", "waba": "waba-1", "name": "promo", "language": "pt_BR",
                    "status": "paused"})),
                4 => self.w.event(&json!({"event": "template", "waba": "waba-1", "name": "promo", "language": "pt_BR",
                    "status": "approved"})),
                _ => {
                    let spec = self.spec.clone();
                    self.w.apply(&spec);
                }
            },
            Step::Advance { ms } => self.w.advance(u64::from(*ms)),
            Step::Tick { most } => {
                self.w.engine.tick(usize::from(*most), &self.w.store, &mut self.w.out).unwrap();
            }
            Step::Commit => {
                self.w.commit();
                assert_eq!(look(&self.w.engine, self.w.now_ms), look(&self.w.fresh(), self.w.now_ms), "commit + load");
            }
            Step::Write => self.w.write(),
            Step::Abort => {
                self.w.unwritten = Unwritten::default();
                if !self.w.engine.abort() {
                    self.w.reload();
                }
                assert_eq!(look(&self.w.engine, self.w.now_ms), look(&self.w.fresh(), self.w.now_ms), "abort");
            }
        }
    }
}

/// Everything that must be alike, as lines for people.
fn look(e: &Engine, now_ms: u64) -> String {
    use std::fmt::Write as _;
    let s = e.state();
    let now_s = (now_ms / 1000) as u32;
    let mut out = String::new();
    let account = s.account("acme").unwrap();
    let _ = writeln!(out, "next uid {}, next timer {:?}, sizes {:?}", s.next_uid(), s.next_timer_ms(), s.sizes());
    let _ = writeln!(out, "account {:?} parked {:?}", account.spec.limit, s.lots().parked(account.ix));
    let quota = s.account_quota(account.ix);
    let _ = writeln!(out, "quota {} next {:?}", quota.count(now_s), quota.next_return_s(now_s));
    for id in SENDERS {
        let sender = s.sender(id).unwrap();
        let q = s.sender_quota(sender.ix);
        let _ = writeln!(out, "{sender:?} {:?} in flight {}", s.live(sender.ix), s.in_flight(sender.ix));
        let _ = writeln!(out, "{id} quota {} next {:?}", q.count(now_s), q.next_return_s(now_s));
    }
    let _ = writeln!(out, "{:?}", s.waba_at(WabaIx(0)).barred);
    let _ = writeln!(out, "{:?}", s.template(WabaIx(0), "promo", "pt_BR"));
    for month in [2024 * 12 + 6, 2024 * 12 + 7] {
        let used = |c| s.counter(CounterKey::WabaAllowance(WabaIx(0), month, c));
        let _ = writeln!(out, "allowance {:?}", [0, 1, 2, 3, 4].map(used));
    }
    for c in s.campaigns() {
        let (spent, reserved) = (c.spent.normalize(), c.reserved.normalize());
        let _ = writeln!(out, "{:?} {:?} spent {spent} reserved {reserved} {:?}", c.spec, c.state, c.counts);
    }
    for (key, lot) in s.lots().iter() {
        // When a shared lot was looked at last is not state.
        let opens_ms = lot.opens_ms().filter(|_| key.resource == Resource::Own);
        let _ = writeln!(out, "{key:?} {:?} {opens_ms:?}", lot.members);
    }
    for person in 0..PEOPLE {
        let user = User::from_digits(number(person)[1..].parse().unwrap()).unwrap();
        let _ = writeln!(out, "{:?}", s.contact(ContactKey::new(AccountIx(0), user)));
        for sender in 0..2 {
            let _ = writeln!(out, "{:?}", s.pair(PairKey::new(SenderIx(sender), user)));
        }
    }
    for id in 0..PEOPLE {
        let bsuid = format!("BR.{id}");
        let user = s.scoped_user(&bsuid);
        let _ = writeln!(out, "{bsuid} {:?}", user.map(|u| s.user_text(u)));
        if let Some(user) = user {
            let _ = writeln!(out, "{:?}", s.contact(ContactKey::new(AccountIx(0), user)));
            let _ = writeln!(out, "{:?}", s.pair(PairKey::new(SenderIx(0), user)));
        }
    }
    for uid in 1..s.next_uid() {
        if let Some(m) = s.message(uid).filter(|m| m.is_open()) {
            let _ = writeln!(out, "{m:?}");
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_abort_is_a_fresh_load_and_a_commit_loses_nothing(
        number_scope: bool,
        by_conversation: bool,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut play = Play::new(if number_scope { "number" } else { "portfolio" }, by_conversation);
        let mut whole = Play::new(if number_scope { "number" } else { "portfolio" }, by_conversation);
        for s in &steps {
            play.step(s);
            if !matches!(s, Step::Write) {
                whole.step(s);
            }
            if matches!(s, Step::Commit) {
                prop_assert!(play.w.store.0 == whole.w.store.0, "the same records in the store");
            }
        }
        play.step(&Step::Commit);
        whole.step(&Step::Commit);
        prop_assert!(play.w.store.0 == whole.w.store.0, "the same records in the store");
        play.step(&Step::Abort);
    }
}
