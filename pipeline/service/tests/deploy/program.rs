//! The built program, the configuration's manual and the files of the repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A file of the repository.
pub fn read(name: &str) -> String {
    std::fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A value of the embedded configuration.
pub fn default_of(section: &str, key: &str) -> toml::Value {
    let manual: toml::Table = read("pipeline/service/config.default.toml").parse().unwrap();
    manual[section][key].clone()
}

/// A command without the variables of ours that this process has.
pub fn without_ours(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command
}

/// `check-config` as the service's user would run it, with these variables and no others of ours.
pub fn check_config(file: &Path, variables: &[(String, String)]) -> Output {
    let mut command = without_ours(env!("CARGO_BIN_EXE_tollgate"));
    let directory = file.parent().unwrap();
    command
        .args(["check-config", "--json", "--config"])
        .arg(file)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(directory)
        .output()
        .unwrap()
}

/// Writes a file that its owner alone may read.
pub fn write_secret(file: &Path, secret: impl AsRef<[u8]>) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, secret).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o400)).unwrap();
}
