//! A month is closed by the real service and its commands: what the platform said before is in its bill, what it says
//! later is billed in the month after, and the bill stays as it was.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;

use std::cell::RefCell;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use process::Process;
use serde_json::{Value, json};
use sha2::Sha256;
use tollgate_tests::logs;

const BOUND: Duration = Duration::from_secs(60);
const SECRET: &str = "a secret of the app";
const SECRETS: [(&str, &str); 3] = [
    ("TOLLGATE__APPS__DEFAULT__APP_SECRET", SECRET),
    ("TOLLGATE__APPS__DEFAULT__VERIFY_TOKEN", "verify"),
    ("TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN", "token"),
];
/// Names the service's disk and its log.
const SLOT: &str = "data";
/// 2026-09-20T12:00:00Z, and seconds after it.
const SEPTEMBER: u64 = 1_789_905_600;

struct Service {
    /// `None` between an end and the next start. Ends before its folder goes.
    process: RefCell<Option<Process>>,
    folder: tempfile::TempDir,
    at: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        logs::keep_metrics(&self.path("tollgate.toml"));
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

impl Service {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = format!("127.0.0.1:{port}");
        let config = format!("[gateway]\napi = \"{at}\"\nwebhooks = \"{at}\"\nmetrics = \"{at}\"\n");
        fs::write(folder.path().join("tollgate.toml"), config).unwrap();
        let process = RefCell::new(Some(Self::spawn(folder.path())));
        let service = Self { folder, at, process };
        service
            .until("it is ready", |s| words(&s.run(&["accounts", "show", "nobody"])).contains("not in the registry"));
        service
    }

    fn spawn(folder: &Path) -> Process {
        Process::serve(&folder.join("tollgate.toml"), folder, SLOT, &[], &SECRETS)
    }

    /// Ends the service and starts it with more in its configuration.
    fn restart(&self, more: &str) {
        logs::keep_metrics(&self.path("tollgate.toml"));
        self.process.replace(None);
        let config = fs::read_to_string(self.path("tollgate.toml")).unwrap() + more;
        fs::write(self.path("tollgate.toml"), config).unwrap();
        self.process.replace(Some(Self::spawn(self.folder.path())));
        self.until("it is ready", |s| words(&s.run(&["accounts", "show", "nobody"])).contains("not in the registry"));
    }

