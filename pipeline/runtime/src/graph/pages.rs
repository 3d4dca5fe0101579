//! Lists that the platform gives in pages.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What could be read.
    pub items: Vec<T>,
    /// How many could not.
    pub unreadable: usize,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    /// Its text is not read: the access token may be in it.
    next: Option<serde::de::IgnoredAny>,
    cursors: Option<Cursors>,
}

#[derive(Deserialize)]
struct Cursors {
    after: Option<String>,
}

/// Reads a page; `read` makes an item of the platform's JSON. One that cannot be read stops no other.
///
/// # Errors
/// The answer is no page, or one with a next one that cannot be asked for.
pub fn page<T>(body: &[u8], read: impl Fn(&str) -> Option<T>) -> Result<Page<T>, String> {
    let answer: Answer<'_> =
        serde_json::from_slice(body).map_err(|error| format!("the platform's answer is no list: {error}"))?;
    let items: Vec<T> = answer.data.iter().filter_map(|item| read(item.get())).collect();
    let unreadable = answer.data.len() - items.len();
    let next = match answer.paging {
        Some(Paging { next: Some(_), cursors }) => {
            let after = cursors.and_then(|cursors| cursors.after).filter(|after| !after.is_empty());
            Some(
                after
                    .ok_or("the platform's answer has a next page and no cursor; nothing is changed by a part of it")?,
            )
        }
        _ => None,
    };
    Ok(Page { items, unreadable, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Result<Page<u32>, String> {
        page(body.as_bytes(), |item| item.parse().ok())
    }

    #[test]
    fn a_page_ends_where_the_platform_says_so() {
        let next = |next: Option<&str>| Page { items: vec![1, 2], unreadable: 1, next: next.map(str::to_owned) };
        let with = |paging: &str| of(&format!("{{\"data\":[1,\"x\",2]{paging}}}"));
        assert_eq!(with(""), Ok(next(None)));
        let cursors = r#""cursors":{"before":"a","after":"b"}"#;
        assert_eq!(with(&format!(r#","paging":{{{cursors}}}"#)), Ok(next(None)), "a cursor alone is no next page");
        assert_eq!(with(&format!(r#","paging":{{{cursors},"next":"https://x?t=SECRET"}}"#)), Ok(next(Some("b"))));
        for (body, says) in [
            ("<html>", "is no list"),
            (r#"{"data":[1],"paging":{"next":"https://x?t=SECRET"}}"#, "no cursor"),
            (r#"{"data":[1],"paging":{"next":"https://x","cursors":{"after":""}}}"#, "no cursor"),
        ] {
            let told = of(body).expect_err("refused");
            assert!(told.contains(says) && !told.contains("SECRET"), "{told}");
        }
    }
}
