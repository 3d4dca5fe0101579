//! Bills of worked examples, month edges and half-cent ties, as files that people can check: every line of the ledger under
//! what happened and why it costs what it does. `UPDATE_GOLDEN=1` accepts what the engine says; the arithmetic in the
//! headings does not change with it.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "test; it compares files")]

mod common;
use common::conversations::{ANA, cbp, sent, status};
use common::{World, account_spec};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

const MEXICO: &str = "+525512345678";
const INDIA: &str = "+919812345678";
/// What a line says, in this order.
const FIELDS: [&str; 18] = [
    "wamid",
    "kind",
    "cause",
    "occurred_at",
    "usage_period",
    "billing_period",
    "market",
    "category",
    "pricing_type",
    "pricing_model",
    "card",
    "band",
    "ordinal",
    "quantity",
    "cost",
    "markup",
    "fee",
    "price_ex_tax",
];

/// A local time as `2026-09-30T23:59:59[Asia/Seoul]`, in seconds.
fn at(local: &str) -> u32 {
    u32::try_from(local.parse::<jiff::Zoned>().unwrap().timestamp().as_second()).unwrap()
}

/// A world at a local time, whose month begins there.
fn world(local: &str, change: impl Fn(&mut Value)) -> World {
    let zone = local.split(['[', ']']).nth(1).unwrap();
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["time_zone"] = json!(zone);
    change(&mut spec["wabas"][0]);
    let mut w = World::at(u64::from(at(local)) * 1000);
    w.apply(&spec);
    w
}

/// The platform tells of a message that other software sent.
fn delivered(w: &mut World, wamid: &str, to: &str, at_s: u32, pricing: Value) {
    let mut s = status("delivered", 1, to, at_s, pricing);
    s.as_object_mut().unwrap().remove("callback");
    s["wamid"] = json!(wamid);
    w.event(&s);
}

fn pmp(category: &str, pricing_type: &str) -> Value {
    json!({"model": "PMP", "category": category, "pricing_type": pricing_type})
}

/// A file under way.
struct Golden {
    name: &'static str,
    text: String,
}

impl Golden {
    fn new(name: &'static str) -> Self {
        Self { name, text: format!("{}\n", FIELDS.join(" | ")) }
    }

