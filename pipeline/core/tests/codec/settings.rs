//! Settings are JSON: what is in it is read back, and what an earlier version has no word for has a format of its own.

use super::{bytes, common};
use tollgate_core::change::Proof;
use tollgate_core::codec::{self, CodecError, VERSION};
use tollgate_core::engine::Table;
use tollgate_core::ids::{BrandIx, SenderIx};
use tollgate_core::record::{Contact, Pauses, Sender, SenderLive, Template};
use tollgate_quality::RateFactor;
use tollgate_rate_card::Country;
use tollgate_wire::command::ConsentState;

/// Settings are JSON: account, WABA, sender, template, campaign, as a world writes them.
#[test]
fn settings() {
    let mut w = common::World::with_account("TIER_1K", "GREEN");
    w.campaign(&serde_json::json!({"name": "c", "budget": "10.50", "weight": 3, "cost_center": "cc",
        "hours": {"from": 9, "to": 21, "time_zone": "America/Sao_Paulo"}}));
    w.commit();
    let mut kinds = std::collections::BTreeSet::new();
    for ((table, key), value) in w.store.0.iter().filter(|((t, _), _)| *t == Table::Entities) {
        let again = match key[0] {
            1 => codec::put_account(&codec::account(value).unwrap()),
            2 => codec::put_waba(&codec::waba(value).unwrap()),
            3 => codec::put_sender(&codec::sender(value).unwrap()),
            5 => codec::put_template(&codec::template(value).unwrap()),
            6 => codec::put_campaign(&codec::campaign(value).unwrap()),
            _ => continue,
        };
        kinds.insert(key[0]);
        assert_eq!(&again, value, "{table:?} {key:?}");
        let mut other = value.clone();
        other[0] = 9;
        let refused = match key[0] {
            1 => codec::account(&other).err(),
            2 => codec::waba(&other).err(),
            3 => codec::sender(&other).err(),
            5 => codec::template(&other).err(),
            _ => codec::campaign(&other).err(),
        };
        assert_eq!(refused, Some(CodecError::Version(9)));
        assert!(codec::account(&value[..value.len() - 1]).is_err());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [1, 2, 3, 5, 6]);
}

/// Earlier versions stop at what an error code holds; what it does not is written as they wrote it, and read.
#[test]
fn what_an_error_code_holds_has_a_format_of_its_own() {
    let mut w = common::World::with_account("TIER_1K", "GREEN");
    w.commit();
    let stored = |key: &[u8]| w.store.0[&(Table::Entities, key.to_vec())].clone();
    let (old_waba, old_sender, old_template) = (stored(&[2, 0, 0]), stored(&[3, 0, 0]), stored(&[5, 0, 0, 0, 0]));
    assert_eq!([old_waba[0], old_sender[0], old_template[0]], [VERSION; 3]);
    let mut waba = codec::waba(&old_waba).unwrap();
    waba.barred = vec![Country::new("DE").unwrap(), Country::new("BR").unwrap()];
    let written = codec::put_waba(&waba);
    assert_eq!((written[0], codec::waba(&written).unwrap().barred), (5, waba.barred.clone()));
    waba.barred.clear();
    assert_eq!(codec::put_waba(&waba), old_waba);
    for (blocked_by, marketing_held_by) in [(Some(190), None), (None, Some(131_048)), (Some(0), Some(2))] {
        let held = Sender { blocked_by, marketing_held_by, ..codec::sender(&old_sender).unwrap() };
        let written = codec::put_sender(&held);
        assert_eq!((written[0], codec::sender(&written).unwrap()), (5, held));
    }
    for pauses in [Pauses { count: 1, until_s: 9 }, Pauses { count: 3, until_s: 0 }] {
        let paused = Template { pauses, ..codec::template(&old_template).unwrap() };
        let written = codec::put_template(&paused);
        assert_eq!((written[0], codec::template(&written).unwrap()), (5, paused));
    }
    let version = |c: &Contact| bytes(|b| codec::put_contact(c, b))[0];
    let (mut contact, mut capped) = (Contact::default(), Contact::default());
    capped.capped_until_s = 7;
    contact.opt_out_s[0] = 7;
    assert_eq!([version(&Contact::default()), version(&contact), version(&capped)], [1, 2, 3]);
    let version = |factor| bytes(|b| codec::put_live(&SenderLive { factor, ..SenderLive::default() }, b))[0];
    assert_eq!([version(RateFactor::FULL), version(RateFactor { ceiling_permille: 263, ..RateFactor::FULL })], [1, 2]);
}

/// Earlier versions stop at an account with a closed month, and at no other.
#[test]
fn an_account_with_a_closed_month() {
    let mut w = common::World::with_account("TIER_1K", "GREEN");
    w.commit();
    let written = &w.store.0[&(Table::Entities, vec![1, 0, 0])];
    let mut account = codec::account(written).unwrap();
    assert_eq!((written[0], account.closed), (VERSION, 0));
    account.closed = 2026 * 12 + 9;
    let closed = codec::put_account(&account);
    assert_eq!((closed[0], codec::account(&closed).unwrap().closed), (3, account.closed));
    assert_eq!(closed.len(), written.len() + ",\"closed\":24321".len());
    for cut in 0..closed.len() {
        assert!(codec::account(&closed[..cut]).is_err(), "cut to {cut}");
    }
    account.closed = 0;
    assert_eq!(&codec::put_account(&account), written, "the rest as before");
}

