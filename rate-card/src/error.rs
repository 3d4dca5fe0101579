//! What is wrong with a data file.

/// Characters that are kept of a long problem or remedy: of its beginning, and of its end.
const KEPT_CHARS: [usize; 2] = [500, 150];

/// A data file that cannot be used. Shown as `file:line: problem; remedy`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}; {remedy}")]
pub struct DataError {
    /// Name of the file as it was handed over.
    pub file: String,
    /// Line, from 1.
    pub line: u64,
    /// What is wrong, with the value in back quotes.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

impl DataError {
    pub(crate) fn new(file: &str, line: u64, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, problem: bounded(&problem.into()), remedy: bounded(&remedy.into()) }
    }
}

/// A text without its middle if it is long: what is read may have any length, and a message is read by a person.
#[must_use]
pub fn bounded(text: &str) -> String {
    let [head, tail] = KEPT_CHARS;
    let cut = text.char_indices().nth(head).map(|(at, _)| at);
    let resumed = text.char_indices().rev().nth(tail - 1).map(|(at, _)| at);
    match (cut, resumed) {
        (Some(cut), Some(resumed)) if cut < resumed => format!("{}…{}", &text[..cut], &text[resumed..]),
        _ => text.to_owned(),
    }
}
