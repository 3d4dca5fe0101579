//! Which number writes as which brand, as accounts declare it, and every order against it.

use super::Auditor;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The brands of all accounts.
#[derive(Debug, Default)]
pub(super) struct Brands {
    /// Account and number → its brand.
    of: BTreeMap<(String, String), String>,
    /// Account and brand → whether the consents of the account are its own.
    here: BTreeMap<(String, String), bool>,
    /// Account and brand, once named.
    ever: BTreeSet<(String, String)>,
    /// Account and number → from which second it was of which brand, empty = of none; in order of time.
    spans: BTreeMap<(String, String), Vec<(u32, String)>>,
}

fn text(v: &Value) -> String {
    v.as_str().unwrap_or_default().to_owned()
}

impl Brands {
    pub fn apply(&mut self, spec: &Value, now_s: u32) {
        let account = text(&spec["account"]);
        self.of.retain(|(a, _), _| *a != account);
        self.here.retain(|(a, _), _| *a != account);
        for brand in spec["policy"]["brands"].as_array().into_iter().flatten() {
            let key = (account.clone(), text(&brand["name"]));
            for sender in brand["senders"].as_array().into_iter().flatten() {
                self.of.insert((account.clone(), text(sender)), key.1.clone());
            }
            self.ever.insert(key.clone());
            self.here.insert(key, brand["inherits"] == true);
        }
        let wabas = spec["wabas"].as_array().into_iter().flatten();
        for sender in wabas.flat_map(|w| w["senders"].as_array()).flatten() {
            let key = (account.clone(), text(&sender["id"]));
            let brand = self.of(&key.0, &key.1);
            let spans = self.spans.entry(key).or_default();
            match spans.last() {
                None => spans.push((0, brand)),
                Some((_, last)) if *last != brand => spans.push((now_s, brand)),
                Some(_) => {}
            }
        }
    }

    /// The brand that a number was of at a second; empty = none. In the second of a change it is the new one.
    pub fn of_at(&self, account: &str, sender: &str, at_s: u32) -> String {
        let spans = self.spans.get(&(account.to_owned(), sender.to_owned())).into_iter().flatten();
        spans.take_while(|(from_s, _)| *from_s <= at_s).last().map(|(_, brand)| brand.clone()).unwrap_or_default()
    }

    /// The brand of a number; empty = none.
    pub fn of(&self, account: &str, sender: &str) -> String {
        self.of.get(&(account.to_owned(), sender.to_owned())).cloned().unwrap_or_default()
    }

    /// Whether the account has the brand, and whether the account's consents are the brand's.
    pub fn here(&self, account: &str, brand: &str) -> Option<bool> {
        self.here.get(&(account.to_owned(), brand.to_owned())).copied()
    }

    /// Every brand that the account has or had.
    pub fn ever(&self, account: &str) -> Vec<String> {
        self.ever.iter().filter(|(a, _)| a == account).map(|(_, b)| b.clone()).collect()
    }

    /// Those that it has no longer.
    pub fn gone(&self, account: &str) -> Vec<String> {
        self.ever(account).into_iter().filter(|b| self.here(account, b).is_none()).collect()
    }

    /// The same, and those that a number was of before it was of the brand that writes.
    pub fn past(&self, account: &str, sender: &str, brand: &str) -> Vec<String> {
        let spans = self.spans.get(&(account.to_owned(), sender.to_owned())).into_iter().flatten();
        let once = spans.map(|(_, b)| b.clone()).chain(self.gone(account));
        once.filter(|b| b != brand && !b.is_empty()).collect()
    }
}

