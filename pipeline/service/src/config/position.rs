//! Lines of a TOML text: of an offset, and of the value at a path such as `wabas[0].currency`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where the lines of a text begin.
pub struct Lines(Vec<usize>);

impl Lines {
    /// Finds them.
    pub fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line of a byte offset, from 1.
    pub fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset).max(1)
    }
}

/// The line of the value at `path`, or of the innermost table or list around it that there is.
pub fn line_of(root: &Spanned<DeTable<'_>>, lines: &Lines, path: &str) -> usize {
    let mut offset = root.span().start;
    let mut table = Some(root.get_ref());
    for step in path.split('.') {
        let (name, indexes) = step.split_once('[').unwrap_or((step, ""));
        let Some((key, value)) = table.and_then(|t| t.iter().find(|(key, _)| key.get_ref().as_ref() == name)) else {
            break;
        };
        offset = key.span().start;
        let mut value: &Spanned<DeValue<'_>> = value;
        for index in indexes.split(['[', ']']).filter_map(|index| index.parse::<usize>().ok()) {
            let Some(item) = value.get_ref().as_array().and_then(|items| items.get(index)) else {
                return lines.at(offset);
            };
            value = item;
            offset = value.span().start;
        }
        table = value.get_ref().as_table();
    }
    lines.at(offset)
}
