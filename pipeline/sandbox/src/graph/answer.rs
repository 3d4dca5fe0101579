//! The 200 answer.

use serde::Serialize;

use super::recipient::Recipient;

#[derive(Serialize)]
struct SendAnswer<'a> {
    messaging_product: &'static str,
    contacts: [Contact<'a>; 1],
    messages: [MessageId<'a>; 1],
}

#[derive(Serialize)]
struct Contact<'a> {
    input: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

#[derive(Serialize)]
struct MessageId<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_status: Option<&'static str>,
}

/// The answer to an accepted send; `status` is given for templates only.
pub(crate) fn accepted(input: &str, recipient: &Recipient, wamid: &str, status: Option<&'static str>) -> Vec<u8> {
    let user = Some(&*recipient.user);
    let by_phone = !recipient.is_bsuid();
    let answer = SendAnswer {
        messaging_product: "whatsapp",
        contacts: [Contact { input, wa_id: user.filter(|_| by_phone), user_id: user.filter(|_| !by_phone) }],
        messages: [MessageId { id: wamid, message_status: status }],
    };
    serde_json::to_vec(&answer).expect("strings always serialise")
}

#[cfg(test)]
mod tests {
    use super::{Recipient, accepted};

    fn text(input: &str, recipient: &Recipient, status: Option<&'static str>) -> String {
        String::from_utf8(accepted(input, recipient, "wamid.x", status)).expect("utf-8")
    }

    #[test]
    fn the_documented_shape() {
        let phone = Recipient::phone("+16505551234").expect("valid");
        assert_eq!(
            text("+16505551234", &phone, Some("accepted")),
            r#"{"messaging_product":"whatsapp","contacts":[{"input":"+16505551234","wa_id":"16505551234"}],"messages":[{"id":"wamid.x","message_status":"accepted"}]}"#
        );
        let bsuid = Recipient::any("US.1349").expect("valid");
        assert_eq!(
            text("US.1349", &bsuid, None),
            r#"{"messaging_product":"whatsapp","contacts":[{"input":"US.1349","user_id":"US.1349"}],"messages":[{"id":"wamid.x"}]}"#
        );
    }
}
