//! Commands that documents show for other machines, in blocks marked `console`: they are not run, but the program has to know
//! them and their options, the configuration their variables, and the repository their files.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::shell::repository;

/// Folders of the repository whose files documents name.
const FOLDERS: [&str; 5] = ["deploy/", "docs/", "examples/", "scripts/", "tests/"];

/// Documents with such blocks, each with the fewest commands of ours that it shows.
const DOCUMENTS: [(&str, usize); 6] = [
    ("docs/operations.md", 4),
    ("docs/finance.md", 1),
    ("docs/kafka.md", 6),
    ("deploy/README.md", 5),
    ("deploy/systemd/README.md", 0),
    ("deploy/kubernetes/README.md", 2),
];

/// One command of ours with what stands before it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
}

/// The commands of all blocks marked `console`, in words; `|`, `&&`, `||`, `;` and the like end a command.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(kind) = line.strip_prefix("```") {
            inside = kind == "console";
        } else if let Some(line) = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# ")).filter(|_| inside) {
            commands.extend(words(line));
        }
    }
    commands
}

/// Words as a shell has them: spaces in quotes part none.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for character in line.chars() {
        match quote {
            None if character.is_whitespace() => {
                words.push(String::new());
                continue;
            }
            None if ['"', '\''].contains(&character) => quote = Some(character),
            Some(open) if open == character => quote = None,
            _ => {}
        }
        words.last_mut().unwrap().push(character);
    }
    words.retain(|word| !word.is_empty());
    words
}

fn words(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut redirected = false;
    for word in split(line).iter().map(String::as_str) {
        if ["|", "&&", "||", "do", "done"].contains(&word) || word.ends_with(';') {
            commands.push(Vec::new());
            redirected = false;
        } else if word.starts_with('#') {
            break;
        } else if word.trim_start_matches('2').starts_with(['>', '<']) {
            // What follows names a file.
            redirected = true;
        } else if !redirected {
            commands.last_mut().unwrap().push(word.trim_matches(['"', '\'']).to_owned());
        }
    }
    commands.retain(|words| !words.is_empty());
    commands
}

/// The command, if it is one of ours: at the beginning, after variables, or behind the `--` of another program or the service's
/// name that a container has.
fn ours(words: &[String]) -> Option<Shown> {
    let variable = |word: &String| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let named = words.iter().enumerate().filter(|(_, word)| *word == "tollgate");
    named.map(|(at, _)| words.split_at(at)).find_map(|(before, from)| {
        let variables: Option<Vec<_>> = before.iter().map(variable).collect();
        let behind = before.last().is_some_and(|word| ["--", "tollgate"].contains(&word.as_str()));
        let variables = variables.or_else(|| behind.then(Vec::new))?;
        Some(Shown { variables, arguments: from[1..].to_vec() })
    })
}

fn tollgate(arguments: &[&str], variables: &[(String, String)], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().map(|(a, b)| (a, b))).current_dir(directory).output().unwrap()
}

/// What is wrong with a command.
fn fault(shown: &Shown) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    // Help is printed only when every word before it is known.
    let arguments: Vec<&str> = shown.arguments.iter().map(String::as_str).chain(["--help"]).collect();
    let output = tollgate(&arguments, &[], directory.path());
    if !output.status.success() {
        return Some(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let checked = tollgate(&["check-config"], &shown.variables, directory.path());
    (!checked.status.success()).then(|| String::from_utf8_lossy(&checked.stderr).into_owned())
}

#[test]
fn commands_that_are_shown_are_known() {
    let mut runbooks: Vec<PathBuf> =
        std::fs::read_dir(repository().join("docs/runbooks")).unwrap().map(|file| file.unwrap().path()).collect();
    runbooks.sort();
    let runbooks = runbooks.into_iter().map(|path| (path, 0));
    let documents = DOCUMENTS.iter().map(|(name, least)| (repository().join(name), *least));
    let mut all = 0;
    for (path, least) in documents.chain(runbooks) {
        let text = std::fs::read_to_string(&path).unwrap();
        let commands = commands(&text);
        let shown: Vec<Shown> = commands.iter().filter_map(|words| ours(words)).collect();
        assert!(shown.len() >= least, "{} has lost its blocks marked `console`", path.display());
        all += shown.len();
        for shown in &shown {
            assert_eq!(fault(shown), None, "{}: {shown:?}", path.display());
        }
        for word in commands.iter().flatten().filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder))) {
            assert!(repository().join(word).exists(), "{}: there is no {word}", path.display());
        }
    }
    assert!(all > 40, "{all} commands only");
}

#[test]
fn what_is_wrong_is_noticed() {
    let of = |line: &str| ours(&words(line)[0]);
    let wrong = ["tollgate lots --acount acme", "tollgate lot acme", "TOLLGATE__LOGING__LEVEL=debug tollgate serve"];
    for line in wrong {
        assert!(fault(&of(line).unwrap()).is_some(), "{line}");
    }
    let right = [
        "tollgate lots acme | grep x",
        "kubectl -n tollgate exec x -- tollgate topics check",
        "docker compose exec tollgate tollgate topics check",
        "tollgate serve # here",
    ];
    for line in right {
        assert_eq!(fault(&of(line).unwrap()), None, "{line}");
    }
    assert_eq!(of("systemctl restart tollgate"), None);
}
