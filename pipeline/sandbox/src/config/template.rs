//! Templates as the platform knows them: what a send must match.

use serde::{Deserialize, Serialize};

/// One template in one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateConfig {
    /// Template id in webhooks. Default: derived from name and language.
    #[serde(default)]
    pub id: Option<u64>,
    /// Name, lower case.
    pub name: String,
    /// Exact language code, such as `en_US`.
    pub language: String,
    /// Category at the time of use; it decides the price.
    pub category: Category,
    /// Only `APPROVED` sends. Default `APPROVED`.
    #[serde(default)]
    pub status: TemplateStatus,
    /// Quality score as the platform lists it. Default `UNKNOWN`.
    #[serde(default)]
    pub quality_score: Rating,
    /// Body parameters: how many (positional) or their names (named). Default 0.
    #[serde(default)]
    pub body: BodyParameters,
    /// Header that needs a parameter: media, location, or text with one variable. Default none.
    #[serde(default)]
    pub header: Option<HeaderFormat>,
    /// Buttons in order. Default none.
    #[serde(default)]
    pub buttons: Vec<ButtonConfig>,
    /// Cards of a carousel, all alike. Default none.
    #[serde(default)]
    pub cards: Option<CardsConfig>,
    /// A limited-time offer, the end of which a send must give. Default false.
    #[serde(default)]
    pub limited_time_offer: bool,
    /// Time to live as the platform lists it; -1 is 30 days. Default: none is listed.
    #[serde(default)]
    pub message_send_ttl_seconds: Option<i64>,
}

/// Cards of a carousel, all alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardsConfig {
    /// How many, 2 to 10.
    pub number: usize,
    /// `IMAGE` or `VIDEO`.
    pub header: HeaderFormat,
    /// Body parameters of each. Default 0.
    #[serde(default)]
    pub body: BodyParameters,
    /// Buttons of each. Default none.
    #[serde(default)]
    pub buttons: Vec<ButtonConfig>,
}

/// Template category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Category {
    /// Marketing.
    Marketing,
    /// Utility.
    Utility,
    /// Authentication.
    Authentication,
}

/// Template status; each has its own answer to a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateStatus {
    /// Sends.
    #[default]
    Approved,
    /// Sends are answered 132015 until it is unpaused.
    Paused,
    /// Sends are answered 132016.
    Disabled,
    /// Not reviewed yet: 132001.
    Pending,
    /// Rejected: 132001.
    Rejected,
    /// Deleted: 132001.
    Deleted,
}

/// Quality of a template or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Rating {
    /// High.
    Green,
    /// Medium.
    Yellow,
    /// Low.
    Red,
    /// Not rated yet.
    #[default]
    Unknown,
}

/// Parameters of the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BodyParameters {
    /// `{{1}}` to `{{n}}`.
    Positional(usize),
    /// `{{first_name}}` and so on; a send gives `parameter_name`.
    Named(Vec<String>),
}

impl Default for BodyParameters {
    fn default() -> Self {
        Self::Positional(0)
    }
}

/// What the header parameter must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HeaderFormat {
    /// One text variable.
    Text,
    /// Image by id or link.
    Image,
    /// Video by id or link.
    Video,
    /// Document by id or link.
    Document,
    /// A place.
    Location,
}

impl HeaderFormat {
    /// The `type` of the parameter in a send.
    pub(crate) fn parameter_type(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
            Self::Location => "location",
        }
    }
}

/// One button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ButtonConfig {
    /// What it does.
    #[serde(rename = "type")]
    pub kind: ButtonKind,
    /// URL buttons only: the URL ends in a variable, so a send must give it. Default false.
    #[serde(default)]
    pub dynamic: bool,
}

/// Kind of button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ButtonKind {
    /// Quick reply; the payload in a send is optional.
    QuickReply,
    /// Link.
    Url,
    /// Calls a number; takes no parameter.
    PhoneNumber,
    /// Copies a coupon code, which a send must give.
    CopyCode,
    /// Opens a flow; token and data are optional.
    Flow,
    /// Shows the catalogue; the product in front is optional.
    Catalog,
    /// Shows products, which a send must give.
    Mpm,
    /// Calls the business; minutes and payload are optional.
    VoiceCall,
    /// One-time code of an authentication template: a `url` component with the code.
    Otp,
}
