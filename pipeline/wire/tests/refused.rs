//! Inputs that are refused, each with its exact error: `reason | field: problem; remedy`.

use tollgate_wire::{InputError, command, event, request};

fn told(error: &InputError) -> String {
    format!("{} | {error}", error.reason)
}

/// A request with one field replaced or added.
fn request_with(field: &str, json: &str) -> String {
    let mut fields = vec![
        ("id", "\"a1\""),
        ("account", "\"acme\""),
        ("to", "\"+5511987654321\""),
        ("purpose", "\"utility\""),
        ("content", r#"[{"text":"Oi"}]"#),
    ];
    fields.retain(|(name, _)| *name != field);
    if !json.is_empty() {
        fields.push((field, json));
    }
    let body: Vec<String> = fields.iter().map(|(name, json)| format!("{name:?}:{json}")).collect();
    format!("{{{}}}", body.join(","))
}

#[test]
fn requests_with_one_bad_field() {
    let long_id = format!("{:?}", "x".repeat(129));
    let long_metadata = format!("{:?}", "x".repeat(1023));
    let nine = format!("[{}]", [r#"{"text":"a"}"#; 9].join(","));
    let template = |inner: &str| format!(r#"[{{"template":{{{inner}}}}}]"#);
    let bad_name = template(r#""name":"Order-Shipped","language":"pt_BR""#);
    let dashed = template(r#""name":"a","language":["pt_PT","pt-BR"]"#);
    let languages = template(r#""name":"a","language":["a","b","c","d","e","f","g","h","i"]"#);
    let no_language = template(r#""name":"a""#);
    let misspelt = template(r#""name":"a","language":"en","componets":{}"#);
    let parameter = template(r#""name":"a","language":"en","components":{"body":["Ana",+5511987654321]}"#);
    let number_parameter = template(r#""name":"a","language":"en","components":{"body":["Ana",98765]}"#);
    let names: Vec<String> = (0..100).map(|n| format!("\"n{n}\":\"s\"")).collect();
    let twice_of_many = template(&format!(
        r#""name":"a","language":"en","components":{{"body":{{{},"n7":"secret"}}}}"#,
        names.join(",")
    ));
    let twice = template(r#""name":"a","language":"en","components":{"body":{"n":"secret","n":"s"}}"#);
    for (field, json, expected) in [
        ("id", "", "malformed | id: the field is missing or empty; add it"),
        ("id", "\"\"", "malformed | id: the field is missing or empty; add it"),
        ("id", "7", "malformed | id: the integer \"7\" does not fit; write a string"),
        (
            "id",
            "\"a b\"",
            "malformed | id: \"a b\" has a character that is not allowed; use visible ASCII characters without spaces",
        ),
        (
            "id",
            "\"55 11 98765-4321\"",
            "malformed | id: \"55 …\" has a character that is not allowed; use visible ASCII characters without spaces",
        ),
        ("id", &long_id, "malformed | id: it has 129 characters; at most 128 are taken"),
        ("account", "", "malformed | account: the field is missing; add it"),
        (
            "account",
            "\"ACME\"",
            "malformed | account: \"ACME\" has a character that is not allowed; use 1 to 64 of a-z, 0-9 and . _ -",
        ),
        ("account", "\"\"", "malformed | account: it is empty; use 1 to 64 of a-z, 0-9 and . _ -"),
        (
            "sender",
            "\"+1 650\"",
            "malformed | sender: \"+1 650\" has a character that is not allowed; use 1 to 64 of A-Z, a-z, 0-9 and . _ -",
        ),
        (
            "to",
            "5511987654321",
            "malformed | to: this integer does not fit; write an E.164 string or {\"bsuid\": …, \"country\": …}",
        ),
        (
            "to",
            r#"{"phone":"+5511987654321"}"#,
            "unknown_field | to.phone: the field is not known here; use bsuid or country",
        ),
        ("to", r#"{"+5511987654321":1}"#, "unknown_field | to.…: the field is not known here; use bsuid or country"),
        ("to", r#"{"country":"BR"}"#, "malformed | to.bsuid: the field is missing; add it"),
        (
            "campain",
            "\"x\"",
            "unknown_field | campain: the field is not known here; use one of id, account, sender, brand, to, campaign, purpose, choose, content, send_after, expires_at, metadata",
        ),
        ("campaign", "\"a\\nb\"", "malformed | campaign: \"a\\nb\" has a control character; leave it out"),
        (
            "purpose",
            "\"promo\"",
            "malformed | purpose: \"promo\" is not a known value; use one of marketing, utility, authentication, service",
        ),
        ("choose", "\"best\"", "malformed | choose: \"best\" is not a known value; use one of first, cheapest, split"),
        ("content", "[]", "malformed | content: it has 0 alternatives; give 1 to 8"),
        ("content", &nine, "malformed | content: it has 9 alternatives; give 1 to 8"),
        (
            "content",
            r#"[{"text":"a"},{"tmplate":{}}]"#,
            "unknown_field | content[1].tmplate: the field is not known here; use one of text, template, interactive, image, video, audio, document, sticker, location, contacts, reaction",
        ),
        ("content", r#"[{"text":""}]"#, "malformed | content[0].text: it has 0 characters; give 1 to 4096"),
        ("content", r#"[{"text":5}]"#, "malformed | content[0].text: this integer does not fit; write a string"),
        (
            "content",
            &bad_name,
            "malformed | content[0].template.name: \"Order-Shipped\" has a character that is not allowed; use 1 to 512 of a-z, 0-9 and _",
        ),
        (
            "content",
            &dashed,
            "malformed | content[0].template.language: \"pt-BR\" has a character that is not allowed; use 1 to 15 of letters, digits and _, such as pt_BR",
        ),
        ("content", &languages, "malformed | content[0].template.language: it has 9 languages; give 1 to 8"),
        ("content", &no_language, "malformed | content[0].template.language: the field is missing; add it"),
        (
            "content",
            &misspelt,
            "unknown_field | content[0].template.componets: the field is not known here; use one of name, language, components",
        ),
        (
            "content",
            &number_parameter,
            "malformed | content[0].template.components.body[1]: this integer does not fit; write a string",
        ),
        (
            "content",
            &twice,
            "malformed | content[0].template.components.body: parameter \"n\" is given twice; see the schema of this record",
        ),
        (
            "content",
            &twice_of_many,
            "malformed | content[0].template.components.body: parameter \"n7\" is given twice; see the schema of this record",
        ),
        ("content", &parameter, "malformed | not JSON at line 1, column 150: expected value; write one JSON object"),
        (
            "send_after",
            "\"tomorrow\"",
            "malformed | send_after: the string \"tomorrow\" does not fit; write an RFC 3339 instant with offset, such as 2026-11-27T09:00:00-03:00",
        ),
        (
            "expires_at",
            "1795000000",
            "malformed | expires_at: the integer \"179…\" does not fit; write an RFC 3339 instant with offset, such as 2026-11-27T09:00:00-03:00",
        ),
        (
            "expires_at",
            "\"1969-12-31T23:59:59Z\"",
            "malformed | expires_at: instant 1969-12-31T23:59:59Z lies before 1970; see the schema of this record",
        ),
        (
            "metadata",
            &long_metadata,
            "malformed | metadata: it has 1025 bytes; at most 1024 are kept: store more on your side under the id",
        ),
    ] {
        let body = request_with(field, json);
        let error = request::parse(body.as_bytes()).expect_err(&body);
        assert_eq!(told(&error), expected, "{body}");
        assert!(!told(&error).contains("11987654321") && !told(&error).contains("98765"), "{error}");
    }
}

#[test]
fn bodies_that_are_no_request_at_all() {
    let large = request_with("metadata", &format!("{:?}", "x".repeat(65_536)));
    let deep = "[".repeat(100_000);
    let deep_metadata = request_with("metadata", &deep[..60_000]);
    for (body, expected) in [
        (&b""[..], "malformed | the record has no value; write one JSON object"),
        (b"{\"id\":\"a", "malformed | not JSON at line 1, column 8: EOF while parsing a string; write one JSON object"),
        (b"{} {}", "malformed | account: the field is missing; add it"),
        (b"{\"id\":\"\xff\"}", "malformed | byte 7 is not UTF-8; write the record as JSON in UTF-8"),
        (b"\"text\"", "malformed | the record is no JSON object; write one JSON object"),
        (b" [\"a1\",\"acme\"]", "malformed | the record is no JSON object; write one JSON object"),
        (large.as_bytes(), "too_large | the record has 65646 bytes; at most 65536 are taken: shorten it or split it"),
        (deep.as_bytes(), "too_large | the record has 100000 bytes; at most 65536 are taken: shorten it or split it"),
        (&deep.as_bytes()[..60_000], "malformed | the record is no JSON object; write one JSON object"),
        (
            deep_metadata.as_bytes(),
            "malformed | not JSON at line 1, column 60108: expected value; write one JSON object",
        ),
    ] {
        let error = request::parse(body).expect_err("refused");
        assert_eq!(told(&error), expected);
    }
}

#[test]
fn a_cloudevents_id_serves_only_when_the_body_has_none() {
    let without = request_with("id", "");
    let parse = |ce_id: &'static [u8]| request::parse_with_id(without.as_bytes(), Some(ce_id));
    assert_eq!(parse(b"ce-1").expect("a request").id.as_str(), "ce-1");
    let with = request_with("id", "\"own\"");
    for ce_id in [&b"ce-1"[..], b"\xff", b""] {
        assert_eq!(request::parse_with_id(with.as_bytes(), Some(ce_id)).expect("a request").id.as_str(), "own");
    }
    for (ce_id, expected) in [
        (
            &b"ce 1"[..],
            "malformed | ce_id: \"ce 1\" has a character that is not allowed; use visible ASCII characters without spaces",
        ),
        (b"", "malformed | ce_id: the field is missing or empty; add it"),
        (&[b'x'; 129], "malformed | ce_id: it has 129 characters; at most 128 are taken"),
        (b"\xff", "malformed | ce_id: the header is not UTF-8; write it as text, or an id in the body"),
    ] {
        assert_eq!(told(&parse(ce_id).expect_err("no id")), expected);
    }
    let neither = request::parse_with_id(without.as_bytes(), None).expect_err("no id");
    assert_eq!(told(&neither), "malformed | id: the field is missing or empty; add it");
}

#[test]
fn commands() {
    let account =
        |inner: &str| format!(r#"{{"command":"apply_account","spec":{{"account":"acme","limit":"TIER_2K",{inner}}}}}"#);
    let waba = |inner: &str| {
        account(&format!(
            r#""wabas":[{{"id":"1","currency":"USD","time_zone":"UTC","senders":[{{"id":"7"}}]{inner}}}]"#
        ))
    };
    let brands = |list: &str| {
        account(&format!(
            r#""wabas":[{{"id":"1","currency":"USD","time_zone":"UTC","senders":[{{"id":"7"}},{{"id":"8"}}]}}],"policy":{{"brands":{list}}}"#
        ))
    };
    let hours = |from: u8, to: u8, zone: &str| {
        format!(
            r#"{{"command":"put_campaign","account":"acme","spec":{{"name":"x","hours":{{"from":{from},"to":{to},"time_zone":"{zone}"}}}}}}"#
        )
    };
    for (body, expected) in [
        (r#"{"command":"apply"}"#.to_owned(), "malformed | command: \"apply\" is not a known value; use one of apply_account, put_campaign, control_campaign, set_consent, set_suppression, erase_person, put_template"),
        (r#"{"account":"acme"}"#.to_owned(), "malformed | command: the field is missing; add it"),
        (r#"{"command":"control_campaign","account":"acme","campaign":"x","action":"halt"}"#.to_owned(), "malformed | action: \"halt\" is not a known value; use one of start, pause, resume, cancel, test"),
        (r#"{"command":"control_campaign","account":"Acme","campaign":"x","action":"pause"}"#.to_owned(), "malformed | account: \"Acme\" has a character that is not allowed; use 1 to 64 of a-z, 0-9 and . _ -"),
        (r#"{"command":"control_campaign","account":"acme","campaign":"x","action":"pause","why":1}"#.to_owned(), "unknown_field | why: the field is not known here; use one of account, campaign, action, test_recipients"),
        (r#"{"command":"control_campaign","account":"acme","campaign":"x","action":"pause","test_recipients":["+5511987654321"]}"#.to_owned(), "malformed | test_recipients: this action takes none; use the action \"test\", or leave them out"),
        (r#"{"command":"control_campaign","account":"acme","campaign":"x","action":"test","test_recipients":["BR.a","BR.a"]}"#.to_owned(), "malformed | test_recipients[1]: the same person is given before; name each once"),
        (account(r#""wabas":[{"id":"1","currency":"USD","timezone":"UTC","senders":[]}]"#), "unknown_field | spec.wabas[0].timezone: the field is not known here; use one of id, currency, time_zone, funding, senders, templates, markup, location, auth_international, sold_to"),
        (waba(r#","sold_to":"India""#), "malformed | spec.wabas[0]: country `India` is not an ISO 3166-1 alpha-2 code; write two capitals, such as BR; see the schema of this record"),
        (account(r#""wabas":[],"default_sender":"8""#), "malformed | spec.wabas: it is empty; declare at least one WABA, or nothing can be sent; `disabled = true` stops an account"),
        (account(r#""wabas":[{"id":"1","currency":"usd","time_zone":"UTC","senders":[]}]"#), "malformed | spec.wabas[0].currency: \"usd\" is not a currency; use the ISO 4217 code, such as USD"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"Brasilia","senders":[]}]"#), "malformed | spec.wabas[0].time_zone: \"Brasilia\" is not a time zone; use the IANA name, such as America/Sao_Paulo"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[{"id":"7"},{"id":"7"}]}]"#), "malformed | spec.wabas[0].senders[1].id: \"7\" is given twice; an id belongs to one place only: remove one of them"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[{"id":"7","throughput":0}]}]"#), "malformed | spec.wabas[0].senders[0].throughput: it is 0; give the messages a second that the platform allows, or set `blocked`"),
        (waba(r#","templates":[{"name":"a","language":"pt_BR","category":"utility"},{"name":"a","language":"en_US","category":"utility"},{"name":"a","language":"pt_BR","category":"marketing"}]"#), "malformed | spec.wabas[0].templates[2]: \"a\" in pt_BR is there twice; leave one out"),
        (waba(r#","markup":[{"valid_from":"2026-12-01","rules":[{"name":"all","percent":7.5}]}]"#), "malformed | spec.wabas[0].markup[0].rules[0].percent: the floating point \"7.5\" does not fit; write a string"),
        (waba(r#","markup":[{"valid_from":"1 December","rules":[]}]"#), "malformed | spec.wabas[0].markup[0].valid_from: \"1 December\" is no date; write it as \"2026-12-01\"; see the schema of this record"),
        (waba(r#","markup":[{"valid_from":"2026-12-01","currency":"EUR","rules":[{"name":"all","percent":"7.5"}]}]"#), "malformed | spec.wabas[0].markup[0].fx: it is missing, but costs are in USD and prices in EUR; give `rate`, `source` and `date`"),
        (waba(r#","markup":[{"valid_from":"2026-12-01","rules":[{"name":"all","percent":"7.5","price":"0.1"}]}]"#), "malformed | spec.wabas[0].markup[0].rules[0]: \"all\" has a price of its own and an addition to the cost; give `price` alone, or `percent` and `fixed`"),
        (waba(r#","markup":[{"valid_from":"2026-12-01","rules":[{"name":"all","share":"7.5"}]}]"#), "unknown_field | spec.wabas[0].markup[0].rules[0].share: the field is not known here; use one of name, market, category, price, percent, fixed, on_free"),
        (waba(r#"}],"default_sender":"8","policy":{"marketing_cap":0},"wabas_end":[{"#), "unknown_field | spec.wabas_end: the field is not known here; use one of account, name, legal_entity, limit, limit_scope, disabled, app, wabas, default_sender, policy, pools"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[]}],"default_sender":"8""#), "malformed | spec.default_sender: \"8\" is no sender of this account; name one of the phone number ids under `wabas`"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[]}],"pools":[{"name":"shop","senders":[]}]"#), "malformed | spec.pools[0].senders: there are 0; name 1 to 50 phone number ids"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[{"id":"7"}]},{"id":"2","currency":"USD","time_zone":"UTC","senders":[{"id":"8"}]}],"pools":[{"name":"shop","senders":["7","8"]}]"#), "malformed | spec.pools[0].senders: they are of the WABAs 1, 2; take numbers of one WABA: their templates are its own"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[]}],"pools":[{"name":"shop","senders":["8"]}]"#), "malformed | spec.pools[0].senders[0]: \"8\" is no sender of this account; name one of the phone number ids under `wabas`"),
        (brands(r#"[{"name":"Shoes","senders":["7"]}]"#), "malformed | spec.policy.brands[0].name: \"Shoes\" has a character that is not allowed; use 1 to 64 of a-z, 0-9 and . _ -"),
        (brands(r#"[{"name":"shoes","senders":[]}]"#), "malformed | spec.policy.brands[0].senders: it is empty; name the phone number ids that write as this brand, or leave the brand out"),
        (brands(r#"[{"name":"shoes","senders":["6"]}]"#), "malformed | spec.policy.brands[0].senders[0]: \"6\" is no sender of this account; name one of the phone number ids under `wabas`"),
        (brands(r#"[{"name":"shoes","senders":["7","7"]}]"#), "malformed | spec.policy.brands[0].senders[1]: \"7\" is there twice; keep one of the two"),
        (brands(r#"[{"name":"shoes","senders":["7"]},{"name":"hats","senders":["8","7"]}]"#), "malformed | spec.policy.brands[1].senders[1]: \"7\" is a number of brand \"shoes\" too; a number writes as one brand: take it out of the other"),
        (brands(r#"[{"name":"shoes","senders":["7"]},{"name":"shoes","senders":["8"]}]"#), "malformed | spec.policy.brands[1].name: \"shoes\" is given twice; an id belongs to one place only: remove one of them"),
        (brands(r#"[{"name":"shoes","senders":["7"],"inherit":true}]"#), "unknown_field | spec.policy.brands[0].inherit: the field is not known here; use one of name, senders, inherits"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[{"id":"7"},{"id":"8"}]}],"policy":{"brands":[{"name":"shoes","senders":["7"]}]},"pools":[{"name":"shop","senders":["7","8"]}]"#), "malformed | spec.pools[0].senders: its numbers are of brand \"shoes\" and of no brand; a pool writes as one brand: give each brand a pool of its own"),
        (brands(&format!("[{}]", vec![r#"{"name":"shoes","senders":["7"]}"#; 33].join(","))), "malformed | spec.policy.brands: there are 33; name at most 32"),
        (r#"{"command":"set_consent","account":"acme","consent":{"to":"+5511987654321","state":"opt_in","brand":""}}"#.to_owned(), "malformed | consent.brand: it is empty; use 1 to 64 of a-z, 0-9 and . _ -"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[]}],"policy":{"quiet_hours":{"from":8,"to":24}}"#), "malformed | spec.policy.quiet_hours: from 8 to 24; give two different hours from 0 to 23, such as from 21 to 8"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[]}],"policy":{"marketing_cap":5}"#), "malformed | spec.policy.marketing_cap: 5 is too many; at most 4 are counted; 0 switches the cap off"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[]}],"policy":{"in_doubt":{"utility_seconds":86401}}"#), "malformed | spec.policy.in_doubt.utility_seconds: 86401 is not 1 to 86400; give as many seconds as a status is waited for"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[]}],"policy":{"leave_by_seconds":0}"#), "malformed | spec.policy.leave_by_seconds: it is 0; give at least 1 second, or nothing could leave"),
        (account(r#""wabas":[{"id":"1","currency":"USD","time_zone":"UTC","senders":[]}],"policy":{"throughput_headroom_percent":100}"#), "malformed | spec.policy.throughput_headroom_percent: 100 leaves nothing to send with; give 0 to 99"),
        (hours(20, 8, "UTC"), "malformed | spec.hours: 20 to 8 is no span of a day; give `from` 0 to 23 and `to` after it, at most 24"),
        (hours(8, 20, "Mars/Base"), "malformed | spec.hours.time_zone: \"Mars/Base\" is not a time zone; use the IANA name, such as America/Sao_Paulo"),
        (r#"{"command":"put_campaign","account":"acme","spec":{"name":"x","budget":"-1.50"}}"#.to_owned(), "malformed | spec.budget: -1.50 is negative; give 0 or more, or leave it out for no budget"),
        (r#"{"command":"put_campaign","account":"acme","spec":{"name":"x","weight":0}}"#.to_owned(), "malformed | spec.weight: it is 0; give at least 1; pause the campaign to stop it"),
        (r#"{"command":"set_consent","account":"acme","consent":{"to":"+55119876","state":"opt_in","source":1}}"#.to_owned(), "malformed | consent.source: the integer \"1\" does not fit; write a string"),
        (r#"{"command":"set_consent","account":"acme","consent":{"to":"+5511987654321","state":"opt_in","at":"2026-11-01T10:00:00Z","expires":"2026-11-01T10:00:00Z"}}"#.to_owned(), "malformed | consent.expires: it is not after `at`; give the time at which the opt-in ends, or leave it out"),
        (r#"{"command":"set_consent","account":"acme","consent":{"to":"+5511987654321","state":"opt_out","expires":"2026-11-01T10:00:00Z"}}"#.to_owned(), "malformed | consent.expires: an opt-out does not end; leave it out; a later opt-in ends an opt-out"),
        (r#"{"command":"set_consent","account":"acme","consent":{"to":"+5511987654321","state":"opt_out","confirmed":true}}"#.to_owned(), "malformed | consent.confirmed: an opt-out needs no confirmation; leave it out"),
        (r#"{"command":"set_suppression","account":"acme","suppression":{"to":"","listed":true}}"#.to_owned(), "malformed | suppression.to: an id of 0 bytes does not fit; give an E.164 number, or a business-scoped id of 1 to 128 visible ASCII characters"),
        (r#"{"command":"set_suppression","account":"acme","suppression":{"to":"5511987654321","listed":true}}"#.to_owned(), "malformed | suppression.to: phone number with the digits 551… has no `+`: write `+`, country code and number; correct it"),
        (r#"{"command":"set_suppression","account":"acme","suppression":{"to":"+5511987654321"}}"#.to_owned(), "malformed | suppression.listed: the field is missing; add it"),
        (r#"{"command":"set_consent","account":"acme","consent":{"to":"+55 11987654321","state":"opt_in"}}"#.to_owned(), "malformed | consent.to: phone number with the digits 551… has a character at position 3 that is no digit: write `+` and digits only; correct it"),
        (r#"{"command":"put_template","account":"acme","waba":"1","template":{"name":"A","language":"en","category":"utility"}}"#.to_owned(), "malformed | template.name: \"A\" has a character that is not allowed; use 1 to 512 of a-z, 0-9 and _"),
        (r#"{"account":"acme","spec":{"name":7},"command":"put_campaign"}"#.to_owned(), "malformed | spec.name: the integer \"7\" does not fit; write a string"),
    ] {
        let error = command::parse(body.as_bytes()).expect_err(&body);
        assert_eq!(told(&error), expected, "{body}");
    }
}

#[test]
fn events() {
    let close = |why: &str| {
        format!(
            r#"{{"account":"acme","events":[{{"event":"close_month","month":"2026-11","settle_days":8,"forced":"{why}"}}]}}"#
        )
    };
    assert!(event::parse(close(&"x".repeat(256)).as_bytes()).is_ok());
    let both = r#"{"account":"acme","events":[{"event":"credit","id":"C","waba":"1","month":"2026-10","cost":"2","price":"2.00","reason":"x","both":true}]}"#;
    assert!(event::parse(both.as_bytes()).is_ok(), "one amount, written in two ways");
    for (body, expected) in [
        (
            r#"{"account":"acme","events":[{"event":"statuss"}]}"#,
            "malformed | events[0].event: \"statuss\" is not a known value; use one of result, status, inbound, preference, number_changed, template, sender, limit, account_state, close_month, band_reached, credit",
        ),
        (
            r#"{"account":"acme","events":[{"event":"limit","limit":"TIER_2K"},{"event":"limit","limit":"LOTS"}]}"#,
            "malformed | events[1].limit: messaging limit \"LOTS\" is not known: expected TIER_50, TIER_250, TIER_1K, TIER_2K, TIER_10K, TIER_100K, TIER_UNLIMITED, UNLIMITED, -1 (unlimited) or a whole number of users from 0 to 4294967295, such as 2000 or 2K; see the schema of this record",
        ),
        (
            r#"{"account":"acme","events":[{"event":"inbound","sender":"7","from":5511987654321,"at_s":1}]}"#,
            "malformed | events[0].from: this integer does not fit; write an E.164 string or {\"bsuid\": …, \"country\": …}",
        ),
        (
            r#"{"account":"acme","events":[{"event":"close_month","month":"2026-13","settle_days":8}]}"#,
            "malformed | events[0].month: month `2026-13` is not a calendar month; write YYYY-MM, such as 2026-10; see the schema of this record",
        ),
        (
            r#"{"account":"acme","events":[{"event":"close_month","month":"2026-11"}]}"#,
            "malformed | events[0].settle_days: the field is missing; add it",
        ),
        (
            r#"{"account":"acme","events":[{"event":"close_month","month":"2026-11","settle_days":256}]}"#,
            "malformed | events[0].settle_days: the integer \"256\" does not fit; write u8",
        ),
        (
            r#"{"account":"acme","events":[{"event":"close_month","month":"2026-11","settle_days":8,"force":"x"}]}"#,
            "unknown_field | events[0].force: the field is not known here; use one of month, settle_days, forced",
        ),
        (
            r#"{"account":"acme","events":[{"event":"close_month","month":"2026-11","settle_days":8,"forced":""}]}"#,
            "malformed | events[0].forced: it has 0 bytes; give 1 to 256",
        ),
        (
            r#"{"account":"acme","events":[{"event":"close_month","month":"2026-11","settle_days":8,"forced":"a\u0000b"}]}"#,
            "malformed | events[0].forced: \"a\\0b\" has a control character; leave it out",
        ),
        (
            r#"{"account":"acme","events":[{"event":"credit","id":"C","waba":"1","month":"2026-10","cost":"2","price":"2.01","reason":"x","both":true}]}"#,
            "malformed | events[0].both: cost 2 and price 2.01 are not one amount; give the same amount as cost and as price, or leave it out",
        ),
        (
            r#"{"account":"acme","events":[{"event":"credit","id":"C","waba":"1","month":"2026-10","price":"2","reason":"x","both":true}]}"#,
            "malformed | events[0].both: cost 0 and price 2 are not one amount; give the same amount as cost and as price, or leave it out",
        ),
        (
            r#"{"account":"acme","events":[{"event":"credit","id":"C","waba":"1","month":"2026-10","price":"2","reason":"x","boths":true}]}"#,
            "unknown_field | events[0].boths: the field is not known here; use one of id, waba, month, cost, price, reason, reference, by, both",
        ),
        (&close(&"x".repeat(257)), "malformed | events[0].forced: it has 257 bytes; give 1 to 256"),
        (r#"{"events":[]}"#, "malformed | account: the field is missing; add it"),
        (
            r#"{"account":"a b","events":[]}"#,
            "malformed | account: \"a b\" has a character that is not allowed; use 1 to 64 of a-z, 0-9 and . _ -",
        ),
    ] {
        let error = event::parse(body.as_bytes()).expect_err(body);
        assert_eq!(told(&error), expected, "{body}");
    }
}

#[test]
fn a_split_whose_alternatives_cannot_be_told_apart() {
    let split = |content: &str| {
        let request = format!(
            r#"{{"id":"a1","account":"acme","to":"+5511987654321","purpose":"utility","campaign":"c","choose":"split","content":{content}}}"#
        );
        request::parse(request.as_bytes()).map(|_| ()).map_err(|e| told(&e))
    };
    let refused = |content: &str| split(content).expect_err(content);
    let template = |name: &str, language: &str| format!(r#"{{"template":{{"name":"{name}","language":{language}}}}}"#);
    let (a, other) = (template("a", r#"["pt_BR","en"]"#), template("a", r#""es""#));
    assert_eq!(
        refused(&format!(r#"[{a},{},{a}]"#, template("b", r#""en""#))),
        "malformed | content[2]: `split` cannot tell it from content[0]: it is the same template in the same languages; use a template of another name"
    );
    assert_eq!(
        refused(r#"[{"text":"a"},{"text":"b"}]"#),
        "malformed | content[1]: `split` cannot tell it from content[0]: it is of the same kind; use templates, which are told apart by name and language"
    );
    let image = |n: u32| format!(r#"{{"image":{{"id":"{n}"}}}}"#);
    assert!(refused(&format!("[{},{a},{}]", image(1), image(2))).contains("content[2]"));
    assert_eq!(split(&format!(r#"[{a},{other},{{"text":"a"}},{}]"#, image(1))), Ok(()));
}
