//! A WABA's templates as the platform lists them, and what their components ask of a send.

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tollgate_rate_card::Category;
use tollgate_wire::command::{
    BUTTONS_MAX, ButtonKind, ButtonSpec, CARDS_MAX, CardSpec, HeaderFormat, TTL_S, TemplateComponents, TemplateSpec,
    TemplateStatus,
};

use super::analytics::PLAIN;

/// Fields of the question: no more than is read.
const FIELDS: &str = "name,language,status,category,quality_score,parameter_format,components,message_send_ttl_seconds";
/// Templates of a page: with their components some hundred kilobytes.
const LIMIT: usize = 100;
/// Bytes of a digest that are kept.
const DIGEST_BYTES: usize = 8;

/// The question for a page of a WABA's templates, for [`super::GraphClient::ask`].
#[must_use]
pub fn message_templates(waba: &str, after: Option<&str>) -> String {
    let waba = utf8_percent_encode(waba, PLAIN);
    let after = after.map(|after| format!("&after={}", utf8_percent_encode(after, PLAIN))).unwrap_or_default();
    format!("{waba}/message_templates?fields={FIELDS}&limit={LIMIT}{after}")
}

#[derive(Deserialize)]
struct Raw {
    name: String,
    language: String,
    status: String,
    category: String,
    #[serde(default)]
    quality_score: Option<Quality>,
    #[serde(default)]
    components: Vec<Value>,
    #[serde(default)]
    message_send_ttl_seconds: Option<i64>,
}

#[derive(Deserialize)]
struct Quality {
    #[serde(default)]
    score: Option<String>,
}

/// Reads one of a page; `None` if it is none, or of a state or category that is not known.
#[must_use]
pub fn template(json: &str) -> Option<TemplateSpec> {
    let raw: Raw = serde_json::from_str(json).ok()?;
    let category = Category::parse(&raw.category.to_ascii_lowercase())?;
    let quality = raw.quality_score.and_then(|quality| quality.score).and_then(|score| score.parse().ok());
    let mut spec = TemplateSpec {
        name: raw.name,
        language: raw.language,
        category,
        status: TemplateStatus::of_platform(&raw.status)?,
        body: Vec::new(),
        header: HeaderFormat::None,
        buttons: 0,
        quality: quality.unwrap_or_default(),
        next_category: None,
        components: None,
        ttl_s: raw.message_send_ttl_seconds.and_then(ttl_s),
    };
    let mut asked = TemplateComponents { digest: digest(&raw.components), ..TemplateComponents::default() };
    for component in &raw.components {
        match word(component, "type").to_ascii_uppercase().as_str() {
            "HEADER" => header(component, &mut spec, &mut asked),
            "BODY" => {
                let (variables, chars) = variables(word(component, "text"));
                (spec.body, asked.body_chars) = (variables, chars);
            }
            "BUTTONS" => {
                let all = component["buttons"].as_array().map(Vec::as_slice).unwrap_or_default();
                asked.buttons = all.iter().take(BUTTONS_MAX).map(|button| of_button(button, category)).collect();
            }
            "CAROUSEL" => {
                let all = component["cards"].as_array().map(Vec::as_slice).unwrap_or_default();
                asked.cards = all.iter().take(CARDS_MAX).map(card).collect();
            }
            "LIMITED_TIME_OFFER" => {
                asked.offer = component["limited_time_offer"]["has_expiration"].as_bool().unwrap_or_default();
            }
            // Footers and whatever else there is take nothing.
            _ => {}
        }
    }
    if category == Category::Authentication && spec.body.is_empty() {
        // Its words are the platform's own, and the code is always in them.
        spec.body = vec!["1".to_owned()];
    }
    spec.buttons = asked.buttons.iter().filter(|button| button.kind.needs_parameter()).count() as u8;
    spec.components = Some(Box::new(asked));
    Some(spec)
}

