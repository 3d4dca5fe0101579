//! The data files of a month: those of the product, or the same with small bands and allowances, further bands and a
//! further currency, so that a few thousand messages pass every edge.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use tollgate_rate_card::{Decimal, Source, Sources};

/// Free messages or conversations of a month where it is small.
const ALLOWANCE: &str = "40";
/// Bounds of bands are divided by this where they are small.
const SMALLER: u64 = 2_500;
/// A dollar in the further currency.
const REAL: &str = "5.43";
/// Markets that get bands on the card of 2026-10-01, which has none that are known.
const BANDED: [&str; 3] = ["Brazil", "India", "Mexico"];

/// The product's files, with what `small` changes; written to `directory` for the oracle.
pub(crate) fn sources(small: bool, directory: &Path) -> Result<Sources, String> {
    let mut sources = Sources::embedded();
    if small {
        shrink(&mut sources)?;
    }
    for folder in ["rates", "bands"] {
        fs::create_dir_all(directory.join(folder)).map_err(|e| format!("{}: {e}", directory.display()))?;
    }
    let single = [&sources.rulebooks, &sources.charging_rules, &sources.bars, &sources.market_map, &sources.currencies];
    for source in single.into_iter().chain(&sources.numbering).chain(&sources.cards).chain(&sources.bands) {
        let path = directory.join(&*source.name);
        fs::write(&path, &*source.text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(sources)
}

fn shrink(sources: &mut Sources) -> Result<(), String> {
    let rules = sources.charging_rules.text.replace(",1000,", &format!(",{ALLOWANCE},"));
    sources.charging_rules.text = rules.into();
    let bands = smaller(&sources.bands[0].text)?;
    sources.bands[0].text = bands.into();
    let dollars = sources.cards.iter().filter(|c| c.name.contains("_usd_")).cloned().collect::<Vec<_>>();
    let last = dollars.iter().find(|c| c.name.contains("pmp_usd_2026-10-01")).ok_or("no card of 2026-10-01")?;
    let further = invented(&last.text)?;
    sources.bands.push(Source::new("bands/bands_usd_2026-10-01.csv", further));
    let corrected = corrected(&last.text)?;
    sources.cards.push(Source::new("rates/pmp_usd_2026-10-01_v2.csv", corrected));
    for card in dollars {
        let text = converted(&card.text, 2)?;
        sources.cards.push(Source::new(card.name.replace("_usd_", "_brl_"), text));
    }
    for bands in sources.bands.clone() {
        let text = converted(&bands.text, 6)?;
        sources.bands.push(Source::new(bands.name.replace("_usd_", "_brl_"), text));
    }
    Ok(())
}

/// Lines of a file, each cut into cells, with a change to the cells of the rows.
fn rows(text: &str, change: impl Fn(&mut Vec<String>) -> Result<(), String>) -> Result<String, String> {
    let mut out = String::new();
    let mut head = true;
    for line in text.lines() {
        if line.starts_with('#') || head {
            head = line.starts_with('#');
            let _ = writeln!(out, "{line}");
            continue;
        }
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        change(&mut cells)?;
        let _ = writeln!(out, "{}", cells.join(","));
    }
    Ok(out)
}

fn smaller(text: &str) -> Result<String, String> {
    rows(text, |cells| {
        let number = |cell: &str| cell.parse::<u64>().map_err(|e| format!("a band's bound {cell:?}: {e}"));
        cells[3] = ((number(&cells[3])? - 1) / SMALLER + 1).to_string();
        if !cells[4].is_empty() {
            cells[4] = (number(&cells[4])? / SMALLER).to_string();
        }
        Ok(())
    })
}

/// A second version of a card, in which Brazil costs more: its bands are not known then.
fn corrected(card: &str) -> Result<String, String> {
    rows(&card.replacen("-2026-10-01 ", "-2026-10-01-v2 ", 1), |cells| {
        if cells[0] == "Brazil" && !cells[2].is_empty() {
            let rate: Decimal = cells[2].parse().map_err(|e| format!("rate {:?}: {e}", cells[2]))?;
            cells[2] = format!("{:.4}", rate + Decimal::new(13, 4));
        }
        Ok(())
    })
}

/// The same in reais; `at` is the column of the rate.
fn converted(text: &str, at: usize) -> Result<String, String> {
    let real: Decimal = REAL.parse().map_err(|e| format!("{REAL}: {e}"))?;
    let text = text.replace("currency=USD", "currency=BRL").replace("-usd-", "-brl-").replace(",USD,", ",BRL,");
    rows(&text, |cells| {
        if !cells[at].is_empty() {
            let rate: Decimal = cells[at].parse().map_err(|e| format!("rate {:?}: {e}", cells[at]))?;
            let exact = (rate * real).round_dp(4);
            cells[at] = format!("{exact:.4}");
        }
        Ok(())
    })
}

/// Bands for a card of which none are known.
fn invented(card: &str) -> Result<String, String> {
    let mut out = "# currency=USD valid_from=2026-10-01 valid_to=open scale=4; invented\n".to_owned();
    out.push_str("market,currency,category,from_message,to_message,rate_type,rate,vs_list_pct\n");
    for line in card.lines() {
        let cells: Vec<&str> = line.split(',').collect();
        let [market, category, rate, ..] = cells[..] else { continue };
        let banded = matches!(category, "utility" | "authentication" | "authentication_international");
        if !BANDED.contains(&market) || !banded || rate.is_empty() {
            continue;
        }
        let list: Decimal = rate.parse().map_err(|e| format!("rate {rate:?}: {e}"))?;
        for (from, to, percent) in [(1, "60", 0), (61, "150", 5), (151, "", 10)] {
            let kind = if percent == 0 { "LIST" } else { "TIER" };
            let rate = (list * Decimal::new(100 - percent, 2)).round_dp(4);
            let _ = writeln!(out, "{market},USD,{category},{from},{to},{kind},{rate:.4},-{percent}");
        }
    }
    Ok(out.replace(",-0\n", ",0\n"))
}
