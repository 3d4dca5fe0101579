//! The built program: exit codes, and what an error says. Nothing here needs a service.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};
use tollgate_runtime::ledger::{LedgerStore as _, Options, Record, Writer};
use tollgate_runtime::node::LEDGER_FILE;
use tollgate_wire::Time;

/// An address where nobody listens: port 9 is the discard service's, and below 1024.
const NOBODY: &str = "http://127.0.0.1:9";

fn tollgate(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `arguments → exit code, what stderr has`, in a directory with the files of [`files`].
const TABLE: &str = r#"
    check-config                                                → 0
    check-config --config bad.toml                              → 3 bad.toml:2: gateway.apy is not a known key; did you mean gateway.api?
    check-config --config none.toml                             → 3 none.toml: cannot be read
    check-config --accounts idr.toml                            → 3 there is no rate card in IDR: deliveries are booked as unpriced; import the published rates
    check-config --accounts none.toml                           → 1 --accounts: none.toml cannot be read
    check-config --accounts typo.toml                           → 1 typo.toml:3: limt is not a known field; did you mean limit?
    check-config --config kafka.toml                            → 3 people.csv: kafka_ca: the end of its certificate is not known: it has no certificate; name a PEM file
    serve --config bad.toml                                     → 3 did you mean gateway.api?
    serve --roles shards                                        → 1 --roles needs log.kind = "kafka"
    ready --url URL                                             → 1 no service answers at URL
    ready --url URL --config bad.toml                           → 2 --config bad.toml with --url URL: they may be of two deployments; give one
    ready --url here                                            → 1 --url = "here" is no address
    ready --config bad.toml                                     → 3 did you mean gateway.api?
    config default                                              → 0
    nonsense                                                    → 2 unrecognized subcommand
    enqueue                                                     → 2 required
    enqueue people.csv                                          → 2 --account is missing
    enqueue people.csv --account acme                           → 2 --template is missing
    enqueue people.csv --account acme --template t              → 2 --language is missing
    enqueue people.csv --account acme --template t --language en --map name → 2 COLUMN=PARAMETER
    enqueue people.csv --account acme --template t --language en --map nam=1 → 1 people.csv:1: there is no column "nam" for --map; did you mean name?
    enqueue people.csv --account acme --template t --language en --to-column phone → 1 there is no column "phone" for --to-column
    enqueue empty.csv --account acme --template t --language en → 1 empty.csv: the file is empty
    enqueue empty.jsonl                                         → 1 empty.jsonl: the file is empty; write one request a line
    enqueue semicolons.csv --account acme --template t --language en → 1 semicolons.csv:1: the header is one cell, "to;name"; give --delimiter ';'
    enqueue none.csv --account acme --template t --language en  → 1 none.csv cannot be read
    enqueue ledger --account acme --template t --language en    → 1 ledger cannot be read: Is a directory
    enqueue open_quote.csv --account acme --template t --language en --url URL → 1 open_quote.csv:2: the quote that opens in line 2 is never closed
    enqueue windows.csv --account acme --template t --language en --url URL → 1 windows.csv:4: 
    enqueue people.csv --account acme --template t --language en --config ledger.toml → 2 --config ledger.toml without --kafka
    enqueue people.csv --account acme --template t --language en --url URL → 1 no service answers at URL; start one with `tollgate serve` or `tollgate demo`
    enqueue people.jsonl --map a=1                              → 2 --map is for CSV
    enqueue people.csv --send-after tomorrow                    → 2 write it as 2026-11-27T09:00:00-03:00
    accounts apply good.toml --url URL                          → 1 no service answers at URL
    accounts apply typo.toml                                    → 1 typo.toml:3: limt is not a known field; did you mean limit?
    accounts apply currency.toml                                → 1 currency.toml:9: account[0].wabas[0].currency: "usd" is not a currency; use the ISO 4217 code
    accounts apply broken.toml                                  → 1 broken.toml:2:
    accounts apply typo.json                                    → 1 typo.json:1: limt is not a known field; did you mean limit?
    accounts apply bare.toml                                    → 1 bare.toml:3: wabas: it is empty; declare at least one WABA
    accounts apply twice.toml                                   → 1 waba w1 of account b belongs to account a already
    accounts show acme --url URL                                → 1 no service answers at URL
    accounts show acme --url here                               → 1 --url = "here" is no address
    accounts show acme --url URL --token-file none.token        → 1 --token-file none.token cannot be read
    consents import consents.csv --account acme --url URL       → 1 no service answers
    consents import people.csv --account acme --url URL         → 1 people.csv:1: column "name" is not known
    consents import semicolons.csv --account acme --url URL     → 1 semicolons.csv:1: the header is one cell, divided by ';'
    consents import said_yes.csv --account acme --url URL       → 1 said_yes.csv:2: state = "yes": use opt_in or opt_out
    consents import sometime.csv --account acme --url URL       → 1 sometime.csv:2: at = "yesterday": 
    consents import bad_number.csv --account acme --url URL     → 1 bad_number.csv:2: to: 
    consents import ends_first.csv --account acme --url URL      → 1 ends_first.csv:2: expires = "2026-01-01T00:00:00Z": it is not after `at`
    consents import perhaps.csv --account acme --url URL        → 1 perhaps.csv:2: confirmed = "perhaps": 
    consents import branded.csv --account acme --url URL        → 1 branded.csv:2: brand = "Shoes": 
    consents suppress consents.csv --account acme --url URL     → 1 consents.csv:1: column "state" is not known
    consents suppress unnamed.csv --account acme --url URL      → 1 unnamed.csv:1: there is no column to; add it
    consents suppress listed.csv --account acme --url URL       → 1 no service answers
    consents suppressed --account acme --url URL                → 1 no service answers
    consents unsuppress +5511987654321 --account acme --url URL → 1 no service answers
    person export acme +5511987654321 --url URL                 → 1 no service answers
    person erase acme +5511987654321 --url URL                  → 2 --yes
    person erase acme +5511987654321 --yes --url URL            → 1 no service answers
    consents import ledger --account acme --url URL             → 1 ledger cannot be read: Is a directory
    consents import open_quote.csv --account acme --url URL     → 1 open_quote.csv:2: the quote that opens in line 2 is never closed
    consents import windows.csv --account acme --url URL        → 1 windows.csv:4: to: 
    consents import no_state.csv --account acme --url URL       → 1 no_state.csv:2: state: the field is missing; add it
    billing export --month 2026-13                              → 2 write YYYY-MM
    billing export --month 2026-10                              → 1 ledger.db
    billing export --month 2026-10 --config ledger.toml --account nobody --out nobody.csv → 1 --account = "nobody": there is no such account
    billing export --month 2026-10 --config ledger.toml --out people.csv → 1 people.csv is there, without the manifest
    billing export --month 2026-10 --config ledger.toml --out ledger → 1 --out ledger is a directory; name a file in it
    billing export --month 2026-10 --config ledger.toml --out socket → 1 --out socket is no file that could be replaced; write --out - for stdout
    billing export --month 2026-10 --config ledger.toml --out - → 0
    billing export --month 2026-10 --config ledger.toml         → 0
    billing export --month 2026-10 --config ledger.toml         → 0
    billing export --month 2026-10 --config ledger.toml --format detail --out billing_2026-10_summary.csv → 1 is the export of 2026-10 summary, all accounts
    billing export --month 2026-10 --config newer.toml --out newer.csv → 1 has format 2
    billing export --month 2999-01 --config ledger.toml         → 0 2999-01 has not begun yet
    billing export --month 2026-10 --with-recipients            → 2 --with-recipients needs --format detail
    billing export --month 2026-10 --view customer              → 2 --view needs --format focus
    billing export --month 2026-10 --format focus --config ledger.toml → 0
    billing export --month 2026-10 --format focus --view customer --config ledger.toml → 1 --view customer: billing.issuer is empty; set it in the configuration
    billing export --month 2026-10 --format focus --view customer --config ledger.toml --out billing_2026-10_focus_provider.csv → 1 is the export of 2026-10 focus for the provider, all accounts
    billing export --month 2026-09 --format focus --config booked.toml → 1 waba = "w1" of account "acme": its time zone
    billing export --month 2026-10 --parquet --out bill.csv     → 2 name a file that ends in .parquet
    billing export --month 2026-10 --parquet --out -            → 2 name a file that ends in .parquet
    billing export --month 2026-10 --out bill.parquet --url URL → 2 bill.parquet with --url: the service gives CSV
    billing export --month 2026-10 --url URL                    → 1 no service answers
    billing export --month 2026-10 --url URL --config ledger.toml → 2 --config ledger.toml with --url URL: they may be of two deployments; give one
    --config ledger.toml billing export --month 2026-10 --url URL → 2 --config ledger.toml with --url URL
    billing rerate --month 2026-13 --rules-of 2026-10-01        → 2 write YYYY-MM
    billing rerate --month 2026-09                              → 1 ledger.db
    billing rerate --month 2026-09 --config booked.toml          → 0
    billing rerate --month 2026-09 --book --rules-of 2026-10-01  → 2 cannot be used with
    billing rerate --month 2026-09 --book --config booked.toml   → 2 --config booked.toml with --book: it is the service that books
    billing rerate --month 2026-09 --book --url URL              → 1 no service answers at URL
    billing rerate --month 2026-09 --rules-of october           → 2 write YYYY-MM-DD, such as 2026-10-01
    billing rerate --month 2026-09 --rules-of 2026-10-01 --card x → 2 cannot be used with
    billing rerate --month 2026-09 --rules-of 2025-06-30        → 1 --rules-of = 2025-06-30: there is no rulebook of that day that charges by message; name a day from 2025-07-01 on
    billing rerate --month 2026-09 --rules-of 2026-10-01        → 1 ledger.db
    billing rerate --month 2026-09 --rules-of 2026-10-01 --config ledger.toml → 1 --month = 2026-09: nothing is booked for it; the ledger is empty
    billing rerate --month 2026-09 --rules-of 2026-10-01 --config booked.toml → 0
    billing rerate --month 2026-08 --rules-of 2026-10-01 --config booked.toml → 1 nothing is booked for it; the ledger has 2026-09
    billing rerate --month 2026-09 --rules-of 2026-10-01 --config booked.toml --account acne → 1 --account = "acne": there is no such account
    billing rerate --month 2026-09 --card pmp-usd-2026-10-10 --config booked.toml → 1 --card = "pmp-usd-2026-10-10": there is no such card and no such file; did you mean pmp-usd-2026-10-01?
    billing rerate --month 2026-09 --card none.csv --config booked.toml → 1 --card = "none.csv": the file cannot be read
    billing rerate --month 2026-09 --card bad_card.csv --config booked.toml → 1 bad_card.csv:2:
    billing rerate --month 2026-09 --card cbp-usd-2025-02-01 --config booked.toml → 1 its model is CBP; a month of messages cannot be rated by conversations
    billing rerate --month 2026-09 --card pmp-usd-2026-10-01 --card pmp-usd-2026-07-01 --config booked.toml → 2 a second card in USD
    billing rerate --month 2026-09 --card pmp-eur-2026-07-01 --config booked.toml → 0
    billing analytics fetch --month 2026-13                     → 2 write YYYY-MM
    billing analytics fetch --month 2999-01                     → 2 --month = 2999-01 has not begun
    billing analytics fetch --days 0                            → 2 '--days <N>': write a whole number from 1 to 366
    billing analytics fetch --days 3 --month 2026-10            → 2 cannot be used with
    billing analytics fetch --config ledger.toml                → 1 no app is configured, so there is no access token; set apps.default
    billing analytics fetch --config apps.toml                  → 2 --app is missing: there are several apps; name one of default, shop
    billing analytics fetch --config apps.toml --app shp        → 1 --app = "shp": there is no such app in the configuration; did you mean shop?
    billing analytics fetch --config apps.toml --app shop       → 1 no account here has a WABA; declare it
    billing analytics fetch --config apps.toml --app shop --account acne → 1 --account = "acne": there is no such account
    billing credit --month 2026-10                              → 2 required
    billing credit --month 2026-10 --account acme --waba 1 --id C --reason x → 2 <--amount <AMOUNT>|--cost <AMOUNT>|--price <AMOUNT>>
    billing credit --month 2026-10 --account acme --waba 1 --id C --reason x --price one → 2 write an amount with a point
    billing credit --month 2026-10 --account acme --waba 1 --id C --reason x --price 1 --amount 1 → 2 cannot be used with
    billing credit --month 2026-10 --account acme --waba 1 --id C --reason x --price -5 --url URL → 1 no service answers
    billing analytics import                                    → 2 required
    billing analytics import none.jsonl --config ledger.toml    → 1 none.jsonl cannot be read
    billing analytics export --month 2026-13                    → 2 write YYYY-MM
    billing analytics export --month 2026-09 --config booked.toml --account acne → 1 --account = "acne": there is no such account
    billing reconcile --month 2026-09 --config booked.toml      → 1 none of the platform's figures of 2026-09 are kept
    billing forecast --month 2026-13                            → 2 write YYYY-MM
    billing forecast --config ledger.toml                       → 0
    billing forecast --month 2026-09 --config booked.toml       → 0
    billing forecast --month 2026-09 --config booked.toml --account acne → 1 --account = "acne": there is no such account
    billing settle --month 2026-13                              → 2 write YYYY-MM
    billing settle --month 2026-10 --url URL                    → 1 no service answers
    billing close                                               → 2 required
    billing close --month 2026-10 --allow everything            → 2 invalid value
    billing close --month 2026-10 --account acme --url URL      → 1 no service answers
    billing verify --config booked.toml                         → 0
    billing verify --config booked.toml --account acne          → 1 --account = "acne": there is no such account
    --config bad.toml serve                                     → 3 did you mean gateway.api?
    rates list                                                  → 0
    rates check                                                 → 0
    rates check bad_card.csv                                    → 3 bad_card.csv:
    rates check none.csv                                        → 1 none.csv cannot be read
    rates diff pmp-usd-2026-07-01 pmp-usd-2026-10-01            → 0
    rates diff pmp-usd-2026-10-01 pmp-usd-2026-10-01            → 0
    rates diff pmp-usd-2026-07-01 pmp-eur-2026-07-01            → 1 compare cards of one currency and pricing model
    rates diff cbp-usd-2024-11-01 pmp-usd-2026-10-01            → 1 compare cards of one currency and pricing model
    rates diff pmp-usd-2026-10-02 pmp-usd-2026-10-01            → 1 neither the id of a card nor a file; `tollgate rates list` shows the ids; did you mean pmp-usd-2026-10-01?
    rates diff pmp-usd-2026-10-01 bad_card.csv                  → 1 bad_card.csv:
    rates diff pmp-usd-2026-10-01                               → 2 required
    rates import people.csv --valid-from 2027-01-01             → 2 neither --out nor rates.directory says where to write
    rates import people.csv --valid-from 2027-01-01 --out none  → 1 --out none is not a directory; create it first
    rates import people.csv --valid-from 2027-01-01 --out .     → 1 bad_card.csv:
    rates import people.csv --valid-from 2027-01-01 --dry-run   → 1 people.csv:1: no layout is recognised
    rates import none.csv --valid-from 2027-01-01 --dry-run     → 1 none.csv cannot be read
    rates import people.csv --valid-from January --dry-run      → 2 write a day as YYYY-MM-DD
    rates import people.csv --valid-from 2027-01-01 --currency usd --dry-run → 2 write three capitals, such as USD
    rates import people.csv                                     → 2 required
    campaigns pause acme x --url URL                            → 1 no service answers
    campaigns start acme x --budget abc                         → 2 write an amount of 0 or more with a point before the decimals, such as 2500.00
    campaigns start acme x --budget -1                          → 2 write an amount of 0 or more
    campaigns start acme x --hours 9-21                         → 2 --time-zone
    explain acme x --url URL                                    → 1 no service answers
    outcomes acme --follow --url URL                            → 1 no service answers
    senders --url URL                                           → 1 no service answers
    lots acme --url URL                                         → 1 no service answers
    dead-letters list --url URL                                 → 1 no service answers
    dead-letters list --limit 0                                 → 2 invalid value '0' for '--limit <NUMBER>': write a whole number from 1 to 1000
    dead-letters list --limit x                                 → 2 '--limit <NUMBER>': write a whole number from 1 to 1000
    windows list --account acme --limit 10001                   → 2 '--limit <NUMBER>': write a whole number from 1 to 10000
    topics create --partitions 2049                             → 2 '--partitions <N>': write a whole number from 1 to 2048
    topics create --replication x                               → 2 write a whole number from 1 to 9
    campaigns start acme x --per-minute 0                       → 2 '--per-minute <NUMBER>': write a whole number from 1 to 6000000
    demo --recipients 0                                         → 2 '--recipients <NUMBER>': write a whole number from 1 to 2000000
    demo --seed x                                               → 2 '--seed <NUMBER>': write a whole number
    accounts apply x --wait 1.5                                 → 2 '--wait <SECONDS>': write a whole number
    dead-letters show 3 --url URL                               → 1 no service answers
    dead-letters show 3 --bytes --json                          → 2 leave --json out
    dead-letters replay                                         → 2 nothing is chosen; give offsets, --reason, --after or --all
    dead-letters replay 3 --all                                 → 2 cannot be used with
    dead-letters replay --reason bad                            → 2 use one of malformed, unknown_field
    dead-letters replay 3 --url URL                             → 1 no service answers
    outcomes acme --after x                                     → 2 '--after <CURSOR>': write a whole number, such as 1200
    dead-letters list --after 1.5                               → 2 write a whole number
    dead-letters show one                                       → 2 '<OFFSET>': write a whole number
    dead-letters replay 3 x                                     → 2 invalid value 'x' for '[OFFSET]...': write a whole number
    campaigns start acme x --weight 1.5                         → 2 '--weight <NUMBER>': write a whole number
    sandbox --listen 8440                                       → 2 '--listen <ADDRESS>': write address and port, such as 127.0.0.1:8440
    sandbox --seed x                                            → 2 '--seed <NUMBER>': write a whole number, such as 7
    sandbox --delay-scale fast                                  → 2 '--delay-scale <FACTOR>': write a number, such as 0.5
    sandbox --config none.toml                                  → 1 none.toml cannot be read; name an existing file
    sandbox --config sandbox.toml                               → 1 sandbox.toml:2: unknown field `sed`
    token new --role emperor                                    → 2 invalid value
    token new --role admin --name=                              → 2 a value is required for '--name <NAME>'
    token new --role admin                                      → 0
"#;

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

fn files(directory: &Path) {
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

#[test]
fn september_under_octobers_rules() {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    let file = directory.path().join("booked").join(LEDGER_FILE);
    let before = std::fs::read(&file).unwrap();
    let asked = |more: &[&str]| {
        let plain = ["billing", "rerate", "--month", "2026-09", "--config", "booked.toml"];
        let output = tollgate(directory.path(), &[&plain[..], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    // Marketing to Mexico goes from 0.0305 to 0.0397, utility inside the window from nothing to 0.0085.
    let json: serde_json::Value = serde_json::from_str(&asked(&["--rules-of", "2026-10-01", "--json"])).unwrap();
    let total = &json["totals"][0];
    assert_eq!((&total["booked"], &total["other"]), (&"0.0305".into(), &"0.0482".into()), "{json}");
    assert_eq!((&total["difference"], &json["campaigns"][0]["campaign"]), (&"0.0177".into(), &"autumn".into()));
    let table = asked(&["--rules-of", "2026-10-01"]);
    assert!(table.contains("Mexico  marketing  USD              1  0.0305       0.0397      0.0092"), "{table}");
    // October's card alone: September's rules leave utility inside the window free.
    let json: serde_json::Value = serde_json::from_str(&asked(&["--card", "pmp-usd-2026-10-01", "--json"])).unwrap();
    assert_eq!(json["totals"][0]["difference"], "0.0092", "{json}");
    // A corrected card, and the one it replaces.
    let rates = tollgate_rate_card::Sources::embedded();
    let july = rates.cards.iter().find(|card| card.name.ends_with("pmp_usd_2026-07-01.csv")).unwrap();
    let corrected = july.text.replace("id=pmp-usd-2026-07-01", "id=pmp-usd-2026-07-01-v2");
    let corrected = corrected.replace("Mexico,marketing,0.0305", "Mexico,marketing,0.0400");
    std::fs::create_dir(directory.path().join("rates")).unwrap();
    std::fs::write(directory.path().join("rates/july-v2.csv"), &corrected).unwrap();
    let config = std::fs::read_to_string(directory.path().join("booked.toml")).unwrap();
    std::fs::write(directory.path().join("booked.toml"), format!("{config}\n[rates]\ndirectory = \"rates\"\n"))
        .unwrap();
    for (card, difference) in [("pmp-usd-2026-07-01", "0.0000"), ("pmp-usd-2026-07-01-v2", "0.0095")] {
        let json: serde_json::Value = serde_json::from_str(&asked(&["--card", card, "--json"])).unwrap();
        assert_eq!(json["totals"][0]["difference"], difference, "{card}: {json}");
    }
    // A proposal for the same days, also where the bands of the card in use begin at another list rate.
    let proposal = corrected.replace("-v2", "-wish").replace("Mexico,utility,0.0085", "Mexico,utility,0.0099");
    std::fs::write(directory.path().join("wish.csv"), proposal).unwrap();
    let json: serde_json::Value = serde_json::from_str(&asked(&["--card", "wish.csv", "--json"])).unwrap();
    assert_eq!(json["totals"][0]["difference"], "0.0095", "{json}");
    let table = asked(&["--card", "pmp-eur-2026-07-01"]);
    assert!(table.contains("other rules: no_card"), "{table}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "nothing is written");
}

/// Parquet is a feature of the build: one without it says how to get one.
#[test]
fn parquet_is_written_or_the_remedy_told() {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    let arguments = ["billing", "export", "--month", "2026-09", "--config", "booked.toml", "--format", "detail"];
    let output = tollgate(directory.path(), &[&arguments[..], &["--parquet"]].concat());
    let file = directory.path().join("billing_2026-09_detail.parquet");
    if cfg!(feature = "parquet") {
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(std::fs::read(&file).unwrap().starts_with(b"PAR1"));
    } else {
        assert_eq!(output.status.code(), Some(1));
        let told = stderr(&output);
        assert!(told.contains("detail.parquet: this build writes no Parquet"), "{told}");
        assert!(told.contains("--features parquet"), "{told}");
        assert!(!file.exists());
    }
}

#[test]
fn exit_codes_and_errors() {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    for row in TABLE.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (arguments, expected) =
            row.split_once('→').map(|(a, b)| (a.replace("URL", NOBODY), b.trim().replace("URL", NOBODY))).unwrap();
        let output = tollgate(directory.path(), &arguments.split_whitespace().collect::<Vec<_>>());
        let (code, says) = expected.split_once(' ').unwrap_or((&expected, ""));
        let errors = stderr(&output);
        assert_eq!(output.status.code().map(|code| code.to_string()).as_deref(), Some(code), "{row}\n{errors}");
        assert!(errors.contains(says), "{row}\n  says: {errors}");
        if code == "1" {
            assert_eq!(errors.lines().count(), 1, "{row}: one line\n{errors}");
        }
    }
}

/// The bill is that of the configuration that the command names, wherever the environment points.
#[test]
fn a_configuration_in_the_command_counts_for_more_than_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    let asked = |config: &[&str]| {
        let arguments = ["billing", "export", "--month", "2026-10", "--out", "-"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.current_dir(directory.path()).args(arguments).args(config);
        command.env("TOLLGATE_URL", NOBODY).output().unwrap()
    };
    let output = asked(&["--config", "ledger.toml"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let told = stderr(&asked(&["--config", "none.toml"]));
    assert!(told.contains("none.toml: cannot be read"), "{told}");
    let told = stderr(&asked(&[]));
    assert!(told.contains("no service answers"), "{told}");
}

#[test]
fn an_empty_id_is_told_as_that() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [["explain", "acme", "", "--url", NOBODY], ["explain", "", "m1", "--url", NOBODY]] {
        let output = tollgate(directory.path(), &arguments);
        let told = stderr(&output);
        assert!(output.status.code() == Some(2) && told.contains("a value is required for"), "{told}");
    }
}

#[test]
fn many_bad_rows_are_counted_and_some_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("bad.csv"), format!("to\n{}", "5511987654321\n".repeat(25))).unwrap();
    let arguments = ["enqueue", "bad.csv", "--account", "acme", "--template", "t", "--language", "en", "--url", NOBODY];
    let output = tollgate(directory.path(), &arguments);
    let errors = stderr(&output);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 21), "{errors}");
    assert!(errors.contains("bad.csv:21: ") && !errors.contains("bad.csv:22: "), "{errors}");
    assert!(errors.ends_with("bad.csv: and 5 more; --json lists the first 1000\n"), "{errors}");
    let told = stdout(&output);
    assert!(told.contains("bad.csv: 0 accepted, 25 bad\n  of the bad ones none is kept as a dead letter"), "{told}");
}

#[test]
fn the_printed_configuration_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let printed = tollgate(directory.path(), &["config", "default"]);
    std::fs::write(directory.path().join("tollgate.toml"), &printed.stdout).unwrap();
    let output = tollgate(directory.path(), &["check-config", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((answer["ok"].as_bool(), answer["file"].as_str()), (Some(true), Some("tollgate.toml")));
}

#[test]
fn faults_as_json() {
    let directory = tempfile::tempdir().unwrap();
    files(directory.path());
    let output = tollgate(directory.path(), &["--json", "check-config", "--config", "bad.toml"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["faults"][0]["place"], "bad.toml:2");
    let output = tollgate(directory.path(), &["rates", "check", "bad_card.csv", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ok"], false);
}

#[test]
fn a_new_token_fits_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let output =
        tollgate(directory.path(), &["token", "new", "--role", "enqueue", "--account", "acme", "--name", "crm"]);
    std::fs::write(directory.path().join("t.toml"), stdout(&output).lines().skip(1).collect::<Vec<_>>().join("\n"))
        .unwrap();
    let output = tollgate(directory.path(), &["check-config", "--config", "t.toml", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["tokens"], serde_json::json!(["crm"]), "{}", stderr(&output));
}

#[test]
fn rate_cards_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let output = tollgate(directory.path(), &["rates", "list", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let cards = answer["cards"].as_array().unwrap();
    assert!(
        cards.iter().any(|card| card["card"] == "pmp-usd-2026-10-01" && card["cells"]["published"].as_u64() > Some(0))
    );
}

/// Each listener in turn: the address is named, and no data directory is left behind.
#[test]
fn a_taken_address_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for key in ["api", "webhooks", "metrics"] {
        let address = |other: &str| if other == key { taken.as_str() } else { "127.0.0.1:0" };
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["serve"])
            .current_dir(directory.path())
            .env("TOLLGATE__DATA_DIR", "data")
            .envs([("TOLLGATE__GATEWAY__API", address("api")), ("TOLLGATE__GATEWAY__WEBHOOKS", address("webhooks"))])
            .env("TOLLGATE__GATEWAY__METRICS", address("metrics"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{key}");
        let said = stderr(&output);
        assert!(said.contains(&format!("gateway.{key}")) && said.contains(&taken), "{key}: {said}");
        assert!(!directory.path().join("data").exists(), "{key}: a data directory");
    }
}
