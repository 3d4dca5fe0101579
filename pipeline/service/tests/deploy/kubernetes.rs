//! The manifests: what Kubernetes' own types and rules say of them (`scripts/kubernetes check`), and that their numbers,
//! ports and variables are those of the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::program::{check_config, default_of, read, repository, write_secret};

const FOLDER: &str = "deploy/kubernetes";
/// Seconds that a pod has beside the wait before SIGTERM and the graceful stop: for the kubelet.
const SPARE_S: u64 = 10;

fn checked(files: &[&Path]) -> Output {
    Command::new(repository().join("scripts/kubernetes")).arg("check").args(files).output().unwrap()
}

fn objects() -> Vec<Value> {
    let output = checked(&[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Name, pod and its only container of everything that makes pods.
fn pods(objects: &[Value]) -> Vec<(&str, &Value, &Value)> {
    let made = objects.iter().filter(|object| !object["spec"]["template"].is_null());
    let pods: Vec<_> = made
        .map(|object| {
            let pod = &object["spec"]["template"]["spec"];
            assert_eq!(pod["containers"].as_array().map(Vec::len), Some(1), "{pod}");
            (text(&object["metadata"]["name"]), pod, &pod["containers"][0])
        })
        .collect();
    assert!(pods.len() >= 5, "shards, dispatch, books, gateway, topics");
    pods
}

/// Those that serve until they are stopped.
fn servers(objects: &[Value]) -> Vec<(&str, &Value, &Value)> {
    pods(objects).into_iter().filter(|(_, _, container)| container["args"][0] == "serve").collect()
}

#[test]
fn kubernetes_takes_them() {
    let objects = objects();
    let kinds: BTreeSet<&str> = objects.iter().map(|object| text(&object["kind"])).collect();
    for kind in ["StatefulSet", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "Job", "Namespace"] {
        assert!(kinds.contains(kind), "no {kind} in {kinds:?}");
    }
    // Every file is named to kustomize.
    let kustomization = read("deploy/kubernetes/kustomization.yaml");
    for file in std::fs::read_dir(repository().join(FOLDER)).unwrap() {
        let name = file.unwrap().file_name().to_string_lossy().into_owned();
        let named = kustomization.contains(&format!("- {name}"));
        assert!(named || ["README.md", "kustomization.yaml"].contains(&name.as_str()), "{name} is not applied");
    }
    assert!(!objects.iter().any(|object| object["kind"] == "Secret"), "secrets are made by hand");
}

/// `what is put in place of what → what is said`.
const FAULTS: &str = r"
    serviceName: tollgate-shards        → servceName: tollgate-shards   → unknown field
    memory: 2Gi                         → memory: 2Gib                  → quantities must match
    drop: [ALL]                         → drop: [KILL]                  → not restricted
    runAsNonRoot: true                  → runAsNonRoot: false           → not restricted
    port: metrics                       → port: metric                  → which is none
    targetPort: metrics                 → targetPort: metric            → no port
    app.kubernetes.io/component: shards → app.kubernetes.io/component: x → select
";

/// The check finds what is wrong: silence would prove nothing otherwise.
#[test]
fn kubernetes_refuses_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shards.yaml");
    let right = read("deploy/kubernetes/shards.yaml");
    for row in FAULTS.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let parts: Vec<&str> = row.split('→').map(str::trim).collect();
        let [from, to, says] = parts[..] else { panic!("{row}") };
        assert!(right.contains(from), "{row}");
        std::fs::write(&file, right.replacen(from, to, 1)).unwrap();
        let output = checked(&[file.as_path()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.contains(says)), (Some(1), true), "{row}: {said}");
    }
}

#[test]
fn probes_limits_and_stops_are_those_of_the_program() {
    let bound = default_of("stop", "bound_seconds").as_integer().unwrap().unsigned_abs();
    let config: toml::Table = read("deploy/kubernetes/tollgate.toml").parse().unwrap();
    assert!(config.get("stop").is_none(), "then the bound is another");
    let objects = objects();
    let servers = servers(&objects);
    assert!(servers.len() >= 4);
    for (name, pod, container) in &servers {
        for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
            let asks = &container[probe]["httpGet"];
            assert_eq!((text(&asks["path"]), text(&asks["port"])), (path, "metrics"), "{name}");
        }
        let waits: u64 =
            container["lifecycle"]["preStop"]["exec"]["command"][1].as_str().map_or(0, |s| s.parse().unwrap());
        let given = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        assert!(given >= waits + bound + SPARE_S, "{name}: {given} s beside {waits} and {bound}");
        let budget = objects.iter().find(|o| o["kind"] == "PodDisruptionBudget" && o["metadata"]["name"] == *name);
        assert!(budget.is_some(), "{name} has no budget for disruptions");
        for port in items(&container["ports"]) {
            let listens = text(&config["gateway"][text(&port["name"])].clone().try_into().unwrap()).to_owned();
            assert_eq!(listens, format!("0.0.0.0:{}", port["containerPort"]), "{name}");
        }
    }
    for (name, _, container) in pods(&objects) {
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{name}");
        let resources = &container["resources"];
        assert_eq!(resources["limits"]["memory"], resources["requests"]["memory"], "{name}");
        assert!(resources["requests"]["cpu"].is_string(), "{name}");
    }
}

