//! `tollgate billing reconcile` on files: exit codes, what is found, what is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use rust_decimal::Decimal;
use serde_json::Value;
use tollgate_runtime::ledger::{LedgerStore as _, Options, Record, Writer};
use tollgate_runtime::node::LEDGER_FILE;
use tollgate_wire::Time;

/// 2026-09-10T00:00:00Z.
const DAY: u64 = 1_788_998_400;

fn tollgate(directory: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).args(arguments.split_whitespace()).output().unwrap()
}

/// Runs the comparison with further arguments; exit code, stdout, stderr.
fn compared(directory: &Path, more: &str) -> (Option<i32>, String, String) {
    let output = tollgate(directory, &format!("billing reconcile --month 2026-09 {more}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Three charged marketing messages of Mexico and a utility message that was free inside the window.
fn world() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("data")).unwrap();
    std::fs::write(directory.path().join("tollgate.toml"), "data_dir = \"data\"\n").unwrap();
    let entry = |n: u8, kind: &str, category: &str, word: &str, cost: &str| {
        format!(
            r#"{{"entry":"{n:032x}","kind":"{kind}","revision":0,"account":"acme","waba":"w1","sender":"5550001111",
            "origin":"own","message_uid":{n},"recipient_hash":"{n:032x}","wamid_hash":"{n:032x}","country":"MX",
            "market":"Mexico","category":"{category}","pricing_model":"PMP","pricing_type":"{word}",
            "card":"pmp-usd-2026-07-01","quantity":1,"cost":"{cost}","cost_currency":"USD","price_ex_tax":"{cost}",
            "price_currency":"USD","occurred_at":"2026-09-10T10:00:00Z","booked_at":"2026-09-10T10:00:00Z",
            "usage_period":"2026-09","billing_period":"2026-09"}}"#
        )
    };
    let mut entries: Vec<String> = (1..=3).map(|n| entry(n, "charge", "marketing", "regular", "0.0305")).collect();
    entries.push(entry(4, "free", "utility", "free_customer_service", "0"));
    let record = |(offset, value)| Record { partition: 0, offset, after: 0, value };
    let records: Vec<_> = (0..).zip(entries.iter().map(String::as_bytes)).map(record).collect();
    let ledger = directory.path().join("data").join(LEDGER_FILE);
    let mut writer = Writer::open(&ledger, Options::default()).unwrap();
    assert_eq!(writer.ingest(&records, Time(0)).unwrap().applied, 4);
    let snapshot = SNAPSHOT.as_bytes();
    let snapshots = [Record { partition: 0, offset: 0, after: 0, value: snapshot }];
    assert_eq!(writer.ingest_snapshots(&snapshots, Time(0)).unwrap().applied, 1);
    directory
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).unwrap();
}

/// The platform's answer with so many marketing messages.
fn answer(messages: u64, cost: &str) -> String {
    let point = |kind: &str, category: &str, volume: u64, cost: &str| {
        let end = DAY + 86_400;
        format!(
            r#"{{"start":{DAY},"end":{end},"phone_number":"5550001111","country":"MX","pricing_type":"{kind}",
            "pricing_category":"{category}","volume":{volume},"cost":{cost}}}"#
        )
    };
    let points = [point("REGULAR", "MARKETING", messages, cost), point("FREE_CUSTOMER_SERVICE", "SERVICE", 1, "0")];
    format!(r#"{{"pricing_analytics":{{"data":[{{"data_points":[{}]}}]}},"id":"w1"}}"#, points.join(","))
}

/// What tells the zone of the WABA.
const SNAPSHOT: &str = r#"{"account":"acme","name":"Acme","as_of":"2026-09-11T00:00:00Z","disabled":false,"limit":250,
    "limit_scope":"portfolio","quota_used":0,"parked_messages":0,"parked_bytes":0,
    "wabas":[{"id":"w1","time_zone":"UTC","currency":"USD"}],"senders":[],"campaigns":[],"lots":[]}"#;

const PROFILE: &str = "thousands = \",\"\nlists_free = false\n[columns]\nwaba = \"Account ID\"\n\
    phone = \"Phone number\"\ncategory = \"Category\"\nquantity = \"Messages\"\namount = \"Cost\"\n";

