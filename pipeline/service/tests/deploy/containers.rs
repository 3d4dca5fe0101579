//! The Dockerfile and the compose files: their versions are those of the repository, their variables, command lines and
//! times those of the program. What an engine makes of them is tried by hand; deploy/README.md says with which.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};

use crate::program::{check_config, default_of, read, repository, without_ours};

const COMPOSE: &str = "deploy/compose.yaml";
/// Laid over it: the platform, played.
const SANDBOX: &str = "deploy/compose.sandbox.yaml";
const DOCKERFILE: &str = "deploy/Dockerfile";

/// What follows `key` on the lines of a file that begin with it, without quotation marks.
fn values(file: &str, key: &str) -> Vec<String> {
    let text = read(file);
    let values = text.lines().filter_map(|line| line.trim().strip_prefix(key));
    values.map(|value| value.trim().trim_matches('"').to_owned()).collect()
}

fn value(file: &str, key: &str) -> String {
    let [value] =
        values(file, key).try_into().unwrap_or_else(|values| panic!("{file}: {key} has one value, not {values:?}"));
    value
}

/// The variables of ours in a compose file.
fn variables(file: &str) -> Vec<(String, String)> {
    let text = read(file);
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("TOLLGATE__"));
    let pairs = lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line}")));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

/// Lists in brackets after `key`.
fn lists(file: &str, key: &str) -> Vec<Vec<String>> {
    values(file, key).iter().map(|list| serde_json::from_str(list).unwrap()).collect()
}

/// What `check-config` tells of the variables alone.
fn checked(variables: &[(String, String)]) -> serde_json::Value {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tollgate.toml");
    std::fs::write(&file, "").unwrap();
    let output = check_config(&file, variables);
    assert!(output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// rustup would download another one into the image than the base brings, at every build.
#[test]
fn the_image_is_built_by_the_compiler_of_the_repository() {
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    let base = value(DOCKERFILE, "FROM rust:");
    assert_eq!(base.split(['-', ' ']).next(), Some(channel), "FROM rust:{base}");
    assert_eq!(value(DOCKERFILE, "ENV RUSTUP_TOOLCHAIN="), channel);
}

/// Gigabytes of builds and the data of a trial stay outside of the context; every builder reads the file at its root.
#[test]
fn the_build_is_not_sent_what_it_does_not_need() {
    let ignored = read(".dockerignore");
    for name in ["/target", "/data", "/out", "/.git"] {
        assert!(ignored.lines().any(|line| line == name), "{name} is sent to the builder");
    }
    let context = repository().join("deploy").join(value(COMPOSE, "context:")).canonicalize().unwrap();
    assert_eq!(context, repository());
    assert_eq!(value(COMPOSE, "dockerfile:"), DOCKERFILE);
}

#[test]
fn kafka_is_the_one_of_the_tests() {
    let pom = read("scripts/kafka.pom.xml");
    let (_, after) = pom.split_once("<kafka.version>").unwrap();
    let (version, _) = after.split_once("</kafka.version>").unwrap();
    assert_eq!(value(COMPOSE, "image: apache/kafka:"), version);
    assert!(read("docs/kafka.md").contains(&format!("it is tested with {version},")), "docs/kafka.md");
}

/// The grace that the compose file gives is more than a stop may take.
#[test]
fn the_container_has_time_to_stop() {
    let bound = default_of("stop", "bound_seconds").as_integer().unwrap();
    let grace = value(COMPOSE, "stop_grace_period:");
    assert!(grace.strip_suffix('s').unwrap().parse::<i64>().unwrap() >= bound + 10);
}

/// The service finds the broker, and writes where the volume is.
#[test]
fn its_variables_are_keys() {
    let variables = variables(COMPOSE);
    let told = checked(&variables);
    assert_eq!((&told["ok"], &told["findings"]), (&true.into(), &serde_json::json!([])), "{told}");
    let volume = value(DOCKERFILE, "VOLUME ");
    assert!(told["data_dir"].as_str().unwrap().starts_with(&format!("{volume}/")), "{told}");
    assert_eq!(value(COMPOSE, "- tollgate:"), volume);
    let of = |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap();
    let broker = of("TOLLGATE__KAFKA__BROKERS");
    assert_eq!(value(COMPOSE, "KAFKA_ADVERTISED_LISTENERS:"), format!("PLAINTEXT://{broker}"));
    assert_eq!(of("TOLLGATE__LOG__KIND"), "kafka");
}

/// Sandbox and service know each other's addresses and secrets.
#[test]
fn the_platform_is_played_to_it() {
    let secrets = repository().join("examples/secrets");
    let mut both = variables(COMPOSE);
    let found = |value: String| match value.strip_prefix("/run/secrets/") {
        Some(name) => {
            assert!(read(SANDBOX).contains(&format!("  {name}:\n    file: ../examples/secrets/{name}\n")), "{name}");
            secrets.join(name).display().to_string()
        }
        None => value,
    };
    both.extend(variables(SANDBOX).into_iter().map(|(name, value)| (name, found(value))));
    let told = checked(&both);
    assert_eq!((&told["ok"], &told["apps"]), (&true.into(), &serde_json::json!(["default"])), "{told}");
    let sandbox: toml::Table = read("examples/sandbox.toml").parse().unwrap();
    assert_eq!(told["graph"], format!("http://{}", sandbox["listen"].as_str().unwrap()));
    let webhooks = format!("http://{}/webhooks/whatsapp/default", told["webhooks"].as_str().unwrap());
    assert_eq!(sandbox["webhooks"]["url"].as_str(), Some(&*webhooks));
    assert_eq!(value(SANDBOX, "image:"), value(COMPOSE, "image: tollgate:").replacen("", "tollgate:", 1));
}

/// Answers one request to /readyz after another with what is given, and ends.
fn answering(answers: &'static [&'static str]) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            assert_eq!(head.next().as_deref(), Some("GET /readyz HTTP/1.1"));
            assert!(!head.take_while(|line| !line.is_empty()).any(|line| line.starts_with("authorization")));
            stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).unwrap();
        }
    });
    (port, served)
}

