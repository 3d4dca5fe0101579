//! Requests and consents as they go to the API: one JSON object a line.

use super::cast::ACCOUNTS;
use super::countries::COUNTRIES;
use super::parts::{Content, Person, When};
use super::population::Line;
use serde_json::{Value, json};
use tollgate_wire::Time;
use tollgate_wire::request::Purpose;

const FIRST_NAMES: [&str; 24] = [
    "Ana", "Aarav", "Budi", "Camila", "Chidi", "Diego", "Elif", "Emma", "Fatima", "Giulia", "Hugo", "Ines", "Jonas",
    "Karim", "Lucia", "Maria", "Noah", "Olga", "Priya", "Rosa", "Siti", "Thandi", "Youssef", "Zofia",
];
const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;

/// The request as a line of NDJSON.
pub(super) fn request(line: &Line, now: Time) -> String {
    let part = line.part();
    let account = &ACCOUNTS[part.account];
    let content = match part.content {
        Content::Template(name) => vec![template(line, name, 0)],
        Content::TooManyParameters(name) => vec![template(line, name, 1)],
        Content::Either(first, second) => vec![template(line, first, 0), template(line, second, 0)],
        Content::Text => {
            vec![json!({ "text": format!("Hello {}, thank you for writing. How can we help?", name(line)) })]
        }
    };
    let mut request = json!({
        "id": line.id(),
        "account": account.id,
        "sender": account.senders[usize::from(line.sender)].id,
        "to": format!("+{}", line.to),
        "purpose": part.purpose,
        "content": content,
        "metadata": { "crm": line.n },
    });
    if part.person == Person::Malformed {
        request["purpos"] = request["purpose"].take();
    }
    if let Some(campaign) = part.campaign {
        request["campaign"] = json!(campaign);
    }
    match part.when {
        When::Now => {}
        When::Tomorrow => request["send_after"] = json!(Time(now.0 + DAY_MS)),
        When::Past => request["expires_at"] = json!(Time(now.0 - HOUR_MS)),
    }
    request.to_string()
}

fn template(line: &Line, template: &str, extra: usize) -> Value {
    let account = &ACCOUNTS[line.part().account];
    let wanted = account.parameters(template) + extra;
    let code = format!("{:06}", line.n % 1_000_000);
    if line.part().purpose == Purpose::Authentication {
        let button = json!({ "type": "button", "sub_type": "url", "index": "0",
            "parameters": [{ "type": "text", "text": code }] });
        return json!({ "template": { "name": template, "language": languages(line),
            "components": { "body": [code], "buttons": [button] } } });
    }
    let body: Vec<&str> = [name(line), &code, "today"].into_iter().take(wanted).collect();
    json!({ "template": { "name": template, "language": languages(line), "components": { "body": body } } })
}

fn languages(line: &Line) -> Vec<&'static str> {
    match COUNTRIES[usize::from(line.country)].language {
        "en_US" => vec!["en_US"],
        own => vec![own, "en_US"],
    }
}

fn name(line: &Line) -> &'static str {
    FIRST_NAMES[line.n as usize % FIRST_NAMES.len()]
}

/// What the person said about being written to, as a line for the consent import; `None` for one who said nothing.
pub(super) fn consent(line: &Line, now: Time) -> Option<String> {
    let part = line.part();
    let (state, source) = match part.person {
        Person::OptedIn => ("opt_in", "web"),
        Person::OptedOut => ("opt_out", "sms"),
        // Somebody of the first part, who opted in there.
        Person::Again | Person::Silent | Person::Wrote | Person::Nobody | Person::Malformed => return None,
    };
    let said = Time(now.0 - DAY_MS * (1 + u64::from(line.n % 300)));
    let consent = json!({ "account": ACCOUNTS[part.account].id, "to": format!("+{}", line.to), "state": state,
        "source": source, "at": said, "text_version": "2026-03" });
    Some(consent.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::population::generate;
    use super::*;
    use tollgate_wire::request::parse;

    #[test]
    fn every_request_is_one_but_the_malformed() {
        let population = generate(7, 20_000);
        let now = Time(1_795_000_000_000);
        let mut malformed = 0;
        for line in population.everybody() {
            let text = request(line, now);
            match line.part().person {
                Person::Malformed => {
                    malformed += 1;
                    assert!(parse(text.as_bytes()).is_err());
                }
                _ => assert!(parse(text.as_bytes()).is_ok(), "{text}"),
            }
        }
        assert_eq!(malformed, 10);
    }
}