    /// What is booked after the first `skip` entries, under what happened.
    fn add(&mut self, what: &str, w: &World, skip: usize) {
        writeln!(self.text, "\n# {}", what.replace('\n', "\n# ")).unwrap();
        for e in &w.out.ledger[skip..] {
            let cell = |field: &&str| match &e[*field] {
                Value::String(text) => text.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            writeln!(self.text, "{}", FIELDS.iter().map(cell).collect::<Vec<_>>().join(" | ")).unwrap();
        }
    }

    fn check(self) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(self.name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &self.text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(self.text, expected, "{} differs; UPDATE_GOLDEN=1 accepts the new text", self.name);
    }
}

#[test]
fn worked_examples() {
    const HOUR: u32 = 3600;
    let mut g = Golden::new("worked_examples.txt");

    let mut w = world("2024-07-30T09:00:00[America/Sao_Paulo]", |_| {});
    let start = at("2024-07-30T09:00:00[America/Sao_Paulo]");
    w.advance(u64::from(30 * HOUR) * 1000);
    delivered(&mut w, "h0", ANA, start, cbp("marketing", "c1"));
    delivered(&mut w, "h5", ANA, start + 5 * HOUR, cbp("marketing", "c1"));
    delivered(&mut w, "h25", ANA, start + 25 * HOUR, cbp("service", "c2"));
    delivered(&mut w, "h26", ANA, start + 26 * HOUR, cbp("service", "c2"));
    g.add(
        "Charged by conversation. h0 a marketing template opens a conversation of 24 hours: Brazil 0.0625.\n\
         h5 a list message, covered by it: no line. h25 a text after its end opens a service conversation: the first\n\
         of the WABA's 1,000 free ones of July. h26 another text, covered: no line.",
        &w,
        0,
    );

    let mut w = world("2024-07-30T09:00:00[America/Sao_Paulo]", |_| {});
    w.advance(u64::from(80 * HOUR) * 1000);
    delivered(&mut w, "f0", ANA, start, cbp("free_entry_point", "f1"));
    delivered(&mut w, "f71", ANA, start + 72 * HOUR - 1, cbp("free_entry_point", "f1"));
    delivered(&mut w, "f72", ANA, start + 72 * HOUR, cbp("utility", "u1"));
    g.add(
        "A free entry point. f0 the answer to somebody who came from an advertisement: free for 72 hours.\n\
         f71 a second before they end, covered: no line. f72 a utility template at their end opens its own: on\n\
         2024-08-02 Brazil 0.0080, the card of August.",
        &w,
        0,
    );

    // Where the platform names no conversation, their lengths decide.
    let unnamed = |category: &str| {
        let mut words = cbp(category, "");
        words.as_object_mut().unwrap().remove("conversation");
        words
    };
    let mut w = world("2024-07-30T09:00:00[America/Sao_Paulo]", |_| {});
    w.advance(u64::from(180 * HOUR) * 1000);
    for (name, hours, before, category) in [
        ("m0", 0, 0, "marketing"),
        ("m24-1s", 24, 1, "marketing"),
        ("m24", 24, 0, "marketing"),
        ("f100", 100, 0, "free_entry_point"),
        ("f172-1s", 172, 1, "free_entry_point"),
        ("f172", 172, 0, "free_entry_point"),
    ] {
        delivered(&mut w, name, ANA, start + hours * HOUR - before, unnamed(category));
    }
    g.add(
        "Conversations that the platform does not name. m0 opens one of marketing, which covers until the second before its\n\
         24 hours are over (no line); m24 opens the next: 0.0625 each. A free entry point covers until the second before its\n\
         72 hours are over; at hour 172 another one opens.",
        &w,
        0,
    );

    let mut w = world("2025-06-30T23:00:00[America/Sao_Paulo]", |_| {});
    let evening = at("2025-06-30T23:00:00[America/Sao_Paulo]");
    w.advance(u64::from(48 * HOUR) * 1000);
    delivered(&mut w, "june", ANA, evening, cbp("utility", "c1"));
    delivered(&mut w, "covered", ANA, evening + 6 * HOUR, cbp("utility", "c1"));
    delivered(&mut w, "midnight", ANA, evening + HOUR, pmp("marketing", "regular"));
    delivered(&mut w, "after", ANA, evening + 24 * HOUR, pmp("utility", "regular"));
    g.add(
        "The change on 2025-07-01, by the WABA's time. june opens a utility conversation at 23:00 of the last day: Brazil\n\
         0.0080. covered, six hours later and after the change, is still inside it: no line. midnight, a marketing\n\
         template of the first second of July, is charged by message: 0.0625. after, a utility template when the\n\
         conversation has ended: by message, 0.0068, the first of July in the volume bands.",
        &w,
        0,
    );

    let mut w = world("2026-10-05T12:00:00[America/Sao_Paulo]", |_| {});
    let noon = at("2026-10-05T12:00:00[America/Sao_Paulo]");
    for n in 1..=1_001 {
        delivered(&mut w, &format!("s{n}"), ANA, noon - 2_000 + n, pmp("service", "regular"));
    }
    g.add(
        "The free 1,000 of a number and month, since 2026-10-01. 999 service messages before these were free. s1000 is the\n\
         last free one; s1001 costs what Brazil's service costs: 0.0068.",
        &w,
        999,
    );

    let mut w = world("2026-08-10T12:00:00[UTC]", |_| {});
    let noon = at("2026-08-10T12:00:00[UTC]");
    delivered(&mut w, "first", MEXICO, noon, pmp("utility", "regular"));
    for (n, first) in [(2, 1_000_001), (3, 5_000_001), (4, 10_000_001)] {
        w.event(&json!({"event": "band_reached", "region": "Mexico", "category": "utility", "month": "2026-08",
            "first": first, "at_s": noon}));
        delivered(&mut w, &format!("in band {n}"), MEXICO, noon + n, pmp("utility", "regular"));
    }
    g.add(
        "Volume bands are marginal: what lies in a band has its rate, what came before keeps its own. Mexico, utility, list\n\
         0.0085; the platform tells that a band is reached. 5 % less is 0.008075: 0.0081. 10 % less is 0.00765, a tie:\n\
         0.0077. 15 % less is 0.007225: 0.0072.",
        &w,
        0,
    );

    for location in [Value::Null, json!("IN")] {
        let mut w = world("2026-10-05T12:00:00[America/Sao_Paulo]", |waba| {
            waba["auth_international"] = json!([{"country": "IN", "valid_from": "2026-10-01"}]);
            if !location.is_null() {
                waba["location"] = location.clone();
            }
        });
        let uid = sent(&mut w, "authentication", INDIA);
        w.event(&status("delivered", uid, INDIA, at("2026-10-05T12:00:00[America/Sao_Paulo]"), Value::Null));
        let of = if location.is_null() {
            "a business of another country:\nauthentication-international, 0.0304"
        } else {
            "a business that is in India:\nauthentication, 0.0014"
        };
        g.add(&format!("A one-time code to India, where authentication-international has begun, from {of}."), &w, 0);
    }

    let mut w = world("2026-09-30T12:00:00[America/Sao_Paulo]", |_| {});
    let uids = [(); 2].map(|()| sent(&mut w, "utility", ANA));
    w.advance(u64::from(24 * HOUR) * 1000);
    let edge = at("2026-10-01T00:00:00[America/Sao_Paulo]");
    w.event(&json!({"event": "inbound", "sender": "1001", "from": ANA, "at_s": edge - HOUR}));
    w.event(&status("delivered", uids[0], ANA, edge - 1, Value::Null));
    w.event(&status("delivered", uids[1], ANA, edge, Value::Null));
    g.add(
        "Utility inside the customer service window, of which the platform says nothing: free until the last second of\n\
         September, 0.0068 from the first of October on.",
        &w,
        0,
    );
    g.check();
}

#[test]
fn month_edges() {
    let mut g = Golden::new("month_edges.txt");
    for zone in ["Asia/Seoul", "America/Sao_Paulo", "Pacific/Auckland", "America/Los_Angeles"] {
        let mut w = world(&format!("2026-12-15T12:00:00[{zone}]"), |_| {});
        for (last, first) in [
            ("2026-03-31T23:59:59", "2026-04-01T00:00:00"),
            ("2026-09-30T23:59:59", "2026-10-01T00:00:00"),
            ("2026-10-31T23:59:59", "2026-11-01T00:00:00"),
            ("2026-11-30T23:59:59", "2026-12-01T00:00:00"),
        ] {
            for local in [last, first] {
                let at_s = at(&format!("{local}[{zone}]"));
                delivered(
                    &mut w,
                    &format!("{local} service"),
                    ANA,
                    at_s,
                    json!({"model": "PMP", "category": "service"}),
                );
                delivered(&mut w, &format!("{local} marketing"), MEXICO, at_s, pmp("marketing", "regular"));
            }
        }
        g.add(
            &format!(
                "{zone}: the last second of a month and the first of the next, by local time; the wamid says which. Two\n\
                 messages each: service to Brazil without a type (inside the window, since it was delivered: free until\n\
                 2026-09-30, then of the free 1,000), marketing to Mexico at the card of its day: {}.",
                match zone {
                    "Asia/Seoul" => "UTC+9 all year",
                    "America/Sao_Paulo" => "UTC-3 all year",
                    "Pacific/Auckland" => "UTC+13 at all four edges, summer time until 5 April and from 27 September",
                    _ => "UTC-7, and UTC-8 in December, since summer time ends on 1 November at 02:00",
                }
            ),
            &w,
            0,
        );
    }
    g.check();
}

#[test]
fn half_cent_ties() {
    let mut g = Golden::new("half_cent_ties.txt");
    let noon = at("2026-10-05T12:00:00[America/Sao_Paulo]");
    let priced = |rule: Value| {
        let markup = json!([{"valid_from": "2026-10-01", "currency": "USD", "decimals": 4, "rules": [rule.clone()]}]);
        let mut w = world("2026-10-05T12:00:00[America/Sao_Paulo]", |waba| waba["markup"] = markup.clone());
        delivered(&mut w, "odd", ANA, noon, pmp("marketing", "regular"));
        delivered(&mut w, "even", ANA, noon, pmp("utility", "regular"));
        // Taken back: the same with the other sign.
        let mut again = status("read", 1, ANA, noon + 9, pmp("utility", "free_customer_service"));
        again.as_object_mut().unwrap().remove("callback");
        again["wamid"] = json!("even");
        w.event(&again);
        w
    };
    g.add(
        "A fixed 0.00005 on each message, prices of 4 decimals. odd: 0.0625 + 0.00005 = 0.06255, a tie: 0.0626. even: 0.0068 +\n\
         0.00005 = 0.00685, a tie: 0.0069, away from zero and not to the even 0.0068. What rounding adds is in the mark-up,\n\
         never in the fee. Then even turns out free: its line is taken back to the digit.",
        &priced(json!({"name": "fixed", "fixed": "0.00005"})),
        0,
    );
    g.add(
        "A discount of 12.5 %. odd: 0.0625 x 0.875 = 0.0546875: 0.0547. even: 0.0068 x 0.875 = 0.00595, a tie: 0.0060.",
        &priced(json!({"name": "discount", "percent": "-12.5"})),
        0,
    );
    g.add(
        "A price of its own, 0.42545, for each: a tie, away from zero and not to the even 0.4254: 0.4255.",
        &priced(json!({"name": "own", "price": "0.42545"})),
        0,
    );
    g.check();
}
