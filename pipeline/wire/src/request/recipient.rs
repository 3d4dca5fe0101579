//! Whom to reach: a phone number or a business-scoped id.

use crate::Text;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

/// A phone number or a business-scoped id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Recipient<'a> {
    /// E.164, `+` and 7 to 15 digits.
    Number(Text<'a>),
    /// A business-scoped user id with the country the platform gave, if any.
    Scoped {
        /// The id.
        bsuid: Text<'a>,
        /// ISO 3166-1 alpha-2.
        #[serde(skip_serializing_if = "Option::is_none")]
        country: Option<Text<'a>>,
    },
}

impl<'de: 'a, 'a> Deserialize<'de> for Recipient<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> de::Visitor<'de> for V {
            type Value = Recipient<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an E.164 string or {\"bsuid\": …, \"country\": …}")
            }
            fn visit_borrowed_str<E: de::Error>(self, s: &'de str) -> Result<Self::Value, E> {
                Ok(Recipient::Number(s.into()))
            }
            fn visit_str<E: de::Error>(self, s: &str) -> Result<Self::Value, E> {
                Ok(Recipient::Number(s.to_owned().into()))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
                let (mut bsuid, mut country) = (None, None);
                while let Some(k) = a.next_key::<Text<'de>>()? {
                    match k.as_str() {
                        "bsuid" => bsuid = Some(a.next_value()?),
                        "country" => country = a.next_value()?,
                        other => {
                            return Err(de::Error::unknown_field(other, &["bsuid", "country"]));
                        }
                    }
                }
                let bsuid = bsuid.ok_or_else(|| de::Error::missing_field("bsuid"))?;
                Ok(Recipient::Scoped { bsuid, country })
            }
        }
        d.deserialize_any(V)
    }
}
