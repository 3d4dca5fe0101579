//! What pages are made of: links, times, numbers, tables.

use maud::{Markup, Render, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rust_decimal::Decimal;
use tollgate_quality::Limit;
use tollgate_wire::Time;

/// What may stand in a query as it is (RFC 3986 §2.3).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An address of ours with parameters, encoded.
pub(super) fn link(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut link = path.to_owned();
    for (n, (name, value)) in parameters.iter().enumerate() {
        link.push(if n == 0 { '?' } else { '&' });
        link.push_str(name);
        link.push('=');
        link.extend(utf8_percent_encode(value, QUERY));
    }
    link
}

/// The page of an account, as a link.
pub(super) fn account_link(account: &str) -> Markup {
    html! { a href=(link("/console/account", &[("account", account)])) { (account) } }
}

/// The page of a campaign, as a link.
pub(super) fn campaign_link(account: &str, campaign: &str) -> Markup {
    html! { a href=(link("/console/campaign", &[("account", account), ("name", campaign)])) { (campaign) } }
}

/// An instant, to the second, in UTC.
pub(super) fn time(at: Time) -> Markup {
    let text = at.to_string();
    html! { time datetime=(text) { (&text[..10]) " " (&text[11..19]) " UTC" } }
}

/// An instant that may not be known.
pub(super) fn time_or(at: Option<Time>, otherwise: &str) -> Markup {
    at.map_or_else(|| html! { (otherwise) }, time)
}

/// A time span in its largest unit.
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A count with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count that may be below 0, as corrections make it.
pub(super) fn signed(number: i64) -> String {
    let sign = if number < 0 { "−" } else { "" };
    format!("{sign}{}", count(number.unsigned_abs()))
}

/// An exact amount with its currency, if that is known.
pub(super) fn money(amount: Decimal, currency: &str) -> String {
    let mut amount = amount.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    format!("{amount} {currency}").trim_end().to_owned()
}

/// A share in tenths of a percent, rounded down, without floats.
pub(super) fn share(part: u64, whole: u64) -> String {
    match u128::from(part) * 1_000 / u128::from(whole.max(1)) {
        0 if part > 0 => "below 0.1 %".to_owned(),
        tenths => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// A limit of users.
pub(super) fn limit(limit: Limit) -> String {
    match limit {
        Limit::Users(users) => count(users.into()),
        Limit::Unlimited => "no limit".to_owned(),
    }
}

/// A phone number by its last digits: overviews show no more of it.
pub(super) fn masked(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        0..=6 => "…".to_owned(),
        n => format!("…{}", digits[n - 4..].iter().collect::<String>()),
    }
}

/// A reason of the closed list, for reading.
pub(super) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// A table that can be scrolled with the keyboard where it is wider than the page. Headings that begin with `#` stand over
/// numbers. Without rows it is a sentence.
pub(super) fn table(caption: &str, headings: &[&str], rows: &[Vec<Markup>], without: &str) -> Markup {
    if rows.is_empty() {
        return html! { h2 { (caption) } p { (without) } };
    }
    let is_number = |n: usize| headings.get(n).is_some_and(|heading| heading.starts_with('#'));
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead {
                    tr {
                        @for (n, heading) in headings.iter().enumerate() {
                            th scope="col" class=[is_number(n).then_some("number")] { (heading.trim_start_matches('#')) }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            @for (n, cell) in row.iter().enumerate() {
                                @if n == 0 {
                                    th scope="row" { (cell) }
                                } @else {
                                    td class=[is_number(n).then_some("number")] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A cell.
pub(super) fn cell(content: impl Render) -> Markup {
    html! { (content) }
}

/// A list cut into pages.
pub(super) struct Paged<'a, T> {
    pub(super) items: &'a [T],
    page: usize,
    pages: usize,
    all: usize,
}

/// The page of a list; the last one, if it has not as many.
pub(super) fn paged<T>(all: &[T], page: usize, per_page: usize) -> Paged<'_, T> {
    let pages = all.len().div_ceil(per_page).max(1);
    let page = page.clamp(1, pages);
    let from = (page - 1) * per_page;
    Paged { items: &all[from..all.len().min(from + per_page)], page, pages, all: all.len() }
}

impl<T> Paged<'_, T> {
    /// Links to the pages before and after; nothing where there is one page.
    pub(super) fn links(&self, what: &str, path: &str, parameters: &[(&str, &str)]) -> Markup {
        if self.pages < 2 {
            return html! {};
        }
        let to = |page: usize| {
            let page = page.to_string();
            link(path, &[parameters, &[("page", page.as_str())]].concat())
        };
        html! {
            nav.pages aria-label=(format!("Pages of {what}")) {
                @if self.page > 1 { a rel="prev" href=(to(self.page - 1)) { "Previous page" } }
                span { "Page " (self.page) " of " (self.pages) ", " (count(self.all as u64)) " " (what) }
                @if self.page < self.pages { a rel="next" href=(to(self.page + 1)) { "Next page" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([signed(-1_234), signed(5)], ["−1,234", "5"]);
        assert_eq!([share(1, 3), share(1, 5_000), share(0, 0)], ["33.3 %", "below 0.1 %", "0.0 %"]);
        let amount = |text: &str| money(text.parse().expect("a decimal"), "USD");
        assert_eq!(["0.0068000000", "12", "-3.5"].map(amount), ["0.0068 USD", "12.00 USD", "-3.50 USD"]);
        assert_eq!(money(Decimal::ONE, ""), "1.00");
        assert_eq!(
            [90_000, 600_000, 86_400_000, 864_000_000].map(duration),
            ["90 seconds", "10 minutes", "24 hours", "10 days"]
        );
    }

    #[test]
    fn a_masked_number_is_known_by_its_end_alone() {
        assert_eq!(["+55 11 4000-1234", "15550783881", "12345", ""].map(masked), ["…1234", "…3881", "…", "…"]);
    }

    #[test]
    fn links_carry_any_value() {
        assert_eq!(link("/a", &[("x", "b&c=d/e?f g\"<é"), ("y", "")]), "/a?x=b%26c%3Dd%2Fe%3Ff%20g%22%3C%C3%A9&y=");
    }

    #[test]
    fn a_list_has_every_item_on_one_page() {
        let all: Vec<u32> = (0..101).collect();
        let seen: Vec<u32> = (1..=3).flat_map(|page| paged(&all, page, 50).items.to_vec()).collect();
        assert_eq!(seen, all);
        assert_eq!(paged(&all, 99, 50).items, [100], "the last one");
        assert!(paged::<u32>(&[], 3, 50).items.is_empty());
        let links = paged(&all, 2, 50).links("accounts", "/a", &[("q", "1")]).into_string();
        assert!(links.contains("/a?q=1&amp;page=1") && links.contains("/a?q=1&amp;page=3"), "{links}");
        assert_eq!(paged(&all, 1, 200).links("accounts", "/a", &[]).into_string(), "");
    }
}
