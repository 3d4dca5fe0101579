//! What an account's declaration changes of a rate holds at once.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, account_spec, promo};
use serde_json::json;
use tollgate_wire::Time;

fn person(n: usize) -> String {
    format!("+55119{n:08}")
}

/// Two accounts of one shard: a number is of the account that declares it, and of the next once that has taken it out, as
/// where shards of their own have them. What the first did with it is not the second's.
#[test]
fn a_number_is_of_the_account_that_declares_it_and_begins_anew_with_the_next() {
    const TO: &str = "+5511987654321";
    let with = |account: &str, waba: &str, senders: &[&str]| {
        let mut spec = account_spec(account, waba, senders[0], "1", "GREEN");
        for sender in &senders[1..] {
            spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": sender, "quality": "GREEN"}));
        }
        spec["limit_scope"] = json!("number");
        spec["policy"] = json!({"pacing": {"reserved_percent": 0}});
        json!({"command": "apply_account", "spec": spec})
    };
    let opt_in = |w: &mut World, account: &str, to: &str| {
        w.command(&json!({"command": "set_consent", "account": account,
            "consent": {"to": to, "category": "marketing", "state": "opt_in", "source": "web"}}));
    };
    let mut n = 0;
    let mut by = |account: &str, to: &str, content: Option<&str>| {
        n += 1;
        let mut request = promo(&format!("m{n}"), to);
        request["account"] = json!(account);
        request["sender"] = json!("1002");
        if let Some(text) = content {
            request["content"] = json!([{"text": text}]);
        }
        request
    };
    let events = |w: &mut World, account: &str, event: serde_json::Value| {
        let events = json!({"account": account, "events": [event]});
        w.engine.events(events.to_string().as_bytes(), &w.store, &mut w.out).unwrap()
    };
    let wrote =
        json!({"event": "inbound", "sender": "1002", "from": TO, "at_s": common::NOON_MS / 1000, "id": "wamid.in"});
    let mut w = World::new();
    let (first, first_without) = (with("acme", "waba-1", &["1001", "1002"]), with("acme", "waba-1", &["1001"]));
    let (next, next_without) = (with("other", "waba-2", &["2001", "1002"]), with("other", "waba-2", &["2001"]));
    w.command(&first);
    w.command(&next_without);
    opt_in(&mut w, "acme", &person(1));
    w.request(&by("acme", &person(1), None)).unwrap();
    assert_eq!(w.last_sign(), 'A');
    assert_eq!(events(&mut w, "acme", wrote.clone()), Ok(()));
    for restarted in [false, true] {
        if restarted {
            w.commit();
            w.reload();
        }
        let refused = w.try_command(&next).unwrap_err().detail;
        assert!(
            refused.contains("sender 1002 belongs to account acme, which declares it; take it out there first"),
            "{refused}"
        );
    }
    w.command(&first_without);
    w.command(&next);
    for restarted in [false, true] {
        if restarted {
            w.commit();
            w.reload();
            while w.tick() > 0 {}
        }
        // Its window, its opt-ins and its count stay with the first account.
        w.request(&by("other", TO, Some("Oi"))).unwrap();
        assert_eq!(w.last_sign(), 'w');
        w.request(&by("other", &person(1), None)).unwrap();
        assert_eq!(w.last_sign(), 'n');
        opt_in(&mut w, "other", &person(2));
        w.request(&by("other", &person(2), None)).unwrap();
        assert_eq!(w.last_sign(), 'A', "{}", w.last_outcome());
        w.request(&by("acme", &person(1), None)).unwrap();
        assert_eq!(w.last_sign(), 's');
        let refused = w.try_command(&first).unwrap_err().detail;
        assert!(refused.contains("sender 1002 belongs to account other, which declares it"), "{refused}");
        w.advance(60_000);
    }
    // The first finds what it had: whom it reached counts, and the window is open.
    w.command(&next_without);
    w.command(&first);
    for restarted in [false, true] {
        if restarted {
            w.commit();
            w.reload();
        }
        opt_in(&mut w, "acme", &person(3));
        w.request(&by("acme", &person(3), None)).unwrap();
        assert_eq!(w.last_outcome()["outcome"], "parked", "{}", w.last_outcome());
        w.request(&by("acme", TO, Some("Oi"))).unwrap();
        assert_eq!(w.last_sign(), 'A');
        w.request(&by("other", &person(2), None)).unwrap();
        assert_eq!(w.last_sign(), 's');
        w.advance(60_000);
    }
    // Taken back whole: a batch that is not written leaves no number with anybody.
    w.commit();
    w.command(&first_without);
    w.command(&next);
    assert!(w.engine.abort());
    w.request(&by("acme", TO, Some("Oi"))).unwrap();
    assert_eq!(w.last_sign(), 'A');
}

