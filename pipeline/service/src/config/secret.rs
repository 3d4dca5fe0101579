//! Secrets: from a file that a `*_file` key names, or from the environment. Their values are in no message.

use super::settings::Settings;

/// The secret of `key` (without `_file`): from the environment, else from its file. `None` when there is neither.
pub(super) fn read(settings: &mut Settings, key: &str) -> Option<String> {
    let file_key = format!("{key}_file");
    let path = settings.text(&file_key);
    if let Some(secret) = settings.secret(key) {
        return Some(secret);
    }
    if path.is_empty() {
        return None;
    }
    settings.holds_secret(&file_key, path.clone().into());
    match std::fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => {
            settings.fault(&file_key, format!("{file_key} = {path:?} is an empty file"), "write the secret into it");
            None
        }
        Ok(text) => Some(text.trim().to_owned()),
        Err(error) => {
            let remedy = "name a file that this user may read";
            settings.fault(&file_key, format!("{file_key} = {path:?} cannot be read: {error}"), remedy);
            None
        }
    }
}