#[test]
fn what_agrees_is_exit_code_0_and_what_has_no_reason_3() {
    let directory = world();
    let here = directory.path();
    let ledger = here.join("data").join(LEDGER_FILE);
    let before = std::fs::read(&ledger).unwrap();
    write(here, "same.json", &answer(3, "0.0915"));
    let (code, told, errors) = compared(here, "--against same.json");
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{told}");
    assert!(told.starts_with("no differences\n") && told.contains("costs within 0.01 of the currency"), "{told}");

    // A webhook that never came.
    write(here, "more.json", &answer(4, "0.1220"));
    let (code, told, _) = compared(here, "--against more.json");
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("missing webhook  USD          1              1               0  0.0305"), "{told}");
    assert!(
        told.contains("2026-09-10  2026-09-11  w1    5550001111  MX       regular  marketing         4     3"),
        "{told}"
    );
    let (code, told, _) = compared(here, "--against more.json --json");
    let json: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &json["explained"], &json["by"]), (Some(3), &false.into(), &"billing".into()));
    assert_eq!(json["classes"][0]["class"], "missing_webhook");
    let amount = |value: &Value| value.as_str().unwrap().parse::<Decimal>().unwrap().normalize().to_string();
    assert_eq!((&json["classes"][0]["more"], amount(&json["classes"][0]["amount"])), (&1.into(), "0.0305".to_owned()));
    assert_eq!(json["differences"][0]["parts"][0]["messages"], 1);
    let total = &json["totals"][0];
    assert_eq!(
        (amount(&total["platform_cost"]), amount(&total["our_cost"])),
        ("0.122".to_owned(), "0.0915".to_owned())
    );

    // The platform has it under another category: explained.
    let moved = answer(2, "0.0610").replace(
        "\"cost\":0}",
        "\"cost\":0},{\"start\":1788998400,\"end\":1789084800,\
        \"phone_number\":\"5550001111\",\"country\":\"MX\",\"pricing_type\":\"REGULAR\",\
        \"pricing_category\":\"UTILITY\",\"volume\":1,\"cost\":0.0085}",
    );
    write(here, "moved.json", &moved);
    let (code, told, _) = compared(here, "--against moved.json --account acme");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("re-classified  USD          2              1               1  -0.0220"), "{told}");
    // Of two answers the last counts; a wider tolerance explains an amount.
    let (code, told, _) = compared(here, "--against more.json --against same.json");
    assert!(code == Some(0) && told.contains("2 figures were replaced by those of a later answer"), "{told}");
    write(here, "dear.json", &answer(3, "0.1"));
    for (tolerance, code) in [("0.008", 3), ("0.0085", 0)] {
        let (found, told, _) = compared(here, &format!("--against dear.json --tolerance {tolerance}"));
        assert_eq!(found, Some(code), "{told}");
    }
    assert_eq!(std::fs::read(&ledger).unwrap(), before, "nothing is written");
}

#[test]
fn an_invoice_by_its_profile() {
    let directory = world();
    let here = directory.path();
    write(here, "mine.toml", PROFILE);
    write(here, "bill.csv", "Account ID,Phone number,Category,Messages,Cost\nw1,5550001111,Marketing,3,0.0915\n");
    let (code, told, errors) = compared(here, "--against bill.csv --profile mine.toml");
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{told}");
    // The example in the repository, by its name.
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/profiles/invoice.toml");
    std::fs::create_dir_all(here.join("examples/profiles")).unwrap();
    std::fs::copy(example, here.join("examples/profiles/invoice.toml")).unwrap();
    let header = "Account ID,Phone number,Country,Category,Messages,Cost,Currency,Date\n";
    write(here, "days.csv", &format!("{header}w1,5550001111,Mexico,Marketing,3,0.0915,USD,2026-09-10\n"));
    let (code, told, errors) = compared(here, "--against days.csv --profile invoice");
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{told}");
    write(here, "euros.csv", &format!("{header}w1,5550001111,Mexico,Marketing,3,0.0915,EUR,2026-09-10\n"));
    let (code, told, _) = compared(here, "--against euros.csv --profile invoice");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("currency  EUR          1              3               0   0.0915"), "{told}");
    write(here, "two.csv", &format!("{header}w1,5550001111,Mexico,Marketing,2,0.0610,USD,2026-09-10\n"));
    let (code, told, _) = compared(here, "--against two.csv --profile invoice");
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("unknown  USD          1              0               1  -0.0305"), "{told}");
}