    fn command_in(folder: &Path, at: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
            command.env_remove(name);
        }
        command.current_dir(folder).args(arguments).env("TOLLGATE_URL", format!("http://{at}")).envs(SECRETS);
        command
    }

    /// What the service said.
    fn log(&self) -> String {
        self.process.borrow().as_ref().map(Process::log).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Self::command_in(self.folder.path(), &self.at, arguments).output().unwrap()
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}\n{}", words(&output), self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str], code: i32, says: &str) {
        let output = self.run(arguments);
        assert!(words(&output).contains(says), "{arguments:?}: {}", words(&output));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }

    fn until(&self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + BOUND;
        while !done(self) {
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the platform posts: messages of somebody else on our number were delivered.
    fn delivered(&self, messages: &[(&str, &str, &str, u64)]) {
        let status = |(wamid, to, category, at): &(&str, &str, &str, u64)| {
            json!({"id": wamid, "status": "delivered", "timestamp": at.to_string(), "recipient_id": to,
                "pricing": {"billable": true, "pricing_model": "PMP", "category": category, "type": "regular"}})
        };
        let statuses: Vec<Value> = messages.iter().map(status).collect();
        let value = json!({"messaging_product": "whatsapp", "statuses": statuses,
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": "200"}});
        let body = json!({"object": "whatsapp_business_account",
            "entry": [{"id": "100", "changes": [{"field": "messages", "value": value}]}]});
        let body = body.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let mut stream = TcpStream::connect(&self.at).unwrap();
        let request = format!(
            "POST /webhooks/whatsapp/default HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.at,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// A month's detail, by wamid hash: kind, cause, usage month, cost.
    fn detail(&self, month: &str) -> Vec<[String; 4]> {
        let csv = self.good(&["billing", "export", "--month", month, "--format", "detail", "--out", "-"]);
        let mut lines = csv.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let header = lines.next().unwrap();
        let at = |name: &str| header.iter().position(|column| column == name).unwrap();
        let columns = ["kind", "cause", "usage_period", "cost"].map(at);
        lines.map(|line| columns.map(|column| line[column].clone())).collect()
    }
}

#[test]
fn a_month_is_closed_once_and_stays() {
    let service = Service::start();
    let account = "[[account]]\naccount = \"acme\"\nlimit = \"UNLIMITED\"\n[[account.wabas]]\nid = \"100\"\ncurrency = \"USD\"\n\
         time_zone = \"America/Sao_Paulo\"\n[[account.wabas.senders]]\nid = \"200\"\n";
    fs::write(service.path("account.toml"), account).unwrap();
    service.good(&["accounts", "apply", "account.toml"]);
    fs::write(service.path("euro.toml"), account.replace("USD", "EUR")).unwrap();
    service.refused(
        &["accounts", "apply", "euro.toml"],
        1,
        "euro.toml:6: account \"acme\": unchanging: wabas[0].currency",
    );
    service.until("the account is in the views", |s| words(&s.run(&["senders", "acme"])).contains("200"));
    let before = [
        ("wamid.a", "5511987654321", "utility", SEPTEMBER),
        ("wamid.b", "5511987654322", "marketing", SEPTEMBER + 60),
        // A category that no card has, so no price.
        ("wamid.c", "5511987654329", "hologram", SEPTEMBER + 120),
        // A second before October in São Paulo.
        ("wamid.d", "5511987654323", "marketing", 1_790_823_599),
        ("wamid.e", "5511987654323", "marketing", 1_790_823_600),
    ];
    service.delivered(&before);
    service.until("all are booked", |s| s.detail("2026-09").len() == 4 && s.detail("2026-10").len() == 1);

    // Months in their order, when they are over, with everything certain.
    let close = |month: &str, more: &[&str]| {
        let fixed = ["billing", "close", "--account", "acme", "--month", month, "--json"];
        [&fixed[..], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let refused = |month: &str, more: &[&str], says: &str| {
        let arguments = close(month, more);
        service.refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), 1, says);
    };
    let all = ["--allow", "unpriced,unverified,bands-unknown"];
    refused("2026-10", &all, "earlier_open: month 2026-09 of account `acme` is open; close it before 2026-10");
    refused("2026-09", &["--allow", "unverified,bands-unknown"], "1 unpriced (unknown_category 1)");
    refused("2199-01", &all, "too_early: month 2199-01");
    refused("2199-01", &[&all[..], &["--force", "why not"]].concat(), "a month that has not begun");
    let settled = service.good(&["billing", "settle", "--month", "2026-09", "--json"]);
    let settled: Value = serde_json::from_str(&settled).unwrap();
    assert_eq!((&settled["settled"]["charges"], &settled["settled"]["true_ups"]), (&json!(4), &json!(0)));

    let closed = |month: &str| -> Value {
        let arguments = close(month, &all);
        let told = service.good(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        serde_json::from_str(&told).unwrap()
    };
    let september = closed("2026-09");
    let manifest = &september["manifest"];
    assert_eq!((&manifest["messages"], &manifest["previous_sha256"]), (&json!(4), &json!("")));
    assert_eq!(manifest["allowed"], json!(["unpriced", "unverified", "bands_unknown"]));
    assert_eq!(closed("2026-09")["sha256"], september["sha256"], "closing twice changes nothing");
    let export = |to: &str| {
        service.good(&["billing", "export", "--month", "2026-09", "--account", "acme", "--out", to]);
        (fs::read(service.path(to)).unwrap(), fs::read_to_string(service.path(&format!("{to}.manifest.json"))).unwrap())
    };
    let (bill, told) = export("first.csv");
    assert!(told.contains("\"status\": \"closed\"") || told.contains("closed"), "{told}");

    // Late: said after the close, and a repetition of what is in it.
    service.delivered(&[("wamid.f", "5511987654324", "utility", SEPTEMBER + 180), before[0]]);
    service.until("the late one is booked", |s| s.detail("2026-10").len() == 2);
    let late = service.detail("2026-10").into_iter().find(|line| line[2] == "2026-09").unwrap();
    assert_eq!((late[0].as_str(), late[1].as_str()), ("charge", "late"));
    assert_eq!(service.detail("2026-09").len(), 4);
    let again = export("second.csv");
    assert_eq!((bill, told.replace("first.csv", "second.csv")), again, "byte by byte");

    let october = closed("2026-10");
    assert_eq!(october["manifest"]["previous_sha256"], september["sha256"]);
    let verified = service.good(&["billing", "verify", "--json"]);
    let months: Vec<Value> = verified.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |n: usize| (months[n]["month"].as_str().unwrap(), &months[n]["sha256"], &months[n]["ok"]);
    assert_eq!(of(0), ("2026-09", &september["sha256"], &json!(true)));
    assert_eq!(of(1), ("2026-10", &october["sha256"], &json!(true)));

    // A card is corrected, and the difference billed in the first open month.
    service.good(&["billing", "rerate", "--month", "2026-09", "--book", "--json"]);
    service.refused(
        &["billing", "settle", "--month", "2026-09"],
        1,
        "`tollgate billing rerate --month 2026-09 --book`",
    );
    let card = include_str!("../../../rate-card/data/rates/pmp_usd_2026-07-01.csv");
    let dearer = card.replace("# id=pmp-usd-2026-07-01 ", "# id=pmp-usd-2026-07-01-v2 ");
    let dearer = dearer.replace("Brazil,utility,0.0068,", "Brazil,utility,0.0070,");
    fs::create_dir(service.path("cards")).unwrap();
    fs::write(service.path("cards/pmp_usd_2026-07-01-v2.csv"), dearer).unwrap();
    service.restart(&format!("[rates]\ndirectory = \"{}\"\n", service.path("cards").display()));
    let shown: Value =
        serde_json::from_str(&service.good(&["billing", "rerate", "--month", "2026-09", "--json"])).unwrap();
    let differs = shown["totals"].as_array().unwrap().iter().find(|line| line["difference"] != json!("0")).unwrap();
    assert_eq!(differs["difference"].as_str().unwrap().trim_end_matches('0'), "0.0002", "{shown}");
    service
        .until("the views follow", |s| s.run(&["billing", "rerate", "--month", "2026-09", "--book"]).status.success());
    let booked: Value =
        serde_json::from_str(&service.good(&["billing", "rerate", "--month", "2026-09", "--book", "--json"])).unwrap();
    assert_eq!((&booked["billed_in"], &booked["settled"]["true_ups"]), (&json!("2026-11"), &json!(0)), "once");
    // All that has the corrected card, taken back and booked anew; only the dearer one costs another amount.
    let november = service.detail("2026-11");
    let cost = |of: &[String; 4]| of[3].parse::<rust_decimal::Decimal>().unwrap();
    assert!(november.iter().all(|line| line[..3] == ["true_up", "card", "2026-09"].map(str::to_owned)), "{november:?}");
    assert_eq!(november.iter().map(cost).sum::<rust_decimal::Decimal>().normalize().to_string(), "0.0002");
    let (bill_now, _) = export("third.csv");
    assert_eq!(bill_now, again.0, "what is closed stays");

    // The client's invoice is named where it is asked for.
    fn attach<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["billing", "invoice", "attach", "--account", "acme", "--month"][..], more].concat()
    }
    service.refused(&attach(&["2026-11", "--invoice", "R-7"]), 1, "is not closed; close it first");
    service.good(&attach(&["2026-09", "--invoice", "R-7", "--tax-code", "VAT 19 %"]));
    service.good(&attach(&["2026-09", "--invoice", "R-7", "--tax-code", "VAT 19 %"]));
    service.refused(&attach(&["2026-09", "--invoice", "R-8"]), 1, "has invoice `R-7` already");
    let listed = service.good(&["billing", "invoice", "list", "--month", "2026-09"]);
    assert!(listed.contains("R-7") && listed.contains("VAT 19 %"), "{listed}");
    let named = ["billing", "export", "--month", "2026-09", "--account", "acme", "--with-invoices", "--out", "-"];
    let named = service.good(&named);
    assert!(named.lines().skip(1).all(|row| row.ends_with(",VAT 19 %,R-7")), "{named}");
    assert_eq!(export("fourth.csv").0, bill_now, "and nowhere else");

    // What finance credits is billed in the first open month, once.
    let credit = |month: &'static str, waba: &'static str, price: &'static str| {
        let of =
            ["billing", "credit", "--json", "--account", "acme", "--month", month, "--waba", waba, "--price", price];
        let why = ["--id", "CR-7", "--reason", "an outage", "--reference", "CN-7"];
        [&of[..], &why[..]].concat()
    };
    let booked: Value = serde_json::from_str(&service.good(&credit("2026-09", "100", "25"))).unwrap();
    assert_eq!((&booked["billed_in"], &booked["price_ex_tax"]), (&json!("2026-11"), &json!("-25")), "{booked}");
    let again: Value = serde_json::from_str(&service.good(&credit("2026-09", "100", "25"))).unwrap();
    assert_eq!(again, booked);
    service.refused(&credit("2026-09", "100", "26"), 1, "is that of another credit, booked at");
    service.refused(&credit("2026-09", "999", "25"), 1, "is not one of account acme, which has 100");
    service.refused(&credit("2999-01", "100", "25"), 1, "has not begun");
    let credits = service.detail("2026-11").into_iter().filter(|line| line[0] == "credit").collect::<Vec<_>>();
    assert_eq!(credits.len(), 1, "{credits:?}");
    assert_eq!(credits[0][1..3], ["manual", "2026-09"]);
    let summary = service.good(&["billing", "export", "--month", "2026-11", "--account", "acme", "--out", "-"]);
    let rows: Vec<_> = summary.lines().filter(|row| row.contains(",credit,")).collect();
    assert!(rows.len() == 1 && rows[0].contains("-25.000000,USD"), "{summary}");
    assert_eq!(export("fifth.csv").0, bill_now, "what is closed stays");

    // Somebody makes a bill cheaper.
    let database = rusqlite::Connection::open(service.path("data/ledger.db")).unwrap();
    database.busy_timeout(BOUND).unwrap();
    let changed = database.execute("UPDATE entries SET cost = '0.0001' WHERE cost > '0.001'", []).unwrap();
    assert!(changed > 0);
    service.refused(&["billing", "verify"], 3, "month 2026-09 of account `acme`: the SHA-256 of the detail is");
}
