//! Which devices the simulator has.

use std::{env, fmt, str::FromStr, time::Duration};

use super::{
    card::{CARDS, Card},
    version::{DriverVersion, UnknownDriver},
};

/// The environment variable that says what is simulated, in the text form of a [`Config`].
pub const CONFIG_VARIABLE: &str = "PTX_SIM";
/// The watchdog's time where nothing else is said.
pub const DEFAULT_WATCHDOG: Duration = Duration::from_secs(600);
/// Most devices of one process.
const MAX_DEVICES: usize = 64;

/// Why a configuration makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No such device.
    #[error("cannot simulate {0:?}; the simulator has: {cards}", cards = Card::names())]
    UnknownTarget(String),
    /// No device at all.
    #[error("no device to simulate; write for example `sm_90` or `sm_90x2`")]
    Empty,
    /// A number of devices that cannot be.
    #[error("{0:?} is no number of devices; write for example `sm_90x2` (1 to {MAX_DEVICES} devices)")]
    Count(String),
    /// A setting that there is not.
    #[error("there is no setting {0:?}; there are `memory=8GiB`, `driver=12.8` and `watchdog=60` (seconds)")]
    UnknownSetting(String),
    /// A size of memory that is none.
    #[error("{0:?} is no size of memory; write for example `512MiB` or `8GiB`")]
    Memory(String),
    /// A time that is none.
    #[error("{0:?} is no number of seconds; write for example `60`, or `0` for no watchdog")]
    Watchdog(String),
    /// A version of the driver that is none.
    #[error(transparent)]
    Driver(#[from] UnknownDriver),
    /// A card that the driver does not know yet.
    #[error("a driver for CUDA {driver} knows no {card} ({target}): that takes one for CUDA {needed} or newer")]
    CardIsNewer {
        /// The driver.
        driver: DriverVersion,
        /// The card's name.
        card: &'static str,
        /// What the card is asked for by.
        target: &'static str,
        /// The first driver that knows it.
        needed: DriverVersion,
    },
}

/// Which devices the simulator has, which driver, and how it watches kernels.
///
/// The text form is a list of devices, followed by settings: `sm_90`, `sm_90x2` (two of them),
/// `sm_90,sm_70x2;memory=8GiB`.
///
/// | setting | what it sets | else |
/// |---|---|---|
/// | `memory` | memory of each device, in bytes or in `KiB`, `MiB`, `GiB` | what the card has |
/// | `driver` | the CUDA version that the driver is for | the newest that is known |
/// | `watchdog` | seconds that a kernel may run; 0 for ever | 600 |
///
/// | device | card |
/// |---|---|
/// | `sm_61` | GeForce GTX 1080: older than all code that is simulated, so no kernel can be loaded |
/// | `sm_70` | Tesla V100, SXM2, 16 GB |
/// | `sm_75` | Tesla T4 |
/// | `sm_80` | A100, SXM4, 40 GB |
/// | `sm_86` | GeForce RTX 3080 |
/// | `sm_89` | GeForce RTX 4090 |
/// | `sm_90` | H100, SXM5, 80 GB; it runs code for `sm_90a` as well |
/// | `sm_100` | B200 |
/// | `sm_120` | GeForce RTX 5090 |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    cards: Vec<&'static Card>,
    memory: Option<u64>,
    driver: DriverVersion,
    watchdog: Option<Duration>,
}

impl Config {
    /// What the environment variable [`CONFIG_VARIABLE`] says; none if it is not set, or empty.
    ///
    /// # Errors
    /// [`ConfigError`] if it makes no sense.
    pub fn from_environment() -> Result<Option<Self>, ConfigError> {
        let text = env::var(CONFIG_VARIABLE).ok().filter(|text| !text.trim().is_empty());
        text.map(|text| text.parse()).transpose()
    }

    /// What can be asked for, oldest first.
    pub fn known_targets() -> [&'static str; CARDS.len()] {
        CARDS.each_ref().map(|card| card.target)
    }

    /// The devices' names, in order.
    pub fn targets(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.cards.iter().map(|card| card.target)
    }

    pub(super) fn cards(&self) -> &[&'static Card] {
        &self.cards
    }

    /// The memory of each GPU in bytes, if it is said; else each has what its card has.
    pub fn memory(&self) -> Option<u64> {
        self.memory
    }

    /// The same devices with this much memory each, in bytes.
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// The driver.
    pub fn driver(&self) -> DriverVersion {
        self.driver
    }

    /// The same devices with another driver.
    ///
    /// # Errors
    /// [`ConfigError::CardIsNewer`] if it does not know one of them.
    pub fn with_driver(mut self, driver: DriverVersion) -> Result<Self, ConfigError> {
        let known = (driver.major, driver.minor);
        if let Some(card) = self.cards.iter().find(|card| card.driver > known) {
            let needed = DriverVersion { major: card.driver.0, minor: card.driver.1 };
            return Err(ConfigError::CardIsNewer { driver, card: card.name, target: card.target, needed });
        }
        self.driver = driver;
        Ok(self)
    }

    /// How long a kernel may run; `None` is for ever.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The same devices with another watchdog. Zero switches it off.
    pub fn with_watchdog(mut self, limit: Duration) -> Self {
        self.watchdog = Some(limit).filter(|limit| !limit.is_zero());
        self
    }

