//! What is in `deploy/` fits the program: units and manifests are what their own software takes, and their numbers,
//! addresses and variables are those of the configuration.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kubernetes;
mod program;
mod systemd;

/// The grace that the compose file gives is more than a stop may take.
#[test]
fn the_container_has_time_to_stop() {
    let bound = program::default_of("stop", "bound_seconds").as_integer().unwrap();
    let compose = program::read("deploy/compose.yaml");
    let grace = compose.lines().find_map(|line| line.trim().strip_prefix("stop_grace_period: ")?.strip_suffix('s'));
    assert!(grace.unwrap().parse::<i64>().unwrap() >= bound + 10);
}
