//! The table of which market prices which country. The platform shows it on a page and publishes no file of it, so there is
//! no one layout: a column of markets, and beside it countries by name, by ISO code or by calling code, one or several a
//! cell, in any order. A market may stand on its first row alone.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::records::Record;
use super::values::{NAME_BYTES_MAX, folded};
use super::{PublishedMarkets, Reading};
use crate::{Country, DataError, MarketMap, Source};

/// Longest name of a market, in bytes.
const MARKET_BYTES_MAX: usize = 60;
/// Most digits of a calling code.
const CODE_DIGITS_MAX: usize = 7;
/// Everything that is listed nowhere.
const ELSE: [&str; 5] = ["other", "other countries", "all other countries", "all others", "everything else"];

/// What a column tells, by its header as [`super::values::header`] gives it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Market,
    /// Names, ISO codes or calling codes.
    Places,
}

fn column(header: &str) -> Option<Column> {
    match header {
        "market" | "pricingmarket" | "ratecardmarket" => Some(Column::Market),
        "country"
        | "countries"
        | "countryname"
        | "countryorregion"
        | "countryregion"
        | "countriesandregions"
        | "countriesregions"
        | "iso"
        | "iso2"
        | "isocode"
        | "countrycode"
        | "countrycodes"
        | "callingcode"
        | "callingcodes"
        | "countrycallingcode"
        | "countrycallingcodes"
        | "prefix" => Some(Column::Places),
        _ => None,
    }
}

/// Whether a header is that of a table of markets.
pub(super) fn is_header(headers: &[String]) -> bool {
    let has = |wanted: Column| headers.iter().any(|header| column(header) == Some(wanted));
    has(Column::Market) && has(Column::Places)
}

impl Reading<'_> {
    /// Reads the header, which is the first of `records`, and the rows below it.
    pub(super) fn markets(&mut self, records: &[Record], headers: &[String]) -> Option<PublishedMarkets> {
        let (header, rows) = records.split_first()?;
        for (index, name) in headers.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if column(name).is_none() {
                let problem = format!("column `{}` is not known", header.cell(index));
                self.fault::<()>(header.line, problem, "remove the columns that are neither market nor country");
            }
        }
        let known = Known::of(self.rates.map());
        let mut read = PublishedMarkets { markets: BTreeMap::new() };
        let mut market: Option<String> = None;
        for record in rows.iter().filter(|record| !record.is_empty()) {
            if self.below_columns(record, headers).is_none() {
                continue;
            }
            let named = headers.iter().position(|header| column(header) == Some(Column::Market));
            let name = record.cell(named.unwrap_or_default());
            if !name.is_empty() {
                market = self.market_name(record, name);
            }
            let Some(market) = &market else {
                if name.is_empty() {
                    self.fault::<()>(record.line, "there is no Market here or above", "write the market's name");
                }
                continue;
            };
            for country in self.places(record, headers, &known) {
                match read.markets.get(&country) {
                    Some((have, line)) if have != market => {
                        let problem = format!("{} is of market `{have}` on line {line}", self.shown(country));
                        self.fault::<()>(record.line, problem, "keep one of the two");
                    }
                    Some(_) => {}
                    None => drop(read.markets.insert(country, (market.clone(), record.line))),
                }
            }
        }
        if read.markets.is_empty() && self.faults.is_empty() {
            return self.fault(header.line, "there is no country below the header", "fetch the table again");
        }
        Some(read)
    }

    /// A name as the map spells it, if it has it; a new one with single blanks.
    fn market_name(&mut self, record: &Record, name: &str) -> Option<String> {
        let rates = self.rates;
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.len() <= MARKET_BYTES_MAX
            && let Some(market) = rates.map().market_folded(&name)
        {
            return Some(rates.map().market_name(market).to_owned());
        }
        if name.len() > MARKET_BYTES_MAX || name.chars().any(char::is_control) {
            let problem = format!("Market is a name of {} bytes", name.len());
            return self.fault(record.line, problem, format!("write at most {MARKET_BYTES_MAX}"));
        }
        Some(name)
    }

    /// The countries of a row: those of its names and ISO codes, and where it has none, of its calling codes.
    fn places(&mut self, record: &Record, headers: &[String], known: &Known) -> Vec<Country> {
        let of_column = |index: usize| column(&headers[index]) == Some(Column::Places);
        let cells: Vec<&str> = (0..headers.len()).filter(|&index| of_column(index)).map(|i| record.cell(i)).collect();
        let (mut named, mut coded, mut unknown, mut no_code) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for cell in cells.into_iter().filter(|cell| !cell.is_empty()) {
            // A name may have a comma of its own.
            if let Some(country) = known.named(cell) {
                named.push(country);
                continue;
            }
            for piece in cell.split(['\n', ';', ',']).map(str::trim).filter(|piece| !piece.is_empty()) {
                let (name, codes) = parted(piece);
                if let Some(country) = known.named(name) {
                    named.push(country);
                    continue;
                }
                let of_code =
                    |&code: &u64| self.rates.map().lookup(code).filter(|country| *country != Country::UNLISTED);
                let found: Vec<Country> = codes.iter().filter_map(of_code).collect();
                match (name.is_empty(), found.is_empty()) {
                    (false, true) => unknown.push(piece.to_owned()),
                    (false, false) => named.extend(found),
                    (true, true) => no_code.push(piece.to_owned()),
                    (true, false) => coded.extend(found),
                }
            }
        }
        // Codes in a column of their own say again which countries the names are, and tell those whose names are not known.
        if named.is_empty() {
            if !coded.is_empty() {
                unknown.clear();
            }
            unknown.append(&mut no_code);
            named = coded;
        }
        for name in unknown {
            let nearest = self.nearest(&name);
            let remedy = nearest.map_or_else(
                || "add the country to market_map.csv".to_owned(),
                |nearest| {
                    format!("the nearest known name is `{nearest}`; correct it, or add the country to market_map.csv")
                },
            );
            self.fault::<()>(record.line, format!("`{name}` is not a country of market_map.csv"), remedy);
        }
        named
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let short = name.len() <= NAME_BYTES_MAX && self.faults.len() < super::FAULTS_KEPT;
        let all = self.rates.map().countries().filter(|_| short);
        let nearest = all.min_by_key(|(_, info)| strsim::levenshtein(&folded(name), &folded(&info.name)));
        nearest.map(|(_, info)| info.name.clone())
    }

    fn shown(&self, country: Country) -> String {
        let name = self.rates.map().country(country).map(|info| info.name.as_str());
        format!("{country}{}", name.map(|name| format!(" ({name})")).unwrap_or_default())
    }
}

