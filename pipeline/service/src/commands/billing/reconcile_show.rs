//! How a comparison is shown: classes, rows without a reason and totals, or JSON.

use rust_decimal::Decimal;
use tollgate_runtime::reconcile::{Report, Request, RowLine};
use tollgate_wire::Time;

use crate::output::{self, Table};

/// Rows without a reason that people are shown; --json has all.
const ROWS_SHOWN: usize = 40;

/// Everything, for machines.
pub(super) fn json(request: &Request<'_>, as_of: Time, report: &Report, left_out: usize) -> serde_json::Result<String> {
    let mut answer = serde_json::to_value(report)?;
    answer["month"] = request.month.to_string().into();
    answer["account"] = request.account.into();
    answer["by"] = by(request).into();
    answer["explained"] = (!report.is_unexplained()).into();
    answer["wabas_left_out"] = left_out.into();
    answer["as_of"] = serde_json::to_value(as_of)?;
    serde_json::to_string(&answer)
}

/// By class, row by row where there is no reason, and in all.
pub(super) fn tables(request: &Request<'_>, as_of: Time, report: &Report, left_out: usize) -> std::io::Result<()> {
    if report.classes.is_empty() {
        output::line("no differences")?;
    } else {
        classes(report)?;
    }
    let unexplained: Vec<&RowLine> = report.differences.iter().filter(|row| row.is_unexplained()).collect();
    if !unexplained.is_empty() {
        output::line("")?;
        rows(&unexplained)?;
    }
    output::line("")?;
    totals(report)?;
    output::line("")?;
    notes(request, report, left_out)?;
    output::line(format_args!("as of {as_of}; nothing was written"))
}

fn classes(report: &Report) -> std::io::Result<()> {
    let mut table = Table::new(&["class", "currency", "rows", "platform more", "platform fewer", "amount"]);
    for line in &report.classes {
        table.row([
            line.class.words().to_owned(),
            cell(&line.currency),
            line.rows.to_string(),
            line.more.to_string(),
            line.fewer.to_string(),
            amount(line.amount),
        ]);
    }
    table.print()
}

fn rows(unexplained: &[&RowLine]) -> std::io::Result<()> {
    let header = ["from", "to", "WABA", "phone", "country", "type", "category", "platform", "ours", "amount", "class"];
    let mut table = Table::new(&header);
    for row in unexplained.iter().take(ROWS_SHOWN) {
        let parts: Vec<_> = row.parts.iter().filter(|part| !part.class.is_explained()).collect();
        let costs: Option<Decimal> = parts.iter().map(|part| part.amount).sum();
        let mut words: Vec<_> = parts.iter().map(|part| part.class.words()).collect();
        words.dedup();
        let key = &row.key;
        table.row([
            instant(key.start),
            instant(key.end),
            cell(&key.waba),
            cell(&key.phone),
            cell(&key.country),
            cell(&key.pricing_type),
            cell(&key.category),
            row.platform_messages.to_string(),
            row.our_messages.to_string(),
            costs.map_or_else(|| "-".to_owned(), amount),
            words.join(", "),
        ]);
    }
    table.print()?;
    match unexplained.len().checked_sub(ROWS_SHOWN).filter(|more| *more > 0) {
        Some(more) => output::line(format_args!("and {more} more rows without a reason; --json has all")),
        None => Ok(()),
    }
}

fn totals(report: &Report) -> std::io::Result<()> {
    let header = ["total", "rows", "platform", "ours", "difference", "rows with costs", "platform cost", "our cost"];
    let mut table = Table::new(&header);
    for total in &report.totals {
        table.row([
            cell(&total.currency),
            total.rows.to_string(),
            total.platform_messages.to_string(),
            total.our_messages.to_string(),
            (total.platform_messages - total.our_messages).to_string(),
            total.rows_with_costs.to_string(),
            amount(total.platform_cost),
            amount(total.our_cost),
        ]);
    }
    table.print()
}

fn notes(request: &Request<'_>, report: &Report, left_out: usize) -> std::io::Result<()> {
    for (waba, messages) in &report.not_compared {
        output::line(format_args!("WABA {waba} is not in the figures: its {messages} messages are not compared"))?;
    }
    let counts = [
        (report.of_other_months, "figures of other months are left out"),
        (report.replaced, "figures were replaced by those of a later answer"),
        (left_out as u64, "WABAs of other accounts are left out"),
    ];
    for (count, note) in counts {
        if count > 0 {
            output::line(format_args!("{count} {note}"))?;
        }
    }
    output::line(format_args!(
        "{} of {}; messages to the last one, costs within {} of the currency in each row",
        by(request),
        request.month,
        request.tolerance
    ))
}

const fn by(request: &Request<'_>) -> &'static str {
    if request.by_usage { "usage" } else { "billing" }
}

fn cell(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// The day at midnight in UTC, else the minute.
fn instant(at: i64) -> String {
    let text = Time(at.max(0).unsigned_abs() * 1000).to_string();
    text.strip_suffix("T00:00:00.000Z").map_or_else(|| text[..16].to_owned(), str::to_owned)
}

/// Exact, with at least the four decimals that rates have.
fn amount(amount: Decimal) -> String {
    let mut amount = amount.normalize();
    if amount.scale() < 4 {
        amount.rescale(4);
    }
    amount.to_string()
}
