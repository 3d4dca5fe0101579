//! Situations: a template, what is given, what is said.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![expect(clippy::needless_pass_by_value, reason = "what json! makes is given as it is")]

use super::*;
use serde_json::{Value, json};

/// Checks `components` of a request against a template.
fn told(template: Value, components: Value) -> String {
    let mut spec = json!({"name": "t", "language": "en_US", "category": "utility"});
    spec.as_object_mut().unwrap().extend(template.as_object().unwrap().clone());
    let spec: TemplateSpec = serde_json::from_value(spec).unwrap();
    let text = components.to_string();
    let given: Components<'_> = serde_json::from_str(&text).unwrap();
    check(&spec, &given).err().unwrap_or_else(|| "fits".to_owned())
}

fn button(sub_type: &str, index: Value, parameter: Value) -> Value {
    json!({"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]})
}

#[test]
fn the_body() {
    let two = json!({"body": ["1", "2"]});
    let named = json!({"body": ["first_name", "order"]});
    let known = json!({"body": ["1"], "components": {"digest": "0", "body_chars": 1020}});
    for (template, body, says) in [
        (&two, json!(["Ana", "42"]), "fits"),
        (&two, json!(["Ana"]), "body: 1 parameters given, the template takes 2"),
        (&two, json!(["Ana", ""]), "body[1]: the text is empty"),
        (&two, json!(["Ana", "4\n2"]), "body[1]: a line break or tab is not allowed"),
        (&two, json!(["Ana", "4     2"]), "body[1]: more than 4 spaces in a row are not allowed"),
        (&two, json!({"a": "Ana", "b": "42"}), "body: parameters are positional; give a list"),
        (&two, json!(["x".repeat(1_000), "x".repeat(25)]), "body: 1025 characters, at most 1024 are allowed"),
        (&named, json!({"order": "42", "first_name": "Ana"}), "fits"),
        (&named, json!(["Ana", "42"]), "body: parameters are named; give an object with first_name, order"),
        (&named, json!({"order": "42", "name": "Ana"}), "body: the parameter first_name is missing"),
        (&named, json!({"order": "42", "first_name": ""}), "body.first_name: the text is empty"),
        (&known, json!(["Anna"]), "fits"),
        (&known, json!(["Ännas"]), "body: 1025 characters, at most 1024 are allowed"),
    ] {
        assert_eq!(told(template.clone(), json!({"body": body.clone()})), says, "{body}");
    }
    assert_eq!(told(json!({}), json!({"body": {}})), "fits", "nothing asked, nothing given");
}

#[test]
fn the_header() {
    let of = |format: &str| json!({"header": format});
    let named = json!({"header": "text",
        "components": {"digest": "0", "header_chars": 50, "header_name": "subject"}});
    for (template, header, says) in [
        (of("image"), json!({"type": "image", "image": {"id": "1"}}), "fits"),
        (of("image"), json!({"type": "image", "image": {"link": "https://x.example/a.png"}}), "fits"),
        (of("image"), json!({"type": "video", "video": {"id": "1"}}), "header: it takes the type image"),
        (of("image"), json!({"type": "image", "image": {}}), "header: image needs an id or a link"),
        (of("image"), json!({"type": "image", "video": {"id": "1"}}), "header: image needs an id or a link"),
        (
            of("document"),
            json!({"type": "document", "document": {"link": "a.pdf"}}),
            "header: the link of the document is no http or https address",
        ),
        (of("video"), json!("a.mp4"), "header: it is no parameter object of the platform"),
        (of("location"), json!({"type": "location", "location": {"latitude": 1, "longitude": "2"}}), "fits"),
        (
            of("location"),
            json!({"type": "location", "location": {"latitude": 1}}),
            "header: a location needs latitude and longitude",
        ),
        (of("text"), json!({"type": "text", "text": "order"}), "fits"),
        (of("text"), json!({"type": "currency", "currency": {"code": "USD"}}), "fits"),
        (of("text"), json!({"type": "text"}), "header: the text is empty"),
        (of("text"), json!({"type": "text", "text": "x".repeat(61)}), "header: 61 characters, at most 60 are allowed"),
        (of("none"), json!({"type": "text", "text": "x"}), "header: 1 parameters given, the template takes 0"),
        (named.clone(), json!({"type": "text", "parameter_name": "subject", "text": "x".repeat(10)}), "fits"),
        (
            named.clone(),
            json!({"type": "text", "parameter_name": "subject", "text": "x".repeat(11)}),
            "header: 61 characters, at most 60 are allowed",
        ),
        (named, json!({"type": "text", "text": "x"}), "header: the parameter is named; give parameter_name subject"),
    ] {
        assert_eq!(told(template, json!({"header": [header.clone()]})), says, "{header}");
    }
    assert_eq!(told(of("image"), json!({})), "header: 0 parameters given, the template takes 1");
}

#[test]
fn the_buttons_of_a_template_that_is_known() {
    let kinds = json!([{"kind": "url_variable", "chars": 1990}, {"kind": "quick_reply"}, {"kind": "copy_code"},
        {"kind": "url"}, {"kind": "other"}]);
    let template = json!({"buttons": 2, "components": {"digest": "0", "buttons": kinds}});
    let url = |text: &str| button("url", json!("0"), json!({"type": "text", "text": text}));
    let code = |code: &str| button("copy_code", json!(2), json!({"type": "coupon_code", "coupon_code": code}));
    let reply = |index: Value| button("quick_reply", index, json!({"type": "payload", "payload": "STOP"}));
    for (buttons, says) in [
        (json!([url("abc"), code("25OFF")]), "fits"),
        (json!([code("25OFF"), reply(json!("1")), url("abc")]), "fits"),
        (json!([url("abc")]), "buttons: the button at index 2 needs a parameter"),
        (json!([url("abc"), code("25OFF"), url("d")]), "buttons[2]: the button at index 0 is given twice"),
        (json!([url("12345678901"), code("1")]), "buttons[0]: 2001 characters, at most 2000 are allowed"),
        (json!([url("abc"), code("1234567890123456")]), "buttons[1]: 16 characters, at most 15 are allowed"),
        (json!([url("abc"), code("")]), "buttons[1]: the text is empty"),
        (json!([reply(json!(0))]), "buttons[0]: the button at this index takes the sub_type url"),
        (json!([reply(json!(7))]), "buttons[0]: the template has no button at this index"),
        (
            json!([button("url", json!(0), json!({"type": "payload", "payload": "x"}))]),
            "buttons[0]: it takes the parameter type text",
        ),
        (json!([button("url", json!(3), json!({"type": "text", "text": "x"}))]), "buttons[0]: it takes no parameter"),
        (
            json!([{"type": "button", "sub_type": "url", "index": 0, "parameters": []}]),
            "buttons[0]: 0 parameters given, the template takes 1",
        ),
        (
            json!([button("quick_reply", json!(1), json!({"type": "payload", "payload": ""}))]),
            "buttons[0]: the payload is empty",
        ),
        (json!([url("abc"), code("1"), button("flow", json!(4), json!({"type": "action"}))]), "fits"),
        (json!([{"type": "header"}]), "buttons[0]: it is no button component with sub_type, index and parameters"),
    ] {
        assert_eq!(told(template.clone(), json!({"buttons": buttons.clone()})), says, "{buttons}");
    }
}

#[test]
fn the_buttons_of_a_template_that_is_declared_are_counted() {
    let one = json!({"buttons": 1});
    let stop = button("quick_reply", json!("0"), json!({"type": "payload", "payload": "STOP"}));
    assert_eq!(told(one.clone(), json!({"buttons": [stop]})), "fits");
    assert_eq!(told(one, json!({})), "buttons: 0 parameters given, the template takes 1");
}

#[test]
fn one_time_codes() {
    let buttons = json!([{"kind": "one_time_code"}]);
    let template = json!({"category": "authentication", "body": ["1"], "buttons": 1,
        "components": {"digest": "0", "body_chars": 60, "buttons": buttons}});
    let given = |body: &str, button_text: &str| {
        let copied = button("url", json!("0"), json!({"type": "text", "text": button_text}));
        told(template.clone(), json!({"body": [body], "buttons": [copied]}))
    };
    assert_eq!(given("123456", "123456"), "fits");
    assert_eq!(given("123456", "654321"), "buttons[0]: it is another code than the body's");
    assert_eq!(given("1234567890123456", "1"), "body[0]: 16 characters, at most 15 are allowed");
    assert_eq!(given("www.x.example", "1"), "body[0]: a link is not allowed in an authentication template");
    assert_eq!(given("12\u{1f600}", "1"), "body[0]: an emoji is not allowed in an authentication template");
    let without = told(template.clone(), json!({"body": ["123456"]}));
    assert_eq!(without, "buttons: the button at index 0 needs a parameter");
}

#[test]
fn what_a_request_cannot_fill() {
    let carousel = json!({"components": {"digest": "0", "unfillable": "CAROUSEL"}});
    assert_eq!(told(carousel, json!({})), "the template has a CAROUSEL, which a request cannot fill");
}

#[test]
fn buttons_that_act() {
    let kinds = json!([{"kind": "flow"}, {"kind": "catalog"}, {"kind": "voice_call"}]);
    let template = json!({"components": {"digest": "0", "buttons": kinds}});
    let with = |sub_type: &str, index: usize, parameters: Value| {
        let button = json!({"type": "button", "sub_type": sub_type, "index": index, "parameters": parameters});
        told(template.clone(), json!({"buttons": [button]}))
    };
    let action = |action: Value| json!([{"type": "action", "action": action}]);
    assert_eq!(told(template.clone(), json!({})), "fits", "none of them has to be given anything");
    for (sub_type, index, parameters, says) in [
        ("flow", 0, json!([]), "fits"),
        ("FLOW", 0, action(json!({"flow_token": "t", "flow_action_data": {"a": 1}})), "fits"),
        ("flow", 0, action(json!({"flow_token": ""})), "buttons[0]: the flow_token is empty"),
        ("flow", 0, action(json!({"flow_action_data": []})), "buttons[0]: flow_action_data is no object"),
        ("flow", 0, json!([{"type": "payload"}]), "buttons[0]: it takes the parameter type action"),
        ("url", 0, json!([]), "buttons[0]: the button at this index takes the sub_type flow"),
        ("catalog", 1, json!([]), "fits"),
        ("catalog", 1, action(json!({"thumbnail_product_retailer_id": "sku"})), "fits"),
        ("catalog", 1, action(json!({})), "buttons[0]: the action needs thumbnail_product_retailer_id"),
        ("voice_call", 2, json!([]), "fits"),
        (
            "voice_call",
            2,
            json!([{"type": "ttl_minutes", "ttl_minutes": 100}, {"type": "payload", "payload": "x"}]),
            "fits",
        ),
        ("voice_call", 2, json!([{"type": "ttl_minutes", "ttl_minutes": 0}]), "buttons[0]: ttl_minutes is 1 to 43200"),
        (
            "voice_call",
            2,
            json!([{"type": "text"}]),
            "buttons[0]: it takes the parameter types ttl_minutes and payload",
        ),
    ] {
        assert_eq!(with(sub_type, index, parameters.clone()), says, "{sub_type} {parameters}");
    }
}

#[test]
fn several_products() {
    let template = json!({"components": {"digest": "0", "buttons": [{"kind": "products"}]}});
    let with = |sections: Value| {
        let parameter =
            json!({"type": "action", "action": {"thumbnail_product_retailer_id": "a", "sections": sections}});
        told(template.clone(), json!({"buttons": [button("mpm", json!(0), parameter)]}))
    };
    let items = |n: usize| json!(vec![json!({"product_retailer_id": "sku"}); n]);
    for (sections, says) in [
        (json!([{"product_items": items(30)}]), "fits"),
        (json!([{"title": "a", "product_items": items(15)}, {"title": "b", "product_items": items(15)}]), "fits"),
        (json!([]), "buttons[0]: 0 sections, 1 to 10 are allowed"),
        (json!([{"product_items": items(31)}]), "buttons[0]: 31 products, at most 30 are allowed"),
        (
            json!([{"product_items": items(1)}, {"title": "b", "product_items": items(1)}]),
            "buttons[0]: sections[0]: one of several needs a title",
        ),
        (
            json!([{"title": "x".repeat(25), "product_items": items(1)}]),
            "buttons[0]: sections[0].title: 25 characters, at most 24 are allowed",
        ),
        (
            json!([{"title": "a", "product_items": []}]),
            "buttons[0]: sections[0]: it needs product_items with product_retailer_id",
        ),
    ] {
        assert_eq!(with(sections.clone()), says, "{sections}");
    }
    assert_eq!(told(template, json!({})), "buttons: the button at index 0 needs a parameter");
}

#[test]
fn a_product_in_the_header() {
    let template = json!({"header": "product"});
    let with = |product: Value| told(template.clone(), json!({"header": [{"type": "product", "product": product}]}));
    assert_eq!(with(json!({"product_retailer_id": "sku", "catalog_id": "1"})), "fits");
    assert_eq!(with(json!({"catalog_id": "1"})), "header: a product needs product_retailer_id and catalog_id");
}

#[test]
fn a_limited_time_offer() {
    let offer = json!({"limited_time_offer": {"expiration_time_ms": 1_795_867_200_000_u64}});
    let with = |offers: bool| json!({"components": {"digest": "0", "offer": offers}});
    assert_eq!(told(with(true), offer.clone()), "fits");
    assert_eq!(told(with(true), json!({})), "limited_time_offer: the template needs expiration_time_ms");
    assert_eq!(told(with(false), offer), "limited_time_offer: the template has none that ends");
}

#[test]
fn cards_of_pictures() {
    let spec = json!({"header": "image", "body": ["1"], "body_chars": 150,
        "buttons": [{"kind": "url_variable", "chars": 20}, {"kind": "quick_reply"}]});
    let template = json!({"components": {"digest": "0", "cards": [spec, spec]}});
    let head = json!({"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]});
    let body = |text: &str| json!({"type": "body", "parameters": [{"type": "text", "text": text}]});
    let url = button("url", json!("0"), json!({"type": "text", "text": "abc"}));
    let card = |index: Value, components: Value| json!({"card_index": index, "components": components});
    let full = |index: usize| card(json!(index), json!([head, body("Ana"), url]));
    for (cards, says) in [
        (json!([full(0), full(1)]), "fits"),
        (json!([full(1), card(json!("0"), json!([head, body("Ana"), url]))]), "fits"),
        (json!([full(0)]), "cards: 1 given, the template takes 2"),
        (json!([full(0), full(0)]), "cards[1]: the card 0 is given twice"),
        (json!([full(0), full(2)]), "cards[1]: the card_index is out of range"),
        (
            json!([full(0), card(json!(1), json!([body("Ana"), url]))]),
            "cards[1]: header: 0 parameters given, the template takes 1",
        ),
        (
            json!([full(0), card(json!(1), json!([head, url]))]),
            "cards[1]: body: 0 parameters given, the template takes 1",
        ),
        (
            json!([full(0), card(json!(1), json!([head, body("twelve chars"), url]))]),
            "cards[1]: body: 162 characters, at most 160 are allowed",
        ),
        (
            json!([full(0), card(json!(1), json!([head, body("Ana")]))]),
            "cards[1]: buttons: the button at index 0 needs a parameter",
        ),
        (
            json!([full(0), card(json!(1), json!([head, body("Ana"), url, {"type": "footer"}]))]),
            "cards[1]: a card has header, body and button components only",
        ),
        (json!([full(0), {"components": []}]), "cards[1]: it is no card with card_index and components"),
    ] {
        assert_eq!(told(template.clone(), json!({"cards": cards.clone()})), says, "{cards}");
    }
    assert_eq!(told(template, json!({})), "cards: 0 given, the template takes 2");
    let plain = json!({"components": {"digest": "0"}});
    assert_eq!(told(plain, json!({"cards": [full(0)]})), "cards: 1 given, the template takes 0");
}

#[test]
fn cards_of_products_are_as_many_as_the_message_has() {
    let spec = json!({"header": "product", "buttons": [{"kind": "other"}]});
    let template = json!({"components": {"digest": "0", "cards": [spec, spec]}});
    let cards = |n: usize| {
        let product = json!({"type": "product", "product": {"product_retailer_id": "sku", "catalog_id": "1"}});
        let card = |index| json!({"card_index": index, "components": [{"type": "header", "parameters": [product]}]});
        told(template.clone(), json!({"cards": (0..n).map(card).collect::<Vec<_>>()}))
    };
    assert_eq!((cards(2), cards(10)), ("fits".to_owned(), "fits".to_owned()));
    assert_eq!(cards(1), "cards: 1 given, the template takes 2 to 10");
    assert_eq!(cards(11), "cards: 11 given, the template takes 2 to 10");
}