/// Countries by their names and ISO codes, folded.
struct Known(BTreeMap<String, Country>);

impl Known {
    fn of(map: &MarketMap) -> Self {
        let all = || map.countries().filter(|(country, _)| *country != Country::UNLISTED);
        let mut names: BTreeMap<String, Country> = all().map(|(country, info)| (folded(&info.name), country)).collect();
        names.extend(all().map(|(country, _)| (folded(&country.to_string()), country)));
        names.extend(ELSE.map(|name| (name.to_owned(), Country::UNLISTED)));
        Self(names)
    }

    fn named(&self, name: &str) -> Option<Country> {
        let short = name.len() <= NAME_BYTES_MAX;
        short.then(|| self.0.get(&folded(name)).copied())?
    }
}

/// A name and the calling codes beside it: `Algeria (+213)` is `Algeria` and 213, `+1 787` is 1787 alone.
fn parted(piece: &str) -> (&str, Vec<u64>) {
    let at = piece.find(|c: char| c == '(' || c == '+' || c.is_ascii_digit()).unwrap_or(piece.len());
    let (name, codes) = piece.split_at(at);
    let codes = codes.split(['(', ')', '/']).filter_map(|code| {
        let digits: String = code.chars().filter(char::is_ascii_digit).collect();
        let rest = code.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || c == '+' || c == '-');
        (rest && (1..=CODE_DIGITS_MAX).contains(&digits.len())).then(|| digits.parse().ok())?
    });
    (name.trim(), codes.collect())
}

/// The market map with a further period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPeriod {
    /// The file.
    pub text: String,
    /// Countries whose market is another one than before, with both.
    pub changed: Vec<(Country, String, String)>,
    /// Countries that the table does not list: they keep their market.
    pub kept: Vec<Country>,
    /// The map had this period, and says the same.
    pub same: bool,
    /// The map had this period, and says otherwise.
    pub corrects: bool,
}

impl PublishedMarkets {
    /// The market map with these markets from a day on. Countries that are not listed keep the market that they have; of those that
    /// share a prefix one that is listed speaks for all.
    ///
    /// # Errors
    /// [`DataError`] where the day is before the map's last period, or a country has no line of its own to say it on.
    pub fn onto(&self, map: &Source, numbering: &[Source], file: &str, from: Date) -> Result<NewPeriod, DataError> {
        let before = MarketMap::from_sources(map, numbering)?;
        let last = before.periods().last();
        if let Some(last) = last.filter(|last| *last > from) {
            let problem = format!("{from} is before {last}, on which the last period of {} begins", map.name);
            return Err(DataError::new(
                file,
                1,
                problem,
                format!("write {last} or a later day, or edit the map by hand"),
            ));
        }
        let there = last == Some(from);
        let unreadable = |file: &Source, line| {
            DataError::new(&file.name, line, "this line cannot be read", "write it as the header says")
        };
        let mut own = Vec::new();
        for source in numbering {
            own.extend(rows(&source.text).map_err(|line| unreadable(source, line))?);
        }
        let text = self.with_column(&map.text, from, there, &own).map_err(|line| unreadable(map, line))?;
        let after = MarketMap::from_sources(&Source::new(map.name.clone(), text.clone()), numbering)?;
        let market =
            |map: &MarketMap, country| map.market(country, from).map(|market| map.market_name(market).to_owned());
        let (mut changed, mut kept) = (Vec::new(), Vec::new());
        for (country, info) in after.countries() {
            let (was, now) =
                (market(&before, country).unwrap_or_default(), market(&after, country).unwrap_or_default());
            match self.markets.get(&country) {
                Some((said, line)) if *said != now => {
                    let name = &info.name;
                    return Err(DataError::new(
                        file,
                        *line,
                        format!(
                            "{country} ({name}) cannot be of market `{said}`: it shares its prefix with others, which are of `{now}`"
                        ),
                        format!("give it a line with a longer prefix in {} first", map.name),
                    ));
                }
                Some(_) => {}
                None => kept.push(country),
            }
            if was != now {
                changed.push((country, was, now));
            }
        }
        let corrects = there && !changed.is_empty();
        Ok(NewPeriod { text, same: there && changed.is_empty(), corrects, changed, kept })
    }

