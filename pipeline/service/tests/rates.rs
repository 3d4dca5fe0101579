//! `tollgate rates import` and `diff` on files: what is written, what is left alone.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use tollgate_rate_card::{Card, Category, RateCards, Source, Sources};

fn tollgate(directory: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).args(arguments.split_whitespace()).output().unwrap()
}

/// What a run that succeeds prints.
fn told(directory: &Path, arguments: &str) -> String {
    let output = tollgate(directory, arguments);
    assert!(output.status.success(), "{arguments}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a run that fails says.
fn refused(directory: &Path, arguments: &str) -> String {
    let output = tollgate(directory, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments}\n{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// All cards: those that come with Tollgate and those of a directory.
fn sources(directory: &Path) -> Sources {
    let mut sources = Sources::embedded();
    for name in names(directory) {
        let source = Source::new(&name, std::fs::read_to_string(directory.join(&name)).unwrap());
        if name.starts_with("bands") { sources.bands.push(source) } else { sources.cards.push(source) }
    }
    sources
}

/// The list rates of a card as the platform publishes them.
fn list_rates(rates: &RateCards, card: &Card) -> String {
    let mut text = "Rates per message,,,,,,\n\
                    Market,Currency,Marketing,Utility,Authentication,\"Authentication-\nInternational\",Service\n"
        .to_owned();
    for market in card.markets() {
        let cell = |category| card.cell(market, category).unwrap().rate().map_or("n/a".to_owned(), |r| r.to_string());
        writeln!(text, "{},$US,{}", rates.map().market_name(market), Category::ALL.map(cell).join(",")).unwrap();
    }
    text
}

const TIERS: &str = "Volume tiers\nhttps://example.com\n,,Utility\n,,Messages per month,,What we charge\n\
                     Market,Currency,From,To,Rate type,Rate,vs. List rate\n\
                     Mexico,$US,1,\"1,000,000\",List,UTILITY,0%\n,$US,\"1,000,001\",--,Tier,0.0050,-5%\n";

#[test]
fn a_new_card_its_correction_and_its_bands() {
    let directory = tempfile::tempdir().unwrap();
    let (here, out) = (directory.path(), directory.path().join("rates"));
    std::fs::create_dir(&out).unwrap();
    let rates = RateCards::embedded().unwrap();
    let last = rates.card_named("pmp-usd-2026-10-01").unwrap();
    let text = list_rates(&rates, last);
    std::fs::write(here.join("usd.csv"), &text).unwrap();
    std::fs::write(here.join("dearer.csv"), text.replace("Argentina,$US,0.0618", "Argentina,$US,0.0700")).unwrap();
    let import = |file: &str, more: &str| format!("rates import {file} --valid-from 2027-01-01 --out rates {more}");

    // A rehearsal writes nothing and shows the difference to the card that it takes over from.
    let rehearsed = told(here, &import("dearer.csv", "--dry-run"));
    assert!(rehearsed.contains("0.0618  0.0700      0.0082   13.27%"), "{rehearsed}");
    assert!(rehearsed.contains("pmp-usd-2026-10-01 → pmp-usd-2027-01-01: 1 rates up"), "{rehearsed}");
    assert!(names(&out).is_empty());

    let written = told(here, &import("usd.csv", ""));
    assert!(written.contains("pmp_usd_2027-01-01.csv: card pmp-usd-2027-01-01, 2027-01-01 onwards"), "{written}");
    let first = std::fs::read_to_string(out.join("pmp_usd_2027-01-01.csv")).unwrap();
    std::fs::write(here.join("own.toml"), "[rates]\ndirectory = \"rates\"\n").unwrap();
    let list = told(here, "rates list --config own.toml");
    assert!(list.contains("2026-10-01 to 2026-12-31"), "the open card gives way\n{list}");

    // The same again writes nothing, other content needs --correction.
    assert!(told(here, &import("usd.csv", "")).contains("says the same already; nothing is written"));
    let error = refused(here, &import("dearer.csv", ""));
    assert!(
        error.contains("is there already with other content; --correction writes pmp-usd-2027-01-01-v2"),
        "{error}"
    );
    assert_eq!(names(&out), ["pmp_usd_2027-01-01.csv"]);
    told(here, &import("dearer.csv", "--correction"));
    assert_eq!(names(&out), ["pmp_usd_2027-01-01-v2.csv", "pmp_usd_2027-01-01.csv"]);
    assert_eq!(std::fs::read_to_string(out.join("pmp_usd_2027-01-01.csv")).unwrap(), first, "the earlier one stays");
    let list = told(here, "rates list --config own.toml");
    assert!(list.lines().any(|line| line.starts_with("pmp-usd-2027-01-01 ") && line.contains("(replaced)")), "{list}");
    let differs = told(here, "rates diff pmp-usd-2027-01-01 pmp-usd-2027-01-01-v2 --config own.toml --json");
    let differs: serde_json::Value = serde_json::from_str(&differs).unwrap();
    assert_eq!(differs["changes"][0]["difference"], "0.0082");
    assert_eq!((&differs["totals"]["up"], &differs["totals"]["down"]), (&1.into(), &0.into()));

    // Tiers belong to the card in use; their list rate must be its rate.
    let utility = last.cell(rates.map().market_named("Mexico").unwrap(), Category::Utility).unwrap().rate().unwrap();
    std::fs::write(here.join("tiers.csv"), TIERS.replace("UTILITY", &utility.to_string())).unwrap();
    std::fs::write(here.join("others.csv"), TIERS.replace("UTILITY", "0.9")).unwrap();
    let error = refused(here, &import("others.csv", ""));
    assert!(
        error.contains("line 6: the List rate of Mexico, utility is 0.9 where card pmp-usd-2027-01-01-v2 has 0.0085;"),
        "{error}"
    );
    told(here, &import("tiers.csv", ""));
    assert!(names(&out).contains(&"bands_usd_2027-01-01.csv".to_owned()));
    assert!(told(here, &import("tiers.csv", "")).contains("says the same already"));
    std::fs::write(here.join("deeper.csv"), TIERS.replace("UTILITY", &utility.to_string()).replace("0.0050", "0.0049"))
        .unwrap();
    let error = refused(here, &import("deeper.csv", ""));
    assert!(error.contains("--correction writes bands_usd_2027-01-01-v2.csv"), "{error}");
    told(here, &import("deeper.csv", "--correction"));
    assert!(told(here, &import("deeper.csv", "")).contains("says the same already"));
    assert!(told(here, "rates check --config own.toml").contains("good"));
}

/// Bands belong to the days of their card: a correction that ends on another day has none yet, and its file must not have the
/// name of the earlier one's.
#[test]
fn bands_of_a_correction_with_another_last_day_have_a_name_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let (here, out) = (directory.path(), directory.path().join("rates"));
    std::fs::create_dir(&out).unwrap();
    let rates = RateCards::embedded().unwrap();
    let last = rates.card_named("pmp-usd-2026-10-01").unwrap();
    let mexico = rates.map().market_named("Mexico").unwrap();
    let utility = last.cell(mexico, Category::Utility).unwrap().rate().unwrap();
    std::fs::write(here.join("usd.csv"), list_rates(&rates, last)).unwrap();
    let tiers = TIERS.replace("UTILITY", &utility.to_string());
    std::fs::write(here.join("tiers.csv"), &tiers).unwrap();
    std::fs::write(here.join("deeper.csv"), tiers.replace("0.0050", "0.0049")).unwrap();
    std::fs::write(here.join("own.toml"), "[rates]\ndirectory = \"rates\"\n").unwrap();
    let import = |file: &str, more: &str| format!("rates import {file} --valid-from 2027-01-01 --out rates {more}");
    told(here, &import("usd.csv", "--valid-to 2027-03-31"));
    told(here, &import("tiers.csv", ""));
    let first = std::fs::read_to_string(out.join("bands_usd_2027-01-01.csv")).unwrap();
    told(here, &import("usd.csv", "--valid-to 2027-06-30 --correction"));
    let rehearsed = told(here, &import("deeper.csv", "--dry-run"));
    assert!(rehearsed.contains("bands_usd_2027-01-01-v2.csv"), "{rehearsed}");
    let written = told(here, &import("deeper.csv", ""));
    assert!(written.contains("bands_usd_2027-01-01-v2.csv: volume bands of card pmp-usd-2027-01-01-v2"), "{written}");
    assert_eq!(std::fs::read_to_string(out.join("bands_usd_2027-01-01.csv")).unwrap(), first, "the earlier ones stay");
    assert!(told(here, &import("deeper.csv", "")).contains("says the same already"));
    let read = |card: &str| {
        let rates = RateCards::from_sources(&sources(&out)).unwrap();
        rates.card_named(card).unwrap().bands(mexico, Category::Utility).unwrap().at(1_000_001).1.to_string()
    };
    assert_eq!((read("pmp-usd-2027-01-01"), read("pmp-usd-2027-01-01-v2")), ("0.0050".to_owned(), "0.0049".to_owned()));
    assert!(told(here, "rates check --config own.toml").contains("good"));
}

/// Nothing of a bad file is written, and no leftover of the attempt.
#[test]
fn all_or_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (here, out) = (directory.path(), directory.path().join("rates"));
    std::fs::create_dir(&out).unwrap();
    let rates = RateCards::embedded().unwrap();
    let text = list_rates(&rates, rates.card_named("pmp-usd-2026-10-01").unwrap());
    std::fs::write(here.join("bad.csv"), text.replace(",0.", ",-0.")).unwrap();
    let error = refused(here, "rates import bad.csv --valid-from 2027-01-01 --out rates");
    assert_eq!(error.lines().count(), 21, "{error}");
    assert!(error.lines().next().unwrap().starts_with("tollgate: bad.csv:4: Marketing is `-0.0618`"), "{error}");
    let json = tollgate(here, "rates import bad.csv --valid-from 2027-01-01 --out rates --json");
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["ok"], &json["faults"][0]["place"]), (&false.into(), &"bad.csv:4".into()));

    // Good in itself, but not beside the other cards.
    std::fs::write(here.join("eur.csv"), text.replace("$US", "EUR")).unwrap();
    let error = refused(here, "rates import eur.csv --valid-from 2027-01-01 --out rates");
    assert!(error.contains("there is a gap between") && error.lines().count() == 1, "{error}");
    assert!(error.contains("load the card between them, or give --gap-before: those days stay unpriced"), "{error}");
    std::fs::write(here.join("tiers.csv"), TIERS.replace("UTILITY", "0.01")).unwrap();
    let error = refused(here, "rates import tiers.csv --valid-from 2027-01-01 --out rates");
    assert!(error.contains("no USD card starts on 2027-01-01; import its list rates first"), "{error}");
    assert!(names(&out).is_empty());

    told(here, "rates import eur.csv --valid-from 2027-01-01 --out rates --gap-before");
    assert_eq!(names(&out), ["pmp_eur_2027-01-01.csv"]);
    // The gap stays declared in a correction.
    std::fs::write(here.join("eur.csv"), text.replace("$US", "EUR").replace("0.0618", "0.0700")).unwrap();
    told(here, "rates import eur.csv --valid-from 2027-01-01 --out rates --correction");
    assert_eq!(names(&out), ["pmp_eur_2027-01-01-v2.csv", "pmp_eur_2027-01-01.csv"]);
}

