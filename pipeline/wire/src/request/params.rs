//! Body parameters: a list or an object of strings.

use crate::Text;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

/// So many names are compared with each other; more are sorted, because 64 KiB hold thousands of them.
const COMPARED_MAX: usize = 16;

/// Body parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Params<'a> {
    /// `{{1}}`, `{{2}}` …
    Positional(Vec<Text<'a>>),
    /// `{{first_name}}` …, in the order given.
    Named(Vec<(Text<'a>, Text<'a>)>),
}

impl Default for Params<'_> {
    fn default() -> Self {
        Self::Positional(Vec::new())
    }
}

impl Params<'_> {
    /// No parameters at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many parameters.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Positional(v) => v.len(),
            Self::Named(v) => v.len(),
        }
    }
}

impl Serialize for Params<'_> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Positional(v) => s.collect_seq(v),
            Self::Named(v) => s.collect_map(v.iter().map(|(k, v)| (k, v))),
        }
    }
}

fn twice<E: de::Error>(name: &str) -> E {
    E::custom(format_args!("parameter {name:?} is given twice"))
}

impl<'de: 'a, 'a> Deserialize<'de> for Params<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> de::Visitor<'de> for V {
            type Value = Params<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of strings (positional) or an object of strings (named)")
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
                let mut v = Vec::with_capacity(a.size_hint().unwrap_or(4).min(64));
                while let Some(t) = a.next_element()? {
                    v.push(t);
                }
                Ok(Params::Positional(v))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
                let mut v: Vec<(Text<'de>, Text<'de>)> = Vec::new();
                while let Some((k, t)) = a.next_entry::<Text<'de>, Text<'de>>()? {
                    if v.len() < COMPARED_MAX && v.iter().any(|(have, _)| *have == k) {
                        return Err(twice(&k));
                    }
                    v.push((k, t));
                }
                if v.len() > COMPARED_MAX {
                    let mut names: Vec<&Text<'de>> = v.iter().map(|(name, _)| name).collect();
                    names.sort_unstable();
                    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                        return Err(twice(pair[0]));
                    }
                }
                Ok(Params::Named(v))
            }
        }
        d.deserialize_any(V)
    }
}