    /// The text of a market map with a column more, or with its last one written anew. Countries that only numbering files
    /// (`numbering`) have get lines of their own. `Err` is the line that cannot be read.
    fn with_column(&self, text: &str, from: Date, there: bool, numbering: &[Cells]) -> Result<String, u64> {
        let map = rows(text)?;
        let mut sharing: BTreeMap<&str, Vec<Country>> = BTreeMap::new();
        for (_, cells) in map.iter().skip(1) {
            sharing.entry(&cells[0]).or_default().extend(place(&cells[1]));
        }
        let said = |country: &Country| self.markets.get(country).map(|(market, _)| market.clone());
        let name = format!("market_from_{}", from.to_string().replace('-', "_"));
        let mut written: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for (index, (line, cells)) in map.iter().enumerate() {
            let shared = || place(&cells[1]).iter().chain(&sharing[cells[0].as_str()]).find_map(said);
            let cell = if index == 0 { Some(name.clone()) } else { shared() };
            written.insert(*line, with(cells, cell, there).ok_or(*line)?);
        }
        let mut out = String::new();
        for (number, line) in (1..).zip(text.lines()) {
            match written.get(&number) {
                Some(cells) => out.push_str(&csv_line(cells)),
                None => out.extend([line, "\n"]),
            }
        }
        let mut longest: Vec<&Vec<String>> = map.iter().skip(1).map(|(_, cells)| cells).collect();
        longest.sort_by_key(|cells| std::cmp::Reverse(cells[0].len()));
        for (line, cells) in numbering {
            let [prefix, iso, country, from_number, ..] = &cells[..] else { continue };
            let Some(market) = place(iso).as_ref().and_then(said).filter(|_| from_number == "yes") else { continue };
            if sharing.contains_key(prefix.as_str()) {
                continue;
            }
            let Some(above) = longest.iter().find(|above| prefix.starts_with(above[0].as_str())) else { continue };
            let mut cells = (*above).clone();
            (cells[0], cells[1], cells[2]) = (prefix.clone(), iso.clone(), country.clone());
            let end = cells.len();
            (cells[end - 2], cells[end - 1]) =
                ("inferred".to_owned(), "its earlier markets are those of its prefix".to_owned());
            out.push_str(&csv_line(&with(&cells, Some(market), there).ok_or(*line)?));
        }
        Ok(out)
    }
}

/// The cells of a line, and its number.
type Cells = (u64, Vec<String>);

/// The lines of a data file that are no comments, the header first. `Err` is one that cannot be read.
fn rows(text: &str) -> Result<Vec<Cells>, u64> {
    let is_row = |line: &&str| !line.starts_with('#') && !line.trim().is_empty();
    let read = |(number, line): (u64, &str)| {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line.as_bytes());
        let record = reader.records().next().and_then(Result::ok).filter(|record| record.len() >= 6);
        record.map(|record| (number, record.iter().map(str::to_owned).collect())).ok_or(number)
    };
    (1..).zip(text.lines()).filter(|(_, line)| is_row(line)).map(read).collect()
}

fn place(iso: &str) -> Option<Country> {
    if iso == "*" { Some(Country::UNLISTED) } else { Country::new(iso) }
}

/// A line of the map with a market more, or with another last one; that of the period before where none is said.
fn with(cells: &[String], market: Option<String>, there: bool) -> Option<Vec<String>> {
    // Status and note stand behind the periods.
    let end = cells.len().checked_sub(2)?;
    let mut cells = cells.to_vec();
    let market = market.unwrap_or_else(|| cells[end - 1].clone());
    if there {
        cells[end - 1] = market
    } else {
        cells.insert(end, market)
    }
    Some(cells)
}

fn csv_line(cells: &[String]) -> String {
    let mut text = String::new();
    super::write::row(&mut text, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    text
}
