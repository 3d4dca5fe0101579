//! The layout of volume tiers: title, address, three header rows (category; what the columns are about; the columns),
//! then one group of columns a category, side by side. A market's name stands on the first row of its block only.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::base::label;
use super::values::{category, count, is_none};
use super::{PublishedRate, PublishedTiers, Reading, Record};
use crate::{Band, BandTable, Category, Market};

/// Columns of a group, as [`super::values::header`] gives them.
const GROUP: [&str; 5] = ["from", "to", "ratetype", "rate", "vslistrate"];
/// Header rows above the columns.
const HEADERS_ABOVE: usize = 2;

/// A table that is being read: its first line, its bands, their discounts, and whether a row of it was bad.
#[derive(Default)]
struct Open {
    line: u64,
    bands: Vec<(Band, Decimal)>,
    discounts: Vec<i8>,
    broken: bool,
}

impl Reading<'_> {
    /// Reads the file, whose columns are named by the record at `index`.
    pub(super) fn tiers(&mut self, records: &[Record], index: usize, headers: &[String]) -> Option<PublishedTiers> {
        let (above, below) = records.split_at(index);
        let (header, rows) = below.split_first()?;
        let groups = self.groups(&above[index.saturating_sub(HEADERS_ABOVE)..], header, headers)?;
        let currency_column = headers.iter().position(|header| header == "currency");
        let mut open: BTreeMap<(Market, Category), Open> = BTreeMap::new();
        let mut blocks: BTreeMap<Market, u64> = BTreeMap::new();
        let mut block = None;
        let mut rates = Vec::new();
        for record in rows.iter().filter(|record| !record.is_empty()) {
            let name = record.cell(0);
            if !name.is_empty() {
                block = self.market(record, name);
                let first = block.and_then(|market| blocks.insert(market, record.line));
                if let Some(first) = first {
                    let problem = format!("Market `{name}` is already on line {first}");
                    self.fault::<()>(record.line, problem, "keep one of the two");
                    block = None;
                }
            } else if blocks.is_empty() && self.faults.is_empty() {
                let remedy = "write the market on the first row of its block";
                self.fault::<()>(record.line, "Market is ``, and there is none above", remedy);
            }
            if let Some(token) = currency_column.map(|column| record.cell(column)).filter(|token| !token.is_empty()) {
                self.currency(record.line, token);
            }
            let Some(market) = block else { continue };
            if self.below_columns(record, headers).is_none() {
                continue;
            }
            for &(category, column) in &groups {
                let cells: [&str; GROUP.len()] = std::array::from_fn(|i| record.cell(column + i));
                if cells.iter().all(|cell| cell.is_empty() || is_none(cell)) {
                    continue;
                }
                let table =
                    open.entry((market, category)).or_insert_with(|| Open { line: record.line, ..Open::default() });
                if table.broken {
                    continue;
                }
                match self.tier(table, record.line, category, cells) {
                    Some(rate) => rates.push(PublishedRate { line: record.line, market, category, rate }),
                    None => table.broken = true,
                }
            }
        }
        for ((market, category), table) in &open {
            if !table.broken && table.bands.last().is_some_and(|(band, _)| band.to.is_some()) {
                let name = self.rates.map().market_name(*market);
                let problem = format!("the last tier of {name}, {} ends", label(*category));
                self.fault::<()>(table.line, problem, "fetch the file again if its end is missing; the last To is --");
            }
        }
        let last = records.last().map_or(1, |last| last.line);
        if open.is_empty() && self.faults.is_empty() {
            return self.fault(last, "there are no tiers", "fetch the file again, its rows are missing");
        }
        let Some(currency) = self.currency else {
            return self.fault(header.line, "the file does not tell its currency", "say it with --currency");
        };
        let scale = rates.iter().map(|of| of.rate.scale()).max().unwrap_or(0);
        let finished = |table: Open| (BandTable::new(table.bands), table.discounts);
        let tables = open.into_iter().map(|(key, table)| (key, finished(table))).collect();
        Some(PublishedTiers { currency, scale, tables, rates })
    }

    /// The first column of each category's group.
    fn groups(&mut self, above: &[Record], header: &Record, headers: &[String]) -> Option<Vec<(Category, usize)>> {
        let line = header.line;
        let first = headers.iter().position(|header| header == "from").unwrap_or(0);
        let lead_good = headers.first().is_some_and(|header| header.starts_with("market"))
            && headers[1..first.max(1)].iter().all(|header| header == "currency");
        let columns: Vec<&str> = headers[first..].iter().map(String::as_str).collect();
        let columns = match columns.iter().rposition(|column| !column.is_empty()) {
            Some(last) => &columns[..=last],
            None => &columns[..],
        };
        // `Rate type(List/Tier)` or `Rate type`.
        let is =
            |column: &str, expected: &str| column == expected || expected == "ratetype" && column.starts_with(expected);
        let grouped = columns.chunks(GROUP.len()).all(|group| {
            group.len() == GROUP.len() && group.iter().zip(GROUP).all(|(column, expected)| is(column, expected))
        });
        if !lead_good || !grouped {
            let shown: Vec<&str> = headers.iter().map(String::as_str).collect();
            return self.fault(
                line,
                format!("the columns are `{}`", shown.join(",")),
                "the layout has changed; after Market and Currency come groups of From,To,Rate type,Rate,vs. List rate",
            );
        }
        let starts = (0..columns.len() / GROUP.len()).map(|group| first + group * GROUP.len());
        let mut groups: Vec<(Category, usize)> = Vec::new();
        for start in starts {
            let cells = above.iter().flat_map(|record| (start..start + GROUP.len()).map(|column| record.cell(column)));
            let found = cells.map(super::values::header).find_map(|header| category(&header));
            match found {
                Some(found) if groups.iter().all(|(have, _)| *have != found) => groups.push((found, start)),
                Some(found) => {
                    return self.fault(line, format!("two groups are {}", label(found)), "keep one of the two");
                }
                None => {
                    let remedy = "the layout has changed; write Utility, Authentication or Authentication-International \
                                  above the group";
                    return self.fault(line, format!("the group at column {} has no category", start + 1), remedy);
                }
            }
        }
        Some(groups)
    }

    /// Adds a row to its table and answers its rate; `None` if the row is bad.
    fn tier(&mut self, table: &mut Open, line: u64, of: Category, cells: [&str; GROUP.len()]) -> Option<Decimal> {
        let [from_text, to_text, type_text, rate_text, discount_text] = cells;
        let of = label(of);
        let expected = match table.bands.last() {
            None => 1,
            Some((before, _)) => match before.to {
                Some(to) => to + 1,
                None => return self.fault(line, format!("a tier of {of} follows the open one"), "keep one of the two"),
            },
        };
        let Some(from) = count(from_text).filter(|&from| from == expected) else {
            let remedy = format!("write {expected}: tiers follow each other without gap or overlap");
            return self.fault(line, format!("{of} From is `{from_text}`"), remedy);
        };
        let to = match to_text {
            "--" => None,
            text => match count(text).filter(|&to| to >= from && to < u64::MAX) {
                Some(to) => Some(to),
                None => {
                    let remedy = "write a message not before From, or --";
                    return self.fault(line, format!("{of} To is `{to_text}`"), remedy);
                }
            },
        };
        let kind = if table.bands.is_empty() { "list" } else { "tier" };
        if !type_text.to_lowercase().starts_with(kind) {
            let remedy = "the first tier is List, the others are Tier";
            return self.fault(line, format!("{of} Rate type is `{type_text}`"), remedy);
        }
        let rate = self.rate(line, &format!("{of} Rate"), rate_text)?;
        if let Some((_, before)) = table.bands.last()
            && rate > *before
        {
            let remedy = format!("write at most {before}, the rate of the tier before");
            return self.fault(line, format!("{of} Rate is `{rate_text}`"), remedy);
        }
        let percent = discount_text.trim_end_matches('%').trim_end();
        let none = table.bands.is_empty() && matches!(percent, "" | "--");
        let discount = if none || is_none(percent) { Some(0) } else { percent.parse::<i8>().ok() };
        let Some(discount) = discount.filter(|discount| (-100..=0).contains(discount)) else {
            let remedy = "write a whole percentage from -100% to 0%";
            return self.fault(line, format!("{of} vs. List rate is `{discount_text}`"), remedy);
        };
        let Ok(index) = u8::try_from(table.bands.len()) else {
            return self.fault(line, "more than 256 tiers", "fetch the file again");
        };
        table.bands.push((Band { index, from, to }, rate));
        table.discounts.push(discount);
        Some(rate)
    }
}
