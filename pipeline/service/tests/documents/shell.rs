//! Runs a document in one shell and holds its output against what the document shows.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ports of the examples and of the defaults.
const PORTS: [&str; 4] = ["8440", "8080", "8081", "9090"];
const BOUND: Duration = Duration::from_secs(120);
/// Printed before the output of a step.
const STEP: &str = "@@ step";

/// A document whose blocks marked `sh` are run.
pub struct Document<'a> {
    /// Its place in the repository.
    pub name: &'a str,
    /// Folders of the repository that it needs.
    pub folders: &'a [&'a str],
    /// Where it lets service and sandbox write what they say: shown when it fails, and the service's kept.
    pub logs: [&'a str; 2],
    /// The fewest steps that it has.
    pub steps_min: usize,
    /// Decimals are as shown: amounts, which do not differ from run to run.
    pub exact: bool,
}

/// Commands up to the lines that show what they print.
#[derive(Default)]
struct Step {
    commands: String,
    prints: Vec<String>,
}

/// The steps of all blocks.
fn steps(document: &str) -> Vec<Step> {
    let mut steps = vec![Step::default()];
    let mut inside = false;
    for line in document.lines() {
        let step = steps.last_mut().unwrap();
        match line.strip_prefix("```") {
            Some(kind) => inside = kind == "sh",
            None if !inside => {}
            None => match line.strip_prefix('#') {
                Some(printed) => step.prints.push(printed.trim().to_owned()),
                None if step.prints.is_empty() => step.commands += &format!("{line}\n"),
                None => steps.push(Step { commands: format!("{line}\n"), prints: Vec::new() }),
            },
        }
    }
    steps
}

/// The line with words that differ from run to run reduced to their form: times, dates and, unless they are exact, decimals.
fn form(line: &str, exact: bool) -> String {
    let mut form = String::new();
    for word in line.split_whitespace() {
        let digit = |at: usize| word.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        let decimal = !exact && (1..word.len()).any(|at| word.as_bytes()[at] == b'.' && digit(at - 1) && digit(at + 1));
        let dated = (4..word.len()).any(|at| word.as_bytes()[at] == b'-' && (at - 4..at).all(digit) && digit(at + 1));
        let mut last = ' ';
        for character in word.chars() {
            let shown = if (decimal || dated) && character.is_ascii_digit() { '0' } else { character };
            if !(decimal || dated) || shown != '0' || last != '0' {
                form.push(shown);
            }
            last = shown;
        }
        form.push(' ');
    }
    form.trim_end().to_owned()
}

/// Whether the line has the parts between `…` in their order, from its start to its end.
pub fn fits(line: &str, shown: &str, exact: bool) -> bool {
    let (line, shown) = (form(line, exact), form(shown, exact));
    let parts: Vec<&str> = shown.split('…').map(str::trim).collect();
    let Some(mut rest) = line.strip_prefix(parts[0]) else { return false };
    for part in &parts[1..] {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || parts.last().is_some_and(|part| parts.len() > 1 && part.is_empty())
}

/// The shell and everything that it started.
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        // The group is its own, and its number is kept by the shell, which is waited for only afterwards.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}

/// Copies files; other ports and quicker people in them.
fn copy(from: &Path, to: &Path, change: &dyn Fn(&str) -> String) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target, change);
        } else {
            fs::write(target, change(&fs::read_to_string(entry.path()).unwrap())).unwrap();
        }
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs it in an empty directory with its folders, on other ports.
pub fn run(document: &Document<'_>) {
    let name = document.name;
    let root = repository();
    let steps = steps(&fs::read_to_string(root.join(name)).unwrap());
    assert!(steps.len() >= document.steps_min, "{name} has lost its blocks marked `sh`");

    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    // All are held until all are known, so that no two are the same.
    let held: Vec<TcpListener> = PORTS.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let free: Vec<u16> = held.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    drop(held);
    let ports = |text: &str| {
        PORTS.iter().zip(&free).fold(text.replace("delay_scale = 0.2", "delay_scale = 0.02"), |text, (port, free)| {
            text.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{free}"))
        })
    };
    for folder in document.folders {
        copy(&root.join(folder), &place.join(folder), &ports);
    }

    let mut script = String::new();
    for (n, step) in steps.iter().enumerate() {
        // An export that is told the service's address asks the service; a reader tells none.
        let export = "tollgate billing export";
        let commands = ports(&step.commands).replace(export, &format!("env -u TOLLGATE_URL {export}"));
        write!(script, "echo '{STEP} {n}'\n{commands}").unwrap();
    }
    fs::write(place.join("script"), script).unwrap();

    let output = fs::File::create(place.join("output")).unwrap();
    let binaries = Path::new(env!("CARGO_BIN_EXE_tollgate")).parent().unwrap();
    let path = std::env::join_paths(
        [binaries.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut bash = Command::new("bash");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        bash.env_remove(name);
    }
    bash.args(["-euo", "pipefail", "script"])
        .current_dir(place)
        .env("PATH", path.unwrap())
        .env("TOLLGATE_URL", format!("http://127.0.0.1:{}", free[1]))
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .process_group(0);
    let mut shell = Shell(bash.spawn().unwrap());

    let deadline = Instant::now() + BOUND;
    let ended = loop {
        match shell.0.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if Instant::now() > deadline => break None,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let read = |name: &str| fs::read_to_string(place.join(name)).unwrap_or_default();
    let output = read("output");
    let [service, sandbox] = document.logs;
    tollgate_tests::logs::keep(&place.join(service));
    let all = || format!("\n{output}\n--- service\n{}\n--- sandbox\n{}", read(service), read(sandbox));
    assert!(ended.is_some_and(|status| status.success()), "a command of {name} failed: {ended:?}{}", all());

    let mut outputs = output.split(STEP).skip(1);
    for (n, step) in steps.iter().enumerate() {
        let printed = outputs.next().and_then(|output| output.split_once('\n')).unwrap().1;
        let mut lines = printed.lines();
        for shown in step.prints.iter().filter(|shown| *shown != "…") {
            assert!(
                lines.any(|line| fits(line, shown, document.exact)),
                "step {n} of {name}, which is\n{}does not print\n  {shown}\nwhere the document shows it, but\n{printed}{}",
                step.commands,
                all()
            );
        }
    }
}
