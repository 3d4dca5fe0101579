//! How the program ends: nothing runs behind its end, whatever threads still go, and what it printed is whole.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod preload;

use std::process::Command;

use preload::CLEANED_UP;

#[test]
fn libraries_take_nothing_away_while_threads_go_and_what_is_printed_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let library = preload::library(directory.path());
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        let output = command.args(arguments).env("LD_PRELOAD", &library).current_dir(&directory).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(run("true", &[]).2, format!("{CLEANED_UP}\n"), "the library is not loaded");
    let tollgate = env!("CARGO_BIN_EXE_tollgate");
    let (code, printed, told) = run(tollgate, &["config", "default"]);
    assert_eq!((code, told.as_str()), (Some(0), ""));
    assert!(printed.starts_with('#') && printed.ends_with('\n') && printed.contains("[kafka]"), "{printed}");
    let (code, _, told) = run(tollgate, &["ready", "--url", "http://127.0.0.1:9"]);
    assert_eq!(code, Some(1));
    assert!(told.starts_with("tollgate: ") && !told.contains(CLEANED_UP), "{told}");
    let (code, _, told) = run(tollgate, &["serve", "--roles", "shards"]);
    assert_eq!(code, Some(1));
    assert!(!told.contains(CLEANED_UP), "{told}");
}
