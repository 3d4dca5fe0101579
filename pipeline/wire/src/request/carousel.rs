//! Cards of a carousel: what one of them has by its type, and what all of them have alike.
//!
//! A card has a picture or a film and either a link or replies, or else a product and nothing beside it.

use super::content::Rich;
use super::rich::{MEDIUM, OPEN, PRODUCT};
use super::shape::Need::{May, Must};
use super::shape::Shape::{Chars, Digits, Link, List, Object, Whole, Word};
use super::shape::{Also, Field, Shape};
use crate::Text;
use crate::input::InputError;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Replies of a card; how many is not documented.
const REPLIES_MAX: usize = 10;
/// Line breaks in a card's body.
const BREAKS_MAX: usize = 2;

/// What any card may have; [`check`] holds each to its type.
pub(super) const CARDS: Shape = Object(
    &[Field(
        "cards",
        Must,
        List(
            2,
            10,
            &Object(
                &[
                    Field("card_index", Must, Whole(0, 9)),
                    Field("type", Must, Word(&["cta_url", "button", "product"])),
                    Field("header", May, HEADER),
                    Field("body", May, Object(&[Field("text", Must, Chars(1, 160))], Also::Nothing)),
                    Field("action", Must, ACTION),
                ],
                Also::Nothing,
            ),
        ),
    )],
    Also::Nothing,
);
const HEADER: Shape = Object(
    &[
        Field("type", Must, Word(&["image", "video"])),
        Field("image", May, Object(&[Field("id", May, Digits), Field("link", May, Link)], MEDIUM)),
        Field("video", May, Object(&[Field("id", May, Digits), Field("link", May, Link)], MEDIUM)),
    ],
    Also::Tagged(&["image", "video"]),
);
const ACTION: Shape = Object(
    &[
        Field("name", May, Word(&["cta_url"])),
        Field("parameters", May, OPEN),
        Field("buttons", May, List(1, REPLIES_MAX, &REPLY)),
        Field("catalog_id", May, Digits),
        Field(PRODUCT.0, May, PRODUCT.2),
    ],
    Also::Nothing,
);
static REPLY: Shape = Object(
    &[
        Field("type", Must, Word(&["quick_reply"])),
        Field(
            "quick_reply",
            Must,
            Object(&[Field("id", Must, Chars(1, 256)), Field("title", Must, Chars(1, 20))], Also::Nothing),
        ),
    ],
    Also::Nothing,
);

#[derive(Deserialize)]
struct Interactive<'a> {
    #[serde(borrow)]
    action: Cards<'a>,
}

#[derive(Deserialize)]
struct Cards<'a> {
    #[serde(borrow)]
    cards: Vec<Card<'a>>,
}

#[derive(Deserialize)]
struct Card<'a> {
    card_index: usize,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    header: Option<IgnoredAny>,
    #[serde(borrow)]
    body: Option<Body<'a>>,
    #[serde(borrow)]
    action: Action<'a>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    text: Text<'a>,
}

#[derive(Deserialize)]
struct Action<'a> {
    name: Option<IgnoredAny>,
    parameters: Option<IgnoredAny>,
    buttons: Option<Vec<IgnoredAny>>,
    #[serde(borrow)]
    catalog_id: Option<Text<'a>>,
    product_retailer_id: Option<IgnoredAny>,
}

/// What a tap on a card does.
#[derive(PartialEq)]
enum Tap<'a> {
    Link,
    Replies(usize),
    Product(&'a str),
}

impl Action<'_> {
    /// `None` where the fields are of several, or of none as a whole.
    fn tap(&self) -> Option<Tap<'_>> {
        let link = (self.name.is_some(), self.parameters.is_some());
        let product = (self.catalog_id.as_deref(), self.product_retailer_id.is_some());
        match (link, &self.buttons, product) {
            ((true, true), None, (None, false)) => Some(Tap::Link),
            ((false, false), Some(buttons), (None, false)) => Some(Tap::Replies(buttons.len())),
            ((false, false), None, (Some(catalog), true)) => Some(Tap::Product(catalog)),
            _ => None,
        }
    }
}

/// Checks the cards of alternative `i`, whose shape is that of [`CARDS`].
pub(super) fn check(i: usize, rich: &Rich<'_>) -> Result<(), InputError> {
    let fault = |at: String, problem: &str, remedy: &str| {
        Err(InputError::invalid(format!("content[{i}].interactive.action.cards{at}"), problem.to_owned(), remedy))
    };
    let Ok(Interactive { action: Cards { cards } }) = serde_json::from_str(rich.json.get()) else {
        return fault(String::new(), "they do not fit", "see the schema");
    };
    let first = cards.first().and_then(|card| card.action.tap());
    for (n, card) in cards.iter().enumerate() {
        if card.card_index >= cards.len() || cards[..n].iter().any(|other| other.card_index == card.card_index) {
            return fault(format!("[{n}].card_index"), "it is another card's or beyond the last", "count cards from 0");
        }
        let tap = match (&*card.kind, card.action.tap()) {
            ("product", Some(tap @ Tap::Product(_)))
            | ("cta_url", Some(tap @ (Tap::Link | Tap::Replies(_))))
            | ("button", Some(tap @ Tap::Replies(_))) => tap,
            ("product", _) => {
                let remedy = "give catalog_id and product_retailer_id";
                return fault(format!("[{n}].action"), "its fields are not those of a product", remedy);
            }
            ("cta_url", _) => {
                let remedy = "give name and parameters, or buttons";
                return fault(format!("[{n}].action"), "its fields are not those of a link or of replies", remedy);
            }
            _ => return fault(format!("[{n}].action"), "its fields are not those of replies", "give buttons"),
        };
        match (&tap, &card.header, &card.body) {
            (Tap::Product(_), None, None) => {}
            (Tap::Product(_), ..) => {
                return fault(
                    format!("[{n}]"),
                    "a product brings its own picture and text",
                    "leave header and body out",
                );
            }
            (_, None, _) => {
                return fault(format!("[{n}].header"), "the field is missing", "add an image or a video");
            }
            (_, Some(_), Some(body)) if body.text.matches('\n').count() > BREAKS_MAX => {
                return fault(format!("[{n}].body.text"), "it has more than 2 line breaks", "give at most 2");
            }
            _ => {}
        }
        match (&first, &tap) {
            (Some(Tap::Product(one)), Tap::Product(other)) if one != other => {
                return fault(format!("[{n}].action.catalog_id"), "it is not the first card's", "name one catalogue");
            }
            (Some(one), other) if one != other => {
                let remedy = "give all cards a link, the same number of replies, or a product";
                return fault(format!("[{n}].action"), "it is not like the first card's", remedy);
            }
            _ => {}
        }
    }
    Ok(())
}
