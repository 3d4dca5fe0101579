//! Consents that say no time, and the time that they get before they are sent. The service would take the time of their
//! arrival: sent once more after a cut answer they would count as said once more, and lift an opt-out of in between.

use serde_json::{Map, Value};
use tollgate_wire::Time;

type Fields = Map<String, Value>;

fn fields(json: &[u8]) -> Option<Fields> {
    serde_json::from_slice::<Fields>(json).ok().filter(|fields| !fields.contains_key("at"))
}

/// Whether a row says no time.
pub(super) fn is(json: &[u8]) -> bool {
    fields(json).is_some()
}

/// Gives a row without a time that of the start, in whole seconds as consents are kept. An opt-in gets the second before:
/// an opt-out of the second of the start may have been said after it, and of one second whatever is decided last would
/// count.
pub(super) fn date(json: &mut Vec<u8>, began: Time) {
    let Some(mut fields) = fields(json) else { return };
    let is_yes = fields.get("state").and_then(Value::as_str) == Some("opt_in");
    let at = Time::from_secs(began.secs().saturating_sub(u32::from(is_yes)));
    fields.insert("at".to_owned(), at.to_string().into());
    *json = Value::from(fields).to_string().into_bytes();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opt_out_of_the_second_of_the_start_wins() {
        let at = |row: &str| {
            let mut json = row.as_bytes().to_vec();
            date(&mut json, Time::from_secs(1_795_262_400));
            serde_json::from_slice::<Value>(&json).expect("JSON")["at"].as_str().map(str::to_owned)
        };
        assert_eq!(at(r#"{"state":"opt_out"}"#).as_deref(), Some("2026-11-21T12:00:00.000Z"));
        assert_eq!(at(r#"{"state":"suppressed"}"#).as_deref(), Some("2026-11-21T12:00:00.000Z"));
        assert_eq!(at(r#"{"state":"opt_in"}"#).as_deref(), Some("2026-11-21T11:59:59.000Z"));
        assert_eq!(at(r#"{"state":"opt_in","at":"2026-01-01T00:00:00Z"}"#).as_deref(), Some("2026-01-01T00:00:00Z"));
    }
}
