//! Cards of a carousel: all of a kind, each with a header, perhaps a body, and its buttons.

use super::buttons::{self, Index};
use super::{Fault, Part, body, header, parameter};
use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_wire::Text;
use tollgate_wire::command::{CARDS_MAX, CardSpec, HeaderFormat};
use tollgate_wire::request::Params;

/// Characters of a card's body with its parameters.
const BODY_CHARS_MAX: usize = 160;

/// A card as the platform takes it.
#[derive(Deserialize)]
struct Card<'a> {
    #[serde(borrow)]
    card_index: Index<'a>,
    #[serde(borrow, default)]
    components: Vec<&'a RawValue>,
}

/// A component of it.
#[derive(Deserialize)]
struct Component<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    parameters: Vec<&'a RawValue>,
}

/// Of pictures a message has as many cards as the template; of products the template has two, and a message up to ten.
pub(super) fn check(known: &[CardSpec], given: &[&RawValue]) -> Result<(), Fault> {
    let products = known.first().is_some_and(|card| card.header == HeaderFormat::Product);
    let fits = if products { (2..=CARDS_MAX).contains(&given.len()) } else { given.len() == known.len() };
    if !fits {
        let takes = if products { format!("2 to {CARDS_MAX}") } else { known.len().to_string() };
        return Err(format!("cards: {} given, the template takes {takes}", given.len()));
    }
    let mut met = [false; CARDS_MAX];
    for (n, raw) in given.iter().enumerate() {
        let at = |why: Fault| format!("cards[{n}]: {why}");
        let card: Card<'_> = serde_json::from_str(raw.get())
            .map_err(|_| at("it is no card with card_index and components".to_owned()))?;
        let Some(index) = card.card_index.value().filter(|index| *index < given.len()) else {
            return Err(at("the card_index is out of range".to_owned()));
        };
        if std::mem::replace(&mut met[index], true) {
            return Err(at(format!("the card {index} is given twice")));
        }
        // Cards of products are all like the first.
        let Some(spec) = known.get(index).or(known.first()) else { return Ok(()) };
        one(spec, &card).map_err(at)?;
    }
    Ok(())
}

fn one(spec: &CardSpec, card: &Card<'_>) -> Result<(), Fault> {
    let part = Part {
        is_authentication: false,
        header: spec.header,
        header_chars: 0,
        header_name: None,
        body: &spec.body,
        body_chars: spec.body_chars.into(),
        body_chars_max: BODY_CHARS_MAX,
        buttons: Some(&spec.buttons),
        counted: 0,
    };
    let mut heads = Vec::new();
    let mut texts = Vec::new();
    let mut pressed = Vec::new();
    for raw in &card.components {
        let component: Component<'_> =
            serde_json::from_str(raw.get()).map_err(|_| "a component has no type".to_owned())?;
        match component.kind.to_ascii_lowercase().as_str() {
            "header" => heads.extend(component.parameters),
            "body" => texts.extend(component.parameters),
            "button" => pressed.push(*raw),
            _ => return Err("a card has header, body and button components only".to_owned()),
        }
    }
    header(&part, &heads)?;
    let body_params = params(&texts)?;
    body(&part, &body_params)?;
    buttons::check(&part, &pressed, &body_params)
}

/// Parameter objects as a list, or as names and values where the first has a name.
fn params<'a>(texts: &[&'a RawValue]) -> Result<Params<'a>, Fault> {
    let mut values = Vec::new();
    for raw in texts {
        let p = parameter("body", raw)?;
        if *p.kind != *"text" {
            return Err("body: it takes the type text".to_owned());
        }
        values.push((p.parameter_name, p.text.unwrap_or_default()));
    }
    let named = values.first().is_some_and(|(name, _)| name.is_some());
    if named {
        return Ok(Params::Named(values.into_iter().map(|(name, text)| (name.unwrap_or_default(), text)).collect()));
    }
    Ok(Params::Positional(values.into_iter().map(|(_, text)| text).collect()))
}
