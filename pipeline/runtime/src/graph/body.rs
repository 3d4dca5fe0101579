//! The send body, byte for byte as the platform documents it (`POST /{version}/{phone_number_id}/messages`, and
//! `…/marketing_messages` with two fields more).

use std::fmt::Write as _;

use bytes::{BufMut, Bytes, BytesMut};
use tollgate_wire::order::{Callback, Order, OrderContent, OrderTemplate};
use tollgate_wire::request::Params;

/// Writes the body of one send into `buffer` and splits it off; the buffer keeps its memory for the next one.
///
/// A recipient of digits only goes into `to`; anything else is a business-scoped id and goes into `recipient`: in `to`
/// the platform would answer 200 and drop the message.
#[must_use]
pub fn write_body(order: &Order<'_>, buffer: &mut BytesMut) -> Bytes {
    let callback = Callback { message_uid: order.message_uid, attempt: order.attempt };
    buffer.extend_from_slice(br#"{"messaging_product":"whatsapp","recipient_type":"individual","#);
    let is_number = !order.to.is_empty() && order.to.bytes().all(|byte| byte.is_ascii_digit());
    buffer.extend_from_slice(if is_number { br#""to":"# } else { br#""recipient":"# });
    string(buffer, &order.to);
    buffer.extend_from_slice(br#","biz_opaque_callback_data":""#);
    write!(buffer, "{callback}").expect("memory does not refuse bytes");
    buffer.put_u8(b'"');
    if let Some(call) = &order.marketing {
        if let Some(policy) = call.product_policy {
            let policy = policy.as_str();
            write!(buffer, r#","product_policy":"{policy}""#).expect("memory does not refuse bytes");
        }
        if let Some(shares) = call.message_activity_sharing {
            write!(buffer, r#","message_activity_sharing":{shares}"#).expect("memory does not refuse bytes");
        }
    }
    buffer.extend_from_slice(br#","type":"#);
    match &order.content {
        OrderContent::Text(text) => {
            buffer.extend_from_slice(br#""text","text":{"body":"#);
            string(buffer, text);
            buffer.extend_from_slice(b"}}");
        }
        OrderContent::Rich(rich) => {
            let (kind, json) = (rich.kind.as_str(), rich.json.get());
            write!(buffer, r#""{kind}","{kind}":{json}}}"#).expect("memory does not refuse bytes");
        }
        OrderContent::Template(content) => {
            buffer.extend_from_slice(br#""template","template":"#);
            template(buffer, content);
            buffer.put_u8(b'}');
        }
    }
    buffer.split().freeze()
}

fn template(out: &mut BytesMut, template: &OrderTemplate<'_>) {
    out.extend_from_slice(br#"{"name":"#);
    string(out, &template.name);
    out.extend_from_slice(br#","language":{"code":"#);
    string(out, &template.language);
    out.put_u8(b'}');
    let mut components = Separator(br#","components":["#);
    if !template.header.is_empty() {
        components.write(out);
        out.extend_from_slice(br#"{"type":"header","parameters":["#);
        let mut parameters = Separator(b"");
        for raw in &template.header {
            parameters.write(out);
            out.extend_from_slice(raw.get().as_bytes());
        }
        out.extend_from_slice(b"]}");
    }
    if !template.body.is_empty() {
        components.write(out);
        out.extend_from_slice(br#"{"type":"body","parameters":["#);
        body_parameters(out, &template.body);
        out.extend_from_slice(b"]}");
    }
    if let Some(offer) = template.limited_time_offer {
        components.write(out);
        let ends_ms = offer.expiration_time_ms;
        write!(
            out,
            r#"{{"type":"limited_time_offer","parameters":[{{"type":"limited_time_offer","limited_time_offer":{{"expiration_time_ms":{ends_ms}}}}}]}}"#
        )
        .expect("memory does not refuse bytes");
    }
    for raw in &template.buttons {
        components.write(out);
        out.extend_from_slice(raw.get().as_bytes());
    }
    if !template.cards.is_empty() {
        components.write(out);
        out.extend_from_slice(br#"{"type":"carousel","cards":["#);
        let mut cards = Separator(b"");
        for raw in &template.cards {
            cards.write(out);
            out.extend_from_slice(raw.get().as_bytes());
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(if components.used() { b"]}" } else { b"}" });
}

fn body_parameters(out: &mut BytesMut, params: &Params<'_>) {
    let mut parameters = Separator(b"");
    match params {
        Params::Positional(values) => {
            for value in values {
                parameters.write(out);
                out.extend_from_slice(br#"{"type":"text","text":"#);
                string(out, value);
                out.put_u8(b'}');
            }
        }
        Params::Named(values) => {
            for (name, value) in values {
                parameters.write(out);
                out.extend_from_slice(br#"{"type":"text","parameter_name":"#);
                string(out, name);
                out.extend_from_slice(br#","text":"#);
                string(out, value);
                out.put_u8(b'}');
            }
        }
    }
}

/// What stands before the next item: an opening once, then a comma.
struct Separator(&'static [u8]);

impl Separator {
    fn write(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(self.0);
        self.0 = b",";
    }

    fn used(&self) -> bool {
        self.0 == b","
    }
}

fn string(out: &mut BytesMut, text: &str) {
    serde_json::to_writer(out.writer(), text).expect("a string is always JSON and memory does not refuse bytes");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
    use serde_json::{Value, json};

    use super::*;

    fn body(to: &str, content: &Value) -> Value {
        let order = json!({"message_uid": 7, "attempt": 2, "account": "acme", "sender": "106540352242922", "to": to,
            "leave_by": "2026-11-27T09:00:00Z", "content": content})
        .to_string();
        let order: Order<'_> = serde_json::from_str(&order).unwrap();
        let mut buffer = BytesMut::new();
        let first = write_body(&order, &mut buffer);
        assert_eq!(first, write_body(&order, &mut buffer), "the buffer starts empty each time");
        serde_json::from_slice(&first).unwrap()
    }

    #[test]
    fn template_with_every_component() {
        let got = body(
            "16505551234",
            &json!({"template": {"name": "order_confirmation", "language": "en_US",
                "header": [{"type": "image", "image": {"id": "1339522734477770"}}],
                "body": {"first_name": "Jes\"sica"},
                "buttons": [{"type": "button", "sub_type": "quick_reply", "index": "0",
                    "parameters": [{"type": "payload", "payload": "STOP"}]}]}}),
        );
        let want = json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": "16505551234",
            "type": "template", "biz_opaque_callback_data": "tg1.7.2",
            "template": {"name": "order_confirmation", "language": {"code": "en_US"}, "components": [
                {"type": "header", "parameters": [{"type": "image", "image": {"id": "1339522734477770"}}]},
                {"type": "body", "parameters":
                    [{"type": "text", "parameter_name": "first_name", "text": "Jes\"sica"}]},
                {"type": "button", "sub_type": "quick_reply", "index": "0",
                    "parameters": [{"type": "payload", "payload": "STOP"}]}]}});
        assert_eq!(got, want);
    }

    #[test]
    fn positional_parameters_keep_their_order() {
        let got = body("1650", &json!({"template": {"name": "t", "language": "pt_BR", "body": ["Ana", "42"]}}));
        assert_eq!(
            got["template"]["components"],
            json!([{"type": "body", "parameters": [{"type": "text", "text": "Ana"}, {"type": "text", "text": "42"}]}])
        );
    }

    #[test]
    fn a_template_without_parameters_has_no_components() {
        let got = body("1650", &json!({"template": {"name": "t", "language": "pt_BR"}}));
        assert_eq!(got["template"], json!({"name": "t", "language": {"code": "pt_BR"}}));
    }

    #[test]
    fn text_to_a_business_scoped_id() {
        let got = body("US.13491208655302741918", &json!({"text": "Oi\nAna"}));
        let want = json!({"messaging_product": "whatsapp", "recipient_type": "individual",
            "recipient": "US.13491208655302741918", "type": "text", "biz_opaque_callback_data": "tg1.7.2",
            "text": {"body": "Oi\nAna"}});
        assert_eq!(got, want);
    }

    #[test]
    fn cards_and_offers() {
        let card = json!({"card_index": 0, "components": [{"type": "body", "parameters": []}]});
        let got = body(
            "1650",
            &json!({"template": {"name": "t", "language": "pt_BR", "cards": [card, card],
            "limited_time_offer": {"expiration_time_ms": 1_795_867_200_000_u64}}}),
        );
        let offer = json!({"type": "limited_time_offer", "parameters": [{"type": "limited_time_offer",
            "limited_time_offer": {"expiration_time_ms": 1_795_867_200_000_u64}}]});
        assert_eq!(got["template"]["components"], json!([offer, {"type": "carousel", "cards": [card, card]}]));
    }

    #[test]
    fn the_call_for_marketing_takes_two_fields_more() {
        let order = |marketing: &Value| {
            let order = json!({"message_uid": 7, "attempt": 2, "account": "acme", "sender": "1", "to": "1650",
                "leave_by": "2026-11-27T09:00:00Z", "content": {"template": {"name": "t", "language": "pt_BR"}},
                "marketing": marketing})
            .to_string();
            let order: Order<'_> = serde_json::from_str(&order).unwrap();
            let body = write_body(&order, &mut BytesMut::new());
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        let full = order(&json!({"product_policy": "CLOUD_API_FALLBACK", "message_activity_sharing": true}));
        assert_eq!(full["product_policy"], "CLOUD_API_FALLBACK");
        assert_eq!(full["message_activity_sharing"], true);
        for plain in [order(&json!({})), order(&Value::Null)] {
            assert_eq!(plain.as_object().unwrap().len(), 6, "{plain}");
        }
    }

    #[test]
    fn what_goes_inside_the_window_only_leaves_as_it_came() {
        let buttons = json!({"type": "button", "body": {"text": "Oi"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}});
        for (kind, content) in [
            ("interactive", buttons),
            ("image", json!({"link": "https://x.example/a.jpg", "caption": "\"Olá\""})),
            ("contacts", json!([{"name": {"formatted_name": "Ana", "first_name": "Ana"}}])),
            ("reaction", json!({"message_id": "wamid.x", "emoji": ""})),
        ] {
            let got = body("1650", &json!({ kind: content }));
            assert_eq!((&got["type"], &got[kind]), (&json!(kind), &content));
        }
    }
}
