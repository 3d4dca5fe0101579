//! Where in a JSON text an error lies: `serde_json` gives line and column, people want the field.

use super::show::shown_key;

/// The byte offset of a line and column as `serde_json` counts them: both from 1, the column in bytes
/// and naming the last byte read.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column).min(text.len())
}

enum Frame {
    Object(Option<String>),
    Array(usize),
}

/// Path of the innermost field that the bytes before `offset` opened, such as `content[0].text`. After
/// a closing bracket it is the path of what was closed.
pub(super) fn path(text: &str, offset: usize) -> String {
    let bytes = &text.as_bytes()[..offset.min(text.len())];
    let mut frames: Vec<Frame> = Vec::new();
    let mut key_next = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' => {
                frames.push(Frame::Object(None));
                key_next = true;
            }
            b'[' => {
                frames.push(Frame::Array(0));
                key_next = false;
            }
            b'}' | b']' => {
                frames.pop();
                key_next = false;
            }
            b',' => match frames.last_mut() {
                Some(Frame::Array(index)) => *index += 1,
                Some(Frame::Object(_)) => key_next = true,
                None => {}
            },
            b'"' => {
                let end = string_end(bytes, at + 1);
                if key_next && let Some(Frame::Object(key)) = frames.last_mut() {
                    *key = Some(shown_key(text.get(at + 1..end).unwrap_or_default()));
                    key_next = false;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    join(&frames)
}

/// The offset of the closing quote of the string whose content starts at `at`, or the end.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn join(frames: &[Frame]) -> String {
    let mut path = String::new();
    for frame in frames {
        match frame {
            Frame::Object(None) => {}
            Frame::Object(Some(key)) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Frame::Array(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_that_of_the_last_field_read() {
        let text = r#"{"a": {"b": [1, {"c\"d": "x,]}"}]}, "e": 7}"#;
        for (before, expected) in [
            ("1", "a.b[0]"),
            ("{\"c", "a.b[1]"),
            (": \"x", "a.b[1].c\\\"d"),
            ("}]}, ", "a.b[1].c\\\"d"),
            ("]}, \"e", "a.b[1]"),
            (", \"e", "a"),
            ("}, ", "a.b"),
            ("7}", "e"),
        ] {
            let at = text.find(before).expect("part of the text");
            let at = if before == "1" { at + 1 } else { at };
            let expected = if expected.contains('\\') { "a.b[1].…" } else { expected };
            assert_eq!(path(text, at), expected, "before {before:?}");
        }
    }

    #[test]
    fn line_and_column_become_an_offset() {
        let text = "{\n  \"a\": 1\n}";
        assert_eq!(offset(text, 1, 1), 1);
        assert_eq!(offset(text, 2, 5), 7);
        assert_eq!(offset(text, 9, 9), text.len());
    }
}
