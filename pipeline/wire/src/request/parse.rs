//! Reads a request and checks what can be checked without knowing any account.
//!
//! The recipient is not judged here: a bad number is refused at its gate, with an outcome, while what
//! fails here has no outcome and becomes a dead letter.

use super::{
    Choose, Content, MAX_ALTERNATIVES, MAX_BYTES, MAX_ID, MAX_LANGUAGES, MAX_METADATA, MAX_TEXT_CHARS, Request,
    RequestError, TemplateContent, rich,
};
use crate::input::{read, shown};
use crate::naming;

/// Header of the CloudEvents binary mode for Kafka that may stand for the id.
pub const CE_ID: &str = "ce_id";

/// Reads a request of at most 64 KiB.
///
/// # Errors
/// [`RequestError`] with the reason for the dead letter, the field and the remedy.
pub fn parse(bytes: &[u8]) -> Result<Request<'_>, RequestError> {
    parse_with_id(bytes, None)
}

/// Reads a request whose record may carry a CloudEvents `ce_id`: it serves as `id` when the body has none, and is not
/// looked at otherwise.
///
/// # Errors
/// As [`parse`]; the field is `ce_id` when that header cannot be an id.
pub fn parse_with_id<'a>(bytes: &'a [u8], ce_id: Option<&'a [u8]>) -> Result<Request<'a>, RequestError> {
    let mut request: Request<'_> = read(bytes, MAX_BYTES)?;
    if request.id.is_empty()
        && let Some(ce_id) = ce_id
    {
        let text =
            |_| RequestError::invalid(CE_ID, "the header is not UTF-8", "write it as text, or an id in the body");
        let ce_id = std::str::from_utf8(ce_id).map_err(text)?;
        check_id(CE_ID, ce_id)?;
        request.id = ce_id.into();
    }
    check(&request)?;
    Ok(request)
}

fn check(request: &Request<'_>) -> Result<(), RequestError> {
    check_id("id", &request.id)?;
    naming::account("account", &request.account)?;
    if let Some(sender) = &request.sender {
        naming::platform_id("sender", sender)?;
    }
    if let Some(brand) = &request.brand {
        naming::brand("brand", brand)?;
    }
    if let Some(campaign) = &request.campaign {
        naming::free("campaign", campaign)?;
    }
    if let Some(metadata) = request.metadata
        && metadata.get().len() > MAX_METADATA
    {
        return Err(RequestError::invalid(
            "metadata",
            format!("it has {} bytes", metadata.get().len()),
            format!("at most {MAX_METADATA} are kept: store more on your side under the id"),
        ));
    }
    if request.choose == Choose::Split && request.campaign.is_none() {
        let remedy = "name the campaign whose split decides, or choose `first` or `cheapest`";
        return Err(RequestError::invalid("choose", "`split` needs a campaign", remedy));
    }
    let alternatives = request.content.len();
    if alternatives == 0 || alternatives > MAX_ALTERNATIVES {
        return Err(RequestError::invalid(
            "content",
            format!("it has {alternatives} alternatives"),
            format!("give 1 to {MAX_ALTERNATIVES}"),
        ));
    }
    if request.choose == Choose::Split {
        check_split(&request.content)?;
    }
    for (i, content) in request.content.iter().enumerate() {
        match content {
            Content::Template(template) => check_template(i, template)?,
            Content::Text(text) => check_text(i, text)?,
            Content::Rich(rich) => rich::check(i, rich)?,
        }
    }
    Ok(())
}

/// Whoever splits wants to know what did better: alternatives that the report could not tell apart are no split.
fn check_split(alternatives: &[Content<'_>]) -> Result<(), RequestError> {
    let same = |a: &Content<'_>, b: &Content<'_>| match (a, b) {
        (Content::Template(a), Content::Template(b)) => a.name == b.name && a.language == b.language,
        _ => a.kind() == b.kind(),
    };
    for (j, content) in alternatives.iter().enumerate() {
        let Some(i) = alternatives[..j].iter().position(|before| same(before, content)) else { continue };
        let (what, remedy) = match content {
            Content::Template(_) => ("the same template in the same languages", "use a template of another name"),
            _ => ("of the same kind", "use templates, which are told apart by name and language"),
        };
        let problem = format!("`split` cannot tell it from content[{i}]: it is {what}");
        return Err(RequestError::invalid(format!("content[{j}]"), problem, remedy));
    }
    Ok(())
}

fn check_id(field: &str, id: &str) -> Result<(), RequestError> {
    if id.is_empty() {
        return Err(RequestError::invalid(field, "the field is missing or empty", "add it"));
    }
    if id.len() > MAX_ID {
        return Err(RequestError::invalid(
            field,
            format!("it has {} characters", id.len()),
            format!("at most {MAX_ID} are taken"),
        ));
    }
    if !id.bytes().fold(true, |all, b| all & b.is_ascii_graphic()) {
        return Err(RequestError::invalid(
            field,
            format!("{} has a character that is not allowed", shown(id)),
            "use visible ASCII characters without spaces",
        ));
    }
    Ok(())
}

fn check_template(i: usize, template: &TemplateContent<'_>) -> Result<(), RequestError> {
    let at = |name: &str| format!("content[{i}].template.{name}");
    naming::template(&template.name).map_err(|e| e.at(&at("name")))?;
    let languages = template.language.len();
    if languages == 0 || languages > MAX_LANGUAGES {
        return Err(RequestError::invalid(
            at("language"),
            format!("it has {languages} languages"),
            format!("give 1 to {MAX_LANGUAGES}"),
        ));
    }
    for language in &template.language {
        naming::language(language).map_err(|e| e.at(&at("language")))?;
    }
    Ok(())
}

fn check_text(i: usize, text: &str) -> Result<(), RequestError> {
    // Bytes bound characters: most texts are settled by the first comparison.
    if !text.is_empty() && (text.len() <= MAX_TEXT_CHARS || text.chars().count() <= MAX_TEXT_CHARS) {
        return Ok(());
    }
    Err(RequestError::invalid(
        format!("content[{i}].text"),
        format!("it has {} characters", text.chars().count()),
        format!("give 1 to {MAX_TEXT_CHARS}"),
    ))
}
