//! Campaigns are bounded: what is refused makes none, an account has so many at most, those that are over are forgotten, and a
//! snapshot fits into a record however many there are.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, promo};
use serde_json::{Value, json};
use tollgate_core::engine::Table;
use tollgate_core::record::{CAMPAIGN_KEPT_DAYS, CAMPAIGNS_MOST};
use tollgate_core::snapshot;
use tollgate_wire::snapshot::AccountSnapshot;

const TO: &str = "+5511987654321";
const DAY_MS: u64 = 86_400_000;

fn world() -> World {
    let mut w = World::with_account("UNLIMITED", "GREEN");
    w.opt_in(TO, "marketing");
    w
}

fn ask(w: &mut World, id: &str, to: &str, campaign: &str) -> Value {
    let mut request = promo(id, to);
    request["campaign"] = json!(campaign);
    w.request(&request).unwrap();
    w.last_outcome().clone()
}

/// Starts campaigns until the account has so many.
fn fill(w: &mut World, most: u32) {
    for n in count(w)..most {
        w.control(&format!("journey-{n:08}"), "start");
    }
    w.commit();
}

fn count(w: &World) -> u32 {
    let state = w.engine.state();
    let account = state.account("acme").unwrap().ix;
    let of_account = state.campaigns_of(account).map(|c| c.ix);
    assert!(state.campaigns().filter(|c| c.account == account).map(|c| c.ix).eq(of_account));
    state.campaigns_of(account).len() as u32
}

fn knows(w: &World, name: &str) -> bool {
    let state = w.engine.state();
    state.campaign(state.account("acme").unwrap().ix, name).is_some()
}

fn whole(w: &World) -> AccountSnapshot<'_> {
    let state = w.engine.state();
    snapshot::account(state, state.account("acme").unwrap().ix, w.now_ms)
}

/// Looks at every campaign once.
fn sweep(w: &mut World) {
    for _ in 0..=CAMPAIGNS_MOST / 500 {
        w.engine.sweep_campaigns();
    }
}

#[test]
fn a_request_that_is_refused_makes_no_campaign_and_is_told_with_its_name() {
    let mut w = world();
    let told = ask(&mut w, "r1", "+5511900000001", "spring");
    assert_eq!((&told["reason"], &told["campaign"]), (&json!("not_opted_in"), &json!("spring")));
    assert_eq!(count(&w), 0);
    w.commit();
    w.reload();
    assert_eq!(count(&w), 0);
    // The first that is taken makes it, and it is the first that it counts.
    assert_eq!(ask(&mut w, "r2", TO, "spring")["outcome"], "admitted");
    let told = ask(&mut w, "r3", "+5511900000001", "spring");
    assert_eq!((&told["outcome"], &told["campaign"]), (&json!("refused"), &json!("spring")));
    let s = whole(&w);
    assert_eq!((s.campaigns.len(), s.campaigns[0].counts.requested, s.campaigns[0].counts.refused), (1, 2, 1));
}

#[test]
fn twenty_thousand_refused_names_leave_nothing() {
    let mut w = World::with_account("UNLIMITED", "GREEN");
    for n in 0..20_000_usize {
        ask(&mut w, &format!("r{n}"), &format!("+55119{n:08}"), &format!("journey-{n:08}"));
        if n % 1_000 == 0 {
            w.commit();
            w.out.outcomes.clear();
        }
    }
    w.commit();
    let json = serde_json::to_vec(&whole(&w)).unwrap();
    assert!(json.len() <= 2_000, "{} bytes", json.len());
}

