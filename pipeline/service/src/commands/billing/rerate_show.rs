//! How a rerated month is shown: three tables, or JSON.

use rust_decimal::Decimal;
use tollgate_runtime::rerate::{Line, Report};
use tollgate_wire::Time;

use crate::output::{self, Table};

/// Everything, for machines.
pub(super) fn json(month: &str, account: Option<&str>, as_of: Time, report: &Report) -> serde_json::Result<String> {
    let mut answer = serde_json::to_value(report)?;
    answer["month"] = month.into();
    answer["account"] = account.into();
    answer["as_of"] = serde_json::to_value(as_of)?;
    serde_json::to_string(&answer)
}

/// By market and category, by campaign, and in all.
pub(super) fn tables(report: &Report, as_of: Time) -> std::io::Result<()> {
    let market = |line: &Line| vec![cell(line.market.as_deref()), cell(line.category.as_deref())];
    print(&["market", "category"], &report.markets, market)?;
    output::line("")?;
    print(&["campaign"], &report.campaigns, |line| vec![cell(line.campaign.as_deref())])?;
    output::line("")?;
    print(&[], &report.totals, |_| Vec::new())?;
    output::line("")?;
    let notes = [
        (report.bands_unknown, "messages at list rate: the other rules' bands are not known"),
        (report.kept, "entries that no card prices stand on both sides as booked"),
        (report.cancelled, "entries cancel each other out and are left out"),
    ];
    for (count, note) in notes {
        if count > 0 {
            output::line(format_args!("{count} {note}"))?;
        }
    }
    output::line(format_args!("as of {as_of}; nothing was written"))
}

fn print(names: &[&str], lines: &[Line], cells: impl Fn(&Line) -> Vec<String>) -> std::io::Result<()> {
    // A column is there when it has something to say.
    let unpriced = lines.iter().any(|line| line.booked_unpriced.is_some() || line.other_unpriced.is_some());
    let mut header = names.to_vec();
    header.extend(["currency", "messages", "booked", "other rules", "difference"]);
    header.extend(unpriced.then_some("no price"));
    let mut table = Table::new(&header);
    for line in lines {
        let mut row = cells(line);
        row.extend([line.currency.clone(), line.messages.to_string()]);
        row.extend([line.booked, line.other, line.difference].map(amount));
        row.extend(unpriced.then(|| no_price(line)));
        table.row(row);
    }
    table.print()
}

fn cell(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

/// Exact, with at least the four decimals that rates have.
fn amount(amount: Option<Decimal>) -> String {
    let Some(mut amount) = amount.map(|amount| amount.normalize()) else { return "-".to_owned() };
    if amount.scale() < 4 {
        amount.rescale(4);
    }
    amount.to_string()
}

fn no_price(line: &Line) -> String {
    let side = |reason: &Option<String>, side: &str| reason.as_ref().map(|reason| format!("{side}: {reason}"));
    let sides = [side(&line.booked_unpriced, "booked"), side(&line.other_unpriced, "other rules")];
    let told = sides.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if told.is_empty() { "-".to_owned() } else { told }
}