/// The image has no HTTP client and need not have a shell: the program asks itself, wherever it is told to listen.
#[test]
fn the_health_check_asks_the_service() {
    let checks = lists(COMPOSE, "test: ");
    let check = checks.iter().find(|check| check[1] == "tollgate").expect("a health check by the program");
    let (port, served) = answering(&[
        "200 OK\r\nContent-Length: 6\r\n\r\nready\n",
        "503 Service Unavailable\r\nContent-Length: 22\r\n\r\nnot ready: it restores",
        "503 Service Unavailable\r\nContent-Length: 22\r\n\r\nnot ready: it restores",
        "404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ]);
    let directory = tempfile::tempdir().unwrap();
    let ask = |listens: &str, more: &[&str]| -> Output {
        let mut command = without_ours(env!("CARGO_BIN_EXE_tollgate"));
        command.args(&check[2..]).args(more).envs(variables(COMPOSE)).current_dir(directory.path());
        command.env("TOLLGATE__GATEWAY__METRICS", listens).env("TOLLGATE_TOKEN", "secret").output().unwrap()
    };
    let told = |output: &Output| {
        let said = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
        (output.status.code(), said.trim().to_owned())
    };
    let (here, everywhere) = (format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}"));
    assert_eq!(told(&ask(&here, &[])), (Some(0), "ready".to_owned()));
    assert_eq!(told(&ask(&everywhere, &[])), (Some(1), "tollgate: not ready: it restores".to_owned()));
    let json = r#"{"ready":false,"waits_for":"it restores"}"#;
    assert_eq!(told(&ask(&everywhere, &["--json"])), (Some(1), json.to_owned()));
    let (code, said) = told(&ask(&here, &[]));
    assert!(code == Some(1) && said.contains("/readyz answers 404; name the address"), "{said}");
    served.join().unwrap();
    let (code, said) = told(&ask(&here, &[]));
    assert!(code == Some(1) && said.contains("no service answers"), "{said}");
}

/// A command line that the program does not know would be seen by nobody before an engine starts it.
#[test]
fn its_command_lines_are_known() {
    let commands = [COMPOSE, SANDBOX].map(|file| lists(file, "command: ")).concat();
    assert_eq!(commands.iter().map(|command| command[0].as_str()).collect::<Vec<_>>(), ["topics", "serve", "sandbox"]);
    for command in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate")).args(&command).arg("--help").output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
}
