//! The platform's JSON as it is written. Every field that a change of any kind may carry stands in one
//! structure, because `field` often comes after `value`; nothing is required here, and unknown fields
//! are skipped.

use crate::Text;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

#[derive(Deserialize)]
pub(super) struct Envelope<'a, V> {
    #[serde(borrow)]
    pub object: Text<'a>,
    #[serde(borrow = "'a", bound(deserialize = "V: Deserialize<'de>"))]
    pub entry: Vec<Entry<'a, V>>,
}

#[derive(Deserialize)]
pub(super) struct Entry<'a, V> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow = "'a", bound(deserialize = "V: Deserialize<'de>"))]
    pub changes: Vec<Change<'a, V>>,
}

#[derive(Deserialize)]
pub(super) struct Change<'a, V> {
    #[serde(borrow)]
    pub field: Text<'a>,
    pub value: V,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Value<'a> {
    #[serde(borrow)]
    pub metadata: Option<Metadata<'a>>,
    #[serde(borrow, deserialize_with = "list")]
    pub contacts: Option<Vec<Contact<'a>>>,
    #[serde(borrow, deserialize_with = "list")]
    pub statuses: Option<Vec<RawStatus<'a>>>,
    #[serde(borrow, deserialize_with = "list")]
    pub messages: Option<Vec<RawMessage<'a>>>,
    #[serde(borrow, deserialize_with = "list")]
    pub calls: Option<Vec<RawCall<'a>>>,
    #[serde(borrow, deserialize_with = "list")]
    pub user_preferences: Option<Vec<RawPreference<'a>>>,
    pub errors: Option<IgnoredAny>,
    #[serde(borrow)]
    pub event: Option<Text<'a>>,
    #[serde(borrow)]
    pub message_template_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub message_template_language: Option<Text<'a>>,
    #[serde(borrow)]
    pub message_template_category: Option<Text<'a>>,
    #[serde(borrow)]
    pub other_info: Option<OtherInfo<'a>>,
    #[serde(borrow)]
    pub new_quality_score: Option<Text<'a>>,
    #[serde(borrow)]
    pub new_category: Option<Text<'a>>,
    #[serde(borrow)]
    pub correct_category: Option<Text<'a>>,
    #[serde(borrow)]
    pub category_update_timestamp: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub display_phone_number: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub current_limit: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub max_daily_conversation_per_phone: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub max_daily_conversations_per_business: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub ban_info: Option<BanInfo<'a>>,
    #[serde(borrow)]
    pub restriction_info: Option<Vec<Restriction<'a>>>,
    #[serde(borrow)]
    pub volume_tier_info: Option<VolumeTier<'a>>,
    #[serde(borrow)]
    pub auth_international_rate_eligibility: Option<Eligibility<'a>>,
    #[serde(borrow)]
    pub country: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Eligibility<'a> {
    #[serde(borrow)]
    pub start_time: Option<Scalar<'a>>,
    #[serde(borrow, deserialize_with = "list")]
    pub exception_countries: Option<Vec<Exception<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Exception<'a> {
    #[serde(borrow)]
    pub country_code: Option<Text<'a>>,
    #[serde(borrow)]
    pub start_time: Option<Scalar<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct VolumeTier<'a> {
    #[serde(borrow)]
    pub tier_update_time: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub pricing_category: Option<Text<'a>>,
    #[serde(borrow)]
    pub tier: Option<Text<'a>>,
    #[serde(borrow)]
    pub effective_month: Option<Text<'a>>,
    #[serde(borrow)]
    pub region: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub phone_number_id: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Contact<'a> {
    #[serde(borrow)]
    pub wa_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub user_id: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawStatus<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub status: Option<Text<'a>>,
    #[serde(borrow)]
    pub timestamp: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub recipient_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub recipient_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub recipient_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub recipient_participant_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub recipient_participant_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub biz_opaque_callback_data: Option<Text<'a>>,
    #[serde(borrow)]
    pub conversation: Option<Conversation<'a>>,
    #[serde(borrow)]
    pub pricing: Option<RawPricing<'a>>,
    #[serde(borrow)]
    pub errors: Option<Vec<RawError<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Conversation<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub origin: Option<ConversationOrigin<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ConversationOrigin<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawPricing<'a> {
    #[serde(borrow)]
    pub pricing_model: Option<Text<'a>>,
    #[serde(borrow)]
    pub category: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawError<'a> {
    #[serde(borrow)]
    pub code: Option<Scalar<'a>>,
}

