//! An export as files: written beside, then renamed, so that nothing half-written ever has the name.

use super::manifest::Manifest;
use super::partial::partial;
use super::write::{ExportError, Request, write_csv};
use crate::ledger::LedgerReader;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Writes the rows to `out`, as Parquet where the name ends in `.parquet` and as CSV otherwise, and the manifest beside
/// it as `<out>.manifest.json`. Each is replaced whole or not at all, the manifest last. `progress` as in [`write_csv`].
pub fn export(
    ledger: &dyn LedgerReader,
    request: &Request,
    out: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, ExportError> {
    let name = out.file_name().map(|n| n.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| {
        let source = std::io::Error::other("not a file name; name a file such as billing-2026-10.csv");
        ExportError::writing(out, source)
    })?;
    let write = writer(out)?;
    // Phone numbers are for whoever asked for them.
    let mode = if request.with_recipients { PRIVATE } else { SHARED };
    let manifest = replace(out, mode, |file| write(ledger, request, &name, file, progress).map_err(|e| named(e, out)))?;
    let beside = manifest_path(out);
    replace(&beside, SHARED, |file| {
        let written = file.write_all(manifest.to_json().as_bytes());
        written.map_err(|e| ExportError::writing(&beside, e))
    })?;
    Ok(manifest)
}

/// Whether an export of that name is Parquet: it ends in `.parquet`.
#[must_use]
pub fn is_parquet(out: &Path) -> bool {
    out.extension().is_some_and(|extension| extension == "parquet")
}

type WriteFile =
    fn(&dyn LedgerReader, &Request, &str, &mut File, &mut dyn FnMut(u64, u64)) -> Result<Manifest, ExportError>;

/// What writes a file of that name.
fn writer(out: &Path) -> Result<WriteFile, ExportError> {
    if !is_parquet(out) {
        return Ok(|ledger, request, name, file, progress| write_csv(ledger, request, name, file, progress));
    }
    #[cfg(feature = "parquet")]
    return Ok(|ledger, request, name, file, progress| {
        super::write::write_parquet(ledger, request, name, file, progress)
    });
    #[cfg(not(feature = "parquet"))]
    Err(ExportError::NoParquet { path: out.to_owned() })
}

/// Where the manifest of an export lies.
fn manifest_path(out: &Path) -> PathBuf {
    let mut path = out.as_os_str().to_owned();
    path.push(".manifest.json");
    path.into()
}

/// Names the whole path instead of the file's name alone.
fn named(error: ExportError, out: &Path) -> ExportError {
    match error {
        ExportError::DiskFull { .. } => ExportError::DiskFull { path: out.to_owned() },
        ExportError::Io { source, .. } => ExportError::writing(out, source),
        other @ (ExportError::Ledger(_) | ExportError::UnknownZone { .. } | ExportError::NoParquet { .. }) => other,
    }
}

/// Permissions of a file before the process's mask: whoever may, and its owner alone.
const SHARED: u32 = 0o666;
const PRIVATE: u32 = 0o600;

fn replace<T>(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> Result<T, ExportError>,
) -> Result<T, ExportError> {
    let partial = partial(path);
    let wrap = |e| ExportError::writing(path, e);
    let run = || {
        let mut file = OpenOptions::new();
        let file = file.write(true).create(true).truncate(true).mode(mode);
        let mut file = file.open(&partial).map_err(wrap)?;
        // Whoever clears away what killed exports left sees that this one lives. Not every file system can.
        let _ = file.try_lock();
        let done = write(&mut file)?;
        file.sync_all().map_err(wrap)?;
        fs::rename(&partial, path).map_err(wrap)?;
        Ok(done)
    };
    run().inspect_err(|_| {
        // It may not exist; the error that matters is the one at hand.
        let _ = fs::remove_file(&partial);
    })
}
