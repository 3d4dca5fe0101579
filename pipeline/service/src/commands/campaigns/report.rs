//! `tollgate campaigns report`: what came of a campaign, for people, as JSON, or as CSV with one figure a row.

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;
use serde_json::json;
use tollgate_runtime::views::{CampaignCost, CampaignReport, LotView, VariantReport};

use super::{Named, counts, money, share};
use crate::client::{Api, Listing, path};
use crate::commands::lots::{of, together};
use crate::exit::WrongUse;
use crate::output;

#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    named: Named,
    /// Form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One figure a row: section, item, messages, percent, amount, currency
    Csv,
}

/// Columns of the CSV.
const COLUMNS: [&str; 9] =
    ["account", "campaign", "as_of", "section", "item", "count", "percent", "amount", "currency"];

pub(super) async fn run(args: &ReportArgs, json: bool) -> anyhow::Result<()> {
    let named = &args.named;
    if json && args.format == Format::Csv {
        return Err(WrongUse("--json and --format csv are two forms; give one of them".to_owned()).into());
    }
    let api = Api::new(&named.client)?;
    let report = api.get(&path(&["campaigns", &named.account, &named.campaign, "report"])).await?.ok()?;
    let report: CampaignReport = report.json()?;
    if args.format == Format::Csv {
        return Ok(output::raw(&csv(&report)?)?);
    }
    let lots: Listing<LotView> = api.get(&path(&["lots", &named.account])).await?.ok()?.json()?;
    let lots: Vec<LotView> =
        lots.items.into_iter().filter(|lot| lot.campaign.as_deref() == Some(&named.campaign)).collect();
    // Known only if it is known of every queue that something waits in.
    let done_by =
        lots.iter().map(|lot| lot.done_by).collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().max());
    if json {
        let CampaignReport { as_of, campaign, delivered, read, replied, opted_out, costs, errors, .. } = report;
        let results = json!({ "as_of": as_of, "delivered": delivered, "read": read, "replied": replied,
            "opted_out": opted_out, "costs": costs, "errors": errors, "test_costs": report.test_costs,
            "variants": report.variants });
        let all = json!({ "campaign": campaign, "lots": lots, "done_by": done_by, "results": results });
        return Ok(output::line(all)?);
    }
    text(&report)?;
    for lot in together(lots) {
        let until = lot.done_by.or(lot.opens_at).map(|at| format!(" until about {at}")).unwrap_or_default();
        let (of, reason) = (of(&lot), lot.reason.as_str());
        output::line(format_args!("  {} of number {} wait for {reason} {of}{until}", lot.messages, lot.sender))?;
    }
    match done_by {
        Some(at) => output::line(format_args!("  done by about {at}"))?,
        None if report.campaign.counts.parked == 0 => output::line("  nothing waits")?,
        None => output::line("  when it will be done is not known")?,
    }
    Ok(())
}

fn text(report: &CampaignReport) -> std::io::Result<()> {
    let c = &report.campaign;
    output::line(format_args!(
        "Campaign {} of account {}, {}, as of {}",
        c.spec.name, report.account, c.state, report.as_of
    ))?;
    for (name, count) in counts(c) {
        output::line(format_args!("  {name:<17} {count:>10}  {}", share(count, c.counts.requested)))?;
    }
    for (name, count) in [("replied in 7 days", report.replied), ("opted out", report.opted_out)] {
        output::line(format_args!("  {name:<17} {count:>10}  {} of delivered", share(count, report.delivered)))?;
    }
    let budget = c.spec.budget.map_or_else(|| "no budget".to_owned(), |budget| format!("budget {}", money(c, budget)));
    output::line(format_args!(
        "  cost              {} spent, {} reserved, {budget}",
        money(c, c.spent),
        money(c, c.reserved)
    ))?;
    for cost in &report.costs {
        let per: Vec<String> =
            shares(cost).into_iter().filter_map(|(name, amount)| Some(format!("{} {name}", amount?))).collect();
        let per = if per.is_empty() { String::new() } else { format!(": {}", per.join(", ")) };
        output::line(format_args!("  booked            {} {}{per}", cost.cost.normalize(), cost.currency))?;
    }
    for error in &report.errors {
        output::line(format_args!("  failed            {:>10}  {}", error.messages, error.reason))?;
    }
    for v in &report.variants {
        output::line(format_args!(
            "  {}: {} people, {} ordered, {} delivered ({}), {} read ({}), {} replied, {} opted out",
            sent(v),
            v.people,
            v.ordered,
            v.delivered,
            share(v.delivered, v.ordered),
            v.read,
            share(v.read, v.ordered),
            v.replied,
            v.opted_out
        ))?;
        for cost in &v.costs {
            let per: Vec<String> =
                shares(cost).into_iter().filter_map(|(name, amount)| Some(format!(", {} {name}", amount?))).collect();
            output::line(format_args!("    booked {} {}{}", cost.cost.normalize(), cost.currency, per.concat()))?;
        }
    }
    if !c.counts.test.is_empty() {
        let t = &c.counts.test;
        let costs: Vec<String> =
            report.test_costs.iter().map(|c| format!(", booked {} {}", c.cost.normalize(), c.currency)).collect();
        output::line(format_args!(
            "  test messages     {:>10}, beside all these: {} on the way, {} delivered, {} read, {} failed{}",
            t.requested,
            t.on_the_way,
            t.delivered,
            t.read,
            t.failed,
            costs.concat()
        ))?;
    }
    Ok(())
}

