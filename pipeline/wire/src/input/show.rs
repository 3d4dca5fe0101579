//! What may be shown of a value that was refused.

/// Longest part of a value that an error repeats, in characters.
const SHOWN_CHARS: usize = 40;

/// Digits from which a value that looks like a phone number is masked.
const PHONE_DIGITS: usize = 7;

/// The value in quotes, cut to 40 characters, control characters escaped. A value that could be a phone
/// number keeps only its first three characters.
pub(crate) fn shown(value: &str) -> String {
    if looks_like_phone(value) {
        let head: String = value.chars().take(3).collect();
        return format!("{:?}", head + "…");
    }
    let head: String = value.chars().take(SHOWN_CHARS).collect();
    let dots = if head.len() < value.len() { "…" } else { "" };
    format!("{:?}", head + dots)
}

/// A key of the producer's own making, which may be anything: kept when it looks like a field name.
pub(crate) fn shown_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if key.len() > SHOWN_CHARS || !key.chars().all(plain) || looks_like_phone(key) {
        return "…".to_owned();
    }
    key.to_owned()
}

fn looks_like_phone(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let other = value.chars().any(|c| !c.is_ascii_digit() && !matches!(c, '+' | '-' | '(' | ')' | '.' | '/' | ' '));
    digits >= PHONE_DIGITS && !other
}

/// Is this a place where a phone number, a template parameter or a text may stand?
pub(super) fn is_private(path: &str) -> bool {
    let under = |name: &str| path.split(['.', '[']).any(|step| step == name);
    ["to", "from", "bsuid", "text", "components", "header", "body", "buttons", "metadata", "keyword", "wamid"]
        .into_iter()
        .any(under)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_phone_number_is_masked() {
        for (value, expected) in [
            ("+5511987654321", r#""+55…""#),
            ("5511 98765-4321", r#""551…""#),
            ("promo", r#""promo""#),
            ("2026-13-01T00:00:00Z", r#""2026-13-01T00:00:00Z""#),
            ("a\u{0}b", r#""a\0b""#),
        ] {
            assert_eq!(shown(value), expected);
        }
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 43);
    }

    #[test]
    fn private_places_are_known_by_any_step_of_the_path() {
        for (path, private) in [
            ("to", true),
            ("to.bsuid", true),
            ("events[1].bsuid", true),
            ("content[1].text", true),
            ("content[0].template.components.body[2]", true),
            ("content[0].template.name", false),
            ("consent.to", true),
            ("account", false),
            ("", false),
        ] {
            assert_eq!(is_private(path), private, "{path}");
        }
    }
}
