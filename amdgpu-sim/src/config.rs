//! Which devices the simulator has.

use std::{env, str::FromStr, time::Duration};

use geobacter_spool::bundle::SIMULATED_TARGETS;

use crate::counters::{COUNTERS_VARIABLE, CountersOutput};

/// The environment variable that sets the watchdog's time in seconds; 0 switches it off.
pub const WATCHDOG_VARIABLE: &str = "AMDGPU_SIM_WATCHDOG";
/// The environment variable that switches the checks on (`1`) or off (`0`).
pub const CHECK_VARIABLE: &str = "GEOBACTER_CHECK";
/// The environment variable that sets the memory of each GPU in bytes; `K`, `M` or `G` behind the number stand for KiB,
/// MiB and GiB.
pub const MEMORY_VARIABLE: &str = "AMDGPU_SIM_MEMORY";
/// The memory of an MI300X in bytes. Where nothing else is said, each GPU has what its card has; what can be had is what the
/// host has.
pub const DEFAULT_MEMORY: u64 = 192 << 30;
/// The watchdog's time where nothing else is said.
pub const DEFAULT_WATCHDOG: Duration = Duration::from_secs(60);
/// Most devices of one process.
const MAX_DEVICES: usize = 64;

/// Why a configuration makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No such device.
    #[error("cannot simulate {0:?}; the simulator has: {list}", list = SIMULATED_TARGETS.join(", "))]
    UnknownTarget(String),
    /// No device at all.
    #[error("no device to simulate; write for example `gfx942` or `gfx942x2`")]
    Empty,
    /// A number of devices that cannot be.
    #[error("{0:?} is no number of devices; write for example `gfx942x2` (1 to 64 devices)")]
    Count(String),
}

/// Which devices the simulator has, and how it watches them.
///
/// The text form is a list of devices: `gfx942`, `gfx942x2` (two of them), `gfx942,gfx942`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    targets: Vec<&'static str>,
    watchdog: Option<Duration>,
    checks: bool,
    counters: Option<CountersOutput>,
    memory: Option<u64>,
    coverage: bool,
}

impl Config {
    /// The devices' names, in order.
    pub fn targets(&self) -> &[&'static str] {
        &self.targets
    }

    /// How long a dispatch may go on without any of its work-groups ending; `None` is for ever.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The same devices with another watchdog. Zero switches it off.
    pub fn with_watchdog(mut self, limit: Duration) -> Self {
        self.watchdog = Some(limit).filter(|limit| !limit.is_zero());
        self
    }

    /// The memory of each GPU in bytes, if it is said; else each has what its card has. All its pools share it; an
    /// allocation takes whole pages of 4 KiB.
    pub fn memory(&self) -> Option<u64> {
        self.memory
    }

    /// The same devices with this much memory each, in bytes, whatever the environment says.
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Whether counters are kept, and where they go.
    pub fn counters(&self) -> Option<&CountersOutput> {
        self.counters.as_ref()
    }

    /// The same devices with counters that go there, or without, whatever the environment says.
    pub fn with_counters(mut self, counters: Option<CountersOutput>) -> Self {
        self.counters = counters;
        self
    }

    /// Whether it is recorded which instructions are executed.
    pub fn coverage(&self) -> bool {
        self.coverage
    }

    /// The same devices with this switched on or off. [`executed_instructions`](crate::executed_instructions) gives what
    /// was recorded.
    pub fn with_coverage(mut self, coverage: bool) -> Self {
        self.coverage = coverage;
        self
    }

    /// Whether kernels are checked: see the crate's documentation for what that finds.
    pub fn checks(&self) -> bool {
        self.checks
    }

    /// The same devices with these checks switched on or off, whatever the environment says.
    pub fn with_checks(mut self, checks: bool) -> Self {
        self.checks = checks;
        self
    }

    /// The same devices, with checks as `GEOBACTER_CHECK` says, or like this if it says nothing.
    pub fn with_default_checks(self, checks: bool) -> Self {
        let checks = checks_from_environment().unwrap_or(checks);
        self.with_checks(checks)
    }
}

