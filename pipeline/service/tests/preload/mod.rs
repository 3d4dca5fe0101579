//! A library that is loaded into the program and tells when libraries clean up at its end.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a C library does that takes its things away at the end: OpenSSL does, and threads of Kafka clients may use them then.
const LIBRARY: &str = r#"
#include <stdio.h>
#include <stdlib.h>
static void cleanup(void) { fputs("CLEANED UP\n", stderr); }
__attribute__((constructor)) static void begin(void) { atexit(cleanup); }
"#;

/// What it says on stderr.
pub const CLEANED_UP: &str = "CLEANED UP";

/// Builds it in a directory; its path is for `LD_PRELOAD`.
pub fn library(directory: &Path) -> PathBuf {
    let (source, library) = (directory.join("library.c"), directory.join("library.so"));
    std::fs::write(&source, LIBRARY).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}
