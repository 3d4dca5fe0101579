//! What a request or an order sends: a template, a text, or anything else that the platform takes inside the window.

use super::TemplateContent;
use crate::Text;
use serde::de::{self, EnumAccess, VariantAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// What kind of content, by the platform's word for it. The number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ContentKind {
    /// Free text.
    Text = 0,
    /// An approved template.
    Template = 1,
    /// Reply buttons, a list, a link, a flow and the like.
    Interactive = 2,
    /// A picture.
    Image = 3,
    /// A film.
    Video = 4,
    /// Sound, or a voice message.
    Audio = 5,
    /// A file.
    Document = 6,
    /// A sticker.
    Sticker = 7,
    /// A place.
    Location = 8,
    /// Address cards.
    Contacts = 9,
    /// An emoji at a message of the person. The platform says `sent` of it and never a delivery.
    Reaction = 10,
}

impl ContentKind {
    /// All, by their number.
    pub const ALL: [Self; 11] = [
        Self::Text,
        Self::Template,
        Self::Interactive,
        Self::Image,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Sticker,
        Self::Location,
        Self::Contacts,
        Self::Reaction,
    ];

    /// The platform's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES[self as usize]
    }

    /// From the stored byte.
    #[must_use]
    pub fn from_byte(b: u8) -> Option<Self> {
        Self::ALL.get(usize::from(b)).copied()
    }
}

const NAMES: &[&str; 11] = &[
    "text",
    "template",
    "interactive",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
];

/// One alternative of a request; with `T` the template of an order, what an order sends. An object with one field, named
/// as [`ContentKind`].
#[derive(Clone, Debug)]
pub enum Content<'a, T = TemplateContent<'a>> {
    /// An approved template.
    Template(T),
    /// Free text, only inside the window.
    Text(Text<'a>),
    /// Anything else, only inside the window.
    Rich(Rich<'a>),
}

/// Content that is passed on as the platform takes it.
#[derive(Clone, Copy, Debug)]
pub struct Rich<'a> {
    /// Which; neither text nor template.
    pub kind: ContentKind,
    /// The object that the platform has under that name.
    pub json: &'a RawValue,
}

impl<T> Content<'_, T> {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> ContentKind {
        match self {
            Self::Template(_) => ContentKind::Template,
            Self::Text(_) => ContentKind::Text,
            Self::Rich(rich) => rich.kind,
        }
    }
}

impl<T: Serialize> Serialize for Content<'_, T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let kind = self.kind();
        let (index, name) = (kind as u32, kind.as_str());
        match self {
            Self::Template(template) => s.serialize_newtype_variant("Content", index, name, template),
            Self::Text(text) => s.serialize_newtype_variant("Content", index, name, text),
            Self::Rich(rich) => s.serialize_newtype_variant("Content", index, name, rich.json),
        }
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Content<'a, T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for V<T> {
            type Value = Content<'de, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one field, such as template or text")
            }
            fn visit_enum<A: EnumAccess<'de>>(self, a: A) -> Result<Self::Value, A::Error> {
                let (kind, value) = a.variant::<ContentKind>()?;
                Ok(match kind {
                    ContentKind::Template => Content::Template(value.newtype_variant()?),
                    ContentKind::Text => Content::Text(value.newtype_variant()?),
                    _ => Content::Rich(Rich { kind, json: value.newtype_variant()? }),
                })
            }
        }
        d.deserialize_enum("Content", NAMES, V(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for (n, kind) in ContentKind::ALL.into_iter().enumerate() {
            assert_eq!(ContentKind::from_byte(n as u8), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap_or_default(), kind.as_str());
        }
        assert_eq!(ContentKind::from_byte(11), None);
    }
}
