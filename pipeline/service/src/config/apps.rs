//! The platform's apps with their secrets.

use tollgate_runtime::gateway::AppSecrets;

use super::environment;
use super::secret;
use super::settings::Settings;

/// Every app that has a secret; one with some but not all of them is a fault.
pub(super) fn build(settings: &mut Settings) -> Vec<AppSecrets> {
    let mut apps = Vec::new();
    for name in settings.app_names() {
        let keys = ["app_secret", "verify_token", "access_token"].map(|key| format!("apps.{name}.{key}"));
        let faults = settings.faults.len();
        let secrets = keys.clone().map(|key| secret::read(settings, &key));
        let missing = keys.iter().zip(&secrets).find(|(_, secret)| secret.is_none()).map(|(key, _)| key);
        let any = secrets.iter().any(Option::is_some);
        match (secrets, missing) {
            ([Some(app_secret), Some(verify_token), Some(access_token)], _) => {
                apps.push(AppSecrets { name, app_secret, verify_token, access_token });
            }
            // Nothing is set, or what is missing has a fault of its own already.
            (_, Some(key)) if any && settings.faults.len() == faults => {
                let remedy = format!("set {key}_file, or {} in the environment", environment::name(key));
                settings.fault(&format!("{key}_file"), format!("app {name} has some secrets but no {key}"), remedy);
            }
            _ => {}
        }
    }
    apps
}