/// Members of a group are sets whose pods keep their names; together the processes have every role once.
#[test]
fn every_role_is_there_once_and_members_keep_their_names() {
    let objects = objects();
    let mut roles = Vec::new();
    for (name, _, container) in servers(&objects) {
        let of: Vec<&str> = text(&container["args"][4]).split(',').collect();
        let kind = objects.iter().find(|o| o["metadata"]["name"] == name && !o["spec"]["template"].is_null()).unwrap();
        let expected = if of == ["gateway"] { "Deployment" } else { "StatefulSet" };
        assert_eq!(kind["kind"], expected, "{name}: {of:?}");
        let slot = items(&container["env"]).find(|v| v["name"] == "TOLLGATE__KAFKA__SLOT").unwrap();
        assert_eq!(slot["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name", "{name}");
        roles.extend(of);
    }
    roles.sort_unstable();
    let mut all: Vec<String> = default_of("kafka", "roles").as_str().unwrap().split(',').map(str::to_owned).collect();
    all.sort_unstable();
    assert_eq!(roles, all);
    let disk =
        objects.iter().find(|o| o["metadata"]["name"] == "tollgate-shards" && o["kind"] == "StatefulSet").unwrap();
    assert_eq!(disk["spec"]["volumeClaimTemplates"][0]["metadata"]["name"], "data", "shards have disks");
}

/// The very configuration, with the variables and secrets that each container has.
#[test]
fn the_program_takes_their_configuration() {
    let objects = objects();
    for (name, pod, container) in pods(&objects) {
        let directory = tempfile::tempdir().unwrap();
        let inside = |path: &str| directory.path().join(path.trim_start_matches('/'));
        let secrets: BTreeMap<&str, &str> =
            items(&pod["volumes"]).map(|v| (text(&v["name"]), text(&v["secret"]["secretName"]))).collect();
        for mount in items(&container["volumeMounts"]) {
            let at = text(&mount["mountPath"]);
            // The keys that README.md makes each secret with.
            let keys: &[&str] = match secrets.get(text(&mount["name"])).copied().unwrap_or_default() {
                "tollgate-platform" => &["app_secret", "verify_token", "access_token"],
                "tollgate-hash-key" => &["hash.key"],
                "tollgate-kafka" => &["kafka.properties"],
                "tollgate-postgres" => &["password"],
                _ => &[],
            };
            std::fs::create_dir_all(inside(at)).unwrap();
            for key in keys {
                write_secret(&inside(at).join(key), if *key == "hash.key" { "0123456789abcdef" } else { "# s3cret=1" });
                let made = read("deploy/kubernetes/README.md");
                assert!(made.contains(&format!("--from-file={key}")), "{key}");
            }
        }
        let config = items(&container["args"]).map(text).find(|argument| argument.ends_with(".toml"));
        let config = inside(config.unwrap());
        std::fs::write(&config, read("deploy/kubernetes/tollgate.toml")).unwrap();
        let mut variables: Vec<(String, String)> = items(&container["env"])
            .map(|variable| {
                let value = match text(&variable["value"]) {
                    "" => format!("{name}-0"),
                    path if path.starts_with('/') => inside(path).display().to_string(),
                    value => value.to_owned(),
                };
                (text(&variable["name"]).to_owned(), value)
            })
            .collect();
        if container["args"][0] == "serve" {
            // As `--roles` says.
            variables.push(("TOLLGATE__KAFKA__ROLES".to_owned(), text(&container["args"][4]).to_owned()));
        }
        let output = check_config(&config, &variables);
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let sends = ["tollgate-dispatch", "tollgate-gateway"].contains(&name);
        assert_eq!(items(&told["apps"]).count(), usize::from(sends), "{name}: secrets of the platform");
        let data = text(&told["data_dir"]);
        let writes = items(&container["volumeMounts"]).find(|mount| mount["readOnly"] != true).unwrap();
        assert_eq!(text(&writes["mountPath"]), data, "{name}: the only place to write to");
    }
}

/// What `kubectl apply -k` would send: the same objects in one namespace, with the configuration that they mount.
#[test]
fn kustomize_puts_them_together() {
    let made = match Command::new("kubectl").arg("kustomize").arg(repository().join(FOLDER)).output() {
        Ok(made) => made,
        Err(error) => return eprintln!("=== kubectl kustomize DID NOT RUN: {error}. The files were read one by one."),
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("all.yaml");
    std::fs::write(&file, &made.stdout).unwrap();
    let output = checked(&[file.as_path()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let objects: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let config = objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    assert_eq!(text(&config["data"]["tollgate.toml"]), read("deploy/kubernetes/tollgate.toml"));
    for (name, pod, _) in pods(&objects) {
        let mounted = items(&pod["volumes"]).find_map(|volume| volume["configMap"]["name"].as_str());
        assert_eq!(mounted, config["metadata"]["name"].as_str(), "{name}");
    }
    let names = objects.iter().filter(|object| object["kind"] != "Namespace");
    assert!(names.clone().count() > 15 && names.clone().all(|o| o["metadata"]["namespace"] == "tollgate"));
}
