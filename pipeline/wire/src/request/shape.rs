//! Holds JSON that is passed on as it came to a shape, in one pass and without keeping any of it.
//!
//! A fault says where, what and what would help, and repeats no value: all of it is what a person will read.

use crate::input::{InputError, shown_key};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// What a value may be.
pub(super) enum Shape {
    /// A string of so many characters.
    Chars(usize, usize),
    /// An id that the platform gave, of digits.
    Digits,
    /// The id of a message as the platform gave it, of so many characters at most.
    Wamid(usize),
    /// An https address.
    Link,
    /// An address of the web, http or https.
    Web,
    /// A whole number within these.
    Whole(i64, i64),
    /// Degrees up to this, as a number or a string.
    Degrees(u8),
    /// `true` or `false`.
    Flag,
    /// One of these strings.
    Word(&'static [&'static str]),
    /// An object that has these fields and no other.
    Object(&'static [Field], Also),
    /// A list of so many.
    List(usize, usize, &'static Shape),
    /// The same, with so many in all the lists of the message.
    Across(usize, &'static Shape),
    /// Any object: what the business defines itself.
    Any,
}

/// What else is asked of an object.
pub(super) enum Also {
    /// Nothing.
    Nothing,
    /// Exactly one of these fields.
    One(&'static [&'static str]),
    /// Exactly one of these fields, the one that its `type` names.
    Tagged(&'static [&'static str]),
    /// At least one of these fields.
    Some(&'static [&'static str]),
}

/// A field of an object.
pub(super) struct Field(pub(super) &'static str, pub(super) Need, pub(super) Shape);

/// Whether a field is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Must,
    May,
    /// When the list that the object is in has another.
    IfSeveral,
}

/// Checks `json`, which stands in alternative `i` under `kind`.
pub(super) fn check(i: usize, kind: &str, json: &RawValue, shape: &'static Shape) -> Result<(), InputError> {
    let path = Path { steps: [Step::Member(0); DEPTH_MAX], len: 0 };
    let mut walk = Walk { path, leaf: String::new(), all: 0, untitled: false, fault: None };
    let mut reader = serde_json::Deserializer::from_str(json.get());
    match (Seed { shape, walk: &mut walk }).deserialize(&mut reader) {
        Ok(()) => Ok(()),
        Err(_) => {
            let (problem, remedy) = walk.fault.unwrap_or_else(|| ("it does not fit".into(), "see the schema".into()));
            let (path, leaf) = (walk.path, walk.leaf);
            Err(InputError::invalid(format!("content[{i}].{kind}{path}{leaf}"), problem, remedy))
        }
    }
}

/// Steps down at most: the tables here go down eight.
const DEPTH_MAX: usize = 12;

/// From the message down to what is being read. Words are made of it for a fault alone.
struct Path {
    steps: [Step; DEPTH_MAX],
    len: usize,
}

#[derive(Clone, Copy)]
enum Step {
    Field(&'static str),
    Member(usize),
}

impl Path {
    fn push(&mut self, step: Step) {
        if let Some(place) = self.steps.get_mut(self.len) {
            *place = step;
            self.len += 1;
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps[..self.len].iter().try_for_each(|step| match step {
            Step::Field(name) => write!(f, ".{name}"),
            Step::Member(n) => write!(f, "[{n}]"),
        })
    }
}

type Words = Cow<'static, str>;

struct Walk {
    path: Path,
    /// A field that is not known, below the path.
    leaf: String,
    /// Members of [`Shape::Across`] met so far.
    all: usize,
    /// A field that is needed if there are several is missing.
    untitled: bool,
    fault: Option<(Words, Words)>,
}

impl Walk {
    #[cold]
    fn no<E: de::Error>(&mut self, problem: impl Into<Words>, remedy: impl Into<Words>) -> E {
        self.fault.get_or_insert_with(|| (problem.into(), remedy.into()));
        E::custom("it does not fit")
    }
}

struct Seed<'w> {
    shape: &'static Shape,
    walk: &'w mut Walk,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        let Self { shape, walk } = self;
        if let Shape::Degrees(limit) = shape {
            return degrees(walk, <&RawValue>::deserialize(d)?, *limit);
        }
        let read = d.deserialize_any(Value { shape, walk: &mut *walk });
        // Only a type that is not taken comes here without words.
        if read.is_err() && walk.fault.is_none() {
            walk.fault = Some(("its type does not fit".into(), format!("write {}", expected(shape)).into()));
        }
        read
    }
}

