//! What each command ends with and says.

use crate::files::files;
use crate::{NOBODY, stderr, tollgate};

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
