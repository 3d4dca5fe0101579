//! JSON in ASCII, as the platform writes and signs it: everything else as `\u` and four lower-case hexadecimal digits.

use std::fmt::Write as _;

/// The same JSON in ASCII alone. Outside of strings JSON has nothing else.
pub(crate) fn ascii(json: String) -> String {
    if json.is_ascii() {
        return json;
    }
    let mut out = String::with_capacity(json.len() * 2);
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}").expect("memory does not refuse text");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::ascii;

    #[test]
    fn what_is_not_ascii_is_escaped_and_means_the_same() {
        let json = r#"{"body":"Saír 😀 \n"}"#;
        let escaped = ascii(json.to_owned());
        assert_eq!(escaped, r#"{"body":"Sa\u00edr \ud83d\ude00 \n"}"#);
        let read = |json: &str| serde_json::from_str::<serde_json::Value>(json).expect("JSON");
        assert_eq!(read(&escaped), read(json));
    }
}
