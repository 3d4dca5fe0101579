//! Rate and CPU time between the first and the last commit that somebody who watches the group sees.

use crate::PARTITIONS;
use crate::load::{Positions, end};
use std::fmt;
use std::time::{Duration, Instant};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::KafkaConfig;

/// What one run came to.
#[derive(Clone, Copy)]
pub struct Figures {
    /// Requests a second.
    pub rate: f64,
    /// CPU time of this process, µs a request.
    pub cpu: f64,
    /// CPU time of the broker, µs a request; 0 for a broker of somebody else.
    pub broker_cpu: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}/s, CPU {:.1} µs a request, broker {:.1} µs", self.rate, self.cpu, self.broker_cpu)
    }
}

/// Watches until all requests are committed. Start and set-up do not count: time runs from the first commit seen, and
/// what that one held is not counted either.
pub fn watch(config: &KafkaConfig, broker: Option<u32>, requests: usize, alive: impl Fn()) -> Figures {
    let positions = Positions::new(config, Topic::Requests, PARTITIONS);
    let all: u64 = (0..PARTITIONS).map(|p| end(config, &config.topic(Topic::Requests), p)).sum();
    assert_eq!(all, requests as u64);
    let cpu = || (cpu_seconds("self"), broker.map_or(0.0, |pid| cpu_seconds(&pid.to_string())));
    let mut from = None;
    let begun = Instant::now();
    loop {
        let done: u64 = positions.get().iter().sum();
        let now = Instant::now();
        match from {
            None if done > 0 => from = Some((now, done, cpu())),
            Some((since, first, (own, its))) if done >= all => {
                let count = (all - first) as f64;
                let (own_now, its_now) = cpu();
                return Figures {
                    rate: count / (now - since).as_secs_f64(),
                    cpu: (own_now - own) * 1e6 / count,
                    broker_cpu: (its_now - its) * 1e6 / count,
                };
            }
            _ => {}
        }
        alive();
        assert!(begun.elapsed() < Duration::from_secs(900), "{done} of {all} requests after 900 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The middle one.
pub fn median(figures: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = figures.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// User and system time of a process so far.
fn cpu_seconds(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
