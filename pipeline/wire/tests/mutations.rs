//! Whatever bytes arrive, reading them ends with a value or an error.

use proptest::prelude::*;
use tollgate_wire::event::PlatformEvent;
use tollgate_wire::{command, event, request, webhook};

const REQUEST: &str = r#"{"id":"01JD3Y7Q","account":"acme","sender":"106540352242922","to":{"bsuid":"BR.1","country":"BR"},"campaign":"black-friday","purpose":"utility","choose":"cheapest","content":[{"template":{"name":"order_shipped","language":["pt_BR","en_US"],"components":{"header":[{"type":"image"}],"body":{"name":"Ana\u00e1"},"buttons":[]}}},{"text":"Oi"}],"send_after":"2026-11-27T09:00:00-03:00","metadata":{"crm":"881-2"}}"#;
const EVENTS: &str = r#"{"account":"acme","events":[{"event":"result","callback":{"message_uid":7,"attempt":1},"at":"2026-11-27T09:00:00Z","result":{"accepted":{"wamid":"w"}}},{"limit":"TIER_2K","event":"limit"},{"event":"close_month","month":"2026-10","settle_days":8,"forced":"why"}]}"#;
const COMMAND: &str = r#"{"command":"put_campaign","account":"acme","spec":{"name":"x","budget":"1.5","hours":{"from":8,"to":20,"time_zone":"UTC"}}}"#;
const WEBHOOK: &str = include_str!("fixtures/webhook/malformed_changes_stop_nobody_else.json");
const INBOUND: &str = include_str!("fixtures/webhook/inbound_escaped_text.json");

/// A change of the bytes at a relative place.
#[derive(Clone, Debug)]
enum Edit {
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let token = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\ud800", "null", "true", "-1", "1e999", "\"x\":", "é", "\u{0}",
    ]);
    let edit = prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (any::<usize>(), token).prop_map(|(at, token)| Edit::Insert(at, token.as_bytes().to_vec())),
        (any::<usize>(), 1..40usize).prop_map(|(at, n)| Edit::Remove(at, n)),
        (any::<usize>(), 1..80usize).prop_map(|(at, n)| Edit::Repeat(at, n)),
    ];
    prop::collection::vec(edit, 1..6)
}

fn apply(text: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits {
        let place = |at: usize| at % bytes.len().max(1);
        match edit {
            Edit::Set(at, byte) => {
                let at = place(*at);
                if let Some(slot) = bytes.get_mut(at) {
                    *slot = *byte;
                }
            }
            Edit::Insert(at, token) => {
                let at = place(*at).min(bytes.len());
                bytes.splice(at..at, token.iter().copied());
            }
            Edit::Remove(at, n) => {
                let at = place(*at).min(bytes.len());
                let end = (at + n).min(bytes.len());
                bytes.drain(at..end);
            }
            Edit::Repeat(at, n) => {
                let at = place(*at).min(bytes.len());
                let end = (at + n).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_mutation_panics(edits in edits()) {
        for text in [REQUEST, EVENTS, COMMAND, WEBHOOK, INBOUND] {
            let bytes = apply(text, &edits);
            for error in [
                request::parse(&bytes).err(),
                event::parse(&bytes).err(),
                command::parse(&bytes).err(),
            ].into_iter().flatten() {
                prop_assert!(!error.problem.is_empty() && !error.remedy.is_empty());
                prop_assert!(error.to_string().len() < 1500, "{}", error);
            }
            // Whatever comes from outside is translated; what Tollgate says itself is never among it.
            if let Ok(outside) = webhook::parse(&bytes).map_err(|e| e.to_string()) {
                let own = |e: &PlatformEvent<'_>| {
                    matches!(e, PlatformEvent::Result(_) | PlatformEvent::CloseMonth { .. })
                };
                prop_assert!(!outside.events.iter().any(|e| own(&e.event)));
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = request::parse(&bytes).map_err(|e| e.to_string());
        let _ = webhook::parse(&bytes).map_err(|e| e.to_string());
    }
}
