//! JSON changed by its structure. The tree keeps what a map of values would lose: order, doubled fields, and how a
//! scalar is written.

use super::wild;
use crate::Dice;

/// So many bytes that a change still lets a list or an object grow.
const GROWN_BYTES_MAX: usize = 200_000;

/// A value. Names and scalars are as they stand in the text, with quotes.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Object(Vec<(String, Self)>),
    List(Vec<Self>),
    Scalar(String),
}

impl Node {
    /// Reads a fixture; panics when it is no JSON.
    pub(super) fn of(text: &str) -> Self {
        let mut at = 0;
        let node = read(text, &mut at);
        assert!(text[at..].trim().is_empty(), "a fixture goes on after its value: {}", &text[at..]);
        node
    }

    fn count(&self) -> usize {
        1 + match self {
            Self::Object(fields) => fields.iter().map(|(_, value)| value.count()).sum(),
            Self::List(items) => items.iter().map(Self::count).sum(),
            Self::Scalar(_) => 0,
        }
    }

    /// The value of a number, from the outside in.
    fn nth(&mut self, n: &mut usize) -> Option<&mut Self> {
        if *n == 0 {
            return Some(self);
        }
        *n -= 1;
        match self {
            Self::Object(fields) => fields.iter_mut().find_map(|(_, value)| value.nth(n)),
            Self::List(items) => items.iter_mut().find_map(|value| value.nth(n)),
            Self::Scalar(_) => None,
        }
    }

    fn write(&self, out: &mut String, space: &str) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i == 0 { space } else { "," });
                    item.write(out, space);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (i, (name, value)) in fields.iter().enumerate() {
                    out.push_str(if i == 0 { space } else { "," });
                    out.push_str(name);
                    out.push(':');
                    value.write(out, space);
                }
                out.push('}');
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, "");
        text
    }
}

/// One to four changes, written without blanks or with them.
pub(super) fn changed(root: &Node, dice: &mut Dice) -> Vec<u8> {
    let mut root = root.clone();
    for _ in 0..dice.between(1, 4) {
        let count = root.count() as u64;
        let other = root.nth(&mut (dice.below(count) as usize)).cloned();
        if let Some(node) = root.nth(&mut (dice.below(count) as usize)) {
            change(node, other, dice);
        }
    }
    let mut text = String::new();
    root.write(&mut text, dice.pick::<&str>(&["", "", "", " ", "\n  ", "\r\n\t"]));
    text.into_bytes()
}

fn change(node: &mut Node, other: Option<Node>, dice: &mut Dice) {
    match (node, dice.below(10)) {
        (Node::Object(fields), ..=6) if !fields.is_empty() => change_fields(fields, dice),
        (Node::List(items), ..=6) if !items.is_empty() => change_items(items, dice),
        (node, 9..) => wrap(node, dice),
        (node, 8) => {
            if let Some(other) = other {
                *node = other;
            }
        }
        (node, _) => *node = scalar(dice),
    }
}

fn change_fields(fields: &mut Vec<(String, Node)>, dice: &mut Dice) {
    let at = dice.below(fields.len() as u64) as usize;
    let to = dice.below(fields.len() as u64) as usize;
    match dice.below(9) {
        0 => {
            fields.remove(at);
        }
        1 => {
            let again = fields[at].clone();
            fields.insert(to, again);
        }
        2 => fields.swap(at, to),
        3 => {
            let name = fields[at].0.clone();
            fields[at].0 = std::mem::replace(&mut fields[to].0, name);
        }
        4 => fields[at].0 = name(dice),
        5 => fields.insert(to, (name(dice), scalar(dice))),
        6 => fields.reverse(),
        7 => fields[at].1 = scalar(dice),
        _ => {
            let value = fields[at].1.clone();
            let most = GROWN_BYTES_MAX / (value.text().len() + 8);
            let many = wild::length(dice).min(most);
            fields.extend((0..many).map(|n| (format!("\"k{n}\""), value.clone())));
        }
    }
}

