//! What the platform takes inside the window beside text: fields, counts and lengths as its documentation says.
//!
//! What it does not document a limit of is bounded by us. Ids that must differ, files that must exist and flows that must
//! be published are the platform's to check.

use super::carousel::{self, CARDS};
use super::content::{ContentKind, Rich};
use super::shape::Need::{IfSeveral, May, Must};
use super::shape::Shape::{Across, Any, Chars, Degrees, Digits, Flag, Link, List, Object, Wamid, Web, Whole, Word};
use super::shape::{Also, Field, Shape, check as hold};
use crate::Text;
use crate::input::InputError;
use serde::Deserialize;

/// Checks alternative `i` of a request.
pub(super) fn check(i: usize, rich: &Rich<'_>) -> Result<(), InputError> {
    let shape = match rich.kind {
        ContentKind::Image | ContentKind::Video => &CAPTIONED,
        ContentKind::Audio => &AUDIO,
        ContentKind::Document => &DOCUMENT,
        ContentKind::Sticker => &STICKER,
        ContentKind::Location => &LOCATION,
        ContentKind::Contacts => &CONTACTS,
        ContentKind::Reaction => &REACTION,
        ContentKind::Interactive => return interactive(i, rich),
        ContentKind::Text | ContentKind::Template => return Ok(()),
    };
    hold(i, rich.kind.as_str(), rich.json, shape)
}

pub(super) const MEDIUM: Also = Also::One(&["id", "link"]);
const CAPTION: Field = Field("caption", May, Chars(1, 1_024));

static CAPTIONED: Shape = Object(&[Field("id", May, Digits), Field("link", May, Link), CAPTION], MEDIUM);
static AUDIO: Shape = Object(&[Field("id", May, Digits), Field("link", May, Link), Field("voice", May, Flag)], MEDIUM);
static DOCUMENT: Shape = Object(
    &[Field("id", May, Digits), Field("link", May, Link), CAPTION, Field("filename", May, Chars(1, 240))],
    MEDIUM,
);
static STICKER: Shape = Object(&[Field("id", May, Digits), Field("link", May, Link)], MEDIUM);

static LOCATION: Shape = Object(
    &[
        Field("latitude", Must, Degrees(90)),
        Field("longitude", Must, Degrees(180)),
        Field("name", May, Chars(1, 1_000)),
        Field("address", May, Chars(1, 1_000)),
    ],
    Also::Nothing,
);

static REACTION: Shape = Object(
    // No emoji takes an earlier one away.
    &[Field("message_id", Must, Wamid(512)), Field("emoji", Must, Chars(0, 16))],
    Also::Nothing,
);

const WORDS: Shape = Chars(1, 1_000);
const KIND: Field = Field("type", May, Chars(1, 60));
static CONTACTS: Shape = List(
    1,
    257,
    &Object(
        &[
            Field("name", Must, NAME),
            Field("birthday", May, Chars(10, 10)),
            Field("addresses", May, List(0, 20, &ADDRESS)),
            Field("emails", May, List(0, 20, &Object(&[Field("email", Must, WORDS), KIND], Also::Nothing))),
            Field("phones", May, List(0, 20, &PHONE)),
            Field("urls", May, List(0, 20, &Object(&[Field("url", Must, WORDS), KIND], Also::Nothing))),
            Field(
                "org",
                May,
                Object(
                    &[Field("company", May, WORDS), Field("department", May, WORDS), Field("title", May, WORDS)],
                    Also::Nothing,
                ),
            ),
        ],
        Also::Nothing,
    ),
);
const NAME: Shape = Object(
    &[
        Field("formatted_name", Must, WORDS),
        Field("first_name", May, WORDS),
        Field("last_name", May, WORDS),
        Field("middle_name", May, WORDS),
        Field("prefix", May, WORDS),
        Field("suffix", May, WORDS),
    ],
    Also::Some(&["first_name", "last_name", "middle_name", "prefix", "suffix"]),
);
static ADDRESS: Shape = Object(
    &[
        Field("street", May, WORDS),
        Field("city", May, WORDS),
        Field("state", May, WORDS),
        Field("zip", May, WORDS),
        Field("country", May, WORDS),
        Field("country_code", May, Chars(2, 2)),
        KIND,
    ],
    Also::Nothing,
);
static PHONE: Shape =
    Object(&[Field("phone", Must, Chars(1, 60)), KIND, Field("wa_id", May, Chars(1, 64))], Also::Nothing);

