//! What an export that is interrupted would leave beside its file.

use std::path::Path;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tollgate_runtime::export::{partial, remove_stale};

use super::scope::manifest_path;
use crate::exit;

/// Removes what killed exports to this name left, and from now on at a signal to end what this one has written so far.
///
/// # Errors
/// Signals cannot be listened to.
pub(super) fn clear(out: &Path) -> anyhow::Result<()> {
    let files = [out.to_owned(), manifest_path(out)];
    for file in &files {
        // That something cannot be cleared away is no reason to write no bill: writing it will tell.
        let _ = remove_stale(file);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("signals cannot be listened to")?;
    let listening = {
        let _inside = runtime.enter();
        signal(SignalKind::interrupt()).and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)))
    };
    let (mut interrupt, mut terminate) = listening.context("signals cannot be listened to")?;
    std::thread::spawn(move || {
        let of = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
            }
        });
        for file in &files {
            // It may not exist, or have its name already.
            let _ = std::fs::remove_file(partial(file));
        }
        exit::at_signal(of.as_raw_value());
    });
    Ok(())
}