#[test]
fn one_campaign_too_many_is_refused_and_those_that_are_there_go_on() {
    let mut w = world();
    fill(&mut w, CAMPAIGNS_MOST);
    assert_eq!(count(&w), CAMPAIGNS_MOST);
    for restarted in [false, true] {
        if restarted {
            w.commit();
            w.reload();
        }
        let told = ask(&mut w, &format!("new-{restarted}"), TO, "one-more");
        assert_eq!((&told["outcome"], &told["reason"]), (&json!("refused"), &json!("too_many_campaigns")));
        assert_eq!((&told["gates"]["stopped"], &told["campaign"]), (&json!("campaign"), &json!("one-more")));
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.contains("has 10000 campaigns") && detail.contains("use a name again"), "{detail}");
        assert_eq!(count(&w), CAMPAIGNS_MOST);
        for command in [
            json!({"command": "put_campaign", "account": "acme", "spec": {"name": "one-more"}}),
            json!({"command": "control_campaign", "account": "acme", "campaign": "one-more", "action": "start"}),
            json!({"command": "control_campaign", "account": "acme", "campaign": "one-more", "action": "test",
                "test_recipients": [TO]}),
        ] {
            let why = w.try_command(&command).unwrap_err().detail;
            assert!(why.contains("one-more") && why.contains("use a name again"), "{why}");
        }
        assert_eq!(ask(&mut w, &format!("old-{restarted}"), TO, "journey-00000007")["outcome"], "admitted");
        w.campaign(&json!({"name": "journey-00000007", "weight": 3}));
    }
    // What a gate refuses is told by that gate.
    assert_eq!(ask(&mut w, "no", "+5511900000001", "another")["reason"], "not_opted_in");
    // Without a campaign, and in another account, nothing is full.
    w.request(&promo("none", TO)).unwrap();
    assert_eq!(w.last_outcome()["outcome"], "admitted");
}

#[test]
fn what_is_over_is_forgotten_after_its_time_and_its_name_is_free_again() {
    let mut w = world();
    let uid = ask(&mut w, "r1", TO, "over")["message_uid"].as_u64().unwrap();
    w.event(&common::accepted(uid, 1, "wamid.1"));
    w.event(&common::status("delivered", uid, "wamid.1", (w.now_ms / 1000) as u32, true));
    w.campaign(&json!({"name": "with-settings", "budget": "10"}));
    w.control("paused", "start");
    w.control("paused", "pause");
    w.control("cancelled", "start");
    w.control("cancelled", "cancel");
    w.control("waits", "start");
    let mut later = promo("r2", TO);
    (later["campaign"], later["send_after"]) = (json!("waits"), json!("2027-03-20T12:00:00Z"));
    later["expires_at"] = json!("2027-03-21T12:00:00Z");
    w.request(&later).unwrap();
    assert_eq!(w.last_outcome()["outcome"], "parked");
    w.control("last", "start");
    w.commit();
    w.advance(u64::from(CAMPAIGN_KEPT_DAYS) * DAY_MS);
    sweep(&mut w);
    assert_eq!(count(&w), 6, "not before its time");
    w.advance(DAY_MS);
    sweep(&mut w);
    assert!(!knows(&w, "over") && !knows(&w, "cancelled"));
    for stays in ["with-settings", "paused", "waits", "last"] {
        assert!(knows(&w, stays), "{stays}");
    }
    // An undone batch forgets nothing.
    assert!(w.engine.abort());
    assert_eq!(count(&w), 6);
    assert_eq!(whole(&w).campaigns[0].counts.delivered, 1);
    sweep(&mut w);
    w.commit();
    assert_eq!(count(&w), 4);
    w.reload();
    assert_eq!(count(&w), 4);
    // What is still told of its messages is counted nowhere, and harms nothing.
    w.event(&common::status("read", uid, "wamid.1", (w.now_ms / 1000) as u32, true));
    let before = w.engine.state().campaigns().map(|c| c.ix).max().unwrap();
    w.opt_in(TO, "marketing");
    assert_eq!(ask(&mut w, "r3", TO, "over")["outcome"], "admitted");
    let state = w.engine.state();
    let again = state.campaign(state.account("acme").unwrap().ix, "over").unwrap();
    assert!(again.ix > before, "no number is given twice");
    assert_eq!((again.counts.requested, again.counts.read), (1, 0));
    w.commit();
    w.reload();
    assert_eq!(count(&w), 5);
    assert_eq!(whole(&w).left_out.campaigns, 0);
}

