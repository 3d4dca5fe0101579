//! Who may read the files with secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::{Config, Fault, SecretFile};

/// The deployment's secret in the data directory, where no file is configured for it.
const HASH_KEY: &str = "hash.key";

/// Files that every user of this machine may read.
pub(super) fn look(config: &Config, findings: &mut Vec<Fault>) {
    let made = SecretFile {
        key: HASH_KEY.to_owned(),
        place: config.data_dir.display().to_string(),
        path: config.data_dir.join(HASH_KEY),
    };
    for file in config.secret_files.iter().chain([&made]) {
        findings.extend(open_to_all(file));
    }
}

fn open_to_all(file: &SecretFile) -> Option<Fault> {
    let SecretFile { key, place, path } = file;
    let shown = path.display();
    let mode = match fs::metadata(path) {
        Ok(file) => file.permissions().mode() & 0o7777,
        // Before the first start there is none; whatever else is missing is a fault of its own, but for a certificate's key.
        Err(_) if key == HASH_KEY || path.exists() => return None,
        Err(error) => {
            return Some(Fault {
                place: place.clone(),
                problem: format!("{shown} holds a secret and cannot be read: {error}"),
                remedy: "name a file that this user may read".to_owned(),
            });
        }
    };
    (mode & 0o004 != 0 && is_reachable(path)).then(|| Fault {
        place: place.clone(),
        problem: format!("{shown} ({key}) holds a secret and every user of this machine may read it (mode {mode:04o})"),
        remedy: format!("chmod o= {shown}"),
    })
}

/// Whether every user may pass through all directories above the file.
fn is_reachable(path: &Path) -> bool {
    let whole = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    whole
        .ancestors()
        .skip(1)
        .all(|above| fs::metadata(above).is_ok_and(|directory| directory.permissions().mode() & 0o001 != 0))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_file_is_open_when_all_above_it_are() {
        let directory = tempfile::tempdir().unwrap();
        let (above, path) = (directory.path().join("secrets"), directory.path().join("secrets/token"));
        fs::create_dir(&above).unwrap();
        fs::write(&path, "s3cret").unwrap();
        let file = SecretFile { key: "k_file".to_owned(), place: "t.toml:3".to_owned(), path: path.clone() };
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        // Temporary directories are their owner's alone.
        set(directory.path(), 0o755);
        for (above_mode, mode, told) in [(0o755, 0o644, true), (0o755, 0o640, false), (0o750, 0o644, false)] {
            set(&above, above_mode);
            set(&path, mode);
            let fault = open_to_all(&file).map(|fault| fault.to_string());
            assert_eq!(fault.is_some(), told, "{above_mode:o}/{mode:o}: {fault:?}");
            let right = |text: &String| {
                text.starts_with("t.toml:3: ") && text.ends_with(&format!("chmod o= {}", path.display()))
            };
            assert!(fault.iter().all(right), "{fault:?}");
        }
        fs::remove_file(&path).unwrap();
        assert!(open_to_all(&file).unwrap().problem.contains("cannot be read"));
    }
}
