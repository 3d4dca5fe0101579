//! What an answer of the platform proves about the attempt. Only `code` is believed, never titles or HTTP status.

use super::refusal;
use super::retry_after::RetryAfter;
use serde::Deserialize;
use tollgate_wire::Text;
use tollgate_wire::event::AttemptResult;

/// Longest message id that is believed, in bytes; the platform's have about a hundred.
const ID_MAX: usize = 1_024;
/// Longest detail kept, in characters.
const DETAIL_MAX: usize = 256;
/// A run of digits this long may be a phone number and is masked.
const DIGITS_MAX: usize = 4;

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    messages: [SentMessage<'a>; 1],
}

#[derive(Deserialize)]
struct SentMessage<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, default)]
    message_status: Option<Text<'a>>,
}

/// Reads an answer.
///
/// A success with a message id is accepted; an error body with a code is a refusal, whatever the status. Everything
/// else may come from anything between us and the platform and proves nothing: in doubt.
pub(super) fn read(status: u16, retry_after: RetryAfter<'_>, body: &[u8]) -> AttemptResult<'static> {
    if (200..300).contains(&status) {
        return match serde_json::from_slice::<Sent<'_>>(body) {
            Ok(Sent { messages: [message] }) if is_id(&message.id) => AttemptResult::Accepted {
                wamid: message.id.into_owned(),
                // `paused` is held too: the template's pacing decides, and a `failed` status follows a drop.
                held: message.message_status.is_some_and(|status| &*status != "accepted"),
            },
            _ => AttemptResult::InDoubt,
        };
    }
    if status < 400 {
        return AttemptResult::InDoubt;
    }
    let Some(error) = refusal::read(body) else { return AttemptResult::InDoubt };
    AttemptResult::Rejected {
        code: error.code,
        detail: Text::from(without_numbers(&error.details.or(error.message).unwrap_or_default())),
        retry_after_s: retry_after.seconds(),
    }
}

/// Whether it can be a message id of the platform.
fn is_id(id: &str) -> bool {
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The text with long runs of digits masked: details may quote the recipient's number.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(DETAIL_MAX));
    let mut run = String::new();
    for c in text.chars().take(DETAIL_MAX).chain(std::iter::once('\0')) {
        if c.is_ascii_digit() {
            run.push(c);
            continue;
        }
        out.push_str(if run.len() > DIGITS_MAX { "…" } else { &run });
        run.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_wire::Time;

    fn accepted(wamid: &'static str, held: bool) -> AttemptResult<'static> {
        AttemptResult::Accepted { wamid: wamid.into(), held }
    }

    fn rejected(code: u32, detail: &'static str, retry_after_s: Option<u32>) -> AttemptResult<'static> {
        AttemptResult::Rejected { code, detail: detail.into(), retry_after_s }
    }

    #[test]
    fn what_each_answer_proves() {
        let error = br#"{"error":{"message":"(#131056) Pair rate","type":"OAuthException","code":131056,
            "error_data":{"messaging_product":"whatsapp","details":"Too many to +5511987654321 in 60 s"},"fbtrace_id":"A"}}"#;
        let bare = br#"{"error":{"message":"Service temporarily unavailable","code":2}}"#;
        let cases: [(u16, Option<&str>, &[u8], AttemptResult<'static>); 19] = [
            (
                200,
                None,
                br#"{"messaging_product":"whatsapp","messages":[{"id":"wamid.A"}]}"#,
                accepted("wamid.A", false),
            ),
            (200, None, br#"{"messages":[{"id":"wamid.B","message_status":"accepted"}]}"#, accepted("wamid.B", false)),
            (
                200,
                None,
                br#"{"messages":[{"id":"w","message_status":"held_for_quality_assessment"}]}"#,
                accepted("w", true),
            ),
            (200, None, br#"{"messages":[{"id":""}]}"#, AttemptResult::InDoubt),
            (200, None, br#"{"messages":[]}"#, AttemptResult::InDoubt),
            (200, None, b"<html>", AttemptResult::InDoubt),
            (302, None, b"", AttemptResult::InDoubt),
            (400, None, error, rejected(131_056, "Too many to +… in 60 s", None)),
            (429, Some("30"), error, rejected(131_056, "Too many to +… in 60 s", Some(30))),
            (
                503,
                Some("Fri, 27 Nov 2026 09:00:00 GMT"),
                bare,
                rejected(2, "Service temporarily unavailable", Some(90)),
            ),
            (503, None, b"", AttemptResult::InDoubt),
            (502, None, b"<html>bad gateway</html>", AttemptResult::InDoubt),
            (400, None, br#"{"error":{"message":"no code"}}"#, AttemptResult::InDoubt),
            (404, None, b"not found", AttemptResult::InDoubt),
            // What else stands in an error is told in many forms; the code alone is what it was refused for.
            (
                400,
                None,
                br#"{"error":{"code":100,"message":"No","error_data":"{\"blame\":[]}"}}"#,
                rejected(100, "No", None),
            ),
            (
                400,
                None,
                br#"{"error":{"code":100,"message":"No","error_data":{"details":[1]}}}"#,
                rejected(100, "No", None),
            ),
            (
                400,
                None,
                br#"{"error":{"code":190,"message":{"text":"No"},"is_transient":null}}"#,
                rejected(190, "", None),
            ),
            (
                400,
                None,
                br#"{"error":{"code":131026,"message":"No","is_transient":"no"}}"#,
                rejected(131_026, "No", None),
            ),
            (400, None, br#"{"error":{"code":"100","message":"No"}}"#, AttemptResult::InDoubt),
        ];
        for (status, retry_after, body, want) in cases {
            let now = Time(1_795_769_910_000); // 2026-11-27 08:58:30
            let got = read(status, RetryAfter { value: retry_after, date: None, now }, body);
            assert_eq!(got, want, "{status} {}", String::from_utf8_lossy(body));
        }
    }

    /// Of results that are reported together each is small, or none of them could be: a record has a bound.
    #[test]
    fn an_id_that_is_none_proves_nothing() {
        let retry_after = RetryAfter { value: None, date: None, now: Time(0) };
        let answered = |id: &str| {
            let body = serde_json::json!({ "messages": [{ "id": id }] }).to_string();
            read(200, retry_after, body.as_bytes())
        };
        let longest = "x".repeat(ID_MAX);
        assert!(matches!(answered(&longest), AttemptResult::Accepted { .. }));
        for id in [&*format!("{longest}x"), &"x".repeat(60_000), "wamid.\u{1}", "wamid. A", "wamid.é"] {
            assert_eq!(answered(id), AttemptResult::InDoubt);
        }
    }

    #[test]
    fn masks_long_runs_of_digits_only() {
        assert_eq!(without_numbers("code 1310 to 5511987654321"), "code 1310 to …");
        assert_eq!(without_numbers("1234 12345"), "1234 …");
    }
}