/// What the first account's message becomes is told to the next, if it was on its way: it counts for the number as what other
/// software sends does, as where another shard has the next account.
#[test]
fn what_was_on_its_way_counts_for_the_next_account() {
    let with = |account: &str, waba: &str, senders: &[&str]| {
        let mut spec = account_spec(account, waba, senders[0], "1", "GREEN");
        for sender in &senders[1..] {
            spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": sender, "quality": "GREEN"}));
        }
        spec["limit_scope"] = json!("number");
        spec["policy"] = json!({"pacing": {"reserved_percent": 0}});
        json!({"command": "apply_account", "spec": spec})
    };
    let mut w = World::new();
    w.command(&with("acme", "waba-1", &["1001", "1002"]));
    for (account, n) in [("acme", 1), ("other", 2)] {
        if account == "other" {
            w.command(&with("acme", "waba-1", &["1001"]));
            w.command(&with("other", "waba-2", &["2001", "1002"]));
            let mut told = common::status("delivered", 1, "wamid.1", (w.now_ms / 1000) as u32, true);
            told["sender"] = json!("1002");
            told["to"] = json!(person(1));
            told["callback"]["message_uid"] = json!(w.engine.state().next_uid() - 1);
            let events = json!({"account": "other", "events": [told]}).to_string();
            assert_eq!(w.engine.events(events.as_bytes(), &w.store, &mut w.out).unwrap(), Ok(()));
        }
        w.command(&json!({"command": "set_consent", "account": account,
            "consent": {"to": person(n), "category": "marketing", "state": "opt_in", "source": "web"}}));
        let mut request = promo(&format!("m{n}"), &person(n));
        request["account"] = json!(account);
        request["sender"] = json!("1002");
        w.request(&request).unwrap();
        if account == "acme" {
            let uid = w.engine.state().next_uid() - 1;
            w.event(&common::accepted(uid, 1, "wamid.1"));
        }
    }
    let o = w.last_outcome();
    assert_eq!((&o["outcome"], &o["reason"]), (&json!("parked"), &json!("quota")), "{o}");
}

/// A WABA goes the same way: with another currency, too, as what was never declared here.
#[test]
fn a_waba_is_of_the_account_that_declares_it() {
    let with = |account: &str, wabas: &[&str], currency: &str| {
        let mut spec = account_spec(account, wabas[0], &format!("1-{account}"), "1000", "GREEN");
        for waba in &wabas[1..] {
            let more = json!({"id": waba, "currency": currency, "time_zone": "UTC", "senders": [],
                "templates": [{"name": "more", "language": "pt_BR", "category": "utility"}]});
            spec["wabas"].as_array_mut().unwrap().push(more);
        }
        json!({"command": "apply_account", "spec": spec})
    };
    let put = |account: &str| {
        json!({"command": "put_template", "account": account, "waba": "waba-3",
            "template": {"name": "new", "language": "pt_BR", "category": "utility"}})
    };
    let mut w = World::new();
    w.command(&with("acme", &["waba-1", "waba-3"], "USD"));
    let refused = w.try_command(&with("other", &["waba-2", "waba-3"], "EUR")).unwrap_err().detail;
    assert!(refused.contains("waba waba-3 belongs to account acme, which declares it; take it out there"), "{refused}");
    w.command(&with("acme", &["waba-1"], "USD"));
    w.command(&with("other", &["waba-2", "waba-3"], "EUR"));
    for restarted in [false, true] {
        if restarted {
            w.commit();
            w.reload();
        }
        w.command(&put("other"));
        assert!(w.try_command(&put("acme")).unwrap_err().detail.contains("waba waba-3 is not one of account acme"));
        assert!(w.try_command(&with("acme", &["waba-1", "waba-3"], "USD")).is_err());
    }
    w.command(&with("other", &["waba-2"], "EUR"));
    let refused = w.try_command(&with("acme", &["waba-1", "waba-3"], "EUR")).unwrap_err().detail;
    assert!(refused.contains("currency and time_zone never change"), "{refused}");
    w.command(&with("acme", &["waba-1", "waba-3"], "USD"));
}

/// A number has used up most of its day's share when it is to go slowly: by the platform's word or by a declaration, it goes
/// on at the slow rate, not when the debt of the fast one is paid off.
#[test]
fn a_slower_rate_does_not_pay_off_the_faster_ones_debt() {
    for declared in [false, true] {
        let mut spec = account_spec("acme", "waba-1", "1001", "1000", "GREEN");
        spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002", "quality": "GREEN"}));
        spec["policy"] = json!({"in_flight": 1000});
        let mut w = World::new();
        w.apply(&spec);
        for n in 0..=300 {
            w.opt_in(&person(n), "marketing");
            let mut request = promo(&format!("m{n}"), &person(n));
            request["sender"] = json!("1001");
            if n == 300 {
                assert_eq!(w.out.orders.len(), 300);
                if declared {
                    spec["wabas"][0]["senders"][0]["quality"] = json!("YELLOW");
                    w.apply(&spec);
                } else {
                    w.event(&json!({"event": "sender", "sender": "1001", "quality": "YELLOW"}));
                }
            }
            w.request(&request).unwrap();
            w.advance(50);
        }
        let told = w.last_outcome();
        assert_eq!(told["reason"], "pacing", "{told}");
        // Half of its half of 1,000 a day, evenly.
        let every_ms = 86_400_000 / 250;
        assert_eq!(told["retry_at"], Time(w.now_ms - 50 + every_ms).to_string(), "declared: {declared}");
        // To say the same again gives nothing back.
        let live = w.engine.state().live(tollgate_core::ids::SenderIx(0));
        w.apply(&spec);
        assert_eq!(w.engine.state().live(tollgate_core::ids::SenderIx(0)), live);
    }
}
