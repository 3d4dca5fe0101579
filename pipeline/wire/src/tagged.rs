//! Enums told apart by a field of the same object, read without a buffer.
//!
//! `serde`'s own tagged enums copy every field into a buffer before they look at the tag, which costs time
//! and loses the position of errors. We write the tag first, so it is read first; only records of other
//! writers that put it elsewhere take the buffered way.

use crate::Text;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess};
use serde_json::{Map, Value};
use std::fmt;
use std::marker::PhantomData;

/// An enum told apart by the field `TAG`.
pub(crate) trait Tagged<'de>: Sized {
    /// The field that names the variant.
    const TAG: &'static str;
    /// The names of the variants.
    const NAMES: &'static [&'static str];

    /// Reads the variant of that name, one of `NAMES`, from the other fields.
    fn read<D: Deserializer<'de>>(tag: &str, fields: D) -> Result<Self, D::Error>;
}

/// Reads a tagged enum.
pub(crate) fn deserialize<'de, T: Tagged<'de>, D: Deserializer<'de>>(d: D) -> Result<T, D::Error> {
    d.deserialize_map(V(PhantomData))
}

struct V<T>(PhantomData<T>);

impl<'de, T: Tagged<'de>> de::Visitor<'de> for V<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the field `{}`", T::TAG)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut rest = Map::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if key.as_str() != T::TAG {
                rest.insert(key.0.into_owned(), map.next_value()?);
                continue;
            }
            let tag = map.next_value_seed(Tag(T::NAMES))?;
            if rest.is_empty() {
                return T::read(tag, MapAccessDeserializer::new(map));
            }
            while let Some((key, value)) = map.next_entry()? {
                rest.insert(key, value);
            }
            return T::read(tag, Value::Object(rest)).map_err(de::Error::custom);
        }
        Err(de::Error::missing_field(T::TAG))
    }
}

/// The tag's value: refused where it stands when it is none of the names, so that the error has its place.
struct Tag(&'static [&'static str]);

impl<'de> de::DeserializeSeed<'de> for Tag {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_str(self)
    }
}

impl de::Visitor<'_> for Tag {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, tag: &str) -> Result<&'static str, E> {
        let known = self.0.iter().find(|name| **name == tag);
        known.copied().ok_or_else(|| E::unknown_variant(tag, self.0))
    }
}