/// Earlier versions read it and leave it out; what they wrote is older than all that say it.
#[test]
fn since_when_an_account_is_there() {
    let mut w = common::World::with_account("TIER_1K", "GREEN");
    w.commit();
    let written = &w.store.0[&(Table::Entities, vec![1, 0, 0])];
    let mut account = codec::account(written).unwrap();
    assert_eq!((written[0], account.since_ms), (VERSION, common::NOON_MS));
    account.since_ms = 0;
    let before = codec::put_account(&account);
    assert_eq!((before[0], codec::account(&before).unwrap().since_ms), (VERSION, 0));
    assert_eq!(before.len() + format!(",\"since_ms\":{}", common::NOON_MS).len(), written.len());
}

/// Earlier versions stop at what is sold to a country, whatever else is known of it; all others are written as before.
#[test]
fn where_a_waba_is_sold_has_a_format_of_its_own() {
    let formats = |places: &serde_json::Value| {
        let mut spec = common::account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
        for (field, value) in places.as_object().unwrap() {
            spec["wabas"][0][field] = value.clone();
        }
        let mut w = common::World::new();
        w.apply(&spec);
        w.commit();
        let [account, waba] = [[1, 0, 0], [2, 0, 0]].map(|key| w.store.0[&(Table::Entities, key.to_vec())].clone());
        assert_eq!(codec::put_account(&codec::account(&account).unwrap()), account);
        assert_eq!(codec::put_waba(&codec::waba(&waba).unwrap()), waba);
        (account[0], waba[0], codec::waba(&waba).unwrap().spec.sold_to.map(|c| c.to_string()))
    };
    let sold = |country: &str| Some(country.to_owned());
    assert_eq!(formats(&serde_json::json!({})), (VERSION, VERSION, None));
    assert_eq!(formats(&serde_json::json!({"location": "BR"})), (7, 7, None));
    assert_eq!(formats(&serde_json::json!({"sold_to": "IN"})), (8, 8, sold("IN")));
    assert_eq!(formats(&serde_json::json!({"location": "BR", "sold_to": "IN"})), (8, 8, sold("IN")));
}

/// Earlier versions stop at an account with brands, also when it has them no longer; all others are written as before.
#[test]
fn an_account_with_brands() {
    let mut w = common::World::new();
    let plain = common::account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let stored = |w: &mut common::World, policy: serde_json::Value| {
        let mut spec = plain.clone();
        spec["policy"] = policy;
        w.apply(&spec);
        w.commit();
        w.store.0[&(Table::Entities, vec![1, 0, 0])].clone()
    };
    let old = stored(&mut w, serde_json::json!({}));
    assert_eq!((old[0], codec::account(&old).unwrap().brands.is_empty()), (VERSION, true));
    assert_eq!(codec::put_account(&codec::account(&old).unwrap()), old);
    let named = |name: &str| serde_json::json!({"brands": [{"name": name, "senders": ["1001"], "inherits": true}]});
    let with = [named("shoes"), named("hats"), serde_json::json!({})].map(|policy| stored(&mut w, policy));
    for (written, here) in with.iter().zip([1, 2, 0]) {
        let account = codec::account(written).unwrap();
        assert_eq!((written[0], account.brands.of_sender(SenderIx(0))), (6, BrandIx(here)));
        assert_eq!(&codec::put_account(&account), written);
        assert_eq!(account.brands, w_brands(written));
        for cut in 0..written.len() {
            assert!(codec::account(&written[..cut]).is_err(), "cut to {cut}");
        }
    }
    // Numbers of names stay, and what a number was of.
    let brands = codec::account(&with[2]).unwrap().brands;
    assert_eq!(brands.names().collect::<Vec<_>>(), ["shoes", "hats"]);
    let was: Vec<_> = brands.was().iter().map(|w| (w.sender, w.brand, w.until_s)).collect();
    let now_s = (w.now_ms / 1000) as u32;
    assert_eq!(was, [(SenderIx(0), BrandIx(1), now_s), (SenderIx(0), BrandIx(2), now_s)]);
    // Those before it was kept until when.
    let mut before: serde_json::Value = serde_json::from_slice(&with[2][1..]).unwrap();
    assert!(before.as_object_mut().unwrap().remove("brands_until").is_some());
    let before = [&with[2][..1], &serde_json::to_vec(&before).unwrap()].concat();
    let untimed = codec::account(&before).unwrap().brands;
    assert_eq!(
        untimed.was().iter().map(|w| (w.brand, w.until_s)).collect::<Vec<_>>(),
        [(BrandIx(1), 0), (BrandIx(2), 0)]
    );
    assert_eq!(untimed.since_s(SenderIx(0)), 0);
    assert_eq!(&brands, &w.engine.state().accounts().next().unwrap().brands);
    // A proof that was said to no brand is the same as before there were any.
    let proof = Proof {
        contact: 7,
        category: 0,
        state: ConsentState::OptIn,
        source: "web".to_owned(),
        at_ms: 8,
        text_version: String::new(),
        ends_s: 0,
        pending: false,
        brand: 0,
    };
    let written = codec::put_proof(&proof);
    let before = r#"{"contact":7,"category":0,"state":"opt_in","source":"web","at_ms":8,"text_version":""}"#;
    assert_eq!(&written[1..], before.as_bytes());
    assert_eq!(codec::proof(&written).unwrap(), proof);
}

fn w_brands(written: &[u8]) -> tollgate_core::record::Brands {
    codec::account(&codec::put_account(&codec::account(written).unwrap())).unwrap().brands
}
