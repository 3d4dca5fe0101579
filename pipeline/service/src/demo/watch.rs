//! What the views say while it runs, and whether everything that can happen soon has happened.

use super::cast::ACCOUNTS;
use anyhow::Context as _;
use std::path::Path;
use tollgate_runtime::ledger::{Options, Reader};
use tollgate_runtime::views::OutcomeCount;
use tollgate_sandbox::SandboxStats;
use tollgate_wire::Reason;

/// A reader of ledger and views.
pub(super) struct Watch {
    pub(super) reader: Reader,
}

/// Where the messages are, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Decided: everything that came in, repeated requests among them.
    pub(super) decided: u64,
    /// Have an order or had one.
    pub(super) ordered: u64,
    /// Delivered or read.
    pub(super) delivered: u64,
    /// Waiting.
    pub(super) parked: u64,
    /// Under way: the next move is a matter of seconds.
    pub(super) moving: u64,
}

/// Waits for a shared thing that end within seconds by themselves.
const BRIEF: [Reason; 3] = [Reason::Throughput, Reason::InFlight, Reason::SenderBlocked];
/// A wait that ends later than this is not brief, whatever it is for: its head has found something else.
const BRIEF_MS: u64 = 60_000;

impl Watch {
    pub(super) fn open(ledger: &Path) -> anyhow::Result<Self> {
        let options = Options { cache_kib: 8 * 1024, ..Options::default() };
        Ok(Self { reader: Reader::open(ledger, options).context("the ledger cannot be read")? })
    }

    pub(super) fn seen(&self) -> anyhow::Result<Seen> {
        let mut seen = Seen::default();
        for count in self.reader.outcome_counts(None, None)?.counts {
            seen.add(&count);
        }
        Ok(seen)
    }

    /// Messages that wait for something that comes within seconds.
    pub(super) fn brief_waits(&self) -> anyhow::Result<u64> {
        let mut waiting = 0;
        for account in &ACCOUNTS {
            let Some(lots) = self.reader.lots(account.id)? else { continue };
            let soon = lots.as_of.0 + BRIEF_MS;
            let brief = lots.items.iter().filter(|lot| BRIEF.contains(&lot.reason));
            let brief = brief.filter(|lot| lot.opens_at.is_none_or(|at| at.0 < soon));
            waiting += brief.map(|lot| lot.messages).sum::<u64>();
        }
        Ok(waiting)
    }

    /// Whether nothing may happen soon: everything that was `sent` in is decided, no call, no status and no brief
    /// wait is left. A single message's own time may still come: look again.
    pub(super) fn quiet(&self, seen: &Seen, sent: u64, platform: &SandboxStats) -> anyhow::Result<bool> {
        let settled = seen.decided >= sent && seen.moving == 0;
        Ok(settled && platform.timers == 0 && platform.updates_queued == 0 && self.brief_waits()? == 0)
    }
}

impl Seen {
    fn add(&mut self, count: &OutcomeCount) {
        let n = count.messages;
        self.decided += n;
        match count.outcome.as_str() {
            "parked" => self.parked += n,
            "admitted" | "not_sent" | "accepted" | "held" => self.moving += n,
            "delivered" | "read" => self.delivered += n,
            _ => {}
        }
        let before_an_order =
            matches!(count.outcome.as_str(), "parked" | "refused" | "expired" | "cancelled" | "duplicate");
        self.ordered += if before_an_order { 0 } else { n };
    }
}
