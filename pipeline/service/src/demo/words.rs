//! The report for people.

use super::report::Report;
use super::table::{Table, count};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tollgate_quality::Limit;
use tollgate_runtime::views::BillLine;
use tollgate_sandbox::ViolationRule;
use tollgate_wire::Time;

/// Countries that have a line of their own in the bill.
const COUNTRIES_SHOWN: usize = 24;
const CATEGORIES: [&str; 4] = ["marketing", "utility", "authentication", "service"];

/// All of it, as text.
pub(super) fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut section = |title: &str, body: String| {
        let _ = write!(text, "\n{title}\n{body}");
    };
    let intro = format!(
        "{} recipients in {} countries, seed {}: {:.1} s to prepare, {:.1} s to send, {:.1} s in all",
        count(report.recipients),
        report.countries,
        report.seed,
        report.seconds.prepare,
        report.seconds.send,
        report.seconds.total
    );
    section(&intro, String::new());
    section("Where every message is, and why", outcomes(report));
    section("Quota and quality", accounts(report));
    section("What waits, and when it goes", parked(report));
    section("Bill by country and category", bill(report));
    section("Held against the sandbox, which counts for itself", checks(report));
    section("Files", exports(report));
    section("To look further", report.next.iter().map(|line| format!("  {line}\n")).collect());
    text
}

fn outcomes(report: &Report) -> String {
    let mut table = Table::new(&["outcome", "reason", ">messages"]);
    for line in &report.outcomes {
        table.row([line.outcome.clone(), line.reason.clone().unwrap_or_default(), count(line.messages)]);
    }
    if report.refused_by_api > 0 {
        table.row(["refused at the door".to_owned(), "malformed".to_owned(), count(report.refused_by_api)]);
    }
    table.row(["together".to_owned(), String::new(), count(report.accounted_for)]);
    let repeated = format!(
        "  {} requests were sent in a second time; {} were recognised and went nowhere\n",
        count(report.repeated),
        count(report.duplicates)
    );
    table.text() + &repeated
}

fn accounts(report: &Report) -> String {
    let mut table = Table::new(&[
        "account",
        "number",
        "quality",
        ">used",
        ">limit",
        "first place back",
        ">waiting",
        ">per second",
        ">peak",
        "next marketing",
    ]);
    for account in &report.accounts {
        let limit = match account.limit {
            Limit::Users(users) => count(u64::from(users)),
            Limit::Unlimited => "none".to_owned(),
        };
        for (i, sender) in account.senders.iter().enumerate() {
            let once = |text: String| if i == 0 { text } else { String::new() };
            let back = account.quota_next_return.map_or_else(String::new, |at| when(at, report.as_of));
            let next = sender.next_marketing.map_or_else(|| "at once".to_owned(), |at| when(at, report.as_of));
            table.row([
                once(account.account.clone()),
                sender.sender.clone(),
                sender.quality.to_string(),
                once(count(u64::from(account.quota_used))),
                once(limit.clone()),
                once(back),
                once(count(account.waiting)),
                count(u64::from(sender.throughput)),
                count(sender.peak),
                next,
            ]);
        }
    }
    table.text()
}

fn parked(report: &Report) -> String {
    let mut table = Table::new(&["account", "what", "number", ">messages", "waits for", "next at", "all gone by"]);
    for line in &report.parked {
        let at = |at: Option<Time>| at.map_or_else(|| "-".to_owned(), |at| when(at, report.as_of));
        let mut what = line.class.clone();
        if let Some(campaign) = &line.campaign {
            let _ = write!(what, ", {campaign}");
        }
        table.row([
            line.account.clone(),
            what,
            line.sender.clone(),
            count(line.messages),
            line.waits_for.clone(),
            at(line.opens_at),
            at(line.done_by),
        ]);
    }
    table.text()
}

fn bill(report: &Report) -> String {
    let mut countries: BTreeMap<(&str, &str), Vec<&BillLine>> = BTreeMap::new();
    for line in &report.bill {
        countries.entry((&line.cost_currency, &line.country)).or_default().push(line);
    }
    let mut countries: Vec<_> = countries.into_iter().collect();
    let cost = |lines: &[&BillLine]| lines.iter().map(|line| line.cost).sum::<Decimal>();
    countries.sort_by_key(|(key, lines)| (std::cmp::Reverse(cost(lines)), *key));
    let mut table = Table::new(&[
        "country",
        ">marketing",
        ">utility",
        ">authentication",
        ">service",
        ">messages",
        ">free",
        ">cost",
        "",
    ]);
    let mut row = |name: String, lines: &[&BillLine], currency: &str| {
        let of = |category: &str| -> Decimal {
            lines.iter().filter(|line| line.category == category).map(|line| line.cost).sum()
        };
        let [marketing, utility, authentication, service] = CATEGORIES.map(of).map(amount);
        let sum = |of: fn(&BillLine) -> i64| count(lines.iter().map(|line| of(line)).sum::<i64>().unsigned_abs());
        let (messages, free) = (sum(|line| line.messages), sum(|line| line.free));
        let all = amount(cost(lines));
        table.row([name, marketing, utility, authentication, service, messages, free, all, currency.to_owned()]);
    };
    for ((currency, country), lines) in countries.iter().take(COUNTRIES_SHOWN) {
        row((*country).to_owned(), lines, currency);
    }
    for currency in report.totals.keys() {
        let of = |n| countries.iter().skip(n).filter(|((c, _), _)| c == currency).map(|(_, lines)| lines);
        let others = of(COUNTRIES_SHOWN).count();
        if others > 0 {
            let lines: Vec<&BillLine> = of(COUNTRIES_SHOWN).flatten().copied().collect();
            row(format!("{others} more"), &lines, currency);
        }
        let lines: Vec<&BillLine> = of(0).flatten().copied().collect();
        row("together".to_owned(), &lines, currency);
    }
    table.text()
}