impl Auditor {
    /// Where an account has brands: the number is the brand's or of none, the brand was not refused, and the person agreed
    /// with the brand, or with the account where that is enough.
    pub(super) fn brand(
        &mut self,
        uid: u64,
        (account, to): (&str, &str),
        sender: &str,
        (purpose, category): (&str, &str),
        request: &Value,
        window: bool,
    ) {
        let now_s = self.now_s();
        let brands = &self.people.brands;
        if brands.ever(account).is_empty() {
            return;
        }
        let of_number = brands.of(account, sender);
        let brand = request["brand"].as_str().map_or_else(|| of_number.clone(), str::to_owned);
        let inherits = brands.here(account, &brand);
        let past = brands.past(account, sender, &brand);
        self.check("number_is_of_the_brand", uid, of_number.is_empty() || of_number == brand, || {
            format!("{sender} of {of_number:?} for {brand:?}")
        });
        self.check("brand_is_declared", uid, brand.is_empty() || inherits.is_some(), || brand.clone());
        let word = |brand: &str, category: &str| self.people.word_on((account, to), brand, category, now_s);
        let own = |category: &str| if brand.is_empty() { None } else { word(&brand, category) };
        // Who refused a brand of the past must have agreed with this one since.
        let agreed_s = |category: &str| match own(category) {
            Some(true) => self.people.agreed_s((account, to), &brand, category),
            _ => None,
        };
        let no_s = |past: &str, category: &str| self.people.refused_s((account, to), past, category);
        let refused = |category: &str| {
            let yes_s = agreed_s(category);
            let counts = |past: &String| {
                word(past, category) == Some(false) && yes_s.is_none_or(|yes_s| yes_s < no_s(past, category))
            };
            own(category) == Some(false) || past.iter().any(counts)
        };
        let text = category == "service";
        let no = refused(category) || text && refused(purpose);
        let of_account = (brand.is_empty() || inherits == Some(true)) && word("", category) == Some(true);
        let answer = window && (text || category == "utility");
        let implied = of_number == brand && self.people.implied(account, sender, to, category, now_s);
        let yes = own(category) == Some(true) || of_account || answer || implied;
        let what = format!(
            "{category} to {to} as {brand:?} (the account's hold: {inherits:?}): said to it {:?}, to the account {:?}",
            own(category),
            word("", category)
        );
        self.check("brand_is_not_refused", uid, !no, || format!("{what}, past {past:?}"));
        self.check("brand_needs_consent", uid, yes, || format!("{what}, window {window}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Auditor, Tables};
    use crate::step::{Input, Queues, Step};
    use serde_json::{Value, json};
    use tollgate_rate_card::Sources;
    use tollgate_wire::Time;

    const NOON_S: u64 = 1_800_000_000;
    const HOUR_S: u64 = 3_600;

    fn spec(brands: &Value) -> Value {
        let senders = json!([{"id": "1", "throughput": 80}, {"id": "2", "throughput": 80}]);
        let waba = json!({"id": "w", "currency": "EUR", "time_zone": "UTC", "funding": "we_pay", "senders": senders});
        let policy = json!({"brands": brands, "consent": {"implied_marketing_days": 7}});
        json!({"account": "a", "name": "a", "limit": 2, "wabas": [waba], "policy": policy})
    }

    /// What happens, so many hours after noon.
    enum Then {
        Brands(Value),
        /// State, brand, and the hour at which it was said.
        Said(&'static str, &'static str, u64),
        /// Number, word, and the hour at which it was written.
        Wrote(&'static str, &'static str, u64),
    }

    /// Which predicates find fault with marketing by a number after all that.
    fn faults(story: Vec<Then>, sender: &str) -> Vec<&'static str> {
        let mut auditor = Auditor::new(Tables::read(&Sources::embedded()));
        for (hour, then) in (0..).zip(story) {
            let now_ms = (NOON_S + hour * HOUR_S) * 1000;
            let input = match then {
                Then::Brands(brands) => Input::Command(json!({"command": "apply_account", "spec": spec(&brands)})),
                Then::Said(state, brand, at) => {
                    let at = Time((NOON_S + at * HOUR_S) * 1000);
                    let consent = json!({"to": "p", "state": state, "brand": brand, "at": at});
                    Input::Command(json!({"command": "set_consent", "account": "a", "consent": consent}))
                }
                Then::Wrote(sender, keyword, at) => {
                    let at_s = NOON_S + at * HOUR_S;
                    let event =
                        json!({"event": "inbound", "sender": sender, "from": "p", "at_s": at_s, "keyword": keyword});
                    Input::Event { account: "a".to_owned(), event }
                }
            };
            auditor.step(&Step {
                now_ms,
                input,
                accepted: true,
                outputs: Vec::new(),
                before: Queues::default(),
                after: Queues::default(),
            });
        }
        let before = auditor.broken.len();
        auditor.brand(0, ("a", "p"), sender, ("marketing", "marketing"), &json!({}), false);
        auditor.broken[before..].iter().map(|b| b.predicate).collect()
    }

    #[test]
    fn each_word_counts_by_its_time() {
        use Then::{Brands, Said, Wrote};
        let two = |one: &str, other: &str| {
            Brands(json!([{"name": one, "senders": ["1"]}, {"name": other, "senders": ["2"], "inherits": true}]))
        };
        let refused = vec!["brand_is_not_refused"];
        let renamed = |yes: u64| {
            let stop = Wrote("1", "stop", 1);
            vec![two("shoes", "hats"), stop, two("sneakers", "hats"), Said("opt_in", "sneakers", yes)]
        };
        assert_eq!(faults(renamed(0), "1"), refused, "agreed before the stop, under another name");
        assert_eq!(faults(renamed(3), "1"), [""; 0], "and after it");
        let moved = |yes: u64| {
            let said = Said("opt_in", "hats", yes);
            vec![two("shoes", "hats"), Wrote("1", "stop", 1), said, two("hats", "shoes")]
        };
        assert_eq!(faults(moved(0), "1"), refused, "with the brand that has the number since");
        assert_eq!(faults(moved(2), "1"), [""; 0]);
        let yes = || Said("opt_in", "hats", 1);
        let without = Brands(json!([{"name": "hats", "senders": ["2"]}]));
        let gone = vec![two("shoes", "hats"), yes(), without, Said("opt_out", "shoes", 3)];
        assert_eq!(faults(gone, "2"), refused, "a no to a brand that is gone");
        let late = |at: u64| {
            let alone = Brands(json!([{"name": "shoes", "senders": ["1"]}]));
            vec![alone, Said("opt_in", "shoes", 0), two("hats", "shoes"), Wrote("1", "stop", at)]
        };
        assert_eq!(
            faults(late(1), "2"),
            ["brand_is_not_refused", "brand_needs_consent"],
            "written to shoes, told when the number was of hats"
        );
        assert_eq!(faults(late(3), "2"), [""; 0], "written to hats");
        let implied = |then| vec![two("shoes", "hats"), Wrote("1", "hi", 1), then];
        assert_eq!(faults(implied(two("shoes", "hats")), "1"), [""; 0]);
        assert_eq!(faults(implied(two("caps", "hats")), "1"), ["brand_needs_consent"], "implied to another brand");
    }
}
