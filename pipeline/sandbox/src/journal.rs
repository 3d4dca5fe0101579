//! The record an independent auditor works from: one JSON line per accepted send and per
//! webhook change, exactly as it was sent.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::JournalConfig;
use crate::config::template::Category;
use crate::error::SandboxError;

/// Lines in memory, in a file, both or neither.
#[derive(Debug)]
pub(crate) struct Journal {
    memory: VecDeque<String>,
    memory_max_lines: usize,
    /// Lines that left the memory because it was full.
    forgotten: u64,
    file: Option<BufWriter<File>>,
}

/// A send that was taken. No template parameters.
#[derive(Debug, Serialize)]
pub(crate) struct AcceptedLine<'a> {
    pub(crate) kind: &'static str,
    pub(crate) at_ms: u64,
    pub(crate) portfolio: &'a str,
    pub(crate) waba: &'a str,
    pub(crate) phone_number_id: &'a str,
    pub(crate) to: &'a str,
    pub(crate) wamid: &'a str,
    pub(crate) message_status: Option<&'a str>,
    pub(crate) template: Option<&'a str>,
    pub(crate) language: Option<&'a str>,
    pub(crate) category: Option<Category>,
    pub(crate) biz_opaque_callback_data: Option<&'a str>,
}

#[derive(Serialize)]
struct ChangeLine<'a> {
    kind: &'static str,
    at_ms: u64,
    waba: &'a str,
    change: &'a RawValue,
}

impl Journal {
    pub(crate) fn open(config: &JournalConfig) -> Result<Self, SandboxError> {
        let open = |path: &std::path::PathBuf| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map(BufWriter::new)
                .map_err(|source| SandboxError::Journal { path: path.clone(), source })
        };
        Ok(Self {
            memory: VecDeque::new(),
            memory_max_lines: config.memory_max_lines,
            forgotten: 0,
            file: config.path.as_ref().map(open).transpose()?,
        })
    }

    pub(crate) fn accepted(&mut self, line: &AcceptedLine<'_>) {
        self.write(line);
    }

    /// One webhook change, before it is first delivered; a retry is not written again.
    pub(crate) fn change(&mut self, at_ms: u64, waba: &str, change: &RawValue) {
        self.write(&ChangeLine { kind: "webhook", at_ms, waba, change });
    }

    /// Hands everything to the operating system. A write of a few kilobytes to the page cache
    /// is short enough for the scheduler task.
    pub(crate) fn flush(&mut self) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.flush()
        {
            self.give_up(&error);
        }
    }

    /// Lines in memory from number `after` on, joined; `None` when memory is off. The second
    /// value is the number of the next line.
    pub(crate) fn read(&self, after: u64) -> Option<(String, u64)> {
        if self.memory_max_lines == 0 {
            return None;
        }
        let skip = after.saturating_sub(self.forgotten) as usize;
        let mut text = String::new();
        for line in self.memory.iter().skip(skip) {
            text.push_str(line);
            text.push('\n');
        }
        Some((text, self.forgotten + self.memory.len() as u64))
    }

    fn write<T: Serialize>(&mut self, line: &T) {
        if self.memory_max_lines == 0 && self.file.is_none() {
            return;
        }
        let line = serde_json::to_string(line).expect("strings and numbers always serialise");
        if let Some(file) = &mut self.file
            && let Err(error) = writeln!(file, "{line}")
        {
            self.give_up(&error);
        }
        if self.memory_max_lines > 0 {
            if self.memory.len() == self.memory_max_lines {
                self.memory.pop_front();
                self.forgotten += 1;
            }
            self.memory.push_back(line);
        }
    }

    /// A journal with a hole is worse than none: it ends at the first failed write.
    fn give_up(&mut self, error: &std::io::Error) {
        tracing::error!(%error, "the journal file ends here: a write failed");
        self.file = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, JournalConfig, RawValue};

    fn change(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn memory_keeps_the_newest_lines_and_their_numbers() {
        let config = JournalConfig { memory_max_lines: 2, path: None };
        let mut journal = Journal::open(&config).expect("memory");
        for n in 0..3 {
            journal.change(n, "1", &change(&format!("{{ \"n\":{n} }}")));
        }
        let (text, next) = journal.read(0).expect("on");
        assert_eq!(next, 3);
        assert_eq!(
            text,
            "{\"kind\":\"webhook\",\"at_ms\":1,\"waba\":\"1\",\"change\":{ \"n\":1 }}\n{\"kind\":\"webhook\",\"at_ms\":2,\"waba\":\"1\",\"change\":{ \"n\":2 }}\n"
        );
        assert_eq!(journal.read(2).expect("on").0.lines().count(), 1);
        assert_eq!(journal.read(3).expect("on").0, "");
    }

    #[test]
    fn a_file_is_appended_to() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("journal.ndjson");
        std::fs::write(&path, "before\n").expect("written");
        let config = JournalConfig { memory_max_lines: 0, path: Some(path.clone()) };
        let mut journal = Journal::open(&config).expect("file");
        journal.change(1, "1", &change("{}"));
        journal.flush();
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text.lines().count(), 2);
        assert_eq!(journal.read(0), None);
    }
}