/// What was sent, for people.
fn sent(v: &VariantReport) -> String {
    match (&v.template, &v.language) {
        (Some(template), Some(language)) => format!("{template} {language}"),
        (Some(template), None) => template.clone(),
        // What the ledger says of several kinds together.
        _ => v.kind.clone().unwrap_or_else(|| "without template".to_owned()),
    }
}

/// What a message or a person cost.
fn shares(cost: &CampaignCost) -> [(&'static str, Option<Decimal>); 3] {
    [("per delivered", cost.per_delivered), ("per read", cost.per_read), ("per reply", cost.per_reply)]
}

/// RFC 4180 with LF. A text that a spreadsheet would run as a formula gets an apostrophe before it.
fn csv(report: &CampaignReport) -> anyhow::Result<Vec<u8>> {
    let c = &report.campaign;
    let n = &c.counts;
    let safe = |text: &str| match text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    out.write_record(COLUMNS)?;
    let head = [safe(&report.account), safe(&c.spec.name), report.as_of.to_string()];
    let mut row = |section: &str, item: &str, rest: [String; 4]| {
        let cells = head.iter().cloned().chain([section.to_owned(), safe(item)]).chain(rest);
        out.write_record(cells.collect::<Vec<String>>())
    };
    let counted = |count: u64, whole: u64| [count.to_string(), percent(count, whole), String::new(), String::new()];
    let funnel = [
        ("requested", n.requested),
        ("waiting", n.parked),
        ("on_the_way", n.on_the_way),
        ("delivered", report.delivered),
        ("read", report.read),
        ("failed", n.failed),
        ("refused", n.refused),
        ("expired", n.expired),
        ("cancelled", n.cancelled),
        ("undelivered", n.undelivered),
    ];
    for (item, count) in funnel {
        row("funnel", item, counted(count, n.requested))?;
    }
    for (item, count) in [("replied", report.replied), ("opted_out", report.opted_out)] {
        row("people_within_7_days", item, counted(count, report.delivered))?;
    }
    let paid = |amount: Decimal, currency: &str| {
        [String::new(), String::new(), amount.normalize().to_string(), currency.to_owned()]
    };
    for cost in &report.costs {
        row("cost", "booked", paid(cost.cost, &cost.currency))?;
        for (name, amount) in shares(cost) {
            if let Some(amount) = amount {
                row("cost", &name.replace(' ', "_"), paid(amount, &cost.currency))?;
            }
        }
    }
    if let Some(budget) = c.spec.budget {
        row("cost", "budget", paid(budget, &c.currency))?;
    }
    for error in &report.errors {
        row("failed_by_reason", &error.reason, counted(error.messages, n.requested))?;
    }
    for v in &report.variants {
        let section = format!("variant {}", sent(v));
        row(&section, "people", counted(v.people, 0))?;
        for (item, count) in
            [("ordered", v.ordered), ("delivered", v.delivered), ("read", v.read), ("failed", v.failed)]
        {
            row(&section, item, counted(count, v.ordered))?;
        }
        for (item, count) in [("replied", v.replied), ("opted_out", v.opted_out)] {
            row(&section, item, counted(count, v.delivered))?;
        }
        for cost in &v.costs {
            row(&section, "booked", paid(cost.cost, &cost.currency))?;
            for (name, amount) in shares(cost) {
                if let Some(amount) = amount {
                    row(&section, &name.replace(' ', "_"), paid(amount, &cost.currency))?;
                }
            }
        }
    }
    if !n.test.is_empty() {
        let t = &n.test;
        let places = [("on_the_way", t.on_the_way), ("delivered", t.delivered), ("read", t.read), ("failed", t.failed)];
        for (item, count) in [("requested", t.requested)].into_iter().chain(places) {
            row("test", item, counted(count, 0))?;
        }
        for cost in &report.test_costs {
            row("test", "booked", paid(cost.cost, &cost.currency))?;
        }
    }
    Ok(out.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

/// A share in percent with two decimals, rounded half up; empty without a whole.
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let hundredths = (u128::from(part) * 20_000 / u128::from(whole)).div_ceil(2);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_figure_a_row() {
        let report = r#"{"as_of": "2026-11-27T09:00:00.000Z", "account": "acme", "delivered": 3, "read": 2, "replied": 1,
            "opted_out": 0, "campaign": {"spec": {"name": "=spring, 1", "budget": "10.00"}, "state": "running",
            "currency": "USD", "reserved": "0", "spent": "0.1875",
            "counts": {"requested": 7, "delivered": 1, "read": 2, "failed": 2, "refused": 2,
                "test": {"requested": 2, "on_the_way": 0, "delivered": 1, "read": 0, "failed": 1}}},
            "costs": [{"currency": "USD", "cost": "0.1875", "per_delivered": "0.0625", "per_read": "0.09375"}],
            "errors": [{"reason": "platform_131049", "messages": 2}],
            "test_costs": [{"currency": "USD", "cost": "0.0625"}],
            "variants": [{"template": "spring", "language": "pt_BR", "people": 3, "ordered": 4, "delivered": 3, "read": 2,
                "failed": 1, "replied": 1, "opted_out": 0,
                "costs": [{"currency": "USD", "cost": "0.1875", "per_delivered": "0.0625"}]}]}"#;
        let report: CampaignReport = serde_json::from_str(report).expect("a report");
        let text = String::from_utf8(csv(&report).expect("into memory")).expect("UTF-8");
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[0], "account,campaign,as_of,section,item,count,percent,amount,currency");
        let head = "acme,\"'=spring, 1\",2026-11-27T09:00:00.000Z";
        assert!(rows[1..].iter().all(|row| row.starts_with(head)), "{text}");
        let rest: Vec<&str> = rows[1..].iter().map(|row| &row[head.len() + 1..]).collect();
        assert_eq!(
            rest,
            [
                "funnel,requested,7,100.00,,",
                "funnel,waiting,0,0.00,,",
                "funnel,on_the_way,0,0.00,,",
                "funnel,delivered,3,42.86,,",
                "funnel,read,2,28.57,,",
                "funnel,failed,2,28.57,,",
                "funnel,refused,2,28.57,,",
                "funnel,expired,0,0.00,,",
                "funnel,cancelled,0,0.00,,",
                "funnel,undelivered,0,0.00,,",
                "people_within_7_days,replied,1,33.33,,",
                "people_within_7_days,opted_out,0,0.00,,",
                "cost,booked,,,0.1875,USD",
                "cost,per_delivered,,,0.0625,USD",
                "cost,per_read,,,0.09375,USD",
                "cost,budget,,,10,USD",
                "failed_by_reason,platform_131049,2,28.57,,",
                "variant spring pt_BR,people,3,,,",
                "variant spring pt_BR,ordered,4,100.00,,",
                "variant spring pt_BR,delivered,3,75.00,,",
                "variant spring pt_BR,read,2,50.00,,",
                "variant spring pt_BR,failed,1,25.00,,",
                "variant spring pt_BR,replied,1,33.33,,",
                "variant spring pt_BR,opted_out,0,0.00,,",
                "variant spring pt_BR,booked,,,0.1875,USD",
                "variant spring pt_BR,per_delivered,,,0.0625,USD",
                "test,requested,2,,,",
                "test,on_the_way,0,,,",
                "test,delivered,1,,,",
                "test,read,0,,,",
                "test,failed,1,,,",
                "test,booked,,,0.0625,USD",
            ]
        );
    }

    #[test]
    fn percents_are_rounded_half_up() {
        assert_eq!([percent(1, 3), percent(2, 3), percent(1, 0), percent(1, 20_000)].join(" "), "33.33 66.67  0.01");
    }
}
