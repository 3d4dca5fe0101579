//! What may be sent inside the window beside text: each shape that the platform takes, and each fault with its exact words.

use tollgate_wire::request::{self, Content, ContentKind};

fn request(content: &str) -> String {
    format!(r#"{{"id":"a1","account":"acme","to":"+5511987654321","purpose":"service","content":[{content}]}}"#)
}

fn interactive(kind: &str, rest: &str) -> String {
    format!(r#"{{"interactive":{{"type":"{kind}",{rest}}}}}"#)
}

const BODY: &str = r#""body":{"text":"Choose"}"#;

fn buttons(number: usize, title: &str) -> String {
    let one = format!(r#"{{"type":"reply","reply":{{"id":"a","title":"{title}"}}}}"#);
    interactive("button", &format!(r#"{BODY},"action":{{"buttons":[{}]}}"#, vec![one; number].join(",")))
}

/// A list with so many rows in each section.
fn list(rows: &[usize], title: &str) -> String {
    let sections: Vec<String> = rows
        .iter()
        .map(|rows| format!(r#"{{{title}"rows":[{}]}}"#, vec![r#"{"id":"r","title":"Row"}"#; *rows].join(",")))
        .collect();
    interactive("list", &format!(r#"{BODY},"action":{{"button":"Open","sections":[{}]}}"#, sections.join(",")))
}

fn action(kind: &str, action: &str) -> String {
    interactive(kind, &format!(r#"{BODY},"action":{action}"#))
}

fn wamid(id: &str) -> String {
    format!(r#"{{"reaction":{{"message_id":"{id}","emoji":"x"}}}}"#)
}

const NO_WAMID: &str = "reaction.message_id: it is no id of a message of the platform; give what it gave: wamid. and so on, at most 512 characters";

/// A card with a picture.
fn card(n: u8, kind: &str, action: &str) -> String {
    format!(
        r#"{{"card_index":{n},"type":"{kind}","header":{{"type":"image","image":{{"link":"https://x.example/a"}}}},"body":{{"text":"Blue\n\nA plant"}},"action":{action}}}"#
    )
}

const LINK: &str = r#"{"name":"cta_url","parameters":{"display_text":"Open","url":"https://x.example"}}"#;

fn replies(number: usize) -> String {
    format!(
        r#"{{"buttons":[{}]}}"#,
        vec![r#"{"type":"quick_reply","quick_reply":{"id":"a","title":"b"}}"#; number].join(",")
    )
}

fn product(n: u8, catalogue: &str) -> String {
    format!(
        r#"{{"card_index":{n},"type":"product","action":{{"product_retailer_id":"sku","catalog_id":"{catalogue}"}}}}"#
    )
}

fn carousel(cards: &[&str]) -> String {
    action("carousel", &format!(r#"{{"cards":[{}]}}"#, cards.join(",")))
}

#[test]
fn what_the_platform_takes_is_taken_as_it_came() {
    let media = r#""header":{"type":"document","document":{"id":"7","filename":"a.pdf"}},"footer":{"text":"f"}"#;
    let flow = r#"{"name":"flow","parameters":{"flow_message_version":"3","flow_token":"t","flow_id":"123","flow_cta":"Book","flow_action":"navigate","flow_action_payload":{"screen":"S","data":{"deep":[1,{"x":null}]}}}}"#;
    for content in [
        r#"{"image":{"id":"1339522734477770"}}"#.to_owned(),
        r#"{"image":{"link":"https://x.example/a.jpg","caption":"Olá"}}"#.to_owned(),
        r#"{"video":{"id":"1"}}"#.to_owned(),
        r#"{"audio":{"id":"1","voice":true}}"#.to_owned(),
        r#"{"document":{"id":"1","caption":"c","filename":"a.pdf"}}"#.to_owned(),
        r#"{"sticker":{"link":"https://x.example/s.webp"}}"#.to_owned(),
        r#"{"location":{"latitude":-23.55,"longitude":"-46.6"}}"#.to_owned(),
        r#"{"location":{"latitude":-2.35505e1,"longitude":"1e2"}}"#.to_owned(),
        r#"{"location":{"latitude":90,"longitude":-180,"name":"n","address":"a"}}"#.to_owned(),
        r#"{"contacts":[{"name":{"formatted_name":"Ana","first_name":"Ana"},"phones":[{"phone":"+1 650 555 0100","wa_id":"16505550100"}],"org":{"company":"x"}}]}"#
            .to_owned(),
        r#"{"reaction":{"message_id":"wamid.x","emoji":""}}"#.to_owned(),
        r#"{"reaction":{"message_id":"wamid.x","emoji":"👩‍👩‍👧‍👦"}}"#.to_owned(),
        wamid(&format!("wamid.{}", "x".repeat(506))),
        buttons(3, "exactly twenty chars"),
        interactive("button", &format!(r#"{media},{BODY},"action":{{"buttons":[{{"type":"reply","reply":{{"id":"1","title":"a"}}}}]}}"#)),
        list(&[10], ""),
        list(&[5, 5], r#""title":"t","#),
        action("cta_url", r#"{"name":"cta_url","parameters":{"display_text":"Open","url":"http://x.example"}}"#),
        action("flow", flow),
        action("location_request_message", r#"{"name":"send_location"}"#),
        action("address_message", r#"{"name":"address_message","parameters":{"country":"IN"}}"#),
        interactive("product", r#""action":{"catalog_id":"1","product_retailer_id":"sku"}"#),
        interactive("product_list", &format!(r#""header":{{"type":"text","text":"h"}},{BODY},"action":{{"catalog_id":"1","sections":[{{"title":"t","product_items":[{{"product_retailer_id":"a"}}]}}]}}"#)),
        action("catalog_message", r#"{"name":"catalog_message"}"#),
        carousel(&[&card(1, "cta_url", LINK), &card(0, "cta_url", LINK)]),
        carousel(&[&card(0, "cta_url", &replies(2)), &card(1, "cta_url", &replies(2))]),
        carousel(&[&card(0, "button", &replies(1)), &card(1, "cta_url", &replies(1))]),
        carousel(&[&card(0, "cta_url", LINK), &card(1, "cta_url", LINK).replace("image", "video")]),
        carousel(&[&product(0, "7"), &product(1, "7"), &product(2, "7")]),
        action("voice_call", r#"{"name":"voice_call","parameters":{"display_text":"Call","ttl_minutes":100}}"#),
        interactive("call_permission_request", r#""action":{"name":"call_permission_request"}"#),
        action("order_details", r#"{"name":"review_and_pay","parameters":{"reference_id":"r"}}"#),
        // The type may stand anywhere.
        format!(r#"{{"interactive":{{{BODY},"action":{{"name":"send_location"}},"type":"location_request_message"}}}}"#),
    ] {
        let text = request(&content);
        let read = request::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{content}: {e}"));
        let Content::Rich(rich) = &read.content[0] else { panic!("{content}") };
        assert_eq!(format!(r#"{{"{}":{}}}"#, rich.kind.as_str(), rich.json.get()), content);
        assert!(!matches!(rich.kind, ContentKind::Text | ContentKind::Template));
        let again = serde_json::to_string(&read.content).expect("content is JSON");
        assert_eq!(again, format!("[{content}]"));
    }
}

#[test]
fn each_fault_says_where_what_and_what_would_help() {
    let long = "x".repeat(1_025);
    for (content, expected) in [
        (r#"{"image":5}"#.to_owned(), "image: its type does not fit; write an object"),
        (r#"{"image":{}}"#.to_owned(), "image: it needs one of id, link; give exactly one of them"),
        (
            r#"{"image":{"id":"1","link":"https://x.example/a"}}"#.to_owned(),
            "image: it needs one of id, link; give exactly one of them",
        ),
        (r#"{"image":{"id":7}}"#.to_owned(), "image.id: its type does not fit; write a string"),
        (
            r#"{"image":{"id":"abc"}}"#.to_owned(),
            "image.id: it is no id of the platform; give the 1 to 64 digits that it gave",
        ),
        (r#"{"image":{"id":"1","id":"2"}}"#.to_owned(), "image.id: the field is given twice; keep one of them"),
        (
            r#"{"video":{"link":"http://x.example/a"}}"#.to_owned(),
            "video.link: it is no https address; give https://, a host and a path",
        ),
        (
            r#"{"video":{"link":"https://x.example/a b"}}"#.to_owned(),
            "video.link: it is no https address; give https://, a host and a path",
        ),
        (
            r#"{"image":{"id":"1","captoin":"x"}}"#.to_owned(),
            "image.captoin: the field is not known here; use one of id, link, caption",
        ),
        (
            r#"{"image":{"id":"1","5511987654321":"x"}}"#.to_owned(),
            "image.…: the field is not known here; use one of id, link, caption",
        ),
        (
            format!(r#"{{"image":{{"id":"1","caption":"{long}"}}}}"#),
            "image.caption: it has 1025 characters; give 1 to 1024",
        ),
        (r#"{"audio":{"id":"1","voice":"yes"}}"#.to_owned(), "audio.voice: its type does not fit; write true or false"),
        (
            r#"{"location":{"latitude":90.5,"longitude":0}}"#.to_owned(),
            "location.latitude: it is out of range; give -90 to 90 degrees",
        ),
        (
            r#"{"location":{"latitude":"NaN","longitude":0}}"#.to_owned(),
            "location.latitude: it is no number; give degrees, such as -23.55",
        ),
        (
            r#"{"location":{"latitude":[],"longitude":0}}"#.to_owned(),
            "location.latitude: it is no number; give degrees, such as -23.55",
        ),
        (r#"{"location":{"latitude":1}}"#.to_owned(), "location.longitude: the field is missing; add it"),
        (r#"{"contacts":[]}"#.to_owned(), "contacts: it has 0 members; give 1 to 257"),
        (
            r#"{"contacts":[{"name":{"formatted_name":"Ana"}}]}"#.to_owned(),
            "contacts[0].name: it has too few fields; give at least one of first_name, last_name, middle_name, prefix, suffix",
        ),
        (r#"{"reaction":{"emoji":"x"}}"#.to_owned(), "reaction.message_id: the field is missing; add it"),
        (
            r#"{"reaction":{"message_id":7,"emoji":"x"}}"#.to_owned(),
            "reaction.message_id: its type does not fit; write a string",
        ),
        (wamid("m1"), NO_WAMID),
        (wamid("wamid."), NO_WAMID),
        (wamid("Wamid.x"), NO_WAMID),
        (wamid("wamid.a b"), NO_WAMID),
        (wamid(&format!("wamid.{}", "x".repeat(507))), NO_WAMID),
        (buttons(4, "a"), "interactive.action.buttons: it has more than 3 members; give 1 to 3"),
        (buttons(0, "a"), "interactive.action.buttons: it has 0 members; give 1 to 3"),
        (
            buttons(2, "one more than twenty!"),
            "interactive.action.buttons[0].reply.title: it has 21 characters; give 1 to 20",
        ),
        (list(&[11], ""), "interactive.action.sections[0].rows: it has more than 10 members; give 1 to 10"),
        (
            list(&[5, 6], r#""title":"t","#),
            "interactive.action.sections[1].rows: with it all lists together have 11; give at most 10 in all",
        ),
        (list(&[1, 1], ""), "interactive.action.sections: one of several has no title; give each its title"),
        (
            list(&[1], r#""titel":"t","#),
            "interactive.action.sections[0].titel: the field is not known here; use one of title, rows",
        ),
        (
            interactive("list", r#""header":{"type":"image","image":{"id":"1"}},"body":{"text":"b"},"action":{}"#),
            "interactive.header.type: the value is not known here; write text",
        ),
        (
            interactive("button", r#""header":{"type":"image","text":"b"},"body":{"text":"b"},"action":{}"#),
            "interactive.header: its fields are not those of its type; give the one field that the type names",
        ),
        (
            format!(r#"{{"interactive":{{{BODY},"action":{{}}}}}}"#),
            "interactive.type: the value is missing or not known here; use one of button, list, cta_url, flow, location_request_message, address_message, product, product_list, catalog_message, carousel, voice_call, call_permission_request, order_details, order_status",
        ),
        (
            action("cta_url", r#"{"name":"cta_url","parameters":{"display_text":"Open","url":"ftp://x"}}"#),
            "interactive.action.parameters.url: it is no https address; give https://, a host and a path",
        ),
        (
            action("flow", r#"{"name":"flow","parameters":{"flow_message_version":"3","flow_cta":"Book"}}"#),
            "interactive.action.parameters: it needs one of flow_id, flow_name; give exactly one of them",
        ),
        (
            interactive("button", r#""action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"b"}}]}"#),
            "interactive.body: the field is missing; add it",
        ),
        (action("carousel", r#"{"cards":[]}"#), "interactive.action.cards: it has 0 members; give 2 to 10"),
    ] {
        let error = request::parse(request(&content).as_bytes()).expect_err(&content);
        assert_eq!(error.to_string(), format!("content[0].{expected}"), "{content}");
        assert_eq!(error.reason.as_str(), "malformed");
    }
}

#[test]
fn a_card_is_held_to_its_type_and_to_the_first_card() {
    let good = card(0, "cta_url", LINK);
    let second = |kind: &str, action: &str| card(1, kind, action);
    let header = r#""header":{"type":"image","image":{"link":"https://x.example/a"}},"#;
    let without = second("cta_url", LINK).replace(header, "");
    let text = second("cta_url", LINK).replace(header, r#""header":{"type":"text","text":"t"},"#);
    let document = second("cta_url", LINK).replace("image", "document");
    let long = second("cta_url", LINK).replace("Blue", r"Blue\n");
    for (cards, expected) in [
        ([good.clone(), without], "[1].header: the field is missing; add an image or a video"),
        ([good.clone(), text], "[1].header.type: the value is not known here; use one of image, video"),
        ([good.clone(), document], "[1].header.type: the value is not known here; use one of image, video"),
        ([good.clone(), long], "[1].body.text: it has more than 2 line breaks; give at most 2"),
        (
            [good.clone(), card(0, "cta_url", LINK)],
            "[1].card_index: it is another card's or beyond the last; count cards from 0",
        ),
        (
            [card(2, "cta_url", LINK), card(1, "cta_url", LINK)],
            "[0].card_index: it is another card's or beyond the last; count cards from 0",
        ),
        (
            [good.clone(), second("cta_url", "{}")],
            "[1].action: its fields are not those of a link or of replies; give name and parameters, or buttons",
        ),
        (
            [good.clone(), second("cta_url", r#"{"name":"cta_url"}"#)],
            "[1].action: its fields are not those of a link or of replies; give name and parameters, or buttons",
        ),
        (
            [good.clone(), second("cta_url", r#"{"name":"cta_url","parameters":{"display_text":"Open"}}"#)],
            "[1].action.parameters.url: the field is missing; add it",
        ),
        (
            [good.clone(), second("cta_url", r#"{"anything":1}"#)],
            "[1].action.anything: the field is not known here; use one of name, parameters, buttons, catalog_id, product_retailer_id",
        ),
        ([good.clone(), second("button", LINK)], "[1].action: its fields are not those of replies; give buttons"),
        (
            [good.clone(), second("cta_url", &replies(1))],
            "[1].action: it is not like the first card's; give all cards a link, the same number of replies, or a product",
        ),
        (
            [card(0, "cta_url", &replies(1)), second("cta_url", &replies(2))],
            "[1].action: it is not like the first card's; give all cards a link, the same number of replies, or a product",
        ),
        (
            [card(0, "button", &replies(1).replace(r#""quick_reply","#, r#""reply","#)), good.clone()],
            "[0].action.buttons[0].type: the value is not known here; write quick_reply",
        ),
        (
            [product(0, "7"), second("cta_url", LINK)],
            "[1].action: it is not like the first card's; give all cards a link, the same number of replies, or a product",
        ),
        ([product(0, "7"), product(1, "8")], "[1].action.catalog_id: it is not the first card's; name one catalogue"),
        (
            [product(0, "7"), second("product", r#"{"product_retailer_id":"sku","catalog_id":"7"}"#)],
            "[1]: a product brings its own picture and text; leave header and body out",
        ),
        (
            [good, second("product", LINK)],
            "[1].action: its fields are not those of a product; give catalog_id and product_retailer_id",
        ),
    ] {
        let content = carousel(&[&cards[0], &cards[1]]);
        let error = request::parse(request(&content).as_bytes()).expect_err(&content);
        assert_eq!(error.to_string(), format!("content[0].interactive.action.cards{expected}"), "{content}");
    }
}