fn amount(amount: Decimal) -> String {
    format!("{:.4}", amount.round_dp(4))
}

fn checks(report: &Report) -> String {
    let checks = &report.checks;
    let mut text = String::new();
    let breaches = [ViolationRule::UniqueUsers, ViolationRule::Throughput, ViolationRule::PairRate]
        .map(|rule| checks.violations.get(&rule).copied().unwrap_or_default());
    let _ = writeln!(
        text,
        "  breaches of the platform's limits: {} of the 24-hour limit, {} of throughput, {} of the pair rate",
        breaches[0], breaches[1], breaches[2]
    );
    let refused: u64 = checks.platform_refused.values().sum();
    let _ = writeln!(
        text,
        "  sends taken by the platform: {}; answered with an error: {}{}",
        count(checks.platform_accepted),
        count(refused),
        codes(&checks.platform_refused)
    );
    let mut table = Table::new(&["delivered", ">sandbox", ">ledger", ">difference"]);
    let empty = 0;
    let mut rows = |name: &str, theirs: &BTreeMap<String, u64>, ours: &BTreeMap<String, u64>| {
        let keys: std::collections::BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        for key in keys {
            let (theirs, ours) = (*theirs.get(key).unwrap_or(&empty), *ours.get(key).unwrap_or(&empty));
            table.row([
                format!("{name} {key}"),
                count(theirs),
                count(ours),
                (i128::from(ours) - i128::from(theirs)).to_string(),
            ]);
        }
    };
    rows("billable", &checks.platform_delivered.billable, &super::report::billable(checks));
    rows("free", &checks.platform_delivered.free, &super::report::free_on_the_platform(checks));
    text.push_str(&table.text());
    if !report.settled {
        text.push_str(
            "  The time was over with messages under way: what the platform delivered since is booked at the next start. \
             --seconds gives more.\n",
        );
    }
    let charges: u64 = checks.ledger_charged.values().sum();
    let totals: Vec<String> = report.totals.iter().map(|(currency, sum)| format!("{sum:.4} {currency}")).collect();
    let _ = writeln!(
        text,
        "  ledger: {} charges, {}; {} of the free monthly service messages used; {} without a known price",
        count(charges),
        totals.join(", "),
        count(checks.ledger_free.get("free_allowance").copied().unwrap_or_default()),
        count(checks.ledger_unpriced)
    );
    text
}

fn codes(counts: &BTreeMap<u32, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let each: Vec<String> = counts.iter().map(|(code, n)| format!("{code}: {n}")).collect();
    format!(" ({})", each.join(", "))
}

fn exports(report: &Report) -> String {
    let mut table = Table::new(&["file", ">rows", ">sum", "sha-256"]);
    for export in &report.exports {
        let sums: Vec<String> = export.totals.iter().map(|(currency, sum)| format!("{sum:.4} {currency}")).collect();
        let sha256 = export.sha256.get(..16).unwrap_or_default();
        table.row([export.file.clone(), count(export.rows), sums.join(" "), format!("{sha256}…")]);
    }
    table.text()
}

/// A time as people read it: soon in seconds or minutes, later as a date.
fn when(at: Time, now: Time) -> String {
    let seconds = at.0.saturating_sub(now.0).div_ceil(1_000);
    match seconds {
        0 => "now".to_owned(),
        1..=119 => format!("in {seconds} s"),
        120..=7_199 => format!("in {} min", seconds / 60),
        _ => {
            let text = at.to_string();
            format!("{} {} UTC", &text[..10], &text[11..16])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_near_or_dated() {
        let now = Time(1_795_000_000_000);
        let cases = [
            (0, "now"),
            (900, "in 1 s"),
            (119_000, "in 119 s"),
            (120_000, "in 2 min"),
            (86_400_000, "2026-11-19 11:06 UTC"),
        ];
        for (later, expected) in cases {
            assert_eq!(when(Time(now.0 + later), now), expected);
        }
    }
}
