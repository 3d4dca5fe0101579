//! An inbox for tests: keeps what is appended, holds it back, or refuses it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::sync::Mutex;

use tokio::sync::watch;

use super::{AppendError, BoxFuture, Inbox};
use crate::log::{NewRecord, Topic};

pub(crate) struct FakeInbox {
    records: Mutex<Vec<(Topic, NewRecord)>>,
    appends: Mutex<usize>,
    errors: Mutex<Vec<AppendError>>,
    open: watch::Sender<bool>,
}

impl Default for FakeInbox {
    fn default() -> Self {
        Self {
            records: Mutex::default(),
            appends: Mutex::default(),
            errors: Mutex::default(),
            open: watch::Sender::new(true),
        }
    }
}

impl FakeInbox {
    /// The next appends fail with these, the last one first.
    pub(crate) fn fail_with(&self, errors: Vec<AppendError>) {
        *self.errors.lock().unwrap() = errors;
    }

    /// While closed, appends wait to become durable.
    pub(crate) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// Durable records of a topic: key and value as text.
    pub(crate) fn of(&self, topic: Topic) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let records = self.records.lock().unwrap();
        let wanted = records.iter().filter(|(have, _)| *have == topic);
        wanted.map(|(_, record)| (text(&record.key), text(&record.value))).collect()
    }

    /// Headers of a topic's durable records, as text.
    pub(crate) fn headers_of(&self, topic: Topic) -> Vec<Vec<(String, String)>> {
        let text = |(name, value): &(String, bytes::Bytes)| (name.clone(), String::from_utf8_lossy(value).into_owned());
        let records = self.records.lock().unwrap();
        let wanted = records.iter().filter(|(have, _)| *have == topic);
        wanted.map(|(_, record)| record.headers.iter().map(text).collect()).collect()
    }

    /// Appends that became durable.
    pub(crate) fn appends(&self) -> usize {
        *self.appends.lock().unwrap()
    }
}

impl Inbox for FakeInbox {
    fn append(&self, records: Vec<(Topic, NewRecord)>) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            if let Some(error) = self.errors.lock().unwrap().pop() {
                return Err(error);
            }
            self.open.subscribe().wait_for(|open| *open).await.unwrap();
            *self.appends.lock().unwrap() += 1;
            self.records.lock().unwrap().extend(records);
            Ok(())
        })
    }
}
