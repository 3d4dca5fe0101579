//! What is wrong with a data file.

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
        Self { file: file.to_owned(), line, problem: problem.into(), remedy: remedy.into() }
    }
}
