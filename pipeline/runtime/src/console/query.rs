//! What an address or a form says: each name at most once, none unknown, none too long.

use axum::http::Uri;

use super::refusal::Refusal;

/// Longest value of a parameter. Bytes; account ids have at most 64, a request's id may be a long name.
pub(super) const VALUE_BYTES_MAX: usize = 1_024;
/// Last page that can be asked for.
const PAGE_MAX: usize = 1_000_000;

/// Names and values.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of an address after `?`, or a form's body.
    pub(super) fn parse(text: &str, known: &[&'static str]) -> Result<Self, Refusal> {
        let unreadable = || Refusal::bad_query("The address cannot be read", "Use the links and forms of the console.");
        let uri: Uri = format!("/?{text}").parse().map_err(|_| unreadable())?;
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|_| unreadable())?.0;
        for (i, (name, value)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) || pairs[..i].iter().any(|(other, _)| other == name) {
                return Err(unreadable());
            }
            if value.len() > VALUE_BYTES_MAX {
                let remedy = format!("Nothing here has more than {VALUE_BYTES_MAX} bytes: check what was pasted.");
                return Err(Refusal::bad_query(format!("The {name} is too long"), remedy));
            }
        }
        Ok(Self(pairs))
    }

    /// A value, without blanks around it; an empty field of a form is as good as none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(have, _)| have == name).map(|(_, value)| value.trim());
        found.filter(|value| !value.is_empty())
    }

    /// The page of a list, from 1.
    pub(super) fn page(&self) -> Result<usize, Refusal> {
        match self.get("page").map(str::parse) {
            None => Ok(1),
            Some(Ok(page @ 1..=PAGE_MAX)) => Ok(page),
            Some(_) => Err(Refusal::bad_query("There is no such page of the list", "Pages count from 1.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let known = ["account", "page"];
        let good = Query::parse("account=a%26b&page=2", &known).expect("a good one");
        assert_eq!((good.get("account"), good.page()), (Some("a&b"), Ok(2)));
        assert_eq!(Query::parse("account=+&page=", &known).expect("as forms send it").get("account"), None);
        let long = format!("account={}", "x".repeat(VALUE_BYTES_MAX + 1));
        for bad in ["acount=a", "account=a&account=b", long.as_str(), "account=a b\n"] {
            assert_eq!(Query::parse(bad, &known).map(|_| ()).map_err(|r| r.status.as_u16()), Err(400), "{bad}");
        }
        for page in ["0", "-1", "x", "99999999999999999999"] {
            assert!(Query::parse(&format!("page={page}"), &known).expect("readable").page().is_err(), "{page}");
        }
    }
}
