//! Which of the targets that code is generated for a card takes.

use std::fmt;

/// What a card can do, as NVIDIA counts it: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComputeCapability(pub u32, pub u32);

impl ComputeCapability {
    /// The least that Geobacter's code needs: since 7.0 (Volta), the threads of a warp make progress independently of each other.
    pub const NEEDED: Self = Self(7, 0);

    /// The newest target that a card of this capability takes; `None` below [`NEEDED`](Self::NEEDED).
    ///
    /// Code for an older target runs on newer cards, whose driver compiles it. `sm_90a` is not among the answers: code for it
    /// runs on cards of exactly 9.0 and on nothing later, and who wants that asks for it.
    pub fn target(self) -> Option<&'static str> {
        self.targets().next()
    }

    /// All targets that a card of this capability takes, the newest first.
    pub(crate) fn targets(self) -> impl Iterator<Item = &'static str> {
        TARGETS.iter().rev().filter(move |(needed, _)| *needed <= self).map(|(_, name)| *name)
    }

    /// The capability that an `arch-specific` target such as `sm_90a` is for, and nothing else.
    pub(crate) fn architecture_specific(target: &str) -> Option<Self> {
        match target {
            "sm_90a" => Some(Self(9, 0)),
            _ => None,
        }
    }
}

/// The targets for which code is generated, and what they need, in order.
const TARGETS: &[(ComputeCapability, &str)] = &[
    (ComputeCapability(7, 0), "sm_70"),
    (ComputeCapability(7, 5), "sm_75"),
    (ComputeCapability(8, 0), "sm_80"),
    (ComputeCapability(8, 6), "sm_86"),
    (ComputeCapability(8, 9), "sm_89"),
    (ComputeCapability(9, 0), "sm_90"),
    (ComputeCapability(10, 0), "sm_100"),
    (ComputeCapability(12, 0), "sm_120"),
];

impl fmt::Display for ComputeCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_takes_the_newest_target_that_is_not_above_it() {
        let target = |major, minor| ComputeCapability(major, minor).target();
        assert_eq!([target(7, 0), target(7, 2), target(7, 5)], [Some("sm_70"), Some("sm_70"), Some("sm_75")]);
        assert_eq!([target(8, 7), target(9, 0), target(10, 3)], [Some("sm_86"), Some("sm_90"), Some("sm_100")]);
        assert_eq!([target(12, 1), target(15, 0), target(6, 1)], [Some("sm_120"), Some("sm_120"), None]);
        assert_eq!(ComputeCapability(8, 0).targets().collect::<Vec<_>>(), ["sm_80", "sm_75", "sm_70"]);
    }
}
