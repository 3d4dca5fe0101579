//! The data directory of a demo: its own, and never somebody else's.

use anyhow::{Context as _, bail};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Says that a demo made the directory.
const MARK: &str = "made-by-tollgate-demo";

/// Makes the place ready: absent or empty is good; a demo's is removed with `force`; anything else is refused.
pub(super) fn prepare(path: &Path, force: bool) -> anyhow::Result<()> {
    let shown = path.display();
    let mut entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("--data-dir {shown} cannot be read")),
    };
    if entries.next().is_none() {
        return Ok(());
    }
    match (path.join(MARK).is_file(), force) {
        (true, true) => fs::remove_dir_all(path).with_context(|| format!("--data-dir {shown} cannot be removed")),
        (true, false) => bail!("--data-dir {shown} holds an earlier demo; add --force to replace it, or name another"),
        (false, _) => bail!("--data-dir {shown} is not empty and no demo made it; name another directory"),
    }
}

/// Leaves the mark, once the service has made the directory its own.
pub(super) fn mark(path: &Path, seed: u64) -> anyhow::Result<()> {
    let text = format!("seed {seed}; `tollgate demo --force` may remove this directory\n");
    fs::write(path.join(MARK), text).with_context(|| format!("--data-dir {} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demo_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("demo");
        prepare(&path, false).expect("absent");
        fs::create_dir(&path).expect("made");
        prepare(&path, false).expect("empty");
        fs::write(path.join("ledger.db"), "x").expect("written");
        assert!(prepare(&path, true).expect_err("not a demo's").to_string().contains("no demo made it"));
        mark(&path, 7).expect("marked");
        assert!(prepare(&path, false).expect_err("no force").to_string().contains("--force"));
        prepare(&path, true).expect("removed");
        assert!(!path.exists());
    }
}
