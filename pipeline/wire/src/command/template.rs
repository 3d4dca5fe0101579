//! Templates: what is declared, what the platform says of them, and what a send must give.

use serde::{Deserialize, Serialize};
use tollgate_quality::Score;
use tollgate_rate_card::Category;

/// Cards of a carousel at most (the platform's rule).
pub const CARDS_MAX: usize = 10;
/// Seconds that a template's time to live may be (the platform's rule, over all categories).
pub const TTL_S: std::ops::RangeInclusive<u32> = 30..=30 * 86_400;
/// Buttons of a template at most (the platform's rule).
pub const BUTTONS_MAX: usize = 10;

/// A template in one language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSpec {
    /// Name.
    pub name: String,
    /// Language code, for instance `pt_BR`.
    pub language: String,
    /// Pricing category.
    pub category: Category,
    /// State.
    #[serde(default)]
    pub status: TemplateStatus,
    /// Names of body parameters (named), or `"1"`, `"2"` … (positional).
    #[serde(default)]
    pub body: Vec<String>,
    /// Header that takes a parameter.
    #[serde(default)]
    pub header: HeaderFormat,
    /// Buttons that take a parameter.
    #[serde(default)]
    pub buttons: u8,
    /// Quality score that the platform gives it. Left out when there is none, as is all that follows, so that earlier
    /// versions read the entry.
    #[serde(default, skip_serializing_if = "is_unrated")]
    pub quality: Score,
    /// Another category that the platform has announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_category: Option<NextCategory>,
    /// What a send is checked by, once the platform was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Box<TemplateComponents>>,
    /// How long the platform tries to deliver a message of it, in seconds, 30 to 2,592,000; absent: 10 minutes for one-time
    /// codes, 30 days for the rest. Of marketing it holds by the call for marketing alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u32>,
}

impl TemplateSpec {
    /// Whether an earlier version can read it: nothing is in it that came later.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        is_unrated(&self.quality)
            && self.header != HeaderFormat::Product
            && self.next_category.is_none()
            && self.components.is_none()
            && self.ttl_s.is_none()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_unrated(score: &Score) -> bool {
    *score == Score::Unknown
}

/// A category that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextCategory {
    /// The category.
    pub category: Category,
    /// When it will be in force, whole seconds; 0 where the platform does not say.
    #[serde(default)]
    pub at_s: u32,
}

/// What the platform's components ask of a send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateComponents {
    /// First 16 hexadecimal digits of the SHA-256 of the components, without examples.
    pub digest: String,
    /// Characters of the body's own words: with the parameters there may be 1,024.
    #[serde(default)]
    pub body_chars: u16,
    /// Characters of a text header's own words: with its parameter there may be 60.
    #[serde(default)]
    pub header_chars: u16,
    /// Name of a text header's parameter, where parameters have names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_name: Option<String>,
    /// Every button, in order, also those that take nothing.
    #[serde(default)]
    pub buttons: Vec<ButtonSpec>,
    /// A component that must be given and that no request can give, by the platform's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfillable: Option<String>,
    /// Cards of a carousel, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cards: Vec<CardSpec>,
    /// It has a limited-time offer, the end of which is to be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offer: bool,
}

/// A card of a carousel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardSpec {
    /// What its header takes.
    pub header: HeaderFormat,
    /// Names or positions of its body's parameters.
    #[serde(default)]
    pub body: Vec<String>,
    /// Characters of its body's own words: with the parameters there may be 160.
    #[serde(default)]
    pub body_chars: u16,
    /// Every button of it, in order.
    #[serde(default)]
    pub buttons: Vec<ButtonSpec>,
}

/// A button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ButtonSpec {
    /// What it does.
    pub kind: ButtonKind,
    /// Characters of its link without the parameter: together there may be 2,000.
    #[serde(default)]
    pub chars: u16,
}

/// What a button does, as far as a send is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonKind {
    /// Answers; may be given a payload.
    QuickReply,
    /// Opens a link that is always the same.
    Url,
    /// Opens a link that ends in a parameter.
    UrlVariable,
    /// Calls a number.
    PhoneNumber,
    /// Copies an offer's code, which is to be given.
    CopyCode,
    /// Copies the one-time code of the body, which is to be given again.
    OneTimeCode,
    /// Opens a flow; may be given a token and data.
    Flow,
    /// Shows the catalogue; may be given the product whose picture is shown.
    Catalog,
    /// Shows several products, which are to be given.
    Products,
    /// Calls the business; may be given a time and a payload.
    VoiceCall,
    /// Anything else; what it is given is left to the platform.
    Other,
}

impl ButtonKind {
    /// Whether a send has to give it a parameter.
    #[must_use]
    pub fn needs_parameter(self) -> bool {
        matches!(self, Self::UrlVariable | Self::CopyCode | Self::OneTimeCode | Self::Products)
    }
}

/// State of a template.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateStatus {
    /// May be sent.
    #[default]
    Approved,
    /// In review.
    Pending,
    /// Paused by the platform; may come back.
    Paused,
    /// Rejected.
    Rejected,
    /// Disabled for good.
    Disabled,
    /// Deleted or archived.
    Deleted,
}

impl TemplateStatus {
    /// From the platform's words, of a list or of an event. Only an approved template may be sent, whatever the other
    /// states mean in detail. `None` for a word that is not known.
    #[must_use]
    pub fn of_platform(word: &str) -> Option<Self> {
        Some(match word {
            "APPROVED" | "REINSTATED" | "UNARCHIVED" | "UNPAUSED" => Self::Approved,
            "PENDING" | "IN_APPEAL" => Self::Pending,
            "PAUSED" | "FLAGGED" | "LOCKED" => Self::Paused,
            "REJECTED" | "LIMIT_EXCEEDED" => Self::Rejected,
            "DISABLED" => Self::Disabled,
            "DELETED" | "PENDING_DELETION" | "ARCHIVED" => Self::Deleted,
            _ => return None,
        })
    }

    /// Its name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Pending => "pending",
            Self::Paused => "paused",
            Self::Rejected => "rejected",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }
}

/// What the header takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderFormat {
    /// No header parameter.
    #[default]
    None,
    /// One text parameter.
    Text,
    /// An image.
    Image,
    /// A video.
    Video,
    /// A document.
    Document,
    /// A location.
    Location,
    /// A product of a catalogue.
    Product,
}