#[test]
fn what_an_earlier_version_stored_has_all_of_its_time() {
    let mut w = world();
    w.control("old", "start");
    w.control("last", "start");
    w.commit();
    let mut changed = 0;
    for ((table, _), value) in &mut w.store.0 {
        if *table == Table::Entities && value.windows(9).any(|part| part == b"\"said_day") {
            let text = String::from_utf8_lossy(value).into_owned();
            let from = text.find(",\"said_day").unwrap();
            let to = from + 1 + text[from + 1..].find([',', '}']).unwrap();
            let bytes = value.clone();
            let lossless = String::from_utf8(bytes[1..].to_vec()).unwrap();
            *value = [&bytes[..1], lossless.replace(&text[from..to], "").as_bytes()].concat();
            changed += 1;
        }
    }
    assert_eq!(changed, 2);
    w.advance(400 * DAY_MS);
    w.reload();
    sweep(&mut w);
    assert_eq!(count(&w), 2);
    w.commit();
    w.reload();
    w.advance(91 * DAY_MS);
    sweep(&mut w);
    assert!(!knows(&w, "old") && knows(&w, "last"));
}

#[test]
fn a_snapshot_fits_into_a_record_and_counts_what_it_leaves_out() {
    let mut w = world();
    // The longest names, so that the most campaigns are more than a record takes.
    for n in 0..CAMPAIGNS_MOST {
        w.campaign(&json!({"name": format!("{n:0128}"), "cost_center": "4711"}));
        if n == 4_999 {
            w.advance(DAY_MS);
        }
    }
    let waits = format!("{:0128}", 3);
    w.control(&waits, "pause");
    w.advance(DAY_MS);
    assert_eq!(ask(&mut w, "r", TO, &waits)["outcome"], "parked");
    let state = w.engine.state();
    let all = serde_json::to_vec(&whole(&w)).unwrap().len();
    assert!(all > snapshot::SNAPSHOT_BYTES_MOST, "{all} bytes");
    let mut s = whole(&w);
    let json = snapshot::fit(state, &mut s, snapshot::SNAPSHOT_BYTES_MOST).unwrap();
    assert!((3_900_000..=snapshot::SNAPSHOT_BYTES_MOST).contains(&json.len()), "{} bytes", json.len());
    assert_eq!(s.campaigns.len() as u64 + s.left_out.campaigns, u64::from(CAMPAIGNS_MOST));
    assert_eq!((s.lots.len(), s.left_out.lots), (1, 0));
    let read: AccountSnapshot<'_> = serde_json::from_slice(&json).unwrap();
    assert_eq!(read.left_out, s.left_out);
    let has = |n: u32| s.campaigns.iter().any(|c| c.spec.name == format!("{n:0128}"));
    assert!(has(3), "a message of it waits");
    assert!(!has(0) && !has(1) && has(5_000) && has(9_999), "the oldest go first");
    // Whatever the bound: queues go before campaigns of which something waits.
    let mut s = whole(&w);
    let bare = serde_json::to_vec(&AccountSnapshot { campaigns: Vec::new(), lots: Vec::new(), ..whole(&w) }).unwrap();
    let json = snapshot::fit(state, &mut s, bare.len() + 700).unwrap();
    assert!(json.len() <= bare.len() + 700);
    assert_eq!((s.lots.len(), s.left_out.lots, s.campaigns.len()), (0, 1, 1));
    let mut s = whole(&w);
    let json = snapshot::fit(state, &mut s, 0).unwrap();
    assert_eq!((s.campaigns.len(), s.left_out.campaigns), (0, u64::from(CAMPAIGNS_MOST)));
    assert!(json.len() < 2_000);
    // What fits is not touched.
    let mut s = whole(&w);
    assert_eq!(snapshot::fit(state, &mut s, all).unwrap().len(), all);
    assert!(s.left_out.is_empty());
}