fn change_items(items: &mut Vec<Node>, dice: &mut Dice) {
    let at = dice.below(items.len() as u64) as usize;
    match dice.below(5) {
        0 => {
            items.remove(at);
        }
        1 => items.insert(at, scalar(dice)),
        2 => items.reverse(),
        3 => items[at] = Node::Object(Vec::new()),
        _ => {
            let item = if dice.percent(30) { Node::Object(Vec::new()) } else { items[at].clone() };
            let most = GROWN_BYTES_MAX / (item.text().len() + 1);
            items.extend(vec![item; wild::length(dice).min(most)]);
        }
    }
}

/// Puts lists or objects around a value, as many as fit.
fn wrap(node: &mut Node, dice: &mut Dice) {
    let (open, close) = *dice.pick(&[("[", "]"), ("{\"a\":", "}"), ("[{\"id\":", "}]"), ("[", ""), ("{\"a\":[", "]}")]);
    let depth = *dice.weighted(&[(50, 1), (30, 20), (10, 127), (5, 128), (4, 300), (1, 20_000)]);
    *node = Node::Scalar(format!("{}{}{}", open.repeat(depth), node.text(), close.repeat(depth)));
}

fn name(dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => format!("{:?}", wild::long(dice)),
        1 => "\"\\u0061ccount\"".to_owned(),
        _ => format!("\"{}\"", wild::word(dice)),
    }
}

fn scalar(dice: &mut Dice) -> Node {
    const OTHERS: [&str; 22] = [
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "[[]]",
        "{\"\":{}}",
        "nul",
        "'x'",
        "+1",
        "01",
        "1.",
        ".5",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\ud83d\\ude00\"",
        "\"\\u0000\"",
        "\"a\nb\"",
        "\"\\\"\"",
        "//",
        "[null,1,\"\"]",
        "{\"a\":1,\"a\":2}",
    ];
    Node::Scalar(match dice.below(6) {
        0 => wild::number(dice).to_owned(),
        1 => wild::number(dice).repeat(wild::length(dice).min(5_000)),
        2 => format!("\"{}\"", wild::long(dice)),
        3 => format!("\"{}\"", wild::word(dice)),
        4 => format!("\"{}\"", wild::number(dice)),
        _ => (*dice.pick(&OTHERS)).to_owned(),
    })
}

fn read(text: &str, at: &mut usize) -> Node {
    skip(text, at);
    match text.as_bytes()[*at] {
        b'{' => {
            let mut fields = Vec::new();
            while next(text, at, b'}') {
                let name = token(text, at);
                skip(text, at);
                *at += 1;
                fields.push((name, read(text, at)));
                skip(text, at);
            }
            Node::Object(fields)
        }
        b'[' => {
            let mut items = Vec::new();
            while next(text, at, b']') {
                items.push(read(text, at));
                skip(text, at);
            }
            Node::List(items)
        }
        _ => Node::Scalar(token(text, at)),
    }
}

/// Past an opening bracket or a comma; `false` past the closing one.
fn next(text: &str, at: &mut usize, close: u8) -> bool {
    let closed = text.as_bytes()[*at] == close;
    *at += 1;
    skip(text, at);
    if !closed && text.as_bytes()[*at] == close {
        *at += 1;
        return false;
    }
    !closed
}

fn skip(text: &str, at: &mut usize) {
    *at += text[*at..].len() - text[*at..].trim_start().len();
}

/// A string with its quotes, or anything up to the next sign.
fn token(text: &str, at: &mut usize) -> String {
    let (start, bytes) = (*at, text.as_bytes());
    if bytes[*at] == b'"' {
        *at += 1;
        while bytes[*at] != b'"' {
            *at += if bytes[*at] == b'\\' { 2 } else { 1 };
        }
        *at += 1;
    } else {
        while bytes.get(*at).is_some_and(|b| !matches!(b, b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t')) {
            *at += 1;
        }
    }
    assert!(*at > start, "no JSON at byte {start}: {text}");
    text[start..*at].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixture_is_written_as_it_was_read() {
        let text = r#"{"b":[1,{"a\"}":-1e5,"a":null},[],{}],"b":"x,]}"}"#;
        assert_eq!(Node::of(text).text(), text);
        assert_eq!(Node::of("{ \"b\" : [ 1 , [ ] ] }\n").text(), r#"{"b":[1,[]]}"#);
    }
}