/// The same as `billing analytics fetch` keeps it, told so many hours after the day.
fn told(messages: u64, cost: &str, hours: u8) -> String {
    let said =
        format!(r#""id":"w1","fetched_at":"2026-09-11T{hours:02}:00:00Z","start":{DAY},"end":{}}}"#, DAY + 86_400);
    answer(messages, cost).replace("\"id\":\"w1\"}", &said)
}

#[test]
fn what_is_kept_is_compared_without_a_file() {
    let directory = world();
    let here = directory.path();
    let run = |arguments: &str| {
        let output = tollgate(here, arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, _, errors) = compared(here, "");
    assert_eq!(code, Some(1));
    assert!(errors.contains("none of the platform's figures of 2026-09 are kept; fetch them with"), "{errors}");
    write(here, "raw.json", &answer(3, "0.0915"));
    let (code, said) = run("billing analytics import raw.json");
    assert_eq!(code, Some(1));
    assert!(said.contains("raw.json: line 1, answer 1: it does not say what was asked and when"), "{said}");
    write(here, "first.jsonl", &told(4, "0.1220", 1));
    write(here, "second.jsonl", &told(3, "0.0915", 2));
    for (file, says) in
        [("first.jsonl", "first.jsonl: 1 days kept, 0 known\n"), ("first.jsonl", "first.jsonl: 0 days kept, 1 known\n")]
    {
        assert_eq!(run(&format!("billing analytics import {file}")), (Some(0), says.to_owned()));
    }
    let (code, shown, errors) = compared(here, "");
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("missing webhook"), "{shown}");
    let lacks = "WABA w1: the platform's figures of 2026-09-01 to 2026-09-09, 2026-09-11 to 2026-09-30 are not kept";
    assert!(errors.contains(lacks), "{errors}");
    // What is told later counts, and what was told before is there to be shown.
    assert_eq!(run("billing analytics import second.jsonl").0, Some(0));
    let (code, shown, _) = compared(here, "--account acme");
    assert_eq!(code, Some(0), "{shown}");
    let (code, exported) = run("billing analytics export --month 2026-09");
    assert_eq!((code, exported.lines().count()), (Some(0), 2), "{exported}");
    let first = exported.lines().next().unwrap();
    assert!(first.contains("\"fetched_at\":\"2026-09-11T01:00:00.000Z\"") && first.contains("\"volume\":4"), "{first}");
    let (code, said) = run("billing analytics export --month 2026-09 --out kept.jsonl");
    assert_eq!((code, said.as_str()), (Some(0), "kept.jsonl: 2 answers\n"));
    let (code, again, _) = compared(here, "--against kept.jsonl");
    assert_eq!((code, again), (Some(0), shown));
    let (code, said) = run("billing analytics export --month 2026-09 --out kept.jsonl");
    assert_eq!(code, Some(1));
    assert!(said.contains("--out kept.jsonl cannot be written"), "{said}");
}

/// `arguments → exit code, what stderr has`.
const REFUSED: &str = r#"
    --against cut.json                              → 1 cut.json: the file ends in line 2, at byte 200 inside answer 1: it was cut off; fetch it again
    --against empty.json                            → 1 empty.json: the file is empty
    --against none.json                             → 1 --against none.json cannot be read
    --against text.json                             → 1 text.json: line 1, byte 0 is not JSON
    --against type.json                             → 1 type.json: line 1, answer 1: pricing_analytics.data[0].data_points[0].volume: the string "3" does not fit
    --against october.json                          → 1 --month = 2026-09: none of the 2 figures is of it, they are of 2026-10-10 to 2026-10-11; fetch that month
    --against bill.csv                              → 1 bill.csv is CSV, whose columns nothing tells; write a profile of them after examples/profiles/invoice.toml
    --against same.json --account nobody            → 1 --account = "nobody": there is no such account
    --against w2.json --account acme                → 1 the figures are of WABA w2, the account has w1
    --against same.json --tolerance=-1              → 2 write an amount of 0 or more
    --against same.json --config none.toml          → 3 none.toml: cannot be read
    --against w2.json                               → 1 waba = "w2": its time zone is not known, so its month has no bounds; start the service once
    --profile mine.toml                             → 2 --against <FILE>
    --against bill.csv --profile none.toml          → 1 none.toml: the profile cannot be read; write one after
    --against bill.csv --profile typo.toml          → 1 bill.csv:1: there is no column "Mesages" for columns.quantity of the profile; did you mean Messages?
    --against bill.csv --profile key.toml           → 1 key.toml:3: unknown field `wabba`
    --against same.json --profile mine.toml         → 1 same.json:1: there is no column
"#;

#[test]
fn bad_input_is_told_and_nothing_printed() {
    let directory = world();
    let here = directory.path();
    let same = answer(3, "0.0915");
    let october = same.replace("1788998400", "1791590400").replace("1789084800", "1791676800");
    for (name, text) in [
        ("same.json", same.clone()),
        ("cut.json", same[..200].to_owned()),
        ("empty.json", "\n".to_owned()),
        ("text.json", "hello".to_owned()),
        ("type.json", same.replace("\"volume\":3", "\"volume\":\"3\"")),
        ("october.json", october),
        ("w2.json", same.replace("\"w1\"", "\"w2\"")),
        ("bill.csv", "Account ID,Phone number,Category,Messages,Cost\nw1,5550001111,Marketing,3,0.0915\n".to_owned()),
        ("mine.toml", PROFILE.to_owned()),
        ("typo.toml", PROFILE.replace("\"Messages\"", "\"Mesages\"")),
        ("key.toml", "decimal = \".\"\n[columns]\nwabba = \"x\"\nquantity = \"y\"\n".to_owned()),
    ] {
        write(here, name, &text);
    }
    for row in REFUSED.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (arguments, expected) = row.split_once('→').unwrap();
        let (code, says) = expected.trim().split_once(' ').unwrap();
        let (found, told, errors) = compared(here, arguments);
        assert_eq!(found.map(|code| code.to_string()).as_deref(), Some(code), "{row}\n{errors}");
        assert!(errors.contains(says) && told.is_empty(), "{row}\n  says: {errors}{told}");
        if code == "1" {
            assert_eq!(errors.lines().count(), 1, "{row}: one line\n{errors}");
        }
    }
}
