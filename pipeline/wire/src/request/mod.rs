//! A request: one message that a campaign system wants to reach one person.

mod carousel;
mod content;
mod e164;
mod params;
mod parse;
mod recipient;
mod rich;
mod shape;

pub use crate::input::InputError as RequestError;
pub use content::{Content, ContentKind, Rich};
pub use e164::{E164Error, E164Fault, parse_e164};
pub use params::Params;
pub use parse::{CE_ID, parse, parse_with_id};
pub use recipient::Recipient;

use crate::trace::SpanRef;
use crate::{Text, Time};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;
use std::fmt;
use tollgate_rate_card::Category;

/// Longest accepted request in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Longest accepted `id` in bytes.
pub const MAX_ID: usize = 128;
/// Longest accepted `metadata` in bytes of JSON.
pub const MAX_METADATA: usize = 1024;
/// Most alternatives in `content`.
pub const MAX_ALTERNATIVES: usize = 8;
/// Most languages of one template.
pub const MAX_LANGUAGES: usize = 8;
/// Longest free text in characters (the platform's limit for a text message's body).
pub const MAX_TEXT_CHARS: usize = 4096;

/// One notification to send. Unknown fields are an error so that a typo is never ignored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request<'a> {
    /// Idempotency key, 1 to 128 visible ASCII characters, unique per account for 30 days. May be left out
    /// only where a CloudEvents `ce_id` stands for it: see [`parse_with_id`].
    #[serde(borrow, default)]
    pub id: Text<'a>,
    /// The account (business portfolio).
    #[serde(borrow)]
    pub account: Text<'a>,
    /// Phone number id of the sender, or the name of a pool; the account's default when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Text<'a>>,
    /// The brand that writes, one of the account's `policy.brands`: a number of it, or one of no brand, is taken. The
    /// sender's brand when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<Text<'a>>,
    /// Whom to reach.
    #[serde(borrow)]
    pub to: Recipient<'a>,
    /// Campaign name; created on first use.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Text<'a>>,
    /// What the sender means by it.
    pub purpose: Purpose,
    /// Which of the usable alternatives is taken.
    #[serde(default)]
    pub choose: Choose,
    /// Alternatives in order of preference, at least one.
    #[serde(borrow)]
    pub content: Vec<Content<'a>>,
    /// Not before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_after: Option<Time>,
    /// Useless after this instant; by default per category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Echoed on outcomes, at most 1 KiB.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a RawValue>,
    /// The span of the decision on it, where its trace is recorded. Not in the JSON: whoever reads the record sets it.
    #[serde(skip)]
    pub trace: Option<SpanRef>,
}

/// What the sender means; the lower bound for the category of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Offers and news.
    Marketing,
    /// About something the person did.
    Utility,
    /// One-time codes.
    Authentication,
    /// Answers inside the window.
    Service,
}

impl Purpose {
    /// The pricing category of the same name.
    #[must_use]
    pub fn category(self) -> Category {
        match self {
            Self::Marketing => Category::Marketing,
            Self::Utility => Category::Utility,
            Self::Authentication => Category::Authentication,
            Self::Service => Category::Service,
        }
    }
}

/// How to choose among the usable alternatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choose {
    /// The first usable one.
    #[default]
    First,
    /// The cheapest before allowances; ties by order, then language.
    Cheapest,
    /// The person's own of the campaign's split: the same at every try. Where it is not usable, the next usable one.
    Split,
}

/// A template with its parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateContent<'a> {
    /// Template name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Languages in order of preference; one string or a list.
    #[serde(borrow, deserialize_with = "one_or_many")]
    pub language: Vec<Text<'a>>,
    /// Parameters.
    #[serde(borrow, default)]
    pub components: Components<'a>,
}

/// Parameters by component.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Components<'a> {
    /// Header parameter objects as the platform takes them.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<&'a RawValue>,
    /// Body parameters: a list (positional) or an object (named).
    #[serde(borrow, default, skip_serializing_if = "Params::is_empty")]
    pub body: Params<'a>,
    /// Button component objects as the platform takes them.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<&'a RawValue>,
    /// Cards of a carousel as the platform takes them: `card_index` and `components`.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<&'a RawValue>,
    /// The end of a limited-time offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_time_offer: Option<Offer>,
}

/// A limited-time offer, as the platform takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// When it ends, in milliseconds since 1970.
    pub expiration_time_ms: u64,
}

fn one_or_many<'de: 'a, 'a, D: Deserializer<'de>>(d: D) -> Result<Vec<Text<'a>>, D::Error> {
    struct V;
    impl<'de> de::Visitor<'de> for V {
        type Value = Vec<Text<'de>>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a language code or a list of them")
        }
        fn visit_borrowed_str<E: de::Error>(self, s: &'de str) -> Result<Self::Value, E> {
            Ok(vec![s.into()])
        }
        fn visit_str<E: de::Error>(self, s: &str) -> Result<Self::Value, E> {
            Ok(vec![s.to_owned().into()])
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
            let mut v = Vec::new();
            while let Some(t) = a.next_element()? {
                v.push(t);
            }
            Ok(v)
        }
    }
    d.deserialize_any(V)
}