/// The type of an interactive message tells what else it has.
#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Text<'a>,
}

fn interactive(i: usize, rich: &Rich<'_>) -> Result<(), InputError> {
    let kind = serde_json::from_str(rich.json.get()).map_or_else(|_| Text::default(), |typed: Typed<'_>| typed.kind);
    let Some((_, shape)) = INTERACTIVE.iter().find(|(name, _)| *name == &*kind) else {
        let names: Vec<&str> = INTERACTIVE.iter().map(|(name, _)| *name).collect();
        let remedy = format!("use one of {}", names.join(", "));
        let at = format!("content[{i}].interactive.type");
        return Err(InputError::invalid(at, "the value is missing or not known here", remedy));
    };
    hold(i, rich.kind.as_str(), rich.json, shape)?;
    if &*kind == "carousel" { carousel::check(i, rich) } else { Ok(()) }
}

const TYPE: Field = Field("type", Must, Chars(1, 60));
const TITLE: Field = Field("title", IfSeveral, Chars(1, 24));
const BODY: Field = Field("body", Must, Object(&[Field("text", Must, Chars(1, 1_024))], Also::Nothing));
const BODY_IF_ANY: Field = Field("body", May, Object(&[Field("text", Must, Chars(1, 1_024))], Also::Nothing));
const LONG_BODY: Field = Field("body", Must, Object(&[Field("text", Must, Chars(1, 4_096))], Also::Nothing));
const FOOTER: Field = Field("footer", May, Object(&[Field("text", Must, Chars(1, 60))], Also::Nothing));
const HEADER: Field = Field(
    "header",
    May,
    Object(
        &[
            Field("type", Must, Word(&["text", "image", "video", "document"])),
            Field("text", May, Chars(1, 60)),
            Field("image", May, Object(&[Field("id", May, Digits), Field("link", May, Link)], MEDIUM)),
            Field("video", May, Object(&[Field("id", May, Digits), Field("link", May, Link)], MEDIUM)),
            Field(
                "document",
                May,
                Object(
                    &[Field("id", May, Digits), Field("link", May, Link), Field("filename", May, Chars(1, 240))],
                    MEDIUM,
                ),
            ),
        ],
        Also::Tagged(&["text", "image", "video", "document"]),
    ),
);
const TEXT_HEADER: Shape =
    Object(&[Field("type", Must, Word(&["text"])), Field("text", Must, Chars(1, 60))], Also::Nothing);
const TEXT_HEADER_IF_ANY: Field = Field("header", May, TEXT_HEADER);
pub(super) const PRODUCT: Field = Field("product_retailer_id", Must, Chars(1, 200));

/// An action of this name with parameters.
macro_rules! named {
    ($name:literal, $need:ident, $parameters:expr) => {
        Field(
            "action",
            Must,
            Object(&[Field("name", Must, Word(&[$name])), Field("parameters", $need, $parameters)], Also::Nothing),
        )
    };
}

static INTERACTIVE: [(&str, Shape); 14] = [
    ("button", Object(&[TYPE, HEADER, BODY, FOOTER, Field("action", Must, REPLIES)], Also::Nothing)),
    ("list", Object(&[TYPE, TEXT_HEADER_IF_ANY, LONG_BODY, FOOTER, Field("action", Must, LIST)], Also::Nothing)),
    ("cta_url", Object(&[TYPE, HEADER, BODY, FOOTER, named!("cta_url", Must, OPEN)], Also::Nothing)),
    ("flow", Object(&[TYPE, HEADER, BODY, FOOTER, named!("flow", Must, FLOW)], Also::Nothing)),
    (
        "location_request_message",
        Object(
            &[
                TYPE,
                BODY,
                Field("action", Must, Object(&[Field("name", Must, Word(&["send_location"]))], Also::Nothing)),
            ],
            Also::Nothing,
        ),
    ),
    ("address_message", Object(&[TYPE, HEADER, BODY, FOOTER, named!("address_message", Must, Any)], Also::Nothing)),
    (
        "product",
        Object(
            &[
                TYPE,
                BODY_IF_ANY,
                FOOTER,
                Field("action", Must, Object(&[Field("catalog_id", Must, Digits), PRODUCT], Also::Nothing)),
            ],
            Also::Nothing,
        ),
    ),
    (
        "product_list",
        Object(
            &[TYPE, Field("header", Must, TEXT_HEADER), BODY, FOOTER, Field("action", Must, PRODUCTS)],
            Also::Nothing,
        ),
    ),
    (
        "catalog_message",
        Object(
            &[
                TYPE,
                BODY,
                FOOTER,
                named!(
                    "catalog_message",
                    May,
                    Object(&[Field("thumbnail_product_retailer_id", May, Chars(1, 200))], Also::Nothing)
                ),
            ],
            Also::Nothing,
        ),
    ),
    ("carousel", Object(&[TYPE, BODY, Field("action", Must, CARDS)], Also::Nothing)),
    ("voice_call", Object(&[TYPE, HEADER, BODY, FOOTER, named!("voice_call", May, CALL)], Also::Nothing)),
    (
        "call_permission_request",
        Object(
            &[
                TYPE,
                BODY_IF_ANY,
                Field(
                    "action",
                    Must,
                    Object(&[Field("name", Must, Word(&["call_permission_request"]))], Also::Nothing),
                ),
            ],
            Also::Nothing,
        ),
    ),
    ("order_details", Object(&[TYPE, HEADER, BODY, FOOTER, named!("review_and_pay", Must, Any)], Also::Nothing)),
    ("order_status", Object(&[TYPE, BODY, FOOTER, named!("review_order", Must, Any)], Also::Nothing)),
];

const REPLIES: Shape = Object(
    &[Field(
        "buttons",
        Must,
        List(
            1,
            3,
            &Object(
                &[
                    Field("type", Must, Word(&["reply"])),
                    Field(
                        "reply",
                        Must,
                        Object(&[Field("id", Must, Chars(1, 256)), Field("title", Must, Chars(1, 20))], Also::Nothing),
                    ),
                ],
                Also::Nothing,
            ),
        ),
    )],
    Also::Nothing,
);

const LIST: Shape = Object(
    &[
        Field("button", Must, Chars(1, 20)),
        Field("sections", Must, List(1, 10, &Object(&[TITLE, Field("rows", Must, Across(10, &ROW))], Also::Nothing))),
    ],
    Also::Nothing,
);
static ROW: Shape = Object(
    &[Field("id", Must, Chars(1, 200)), Field("title", Must, Chars(1, 24)), Field("description", May, Chars(1, 72))],
    Also::Nothing,
);

pub(super) const OPEN: Shape =
    Object(&[Field("display_text", Must, Chars(1, 20)), Field("url", Must, Web)], Also::Nothing);

const FLOW: Shape = Object(
    &[
        Field("flow_message_version", Must, Word(&["3"])),
        Field("flow_id", May, Digits),
        Field("flow_name", May, Chars(1, 200)),
        Field("flow_token", May, Chars(1, 1_000)),
        Field("flow_cta", Must, Chars(1, 30)),
        Field("mode", May, Word(&["draft", "published"])),
        Field("flow_action", May, Word(&["navigate", "data_exchange"])),
        Field(
            "flow_action_payload",
            May,
            Object(&[Field("screen", Must, Chars(1, 200)), Field("data", May, Any)], Also::Nothing),
        ),
    ],
    Also::One(&["flow_id", "flow_name"]),
);

const PRODUCTS: Shape = Object(
    &[
        Field("catalog_id", Must, Digits),
        Field(
            "sections",
            Must,
            List(
                1,
                10,
                &Object(
                    &[TITLE, Field("product_items", Must, Across(30, &Object(&[PRODUCT], Also::Nothing)))],
                    Also::Nothing,
                ),
            ),
        ),
    ],
    Also::Nothing,
);

const CALL: Shape = Object(
    &[
        Field("display_text", May, Chars(1, 20)),
        Field("ttl_minutes", May, Whole(1, 43_200)),
        Field("payload", May, Chars(1, 512)),
    ],
    Also::Nothing,
);
