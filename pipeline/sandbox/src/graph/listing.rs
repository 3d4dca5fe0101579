//! A question for a list of a WABA: which fields, how many, after which place; and the page that answers it.

use serde_json::{Map, Value, json};

use super::error::PlatformError;
use super::fields::unescape;

/// Items of a page that does not say how many.
const LIMIT: usize = 25;
/// Items of a page at most.
const LIMIT_MAX: usize = 100;

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    fields: Vec<String>,
    limit: usize,
    /// Place of the last item of the page before.
    after: Option<usize>,
}

impl Listing {
    /// Reads the query of a URI. `default` are the fields of a question that names none, `known` all that there are;
    /// `id` is always given.
    pub(crate) fn of(query: &str, default: &[&str], known: &[&str]) -> Result<Self, PlatformError> {
        let value = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.map(unescape).transpose()
        };
        let fields = match value("fields")? {
            None => default.iter().map(|field| (*field).to_owned()).collect(),
            Some(text) => text.split(',').map(|field| field.trim().to_owned()).collect::<Vec<_>>(),
        };
        if let Some(other) = fields.iter().find(|field| !known.contains(&field.as_str()) && *field != "id") {
            return Err(invalid(&format!("(#100) Tried accessing nonexisting field ({other})")));
        }
        let limit = match value("limit")? {
            None => LIMIT,
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| *limit > 0);
                limit.ok_or_else(|| invalid(&format!("(#100) limit ({text}) must be a positive integer")))?
            }
        };
        let after = match value("after")? {
            None => None,
            Some(text) => {
                let place = text.strip_prefix("after").and_then(|place| place.parse().ok());
                Some(place.ok_or_else(|| invalid("(#100) The cursor after is invalid"))?)
            }
        };
        Ok(Self { fields, limit: limit.min(LIMIT_MAX), after })
    }

    /// The page. `of` writes all known fields of an item; what was not asked for is left out.
    pub(crate) fn page<T>(&self, items: impl Iterator<Item = T>, of: impl Fn(T) -> Value, next: &str) -> Value {
        let from = self.after.map_or(0, |place| place + 1);
        let mut items = items.skip(from);
        let asked = |(name, _): &(String, Value)| *name == "id" || self.fields.contains(name);
        let part = |item| match of(item) {
            Value::Object(all) => Value::Object(all.into_iter().filter(asked).collect::<Map<_, _>>()),
            other => other,
        };
        let data: Vec<Value> = items.by_ref().take(self.limit).map(part).collect();
        if data.is_empty() {
            return json!({ "data": [] });
        }
        let after = format!("after{}", from + data.len() - 1);
        let mut paging = json!({ "cursors": { "before": format!("before{from}"), "after": after } });
        if items.next().is_some() {
            let (fields, limit) = (self.fields.join(","), self.limit);
            paging["next"] = format!("{next}?fields={fields}&limit={limit}&after={after}").into();
        }
        json!({ "data": data, "paging": paging })
    }
}

fn invalid(details: &str) -> PlatformError {
    PlatformError::new(100, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Value {
        let listing = Listing::of(query, &["name"], &["name", "language"]).expect("a question");
        let item = |n: usize| json!({ "name": format!("t{n}"), "language": "en_US", "id": n.to_string() });
        listing.page(0..5, item, "https://platform/list")
    }

    #[test]
    fn pages_follow_each_other_by_their_cursors() {
        let first = page("fields=name&limit=2");
        assert_eq!(first["data"], json!([{ "name": "t0", "id": "0" }, { "name": "t1", "id": "1" }]));
        assert_eq!(first["paging"]["next"], "https://platform/list?fields=name&limit=2&after=after1");
        let last = page("fields=name%2Clanguage&limit=2&after=after3");
        assert_eq!(last["data"], json!([{ "name": "t4", "language": "en_US", "id": "4" }]));
        assert!(last["paging"].get("next").is_none() && last["paging"]["cursors"].is_object());
        assert_eq!(page("after=after4"), json!({ "data": [] }));
        assert_eq!(page("")["data"].as_array().map(Vec::len), Some(5));
    }

    #[test]
    fn what_cannot_be_asked() {
        for query in ["fields=name,age", "limit=0", "limit=x", "after=7"] {
            let refused = Listing::of(query, &["name"], &["name"]);
            assert_eq!(refused.map_err(|error| error.code), Err(100), "{query}");
        }
    }
}
