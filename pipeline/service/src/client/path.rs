//! Paths of requests: every part percent-encoded (RFC 3986 §2.3), so that a name can never become a path.

/// `/v1/` and the parts.
pub fn path(parts: &[&str]) -> String {
    parts.iter().fold("/v1".to_owned(), |path, part| format!("{path}/{}", encode(part)))
}

/// One part of a path, or a value of a query.
pub fn encode(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_break_out() {
        assert_eq!(path(&["messages", "acme", "a/b?c=1&é"]), "/v1/messages/acme/a%2Fb%3Fc%3D1%26%C3%A9");
        assert_eq!(path(&["contacts", "acme", "+5511987654321"]), "/v1/contacts/acme/%2B5511987654321");
    }
}