/// A table of markets becomes a period of the map; cards without an end end there, and the list rates of the new markets follow.
#[test]
fn a_further_period_of_the_market_map() {
    let directory = tempfile::tempdir().unwrap();
    let (here, out) = (directory.path(), directory.path().join("rates"));
    std::fs::create_dir(&out).unwrap();
    std::fs::write(here.join("own.toml"), "[rates]\ndirectory = \"rates\"\n").unwrap();
    std::fs::write(here.join("markets.csv"), "Market,Country,Calling code\nPortugal,Portugal,+351\n").unwrap();
    std::fs::write(here.join("other.csv"), "Market,Country\nIberia,Portugal\n").unwrap();
    let import = |file: &str, more: &str| format!("rates import {file} --valid-from 2027-01-01 --out rates {more}");

    let rehearsed = told(here, &import("markets.csv", "--dry-run"));
    for line in [
        "PT Portugal: Rest of Western Europe -> Portugal",
        "1 country changes its market on 2027-01-01",
        "markets that there were not: Portugal",
        "card pmp-usd-2026-10-01 ends on 2026-12-31; import the list rates from 2027-01-01 next",
        "nothing is written",
    ] {
        assert!(rehearsed.lines().any(|l| l == line), "{line}\n{rehearsed}");
    }
    assert!(names(&out).is_empty());
    told(here, &import("markets.csv", ""));
    assert_eq!(names(&out), ["market_map.csv"]);
    assert!(told(here, &import("markets.csv", "")).contains("says the same from 2027-01-01 already"));
    assert!(told(here, "rates check --config own.toml").contains("good"));

    // The card of the new period needs the new market.
    let rates = RateCards::embedded().unwrap();
    let text = list_rates(&rates, rates.card_named("pmp-usd-2026-10-01").unwrap());
    std::fs::write(here.join("usd.csv"), &text).unwrap();
    assert!(refused(here, &import("usd.csv", "")).contains("there is no row for market `Portugal`"));
    std::fs::write(here.join("usd.csv"), format!("{text}Portugal,$US,0.07,0.01,0.01,n/a,0.0091\n")).unwrap();
    told(here, &import("usd.csv", ""));
    assert!(told(here, "rates check --config own.toml").contains("good"));

    // Other content needs --correction, and the former map stays readable.
    let first = std::fs::read_to_string(out.join("market_map.csv")).unwrap();
    let error = refused(here, &import("other.csv", ""));
    assert!(error.contains("market_map.csv has a period from 2027-01-01 already"), "{error}");
    // A card lists `Portugal`, which the corrected period would not have.
    let error = refused(here, &import("other.csv", "--correction"));
    assert!(error.contains("rates/pmp_usd_2027-01-01.csv:") && error.contains("market is `Portugal`"), "{error}");
    std::fs::remove_file(out.join("pmp_usd_2027-01-01.csv")).unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&told(here, &import("other.csv", "--correction --json"))).unwrap();
    assert_eq!((&json["changed"][0]["was"], &json["changed"][0]["is"]), (&"Portugal".into(), &"Iberia".into()));
    assert_eq!(names(&out), ["market_map.csv", "market_map.csv.1"]);
    assert_eq!(std::fs::read_to_string(out.join("market_map.csv.1")).unwrap(), first);
    let wrong = tollgate(here, &import("other.csv", "--currency USD"));
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("a table of markets has no --valid-to"), "{wrong:?}");
}