struct Value<'w> {
    shape: &'static Shape,
    walk: &'w mut Walk,
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Chars(..) | Shape::Digits | Shape::Wamid(_) | Shape::Link | Shape::Web | Shape::Word(_) => "a string",
        Shape::Whole(..) => "a whole number",
        Shape::Degrees(_) => "degrees as a number",
        Shape::Flag => "true or false",
        Shape::Object(..) | Shape::Any => "an object",
        Shape::List(..) | Shape::Across(..) => "a list",
    }
}

impl<'de> de::Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(expected(self.shape))
    }

    fn visit_str<E: de::Error>(self, s: &str) -> Result<(), E> {
        let walk = self.walk;
        match *self.shape {
            Shape::Chars(min, max) => {
                // Bytes bound characters: most are settled by the first comparison.
                let fits = (min..=max).contains(&s.len()) && s.is_ascii();
                let chars = if fits { s.len() } else { s.chars().count() };
                if (min..=max).contains(&chars) {
                    return Ok(());
                }
                Err(walk.no(format!("it has {chars} characters"), format!("give {min} to {max}")))
            }
            Shape::Digits if (1..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
            Shape::Digits => Err(walk.no("it is no id of the platform", "give the 1 to 64 digits that it gave")),
            Shape::Wamid(max) => {
                let rest = s.strip_prefix("wamid.");
                if s.len() <= max
                    && rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
                {
                    return Ok(());
                }
                Err(walk.no(
                    "it is no id of a message of the platform",
                    format!("give what it gave: wamid. and so on, at most {max} characters"),
                ))
            }
            Shape::Link | Shape::Web => {
                let host = s.strip_prefix("https://").or_else(|| {
                    let web = matches!(self.shape, Shape::Web);
                    s.strip_prefix("http://").filter(|_| web)
                });
                let fits = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'));
                if !fits || s.contains(|c: char| c.is_whitespace() || c.is_control()) {
                    return Err(walk.no("it is no https address", "give https://, a host and a path"));
                }
                if s.len() > LINK_BYTES_MAX {
                    return Err(walk.no(format!("it has {} bytes", s.len()), format!("give at most {LINK_BYTES_MAX}")));
                }
                Ok(())
            }
            Shape::Word(words) if words.contains(&s) => Ok(()),
            Shape::Word([word]) => Err(walk.no("the value is not known here", format!("write {word}"))),
            Shape::Word(words) => {
                Err(walk.no("the value is not known here", format!("use one of {}", words.join(", "))))
            }
            _ => Err(wrong()),
        }
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        match self.shape {
            Shape::Flag => Ok(()),
            _ => Err(wrong()),
        }
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<(), E> {
        match *self.shape {
            Shape::Whole(min, max) if (min..=max).contains(&n) => Ok(()),
            Shape::Whole(min, max) => Err(self.walk.no("it is out of range", format!("give {min} to {max}"))),
            _ => Err(wrong()),
        }
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<(), E> {
        self.visit_i64(i64::try_from(n).unwrap_or(i64::MAX))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<(), A::Error> {
        let walk = self.walk;
        let (min, max, shape) = match self.shape {
            Shape::List(min, max, shape) => (*min, *max, *shape),
            Shape::Across(max, shape) => (1, *max, *shape),
            _ => return Err(wrong()),
        };
        let (base, mut count) = (walk.path.len, 0);
        walk.untitled = false;
        loop {
            walk.path.push(Step::Member(count));
            let Some(()) = a.next_element_seed(Seed { shape, walk: &mut *walk })? else { break };
            walk.path.len = base;
            count += 1;
            walk.all += usize::from(matches!(self.shape, Shape::Across(..)));
            if count > max {
                return Err(walk.no(format!("it has more than {max} members"), format!("give {min} to {max}")));
            }
        }
        walk.path.len = base;
        if count < min {
            return Err(walk.no(format!("it has {count} members"), format!("give {min} to {max}")));
        }
        if matches!(self.shape, Shape::Across(..)) && walk.all > max {
            return Err(
                walk.no(format!("with it all lists together have {}", walk.all), format!("give at most {max} in all"))
            );
        }
        if walk.untitled && count > 1 {
            return Err(walk.no("one of several has no title", "give each its title"));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<(), A::Error> {
        let walk = self.walk;
        let (fields, also) = match self.shape {
            Shape::Object(fields, also) => (*fields, also),
            Shape::Any => {
                while a.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(());
            }
            _ => return Err(wrong()),
        };
        let base = walk.path.len;
        let (mut met, mut untitled) = (0_u32, walk.untitled);
        let mut tag = None;
        while let Some(key) = a.next_key::<crate::Text<'de>>()? {
            let Some(at) = fields.iter().position(|field| field.0 == &*key) else {
                walk.leaf = format!(".{}", shown_key(&key));
                let known: Vec<&str> = fields.iter().map(|field| field.0).collect();
                return Err(walk.no("the field is not known here", format!("use one of {}", known.join(", "))));
            };
            walk.path.push(Step::Field(fields[at].0));
            if met & (1 << at) != 0 {
                return Err(walk.no("the field is given twice", "keep one of them"));
            }
            met |= 1 << at;
            if matches!((also, &*key), (Also::Tagged(_), "type")) {
                // The word is checked and kept: it names the field that must be there.
                let word: crate::Text<'de> = match a.next_value() {
                    Ok(word) => word,
                    Err(_) => return Err(walk.no("its type does not fit", "write a string")),
                };
                Value { shape: &fields[at].2, walk: &mut *walk }.visit_str::<A::Error>(&word)?;
                tag = Some(word);
            } else {
                a.next_value_seed(Seed { shape: &fields[at].2, walk: &mut *walk })?;
            }
            walk.path.len = base;
        }
        for (at, field) in fields.iter().enumerate() {
            if met & (1 << at) != 0 {
                continue;
            }
            match field.1 {
                Need::Must => {
                    walk.path.push(Step::Field(field.0));
                    return Err(walk.no("the field is missing", "add it"));
                }
                Need::IfSeveral => untitled = true,
                Need::May => {}
            }
        }
        walk.untitled = untitled;
        let given = |name: &str| fields.iter().position(|field| field.0 == name).is_some_and(|at| met & (1 << at) != 0);
        match also {
            Also::Nothing => Ok(()),
            Also::Some(names) if names.iter().any(|name| given(name)) => Ok(()),
            Also::Some(names) => {
                Err(walk.no("it has too few fields", format!("give at least one of {}", names.join(", "))))
            }
            Also::One(names) if names.iter().filter(|name| given(name)).count() == 1 => Ok(()),
            Also::One(names) => {
                Err(walk.no(format!("it needs one of {}", names.join(", ")), "give exactly one of them"))
            }
            Also::Tagged(names) => {
                let tag = tag.as_deref().unwrap_or_default();
                if names.iter().all(|name| given(name) == (*name == tag)) {
                    return Ok(());
                }
                Err(walk.no("its fields are not those of its type", "give the one field that the type names"))
            }
        }
    }
}

/// Longest address in bytes.
const LINK_BYTES_MAX: usize = 2_000;

/// Degrees as they stand, a number or one in quotes.
fn degrees<E: de::Error>(walk: &mut Walk, json: &RawValue, limit: u8) -> Result<(), E> {
    let text = json.get().trim_matches('"');
    let number = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(text));
    let Ok(number) = number else { return Err(walk.no("it is no number", "give degrees, such as -23.55")) };
    if number.abs() <= Decimal::from(limit) {
        return Ok(());
    }
    Err(walk.no("it is out of range", format!("give -{limit} to {limit} degrees")))
}

/// Of a type that is not taken: [`Seed`] has the words for it.
fn wrong<E: de::Error>() -> E {
    E::custom("its type does not fit")
}
