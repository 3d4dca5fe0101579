//! An export by the service: the CSV and its manifest in one answer, so that both are of one moment.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tollgate_runtime::export::partial as partial_of;
use tollgate_wire::Time;

use super::scope::manifest_path;
use super::{ExportArgs, is_stdout, print};
use crate::client::{Api, encode, path};
use crate::exit::WrongUse;
use crate::output;

/// Stands between CSV and manifest; no JSON text has it, so the last one divides.
const DIVIDER: u8 = 0;
/// Longest manifest, in bytes.
const MANIFEST_MAX: u64 = 4 << 20;

/// What is read of a manifest here.
#[derive(Deserialize)]
struct Manifest {
    as_of: Time,
    rows: u64,
    entries: u64,
    bytes: u64,
    sha256: String,
}

/// Writes the export and its manifest, or the CSV alone to stdout.
///
/// # Errors
/// The service refuses, or the files cannot be written.
pub(super) async fn export(args: &ExportArgs, out: &Path, json: bool) -> anyhow::Result<()> {
    if args.with_recipients {
        let remedy = "the service gives no recipients; run it where data_dir is, without --url and TOLLGATE_URL";
        return Err(WrongUse(format!("--with-recipients with --url: {remedy}")).into());
    }
    let api = Api::new(&args.client)?;
    let account = args.account.as_deref().map(|account| format!("&account={}", encode(account)));
    let address = format!(
        "{}?format={}{}{}{}",
        path(&["billing", &format!("{}.csv", args.month)]),
        args.format.as_str(),
        args.view().map(|view| format!("&view={}", view.as_str())).unwrap_or_default(),
        account.unwrap_or_default(),
        if args.with_invoices { "&invoices=true" } else { "" }
    );
    if is_stdout(out) {
        api.download(&address, &mut std::io::stdout().lock()).await?;
        return Ok(());
    }
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.ok_or_else(|| anyhow!("--out {} is no file; name one", out.display()))?;
    let address = format!("{address}&manifest={}", encode(&name));
    let partial = partial_of(out);
    let (manifest, text) = download(&api, &address, &partial, out).await.inspect_err(|_| {
        // It may not exist; the error that matters is the one at hand.
        let _ = std::fs::remove_file(&partial);
    })?;
    if json {
        output::line(text.trim_end())?;
    } else {
        print(out, manifest.rows, manifest.entries, manifest.as_of)?;
    }
    Ok(())
}

/// Beside, then renamed, so that nothing half-written ever has the name; the manifest last.
async fn download(api: &Api, address: &str, partial: &Path, out: &Path) -> anyhow::Result<(Manifest, String)> {
    let cannot = || format!("--out {} cannot be written", out.display());
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(partial);
    let file = file.as_mut().map_err(|error| anyhow!("{}: {error}", cannot()))?;
    // Whoever clears away what killed exports left sees that this one lives. Not every file system can.
    let _ = file.try_lock();
    api.download(address, file).await?;
    let (manifest, text) = divide(file)?;
    file.sync_all().with_context(cannot)?;
    std::fs::rename(partial, out).with_context(cannot)?;
    let path = manifest_path(out);
    let partial = partial_of(&path);
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&partial, &path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok((manifest, text))
}

/// Takes the manifest off the end of the file, and checks the rest against it.
fn divide(file: &mut File) -> anyhow::Result<(Manifest, String)> {
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(MANIFEST_MAX);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut tail)?;
    let versions = || anyhow!("the service gave no manifest; use a command of the service's version");
    let at = tail.iter().rposition(|byte| *byte == DIVIDER).ok_or_else(versions)?;
    let text = String::from_utf8(tail.split_off(at + 1)).map_err(|_| versions())?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|_| versions())?;
    file.set_len(from + at as u64)?;
    file.seek(SeekFrom::Start(0))?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        bytes += read as u64;
    }
    if (bytes, hex::encode(hash.finalize())) != (manifest.bytes, manifest.sha256.clone()) {
        return Err(anyhow!("the CSV is not the one that its manifest describes; try again"));
    }
    Ok((manifest, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(body: &[u8]) -> anyhow::Result<(Vec<u8>, String)> {
        let mut file = tempfile::tempfile()?;
        file.write_all(body)?;
        let (_, text) = divide(&mut file)?;
        let mut csv = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut csv)?;
        Ok((csv, text))
    }

    #[test]
    fn csv_and_manifest_are_told_apart_and_checked() {
        let csv = b"a,b\n\"x\0y\",2\n";
        let manifest = |bytes: usize| {
            let sha256 = hex::encode(Sha256::digest(csv));
            format!(r#"{{"as_of":"2026-11-01T00:00:00Z","rows":1,"entries":2,"bytes":{bytes},"sha256":"{sha256}"}}"#)
        };
        let body = |manifest: &str| [&csv[..], &[DIVIDER], manifest.as_bytes()].concat();
        let (left, text) = divided(&body(&manifest(csv.len()))).expect("whole");
        assert_eq!((&left[..], text), (&csv[..], manifest(csv.len())));
        assert!(divided(&body(&manifest(1))).is_err_and(|e| e.to_string().contains("try again")), "another CSV");
        assert!(divided(b"a,b\n1,2\n").is_err_and(|e| e.to_string().contains("no manifest")), "an older service");
    }
}