/// The time to live: -1 is the longest. What is outside the documented bounds is as if nothing was said.
fn ttl_s(seconds: i64) -> Option<u32> {
    let seconds = if seconds == -1 { Some(*TTL_S.end()) } else { u32::try_from(seconds).ok() };
    seconds.filter(|seconds| TTL_S.contains(seconds))
}

fn word<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn header(component: &Value, spec: &mut TemplateSpec, asked: &mut TemplateComponents) {
    spec.header = match word(component, "format").to_ascii_uppercase().as_str() {
        "TEXT" => {
            let (mut variables, chars) = variables(word(component, "text"));
            asked.header_chars = chars;
            let first = variables.pop();
            asked.header_name = first.clone().filter(|name| !is_position(name));
            if first.is_some() { HeaderFormat::Text } else { HeaderFormat::None }
        }
        "IMAGE" => HeaderFormat::Image,
        "VIDEO" => HeaderFormat::Video,
        "DOCUMENT" => HeaderFormat::Document,
        "LOCATION" => HeaderFormat::Location,
        "PRODUCT" => HeaderFormat::Product,
        other => {
            asked.unfillable = Some(format!("{other} header"));
            HeaderFormat::None
        }
    };
}

/// A card of a carousel: always of marketing.
fn card(card: &Value) -> CardSpec {
    let mut spec = CardSpec { header: HeaderFormat::None, body: Vec::new(), body_chars: 0, buttons: Vec::new() };
    for component in card["components"].as_array().map(Vec::as_slice).unwrap_or_default() {
        match word(component, "type").to_ascii_uppercase().as_str() {
            "HEADER" => {
                spec.header = match word(component, "format").to_ascii_uppercase().as_str() {
                    "VIDEO" => HeaderFormat::Video,
                    "PRODUCT" => HeaderFormat::Product,
                    _ => HeaderFormat::Image,
                };
            }
            "BODY" => (spec.body, spec.body_chars) = variables(word(component, "text")),
            "BUTTONS" => {
                let all = component["buttons"].as_array().map(Vec::as_slice).unwrap_or_default();
                spec.buttons = all.iter().take(BUTTONS_MAX).map(|b| of_button(b, Category::Marketing)).collect();
            }
            _ => {}
        }
    }
    spec
}

fn of_button(button: &Value, category: Category) -> ButtonSpec {
    let url = word(button, "url");
    let (variables, chars) = variables(url);
    let kind = match word(button, "type").to_ascii_uppercase().as_str() {
        "QUICK_REPLY" => ButtonKind::QuickReply,
        "OTP" => ButtonKind::OneTimeCode,
        // The platform makes a link of the button that copies a code.
        "URL" if category == Category::Authentication => ButtonKind::OneTimeCode,
        "URL" if variables.is_empty() => ButtonKind::Url,
        "URL" => ButtonKind::UrlVariable,
        "PHONE_NUMBER" => ButtonKind::PhoneNumber,
        "COPY_CODE" => ButtonKind::CopyCode,
        "FLOW" => ButtonKind::Flow,
        "CATALOG" => ButtonKind::Catalog,
        "MPM" => ButtonKind::Products,
        "VOICE_CALL" => ButtonKind::VoiceCall,
        _ => ButtonKind::Other,
    };
    ButtonSpec { kind, chars: if kind == ButtonKind::UrlVariable { chars } else { 0 } }
}

/// Names of the variables of a text, each once and positions in their order, and the characters of its own words.
fn variables(text: &str) -> (Vec<String>, u16) {
    let (mut names, mut chars, mut rest) = (Vec::<String>::new(), 0_usize, text);
    while let Some((before, name, after)) = next_variable(rest) {
        chars += before.chars().count();
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        rest = after;
    }
    chars += rest.chars().count();
    if names.iter().all(|name| is_position(name)) {
        names.sort_by_key(|name| name.parse::<u32>().unwrap_or(u32::MAX));
    }
    (names, u16::try_from(chars).unwrap_or(u16::MAX))
}

