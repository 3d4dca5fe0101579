//! What was said before a brand got another name, or a number another brand: by the time of each word.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, account_spec, promo};
use serde_json::{Value, json};
use tollgate_wire::Time;

const ANA: &str = "+5511987654321";
const HOUR_S: u64 = 3_600;

/// Numbers 1001 and 1002, with this policy.
fn spec(policy: &Value) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "unlimited", "GREEN");
    let other = json!({"id": "1002", "throughput": 80, "quality": "GREEN"});
    spec["wabas"][0]["senders"].as_array_mut().unwrap().push(other);
    spec["policy"] = policy.clone();
    spec
}

fn brand(name: &str, senders: &[&str]) -> Value {
    json!({"name": name, "senders": senders, "inherits": false})
}

fn inheriting(name: &str, senders: &[&str]) -> Value {
    json!({"name": name, "senders": senders, "inherits": true})
}

struct Story {
    w: World,
    consent: Value,
}

impl Story {
    fn new(brands: &[Value], consent: Value) -> Self {
        let mut story = Self { w: World::new(), consent };
        story.brands(brands);
        story
    }

    fn now_s(&self) -> u64 {
        self.w.now_ms / 1000
    }

    /// An hour later.
    fn later(&mut self) -> u64 {
        self.w.advance(HOUR_S * 1000);
        self.now_s()
    }

    fn brands(&mut self, brands: &[Value]) {
        self.w.apply(&spec(&json!({"brands": brands, "consent": self.consent})));
    }

    fn said(&mut self, state: &str, brand: Option<&str>, at_s: u64) {
        let mut consent = json!({"to": ANA, "state": state, "source": "crm", "at": Time(at_s * 1000)});
        if let Some(brand) = brand {
            consent["brand"] = json!(brand);
        }
        self.w.command(&json!({"command": "set_consent", "account": "acme", "consent": consent}));
    }

    fn wrote(&mut self, sender: &str, keyword: &str, at_s: u64) {
        self.w.event(&json!({"event": "inbound", "sender": sender, "from": ANA, "at_s": at_s, "keyword": keyword}));
    }

    /// What becomes of marketing from both numbers: admitted, opted out, not opted in. The same after a restart.
    fn marketing(&mut self) -> String {
        let before = self.marketing_once();
        self.w.commit();
        self.w.reload();
        assert_eq!(self.marketing_once(), before, "after a restart");
        before
    }

    fn marketing_once(&mut self) -> String {
        let mut signs = String::new();
        for sender in ["1001", "1002"] {
            self.w.advance(60_000);
            let mut request = promo(&format!("r{}", self.w.now_ms), ANA);
            request["sender"] = json!(sender);
            self.w.request(&request).unwrap();
            signs.push(self.w.last_sign());
        }
        signs
    }
}

/// The stop came to a number; its brand has another name since, and an old file is imported under it.
#[test]
fn a_yes_from_before_the_stop_does_not_let_a_brand_with_another_name_write() {
    let mut s = Story::new(&[brand("shoes", &["1001"])], json!({}));
    let january = s.now_s();
    s.said("opt_in", Some("shoes"), january);
    let march = s.later();
    s.wrote("1001", "stop", march);
    s.later();
    s.brands(&[brand("sneakers", &["1001"])]);
    s.later();
    s.said("opt_in", Some("sneakers"), january);
    assert_eq!(&s.marketing()[..1], "o");
    assert_eq!(s.w.last_outcome()["detail"], "opted out of brand shoes, which the account has no longer");
    // The same file again, and what she says to the brand since.
    s.said("opt_in", Some("sneakers"), january);
    assert_eq!(&s.marketing()[..1], "o");
    let may = s.later();
    s.said("opt_in", Some("sneakers"), may);
    assert_eq!(&s.marketing()[..1], "A");
    // The old file does not take the place of what was said later.
    s.said("opt_in", Some("sneakers"), january);
    assert_eq!(&s.marketing()[..1], "A");
}

/// The stop came to a number that another brand has since, with which the person had agreed before.
#[test]
fn a_yes_from_before_the_stop_does_not_let_a_number_of_another_brand_write() {
    let mut s = Story::new(&[brand("shoes", &["1001"]), brand("hats", &["1002"])], json!({}));
    let agreed = s.later();
    s.said("opt_in", Some("hats"), agreed);
    let stopped = s.later();
    s.wrote("1001", "stop", stopped);
    assert_eq!(s.marketing(), "oA");
    s.later();
    s.brands(&[brand("hats", &["1001", "1002"])]);
    assert_eq!(s.marketing(), "oo", "shoes are gone: the yes to hats is older than that no");
    s.brands(&[brand("hats", &["1001"]), brand("shoes", &["1002"])]);
    assert_eq!(s.marketing(), "oo");
    let since = s.later();
    s.said("opt_in", Some("hats"), since);
    assert_eq!(s.marketing(), "Ao");
}

/// Who agreed for good with the brand, and refused the one before it since, may agree anew where that is to be confirmed.
#[test]
fn a_yes_that_is_said_anew_is_to_be_confirmed() {
    let mut s =
        Story::new(&[brand("shoes", &["1001"]), brand("hats", &["1002"])], json!({"double_opt_in": ["marketing"]}));
    let agreed = s.later();
    s.said("opt_in", Some("hats"), agreed);
    s.wrote("1002", "yes", agreed);
    let stopped = s.later();
    s.wrote("1001", "stop", stopped);
    s.later();
    s.brands(&[brand("hats", &["1001"]), brand("shoes", &["1002"])]);
    assert_eq!(s.marketing(), "oo");
    let anew = s.later();
    s.said("opt_in", Some("hats"), anew);
    assert_eq!(s.marketing(), "oo", "not confirmed");
    let confirmed = s.later();
    s.wrote("1001", "yes", confirmed);
    assert_eq!(s.marketing(), "Ao");
}

