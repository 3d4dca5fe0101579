//! The files that the commands are given.

use std::path::Path;

use tollgate_runtime::ledger::{LedgerStore as _, Options, Record, Writer};
use tollgate_runtime::node::LEDGER_FILE;
use tollgate_wire::Time;

const GOOD: &str = "[[account]]\naccount = \"acme\"\nlimit = 1000\n";

/// Apps with their three secrets.
fn apps(names: &[&str]) -> String {
    let secrets = |name: &&str| {
        let keys = ["app_secret", "verify_token", "access_token"];
        let lines = keys.map(|key| format!("{key}_file = \"secret.txt\"\n"));
        format!("[apps.{name}]\n{}", lines.concat())
    };
    names.iter().map(secrets).collect()
}

/// Writes them into a directory.
pub fn files(directory: &Path) {
    let waba = "[[account.wabas]]\nid = \"w1\"\ncurrency = \"USD\"\ntime_zone = \"UTC\"\nsenders = []\n";
    let files = [
        ("bad.toml", "[gateway]\napy = \"127.0.0.1:1\"\n".to_owned()),
        ("people.csv", "to,name\n+5511987654321,Ana\n".to_owned()),
        ("people.jsonl", "{}\n".to_owned()),
        ("empty.csv", String::new()),
        ("empty.jsonl", "\n\n".to_owned()),
        ("semicolons.csv", "to;name\n+5511987654321;Ana\n".to_owned()),
        ("said_yes.csv", "to,state\n+5511987654321,yes\n".to_owned()),
        ("sometime.csv", "to,state,at\n+5511987654321,opt_in,yesterday\n".to_owned()),
        ("bad_number.csv", "to,state\n+55,opt_in\n".to_owned()),
        ("open_quote.csv", "to,source,state\n+5511987654321,\"form,opt_out\n+5511987654322,form,opt_out\n".to_owned()),
        ("windows.csv", "to,state\r\n\r\n\r\n+55,opt_in\r\n".to_owned()),
        ("no_state.csv", "to,state\n+5511987654321,\n".to_owned()),
        ("ledger.toml", "data_dir = \"ledger\"\n".to_owned()),
        ("booked.toml", "data_dir = \"booked\"\n".to_owned()),
        ("newer.toml", "data_dir = \"newer\"\n".to_owned()),
        ("sandbox.toml", "seed = 1\nsed = 3\n".to_owned()),
        ("consents.csv", "to,state\n+5511987654321,opt_in\n".to_owned()),
        (
            "ends_first.csv",
            "to,state,at,expires\n+5511987654321,opt_in,2026-02-01T00:00:00Z,2026-01-01T00:00:00Z\n".to_owned(),
        ),
        ("perhaps.csv", "to,state,confirmed\n+5511987654321,opt_in,perhaps\n".to_owned()),
        ("branded.csv", "to,state,brand\n+5511987654321,opt_in,Shoes\n".to_owned()),
        ("unnamed.csv", "source\ncomplaint\n".to_owned()),
        ("listed.csv", "to,source\n+5511987654321,complaint\n".to_owned()),
        ("good.toml", format!("{GOOD}{waba}")),
        ("typo.toml", format!("[[account]]\naccount = \"acme\"\nlimt = 1000\n{waba}")),
        (
            "currency.toml",
            format!("{GOOD}name = \"\n\"\n{waba}")
                .replace("\"\n\"", "\"\"")
                .replace("USD", "usd")
                .replace("[[account.wabas]]", "\n\n[[account.wabas]]"),
        ),
        ("idr.toml", format!("{GOOD}{waba}").replace("USD", "IDR")),
        ("kafka.toml", "[log]\nkind = \"kafka\"\n[kafka]\nproperties_file = \"kafka.properties\"\n".to_owned()),
        ("kafka.properties", "ssl.ca.location=people.csv\n".to_owned()),
        ("broken.toml", "[[account]]\naccount = \n".to_owned()),
        ("bare.toml", "account = \"acme\"\nlimit = 250\nwabas = []\n".to_owned()),
        ("typo.json", r#"{"account":"acme","limt":1000,"wabas":[]}"#.to_owned()),
        ("twice.toml", format!("{}{waba}{}{waba}", GOOD.replace("acme", "a"), GOOD.replace("acme", "b"))),
        ("bad_card.csv", "# id=x\nmarket\n".to_owned()),
        ("secret.txt", "s".to_owned()),
        ("apps.toml", format!("data_dir = \"ledger\"\n{}", apps(&["default", "shop"]))),
    ];
    for (name, text) in files {
        std::fs::write(directory.join(name), text).unwrap();
    }
    drop(std::os::unix::net::UnixListener::bind(directory.join("socket")).unwrap());
    // A ledger of a service that was never used.
    std::fs::create_dir(directory.join("ledger")).unwrap();
    drop(Writer::open(&directory.join("ledger").join(LEDGER_FILE), Options::default()).unwrap());
    std::fs::create_dir(directory.join("booked")).unwrap();
    book(&directory.join("booked").join(LEDGER_FILE));
    // One of a newer release, which `serve` refuses.
    std::fs::create_dir(directory.join("newer")).unwrap();
    drop(Writer::open(&directory.join("newer").join(LEDGER_FILE), Options::default()).unwrap());
    std::fs::write(directory.join("newer").join("FORMAT"), "tollgate-data 2\n").unwrap();
}

/// A charged marketing message and a utility message that was free inside the window, as the rules of September book
/// them for Mexico.
fn book(ledger: &Path) {
    let entry = |n: u8, kind: &str, category: &str, word: &str, cost: &str| {
        format!(
            r#"{{"entry":"{n:032x}","kind":"{kind}","revision":0,"account":"acme","waba":"w1","sender":"s1",
            "origin":"own","message_uid":{n},"recipient_hash":"{n:032x}","wamid_hash":"{n:032x}","country":"MX",
            "campaign":"autumn","market":"Mexico","category":"{category}","pricing_model":"PMP","pricing_type":"{word}",
            "expected_category":"{category}","reported_category":"{category}","reported_type":"{word}",
            "rulebook":"pmp-2025-07-01","quantity":1,"cost":"{cost}","cost_currency":"USD","price_ex_tax":"{cost}",
            "price_currency":"USD","occurred_at":"2026-09-10T10:00:00Z","booked_at":"2026-09-10T10:00:00Z",
            "usage_period":"2026-09","billing_period":"2026-09"}}"#
        )
    };
    let entries = [
        entry(1, "charge", "marketing", "regular", "0.0305"),
        entry(2, "free", "utility", "free_customer_service", "0"),
    ];
    let record = |(offset, value)| Record { partition: 0, offset, after: 0, value };
    let records: Vec<_> = (0..).zip(entries.iter().map(String::as_bytes)).map(record).collect();
    let done = Writer::open(ledger, Options::default()).unwrap().ingest(&records, Time(0)).unwrap();
    assert_eq!(done.applied, 2);
}
