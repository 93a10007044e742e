//! What the text of a PTX module says about itself.

use std::fmt;

use geobacter_spool::output::PRINTS_SYMBOL;

/// A version of the PTX language: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PtxVersion(pub u32, pub u32);

impl PtxVersion {
    /// What a module's directive `.version` says.
    pub(crate) fn of(ptx: &str) -> Option<Self> {
        let text = ptx.lines().find_map(|line| line.trim_start().strip_prefix(".version"))?;
        let (major, minor) = text.trim().split_once('.')?;
        let minor = minor.split(|letter: char| !letter.is_ascii_digit()).next()?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }

    /// The first version of CUDA whose driver knows it: *PTX ISA*, "Release Notes". `None` for what those do not name yet.
    pub(crate) fn cuda(self) -> Option<(u32, u32)> {
        Some(match self {
            Self(6, minor @ 0..=2) => (9, minor),
            Self(6, minor @ 3..=5) => (10, minor - 3),
            Self(7, minor @ 0..=8) => (11, minor),
            Self(8, minor @ 0..=5) => (12, minor),
            // 12.6 brought no version of its own.
            Self(8, minor @ 6..=8) => (12, minor + 1),
            Self(9, minor) => (13, minor),
            _ => return None,
        })
    }
}

impl fmt::Display for PtxVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Whether a kernel of the module prints, and its launch needs a buffer.
pub(crate) fn prints(ptx: &str) -> bool {
    ptx.contains(PRINTS_SYMBOL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_and_names_its_driver() {
        let version = |text: &str| PtxVersion::of(&format!("//\n// made by LLVM\n//\n\n{text}\n.target sm_90\n"));
        assert_eq!(version(".version 8.3"), Some(PtxVersion(8, 3)));
        assert_eq!(version("  .version\t7.0 // old"), Some(PtxVersion(7, 0)));
        for text in ["", ".version", ".version x.y", "version 8.0"] {
            assert_eq!(version(text), None, "{text}");
        }
        let cuda = |major, minor| PtxVersion(major, minor).cuda();
        assert_eq!([cuda(6, 3), cuda(7, 8), cuda(8, 0)], [Some((10, 0)), Some((11, 8)), Some((12, 0))]);
        assert_eq!([cuda(8, 5), cuda(8, 7), cuda(9, 0)], [Some((12, 5)), Some((12, 8)), Some((13, 0))]);
        assert_eq!(cuda(42, 0), None);
    }
}
