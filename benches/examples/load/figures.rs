//! Figures: what a process used, and what histograms and lists of latencies say.

use std::fmt;

/// What this process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time.
    pub cpu_seconds: f64,
    /// Memory that is resident.
    pub resident_mb: u64,
}

impl Usage {
    /// From Linux; zeros elsewhere.
    pub fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0);
        Self { cpu_seconds: (ticks(11) + ticks(12)) / 100.0, resident_mb: kilobytes / 1024 }
    }

    /// The larger of each.
    pub fn max(self, other: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds.max(other.cpu_seconds),
            resident_mb: self.resident_mb.max(other.resident_mb),
        }
    }
}

/// Values of a metric whose labels have `of` among them.
pub fn values<'a>(metrics: &'a str, name: &'a str, of: &'a str) -> impl Iterator<Item = f64> + 'a {
    metrics.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with(['{', ' ']) || !rest.contains(of) {
            return None;
        }
        rest.rsplit(' ').next()?.parse().ok()
    })
}

/// How many, and bounds of two quantiles.
pub struct Histogram {
    count: f64,
    median_below: f64,
    p99_below: f64,
}

/// One histogram, of the series whose labels have `of` among them.
pub fn histogram(metrics: &str, name: &str, of: &str) -> Histogram {
    let buckets: Vec<(f64, f64)> = metrics
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(name)?.strip_prefix("_bucket{")?;
            let bound = rest.split("le=\"").nth(1)?.split('"').next()?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            rest.contains(of).then_some(())?;
            Some((bound, rest.rsplit(' ').next()?.parse().ok()?))
        })
        .collect();
    let count = buckets.iter().map(|b| b.1).fold(0.0, f64::max);
    let below = |part: f64| buckets.iter().find(|b| b.1 >= part * count).map_or(0.0, |b| b.0);
    Histogram { count, median_below: below(0.5), p99_below: below(0.99) }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, median_below, p99_below } = self;
        write!(f, "{count}: median at most {:.0} ms, p99 at most {:.0} ms", median_below * 1e3, p99_below * 1e3)
    }
}

/// Latencies in microseconds.
#[derive(Default)]
pub struct Latencies(pub Vec<u32>);

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |part: f64| {
            let last = sorted.len().saturating_sub(1);
            f64::from(sorted.get((last as f64 * part).round() as usize).copied().unwrap_or(0)) / 1e3
        };
        let (median, p99, most) = (at(0.5), at(0.99), at(1.0));
        write!(f, "{}: median {median:.1} ms, p99 {p99:.1} ms, at most {most:.1} ms", sorted.len())
    }
}