/// A published file declares no decimals, so a digit too many would pass as a finer price.
#[test]
fn more_decimals_than_the_newest_card_has_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let (here, out) = (directory.path(), directory.path().join("rates"));
    std::fs::create_dir(&out).unwrap();
    let rates = RateCards::embedded().unwrap();
    let text = list_rates(&rates, rates.card_named("pmp-usd-2026-10-01").unwrap());
    std::fs::write(here.join("usd.csv"), &text).unwrap();
    std::fs::write(here.join("finer.csv"), text.replace("Argentina,$US,0.0618", "Argentina,$US,0.06185")).unwrap();
    std::fs::write(here.join("first.csv"), text.replace("$US", "RP").replace("0.0618", "0.06185")).unwrap();
    let warned = |file: &str, more: &str| {
        let output = tollgate(here, &format!("rates import {file} --valid-from 2027-01-01 --out rates {more}"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{file} {more}\n{told}");
        told
    };
    assert_eq!(warned("usd.csv", "--dry-run"), "");
    assert_eq!(warned("first.csv", "--dry-run"), "", "there is no card in IDR to compare with");
    let expected = "tollgate: finer.csv:4: warning: the rate of Argentina, marketing is 0.06185, with 5 decimals where card \
                    pmp-usd-2026-10-01, the newest in USD, has 4; compare it with what the platform publishes: as it is \
                    it will be billed\n";
    assert_eq!(warned("finer.csv", "--dry-run"), expected);
    assert_eq!(warned("finer.csv", "--dry-run --json"), expected, "stdout is left to JSON");
    assert_eq!(warned("finer.csv", ""), expected);
    assert_eq!(warned("finer.csv", ""), "", "the same already");

    // Tiers may be finer than the list rates that they belong to.
    std::fs::write(here.join("tiers.csv"), TIERS.replace("UTILITY", "0.0085").replace("0.0050", "0.005012")).unwrap();
    let tiers = warned("tiers.csv", "");
    assert!(
        tiers.starts_with(
            "tollgate: tiers.csv:7: warning: the rate of Mexico, utility is 0.005012, with 6 decimals where"
        ),
        "{tiers}"
    );

    // Many are counted.
    let finer = |line: &str| match line.split_once(",$US,") {
        Some((market, of)) => format!("{market},$US,0.000001,{}\n", of.split_once(',').unwrap().1),
        None => format!("{line}\n"),
    };
    let all_finer: String = text.lines().map(finer).collect();
    std::fs::write(here.join("all.csv"), all_finer).unwrap();
    let all = warned("all.csv", "--dry-run");
    assert_eq!(all.lines().count(), 21);
    assert!(all.ends_with("all.csv: warning: and 27 more with more decimals\n"), "{all}");
}