/// What stands before the first variable, its name, and what stands after it.
fn next_variable(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("{{")?;
    let (name, after) = rest.split_once("}}")?;
    Some((before, name.trim(), after))
}

fn is_position(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit())
}

/// The same for the same components: keys in order, and without examples, whose links differ from answer to answer.
fn digest(components: &[Value]) -> String {
    let mut components = Value::Array(components.to_vec());
    without_examples(&mut components);
    let hash = Sha256::digest(components.to_string().as_bytes());
    hash.iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

fn without_examples(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("example");
            fields.values_mut().for_each(without_examples);
        }
        Value::Array(items) => items.iter_mut().for_each(without_examples),
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use serde_json::json;
    use tollgate_quality::Score;

    fn listed(more: &Value) -> Value {
        let mut template = json!({"name": "order_shipped", "language": "pt_BR", "status": "APPROVED",
            "category": "UTILITY", "id": "1"});
        template.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        template
    }

    fn read(more: &Value) -> TemplateSpec {
        template(&listed(more).to_string()).unwrap()
    }

    #[test]
    fn a_time_to_live_of_minus_one_is_the_longest() {
        let of = |more: Value| read(&more).ttl_s;
        assert_eq!(of(json!({})), None);
        for (seconds, expected) in [
            (-1, Some(2_592_000)),
            (30, Some(30)),
            (43_200, Some(43_200)),
            (2_592_000, Some(2_592_000)),
            (0, None),
            (-2, None),
            (2_592_001, None),
        ] {
            assert_eq!(of(json!({"message_send_ttl_seconds": seconds})), expected, "{seconds}");
        }
    }

    #[test]
    fn the_question_is_the_documented_one() {
        let fields = "name,language,status,category,quality_score,parameter_format,components,message_send_ttl_seconds";
        assert_eq!(message_templates("1", None), format!("1/message_templates?fields={fields}&limit=100"));
        assert!(message_templates("1", Some("a=b")).ends_with("&limit=100&after=a%3Db"));
    }

    #[test]
    fn components_say_what_a_send_must_give() {
        let components = json!([
            {"type": "HEADER", "format": "TEXT", "text": "About {{subject}}"},
            {"type": "BODY", "text": "Olá {{first_name}}, {{order}} e {{first_name}}."},
            {"type": "FOOTER", "text": "{{none}}"},
            {"type": "BUTTONS", "buttons": [
                {"type": "URL", "text": "Open", "url": "https://x.example/{{1}}"},
                {"type": "URL", "text": "Open", "url": "https://x.example/"},
                {"type": "QUICK_REPLY", "text": "Stop"},
                {"type": "COPY_CODE", "example": ["X"]},
                {"type": "FLOW", "flow_id": "1"}]}]);
        let spec = read(&json!({"components": components, "quality_score": {"score": "YELLOW", "date": 1}}));
        assert_eq!(
            (spec.category, spec.status, spec.quality),
            (Category::Utility, TemplateStatus::Approved, Score::Yellow)
        );
        assert_eq!(
            (spec.body, spec.header, spec.buttons),
            (vec!["first_name".to_owned(), "order".to_owned()], HeaderFormat::Text, 2)
        );
        let asked = spec.components.unwrap();
        assert_eq!((asked.body_chars, asked.header_chars), ("Olá ,  e .".chars().count() as u16, 6));
        assert_eq!(asked.header_name.as_deref(), Some("subject"));
        let kinds: Vec<ButtonKind> = asked.buttons.iter().map(|button| button.kind).collect();
        use ButtonKind as K;
        assert_eq!(kinds, [K::UrlVariable, K::Url, K::QuickReply, K::CopyCode, K::Flow]);
        assert_eq!(asked.buttons[0].chars, 18);
    }

    #[test]
    fn positions_are_in_their_order_and_headers_of_media_have_no_name() {
        let components = json!([{"type": "header", "format": "image"}, {"type": "body", "text": "{{10}} {{2}} {{1}}"}]);
        let spec = read(&json!({"components": components}));
        assert_eq!(
            (spec.body, spec.header),
            (vec!["1".to_owned(), "2".to_owned(), "10".to_owned()], HeaderFormat::Image)
        );
        let text = read(&json!({"components": [{"type": "HEADER", "format": "TEXT", "text": "No variable"}]}));
        assert_eq!((text.header, text.components.unwrap().header_name), (HeaderFormat::None, None));
    }

    #[test]
    fn one_time_codes_have_a_button_that_takes_the_code() {
        let components = json!([{"type": "BODY", "text": "Your code"},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://www.whatsapp.com/otp/code/?code=otp{{1}}"}]}]);
        let spec = read(&json!({"category": "AUTHENTICATION", "components": components}));
        assert_eq!((spec.body.len(), spec.buttons), (1, 1));
        let button = ButtonSpec { kind: ButtonKind::OneTimeCode, chars: 0 };
        assert_eq!(spec.components.unwrap().buttons, [button]);
    }

    #[test]
    fn what_a_request_cannot_fill_is_named() {
        let of = |component: Value| read(&json!({"components": [component]})).components.unwrap().unfillable;
        assert_eq!(of(json!({"type": "HEADER", "format": "GIF"})).as_deref(), Some("GIF header"));
        assert_eq!(of(json!({"type": "FOOTER"})), None);
    }

    #[test]
    fn cards_offers_and_buttons_that_act() {
        let card = json!({"components": [{"type": "HEADER", "format": "VIDEO"}, {"type": "BODY", "text": "Now {{1}}"},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x.example/{{1}}"}, {"type": "QUICK_REPLY"}]}]});
        let components = json!([{"type": "BODY", "text": "Hi"}, {"type": "CAROUSEL", "cards": [card, card]},
            {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Now", "has_expiration": true}},
            {"type": "BUTTONS", "buttons": [{"type": "CATALOG"}, {"type": "MPM"}, {"type": "VOICE_CALL"}, {"type": "SPM"}]}]);
        let spec = read(&json!({"category": "MARKETING", "components": components}));
        let asked = spec.components.unwrap();
        use ButtonKind as K;
        let buttons =
            vec![ButtonSpec { kind: K::UrlVariable, chars: 18 }, ButtonSpec { kind: K::QuickReply, chars: 0 }];
        let expected = CardSpec { header: HeaderFormat::Video, body: vec!["1".to_owned()], body_chars: 4, buttons };
        assert_eq!(asked.cards, [expected.clone(), expected]);
        assert!(asked.offer && asked.unfillable.is_none());
        let kinds: Vec<K> = asked.buttons.iter().map(|button| button.kind).collect();
        assert_eq!((kinds, spec.buttons), (vec![K::Catalog, K::Products, K::VoiceCall, K::Other], 1));
        let product = read(&json!({"components": [{"type": "HEADER", "format": "PRODUCT"}]}));
        assert_eq!(product.header, HeaderFormat::Product);
    }

    #[test]
    fn a_digest_is_of_what_matters() {
        let of = |text: &str, example: &str| {
            let body = json!({"type": "BODY", "text": text, "example": {"body_text": [[example]]}});
            read(&json!({"components": [body]})).components.unwrap().digest
        };
        assert_eq!(of("a {{1}}", "x"), of("a {{1}}", "y"));
        assert_ne!(of("a {{1}}", "x"), of("b {{1}}", "x"));
        assert_eq!(of("", "").len(), 16);
    }

    #[test]
    fn what_is_not_known_is_left_alone() {
        for more in [json!({"status": "MELTED"}), json!({"category": "SERVICES"}), json!({"name": 7})] {
            assert_eq!(template(&listed(&more).to_string()), None, "{more}");
        }
    }
}