/// A no to a brand that is gone counts like those that were said while it was there; one to a name that never was is one to
/// the account.
#[test]
fn a_no_is_never_lost() {
    let mut s = Story::new(&[brand("shoes", &["1001"]), inheriting("hats", &["1002"])], json!({}));
    let agreed = s.now_s();
    s.said("opt_in", None, agreed);
    s.later();
    s.brands(&[inheriting("caps", &["1001"]), inheriting("hats", &["1002"])]);
    assert_eq!(s.marketing(), "AA");
    let now_s = s.later();
    s.said("opt_out", Some("shoes"), now_s);
    assert_eq!(s.marketing(), "oo", "what was inherited is not enough any more");
    let now_s = s.later();
    s.said("opt_in", Some("hats"), now_s);
    assert_eq!(s.marketing(), "oA");
    let now_s = s.later();
    s.said("opt_out", Some("gloves"), now_s);
    assert_eq!(s.marketing(), "oo");
    assert_eq!(s.w.last_outcome()["detail"], "opted out of the account as a whole");
}

/// What was written before a number was of its brand goes to whom it was written to, however late it is told.
#[test]
fn a_stop_that_is_told_late_goes_to_the_brand_of_then() {
    let hats_write_all = [brand("hats", &["1001"]), brand("shoes", &["1002"])];
    let mut s = Story::new(&[brand("shoes", &["1001"]), brand("hats", &["1002"])], json!({}));
    let agreed = s.now_s();
    s.said("opt_in", Some("shoes"), agreed);
    let stopped = s.later();
    s.later();
    s.brands(&hats_write_all);
    assert_eq!(s.marketing(), "nA");
    s.wrote("1001", "stop", stopped);
    assert_eq!(s.marketing(), "oo", "shoes write by 1002 now");
    // One that was written since is said to the brand of now alone.
    let mut s = Story::new(&[brand("shoes", &["1001"])], json!({}));
    s.later();
    s.brands(&hats_write_all);
    let now_s = s.later();
    s.said("opt_in", Some("shoes"), now_s);
    s.said("opt_in", Some("hats"), now_s);
    let now_s = s.later();
    s.wrote("1001", "stop", now_s);
    assert_eq!(s.marketing(), "oA");
    // Before there were brands it was said to the account.
    let mut s = Story::new(&[], json!({}));
    let stopped = s.later();
    s.later();
    s.brands(&[brand("shoes", &["1001"])]);
    let now_s = s.now_s();
    s.said("opt_in", None, now_s);
    assert_eq!(s.marketing(), "nA");
    s.wrote("1001", "stop", stopped);
    assert_eq!(s.marketing(), "oo");
}

/// And a word that confirms is told too late.
#[test]
fn a_confirmation_that_was_written_to_another_brand_confirms_nothing() {
    let policy = json!({"double_opt_in": ["marketing"]});
    let mut s = Story::new(&[brand("shoes", &["1001"]), brand("hats", &["1002"])], policy);
    let asked = s.now_s();
    s.said("opt_in", Some("hats"), asked);
    let confirmed = s.later();
    s.later();
    s.brands(&[brand("hats", &["1001"]), brand("shoes", &["1002"])]);
    s.wrote("1001", "yes", confirmed);
    assert_eq!(s.marketing(), "nn");
    let now_s = s.now_s();
    s.wrote("1001", "yes", now_s);
    assert_eq!(s.marketing(), "An");
}

/// Who wrote to a number agreed with nothing of the brand that it is of since.
#[test]
fn what_is_implied_does_not_go_to_another_brand_with_the_number() {
    let mut s = Story::new(&[brand("shoes", &["1001"])], json!({"implied_marketing_days": 7}));
    let wrote = s.later();
    for sender in ["1001", "1002"] {
        s.wrote(sender, "hi", wrote);
    }
    assert_eq!(s.marketing(), "AA");
    s.later();
    // The same again changes nothing.
    s.brands(&[brand("shoes", &["1001"])]);
    assert_eq!(s.marketing(), "AA");
    s.brands(&[brand("hats", &["1001"]), brand("shoes", &["1002"])]);
    assert_eq!(s.marketing(), "nn");
    let wrote = s.later();
    s.wrote("1001", "hi", wrote);
    assert_eq!(s.marketing(), "An");
    // And to none, which is back where it was.
    s.later();
    s.brands(&[brand("shoes", &["1002"])]);
    assert_eq!(s.marketing(), "nn");
}

/// A brand that takes opt-ins to the account for its own asks for their confirmation by its number.
#[test]
fn an_opt_in_to_the_account_is_confirmed_to_a_number_of_a_brand_that_inherits() {
    for (inherits, expected) in [(true, "AA"), (false, "nn")] {
        let shoes = json!({"name": "shoes", "senders": ["1001"], "inherits": inherits});
        let mut s = Story::new(&[shoes], json!({"double_opt_in": ["marketing"]}));
        let asked = s.later();
        s.said("opt_in", None, asked);
        assert_eq!(s.marketing(), "nn");
        let confirmed = s.later();
        s.wrote("1001", "yes", confirmed);
        assert_eq!(s.marketing(), expected, "{inherits}");
    }
}