impl FromStr for Config {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut targets = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            // The first x is the one of `gfx`.
            let count_at = entry.match_indices('x').map(|(at, _)| at).find(|at| *at > 2);
            let (name, count) = match count_at {
                Some(at) => (&entry[..at], entry[at + 1..].parse::<usize>().ok()),
                None => (entry, Some(1)),
            };
            let count = count.filter(|count| (1..=MAX_DEVICES).contains(count));
            let count = count.ok_or_else(|| ConfigError::Count(entry.to_owned()))?;
            let target = SIMULATED_TARGETS.iter().find(|target| **target == name);
            let target = target.ok_or_else(|| ConfigError::UnknownTarget(name.to_owned()))?;
            targets.extend(std::iter::repeat_n(*target, count));
        }
        match targets.len() {
            0 => Err(ConfigError::Empty),
            1..=MAX_DEVICES => Ok(Self {
                targets,
                watchdog: watchdog_from_environment(),
                checks: checks_from_environment().unwrap_or(false),
                counters: counters_from_environment(),
                memory: memory_from_environment(),
                coverage: false,
            }),
            _ => Err(ConfigError::Count(text.to_owned())),
        }
    }
}

fn checks_from_environment() -> Option<bool> {
    let text = env::var(CHECK_VARIABLE).ok()?;
    match text.trim() {
        "1" => Some(true),
        "0" => Some(false),
        "" => None,
        _ => {
            tracing::warn!(value = text, "{CHECK_VARIABLE} is neither 1 nor 0; it is ignored");
            None
        }
    }
}

fn counters_from_environment() -> Option<CountersOutput> {
    let text = env::var(COUNTERS_VARIABLE).ok().filter(|text| !matches!(text.trim(), "" | "0"))?;
    match text.parse() {
        Ok(output) => Some(output),
        Err(never) => match never {},
    }
}

fn watchdog_from_environment() -> Option<Duration> {
    let Ok(text) = env::var(WATCHDOG_VARIABLE) else { return Some(DEFAULT_WATCHDOG) };
    match text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(limit) => Some(limit).filter(|limit| !limit.is_zero()),
        None => {
            tracing::warn!(value = text, "{WATCHDOG_VARIABLE} is no number of seconds; it is ignored");
            Some(DEFAULT_WATCHDOG)
        }
    }
}

fn memory_from_environment() -> Option<u64> {
    let text = env::var(MEMORY_VARIABLE).ok()?;
    let memory = bytes(&text);
    if memory.is_none() {
        tracing::warn!(value = text, "{MEMORY_VARIABLE} is no number of bytes, like 512M; it is ignored");
    }
    memory
}

/// A number of bytes, in KiB, MiB or GiB if a letter says so. `None` if it is no such number, or 0.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = match text.char_indices().next_back()? {
        (at, 'k' | 'K') => (&text[..at], 1 << 10),
        (at, 'm' | 'M') => (&text[..at], 1 << 20),
        (at, 'g' | 'G') => (&text[..at], 1 << 30),
        _ => (text, 1_u64),
    };
    number.trim_end().parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_counts_are_read() {
        let targets = |text: &str| text.parse::<Config>().map(|config| config.targets().len());
        assert_eq!(targets("gfx942"), Ok(1));
        assert_eq!(targets("gfx942x3"), Ok(3));
        assert_eq!(targets(" gfx942, gfx942x2 "), Ok(3));
        assert_eq!(targets("gfx1100x2,gfx90a"), Ok(3));
    }

    #[test]
    fn what_can_be_asked_for_is_what_is_simulated() {
        let simulated: Vec<_> = crate::isa::target::Target::ALL.iter().map(|target| target.name()).collect();
        assert_eq!(simulated, SIMULATED_TARGETS);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let error = |text: &str| text.parse::<Config>().unwrap_err();
        assert_eq!(error("gfx906"), ConfigError::UnknownTarget("gfx906".to_owned()));
        assert_eq!(error("gfx906x2"), ConfigError::UnknownTarget("gfx906".to_owned()));
        assert_eq!(error(""), ConfigError::Empty);
        assert_eq!(error("gfx942x0"), ConfigError::Count("gfx942x0".to_owned()));
        assert_eq!(error("gfx942xmany"), ConfigError::Count("gfx942xmany".to_owned()));
        assert_eq!(error("teapot"), ConfigError::UnknownTarget("teapot".to_owned()));
    }

    #[test]
    fn sizes_are_read() {
        let cases = [("4096", Some(4096)), (" 64K ", Some(65536)), ("3 m", Some(3 << 20)), ("2G", Some(2 << 30))];
        for (text, size) in cases {
            assert_eq!(bytes(text), size, "{text:?}");
        }
        for text in ["", "G", "0", "-1", "1.5G", "12T", "99999999999G", "64KB"] {
            assert_eq!(bytes(text), None, "{text:?}");
        }
    }
}
