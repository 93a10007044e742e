//! Versions of the driver, and which PTX each of them takes.

use std::{fmt, str::FromStr};

/// The version of CUDA that a driver is for, like 12.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverVersion {
    /// The major number.
    pub major: u32,
    /// The minor number.
    pub minor: u32,
}

/// The newest PTX of each release of CUDA, oldest first (*PTX ISA*, Release Notes).
const RELEASES: [((u32, u32), (u32, u32)); 26] = [
    ((9, 0), (6, 0)),
    ((9, 1), (6, 1)),
    ((9, 2), (6, 2)),
    ((10, 0), (6, 3)),
    ((10, 1), (6, 4)),
    ((10, 2), (6, 5)),
    ((11, 0), (7, 0)),
    ((11, 1), (7, 1)),
    ((11, 2), (7, 2)),
    ((11, 3), (7, 3)),
    ((11, 4), (7, 4)),
    ((11, 5), (7, 5)),
    ((11, 6), (7, 6)),
    ((11, 7), (7, 7)),
    ((11, 8), (7, 8)),
    ((12, 0), (8, 0)),
    ((12, 1), (8, 1)),
    ((12, 2), (8, 2)),
    ((12, 3), (8, 3)),
    ((12, 4), (8, 4)),
    ((12, 5), (8, 5)),
    ((12, 6), (8, 5)),
    ((12, 7), (8, 6)),
    ((12, 8), (8, 7)),
    ((12, 9), (8, 8)),
    ((13, 0), (9, 0)),
];

impl DriverVersion {
    /// The driver that is simulated where nothing else is said: the newest one that is known.
    pub const NEWEST: Self = Self { major: 13, minor: 0 };
    /// The oldest one that can be simulated.
    pub const OLDEST: Self = Self { major: 9, minor: 0 };

    /// The number by which `cuDriverGetVersion` says it: 12080 for 12.8.
    pub fn number(self) -> i32 {
        (self.major * 1000 + self.minor * 10) as i32
    }

    /// The newest version of PTX that it takes, as major and minor number.
    pub fn newest_ptx(self) -> (u32, u32) {
        let known = RELEASES.iter().rev().find(|(release, _)| *release <= (self.major, self.minor));
        known.map_or((0, 0), |(_, ptx)| *ptx)
    }
}

impl fmt::Display for DriverVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Text that stands for no driver that can be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no driver that can be simulated; write for example `12.8` ({oldest} to {newest})",
    oldest = DriverVersion::OLDEST,
    newest = DriverVersion::NEWEST
)]
pub struct UnknownDriver(pub String);

impl FromStr for DriverVersion {
    type Err = UnknownDriver;

    fn from_str(text: &str) -> Result<Self, UnknownDriver> {
        let version = text.split_once('.').and_then(|(major, minor)| {
            let known = (major.parse().ok()?, minor.parse().ok()?);
            RELEASES.iter().any(|(release, _)| *release == known).then_some(Self { major: known.0, minor: known.1 })
        });
        version.ok_or_else(|| UnknownDriver(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_has_its_ptx() {
        let ptx = |text: &str| text.parse::<DriverVersion>().map(DriverVersion::newest_ptx);
        assert_eq!(ptx("11.8"), Ok((7, 8)));
        assert_eq!(ptx("12.6"), Ok((8, 5)));
        assert_eq!(ptx("13.0"), Ok((9, 0)));
        assert_eq!("12.8".parse::<DriverVersion>().unwrap().number(), 12080);
        assert!(RELEASES.is_sorted());
        assert_eq!(RELEASES[0].0, (DriverVersion::OLDEST.major, DriverVersion::OLDEST.minor));
        assert_eq!(RELEASES[RELEASES.len() - 1].0, (DriverVersion::NEWEST.major, DriverVersion::NEWEST.minor));
    }

    #[test]
    fn versions_that_never_were_are_refused() {
        for text in ["", "12", "12.", "8.0", "11.9", "12.10", "-1.0", "twelve"] {
            assert_eq!(text.parse::<DriverVersion>(), Err(UnknownDriver(text.to_owned())));
        }
    }
}
