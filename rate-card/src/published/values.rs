//! What the cells of a published file mean: names of columns and markets, currencies, numbers.

use rust_decimal::Decimal;

use crate::card::SCALE_MAX;
use crate::{Category, Currency, Market, MarketMap};

/// Longest name, in bytes, whose nearest known one is looked for: the look takes the product of both lengths.
pub(super) const NAME_BYTES_MAX: usize = 100;

/// A header without case, blanks, line breaks and signs: `Authentication-\nInternational` is
/// `authenticationinternational`.
pub(super) fn header(cell: &str) -> String {
    cell.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The category of a header, as [`header`] gives it.
pub(super) fn category(header: &str) -> Option<Category> {
    Category::ALL.into_iter().find(|category| category.as_str().replace('_', "") == header)
}

/// The currency of a published token: an ISO code, or what the platform writes in its place.
pub(super) fn currency(token: &str) -> Option<Currency> {
    let upper = token.to_uppercase();
    let code = match upper.as_str() {
        "$US" | "US$" => "USD",
        "A$" => "AUD",
        "R$" => "BRL",
        "€" => "EUR",
        // The published cards say GBD.
        "GBD" | "£" => "GBP",
        "RP" => "IDR",
        "₹" => "INR",
        code => code,
    };
    Currency::new(code)
}

/// A name without case and with single blanks.
pub(super) fn folded(name: &str) -> String {
    name.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// The market of a published name, or the most similar name of the period if that is wanted.
pub(super) fn market<'a>(
    name: &str,
    map: &'a MarketMap,
    period: usize,
    nearest: bool,
) -> Result<Market, Option<&'a str>> {
    let name = folded(name);
    let named = || map.markets_in(period).map(|market| (market, map.market_name(market)));
    if let Some((market, _)) = named().find(|(_, known)| folded(known) == name) {
        return Ok(market);
    }
    if !nearest || name.len() > NAME_BYTES_MAX {
        return Err(None);
    }
    Err(named().map(|(_, known)| known).min_by_key(|known| strsim::levenshtein(&name, &folded(known))))
}

/// A rate, which may have thousands separators; what is wrong otherwise.
pub(super) fn rate(text: &str) -> Result<Decimal, String> {
    if text.starts_with(['-', '−']) && text.len() > 2 {
        return Err("write a rate of 0 or more".to_owned());
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let plain = ungrouped(whole).filter(|plain| plain.len() <= 6);
    let decimals_good = !text.ends_with('.') && decimals.bytes().all(|b| b.is_ascii_digit());
    let (Some(plain), true) = (plain, decimals_good) else {
        return Err("write a rate as digits with a decimal point, such as 0.0085 or 1,940.13, or n/a".to_owned());
    };
    if decimals.len() as u32 > SCALE_MAX {
        return Err(format!("write at most {SCALE_MAX} decimals; the platform publishes no more"));
    }
    let number = if decimals.is_empty() { plain } else { format!("{plain}.{decimals}") };
    number.parse().map_err(|_| "write a rate below a million".to_owned())
}

/// A number of messages, which may have thousands separators.
pub(super) fn count(text: &str) -> Option<u64> {
    ungrouped(text)?.parse().ok()
}

/// Digits without their separators, if those stand before groups of three.
fn ungrouped(text: &str) -> Option<String> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    let grouped = text.contains(',');
    let digits = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    // `0,068` has a comma before its decimals: no thousand begins with 0.
    let leads = !grouped || first.len() <= 3 && !first.starts_with('0');
    let good = digits(first) && leads && groups.all(|group| group.len() == 3 && digits(group));
    good.then(|| text.replace(',', ""))
}

/// No rate: the category is not offered.
pub(super) fn is_none(text: &str) -> bool {
    text.eq_ignore_ascii_case("n/a")
}