/// Texts that people write stay raw until they are short enough to be a keyword.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawMessage<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub from: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub from_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub group_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub timestamp: Option<Scalar<'a>>,
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub text: Option<Body<'a>>,
    #[serde(borrow)]
    pub button: Option<Button<'a>>,
    #[serde(borrow)]
    pub interactive: Option<Interactive<'a>>,
    pub referral: Option<IgnoredAny>,
    #[serde(borrow)]
    pub system: Option<RawSystem<'a>>,
}

/// The new number's id stood in `new_wa_id` before version 12.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawSystem<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub wa_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub new_wa_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub user_id: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Body<'a> {
    #[serde(borrow)]
    pub body: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Button<'a> {
    #[serde(borrow)]
    pub payload: Option<&'a RawValue>,
    #[serde(borrow)]
    pub text: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Interactive<'a> {
    #[serde(borrow)]
    pub button_reply: Option<Reply<'a>>,
    #[serde(borrow)]
    pub list_reply: Option<Reply<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Reply<'a> {
    #[serde(borrow)]
    pub id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub title: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawCall<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    #[serde(borrow)]
    pub from: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub from_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub event: Option<Text<'a>>,
    #[serde(borrow)]
    pub direction: Option<Text<'a>>,
    #[serde(borrow)]
    pub timestamp: Option<Scalar<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct RawPreference<'a> {
    #[serde(borrow)]
    pub wa_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub user_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub category: Option<Text<'a>>,
    #[serde(borrow)]
    pub value: Option<Text<'a>>,
    #[serde(borrow)]
    pub timestamp: Option<Scalar<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct OtherInfo<'a> {
    #[serde(borrow)]
    pub title: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct BanInfo<'a> {
    #[serde(borrow)]
    pub waba_ban_state: Option<Text<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Restriction<'a> {
    #[serde(borrow)]
    pub restriction_type: Option<Text<'a>>,
}

/// Most items of a list in one change; the platform sends a thousand at most. An item takes hundreds of bytes of memory
/// even when it is written as `{}`.
const ITEMS_MAX: usize = 4_000;

/// A list of at most [`ITEMS_MAX`] items. With more the change is malformed.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<Vec<T>>, D::Error> {
    struct V<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> de::Visitor<'de> for V<T> {
        type Value = Option<Vec<T>>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {ITEMS_MAX}")
        }
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = a.next_element()? {
                if items.len() == ITEMS_MAX {
                    return Err(de::Error::invalid_length(ITEMS_MAX + 1, &self));
                }
                items.push(item);
            }
            Ok(Some(items))
        }
    }
    d.deserialize_any(V(PhantomData))
}

/// A value whose JSON type the platform does not keep to: timestamps, limits and codes are strings in one
/// webhook and numbers in another.
#[derive(Clone)]
pub(super) enum Scalar<'a> {
    Text(Text<'a>),
    Int(i64),
    Other,
}

impl<'a> Scalar<'a> {
    /// A whole number that fits, from either form.
    pub fn u32(&self) -> Option<u32> {
        match self {
            Self::Text(t) => t.parse().ok(),
            Self::Int(n) => u32::try_from(*n).ok(),
            Self::Other => None,
        }
    }

    /// As text; none when there is nothing in it.
    pub fn text(self) -> Option<Text<'a>> {
        match self {
            Self::Text(t) if !t.is_empty() => Some(t),
            Self::Int(n) => Some(n.to_string().into()),
            Self::Text(_) | Self::Other => None,
        }
    }

    /// Whether it is the number that `plus_digits` writes with a plus sign.
    pub fn is_number(&self, plus_digits: &str) -> bool {
        let digits = plus_digits.strip_prefix('+').unwrap_or(plus_digits);
        match self {
            Self::Text(t) => t.strip_prefix('+').unwrap_or(t) == digits,
            Self::Int(n) => digits.parse() == Ok(*n),
            Self::Other => false,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> de::Visitor<'de> for V {
            type Value = Scalar<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a whole number")
            }
            fn visit_borrowed_str<E: de::Error>(self, s: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(s.into()))
            }
            fn visit_str<E: de::Error>(self, s: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(s.to_owned().into()))
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Self::Value, E> {
                Ok(i64::try_from(n).map_or(Scalar::Other, Scalar::Int))
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Int(n))
            }
            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
                while a.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
                while a.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        d.deserialize_any(V)
    }
}
