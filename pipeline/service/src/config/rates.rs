//! The rate cards: those that come with Tollgate, and an operator's files over them.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use tollgate_rate_card::{RateCards, Source, Sources};

/// The catalogue under a directory of own files, if there is one.
///
/// # Errors
/// A file that cannot be read or used, with its line and the remedy.
pub fn load(directory: Option<&Path>) -> anyhow::Result<RateCards> {
    RateCards::from_sources(&sources(directory)?).map_err(|error| anyhow!(error))
}

/// The data files before they are read.
///
/// # Errors
/// The directory or a file in it cannot be read.
pub fn sources(directory: Option<&Path>) -> anyhow::Result<Sources> {
    let mut sources = Sources::embedded();
    let Some(directory) = directory else { return Ok(sources) };
    let cannot = || format!("rates.directory = {:?} cannot be read", directory.display().to_string());
    let mut files = Vec::new();
    for file in std::fs::read_dir(directory).with_context(cannot)? {
        let path = file.with_context(cannot)?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            files.push(path);
        }
    }
    files.sort();
    for path in files {
        add(&mut sources, &path)?;
    }
    Ok(sources)
}

/// Puts a file in place of the one of its name, or beside the others.
///
/// # Errors
/// The file cannot be read.
pub fn add(sources: &mut Sources, path: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let source = Source::new(path.display().to_string(), text);
    if sources.replace(&source) {
        return Ok(());
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name.starts_with("bands") {
        sources.bands.push(source);
    } else {
        sources.cards.push(source);
    }
    Ok(())
}
