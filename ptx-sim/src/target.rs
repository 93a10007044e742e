//! GPUs by the name that PTX has for them.

use std::fmt;

use thiserror::Error;

/// What sort of code a target's name asks for, beside its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Features {
    /// What later GPUs have, too.
    Base,
    /// `f`: what the GPUs of its family have.
    Family,
    /// `a`: what this GPU alone has.
    Architecture,
}

/// A GPU architecture: `sm_70`, `sm_90a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    number: u32,
    features: Features,
}

/// A name that is no target's, or one that is not simulated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{name}` is not a target that is simulated: {}", Target::names().join(", "))]
pub struct UnknownTarget {
    name: String,
}

/// Number of a target, the first PTX version that knows it, and the most shared memory of a block in bytes.
const KNOWN: [(u32, (u32, u32), u32); 13] = [
    (70, (6, 0), 96 << 10),
    (72, (6, 1), 96 << 10),
    (75, (6, 3), 64 << 10),
    (80, (7, 0), 163 << 10),
    (86, (7, 1), 99 << 10),
    (87, (7, 4), 163 << 10),
    (89, (7, 8), 99 << 10),
    (90, (7, 8), 227 << 10),
    (100, (8, 6), 227 << 10),
    (101, (8, 6), 227 << 10),
    (103, (8, 8), 227 << 10),
    (120, (8, 7), 99 << 10),
    (121, (8, 8), 99 << 10),
];

impl Target {
    /// The target of this name.
    ///
    /// # Errors
    /// It is none, or older than sm_70.
    pub fn parse(name: &str) -> Result<Self, UnknownTarget> {
        let unknown = || UnknownTarget { name: name.to_owned() };
        let rest = name.strip_prefix("sm_").ok_or_else(unknown)?;
        let (digits, features) = match (rest.strip_suffix('a'), rest.strip_suffix('f')) {
            (Some(digits), _) => (digits, Features::Architecture),
            (_, Some(digits)) => (digits, Features::Family),
            _ => (rest, Features::Base),
        };
        // `sm_+90` is none, which `parse` would take.
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        let target = Self { number: number.ok_or_else(unknown)?, features };
        let first = match features {
            Features::Base => 70,
            Features::Architecture => 90,
            Features::Family => 100,
        };
        if target.number < first || target.entry().is_none() {
            return Err(unknown());
        }
        Ok(target)
    }

    /// The names of all targets that have no suffix.
    pub fn names() -> Vec<String> {
        KNOWN.iter().map(|(number, ..)| format!("sm_{number}")).collect()
    }

    fn entry(self) -> Option<&'static (u32, (u32, u32), u32)> {
        KNOWN.iter().find(|(number, ..)| *number == self.number)
    }

    /// Ten times the major number and the minor one: 90.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Major and minor compute capability.
    pub fn capability(self) -> (u32, u32) {
        (self.number / 10, self.number % 10)
    }

    /// What sort of code it asks for.
    pub fn features(self) -> Features {
        self.features
    }

    /// Whether this GPU runs code for another target.
    pub fn runs(self, code: Self) -> bool {
        match code.features {
            Features::Base => code.number <= self.number,
            Features::Family => code.number <= self.number && code.number / 10 == self.number / 10,
            Features::Architecture => code.number == self.number,
        }
    }

    /// The first version of PTX that knows it.
    pub fn first_version(self) -> (u32, u32) {
        match (self.number, self.features) {
            (90, Features::Architecture) => (8, 0),
            (_, Features::Family) => self.entry().map_or((0, 0), |(_, version, _)| *version).max((8, 8)),
            _ => self.entry().map_or((0, 0), |(_, version, _)| *version),
        }
    }

    /// Most shared memory of a block, in bytes.
    pub fn max_shared(self) -> u32 {
        self.entry().map_or(0, |(_, _, bytes)| *bytes)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.features {
            Features::Base => "",
            Features::Family => "f",
            Features::Architecture => "a",
        };
        write!(f, "sm_{}{suffix}", self.number)
    }
}