    fn with_setting(self, setting: &str) -> Result<Self, ConfigError> {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        let value = value.trim();
        match name.trim() {
            "memory" => {
                let bytes = bytes(value).ok_or_else(|| ConfigError::Memory(value.to_owned()))?;
                Ok(self.with_memory(bytes))
            }
            "driver" => self.with_driver(value.parse()?),
            "watchdog" => {
                let limit = value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                Ok(self.with_watchdog(limit.ok_or_else(|| ConfigError::Watchdog(value.to_owned()))?))
            }
            _ => Err(ConfigError::UnknownSetting(setting.to_owned())),
        }
    }
}

/// The devices alone.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets: Vec<_> = self.targets().collect();
        f.write_str(&targets.join(","))
    }
}

impl FromStr for Config {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut parts = text.split(';').map(str::trim);
        let mut cards = Vec::new();
        for entry in parts.next().unwrap_or("").split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, count) = match entry.split_once('x') {
                Some((name, count)) => (name, count.parse::<usize>().ok()),
                None => (entry, Some(1)),
            };
            let count = count.filter(|count| (1..=MAX_DEVICES).contains(count));
            let count = count.ok_or_else(|| ConfigError::Count(entry.to_owned()))?;
            let card = Card::named(name).ok_or_else(|| ConfigError::UnknownTarget(name.to_owned()))?;
            cards.extend(std::iter::repeat_n(card, count));
        }
        match cards.len() {
            0 => return Err(ConfigError::Empty),
            1..=MAX_DEVICES => {}
            _ => return Err(ConfigError::Count(text.to_owned())),
        }
        let devices = Self { cards, memory: None, driver: DriverVersion::NEWEST, watchdog: Some(DEFAULT_WATCHDOG) };
        parts.filter(|setting| !setting.is_empty()).try_fold(devices, Self::with_setting)
    }
}

/// A number of bytes, in KiB, MiB or GiB if it says so. `None` if it is no such number, or 0.
fn bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let unit = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)));
    let (number, unit) = unit.unwrap_or((text, 1));
    number.trim_end().parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Config {
        text.parse().unwrap()
    }

    #[test]
    fn lists_counts_and_settings_are_read() {
        assert_eq!(parsed("sm_90").targets().len(), 1);
        assert_eq!(parsed("sm_90").driver(), DriverVersion::NEWEST);
        assert_eq!(parsed("sm_90").watchdog(), Some(DEFAULT_WATCHDOG));
        let config = parsed(" sm_90, sm_70x2 ; memory = 8GiB;driver=12.4; watchdog=1.5;");
        assert_eq!(config.to_string(), "sm_90,sm_70,sm_70");
        assert_eq!(config.memory(), Some(8 << 30));
        assert_eq!(config.driver().number(), 12040);
        assert_eq!(config.watchdog(), Some(Duration::from_millis(1500)));
        assert_eq!(parsed("sm_75;watchdog=0").watchdog(), None);
    }

    #[test]
    fn every_known_target_can_be_asked_for() {
        for target in Config::known_targets() {
            assert_eq!(parsed(target).to_string(), target);
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let error = |text: &str| text.parse::<Config>().unwrap_err();
        assert_eq!(error("sm_42"), ConfigError::UnknownTarget("sm_42".to_owned()));
        assert_eq!(error("gfx942"), ConfigError::Count("gfx942".to_owned()));
        assert_eq!(error(""), ConfigError::Empty);
        assert_eq!(error(";memory=1GiB"), ConfigError::Empty);
        assert_eq!(error("sm_90x0"), ConfigError::Count("sm_90x0".to_owned()));
        assert_eq!(error("sm_90xmany"), ConfigError::Count("sm_90xmany".to_owned()));
        assert_eq!(error("sm_90;colour=red"), ConfigError::UnknownSetting("colour=red".to_owned()));
        assert_eq!(error("sm_90;memory=lots"), ConfigError::Memory("lots".to_owned()));
        assert_eq!(error("sm_90;watchdog=-1"), ConfigError::Watchdog("-1".to_owned()));
        assert_eq!(error("sm_90;driver=12.99"), ConfigError::Driver(UnknownDriver("12.99".to_owned())));
    }

    #[test]
    fn a_driver_must_know_its_cards() {
        let error = "sm_70,sm_120;driver=12.4".parse::<Config>().unwrap_err();
        assert!(matches!(error, ConfigError::CardIsNewer { target: "sm_120", .. }), "{error:?}");
        assert!(error.to_string().contains("12.8 or newer"), "{error}");
        assert_eq!(parsed("sm_70;driver=11.0").driver().number(), 11000);
    }

    #[test]
    fn sizes_are_read() {
        for (text, size) in [("4096", 4096), ("64KiB", 65536), ("3 MiB", 3 << 20), ("2GiB", 2 << 30)] {
            assert_eq!(bytes(text), Some(size), "{text:?}");
        }
        for text in ["", "GiB", "0", "-1", "1.5GiB", "12TiB", "99999999999GiB", "64KB"] {
            assert_eq!(bytes(text), None, "{text:?}");
        }
    }
}
