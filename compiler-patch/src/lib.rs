//! The rustc wrapper and the link shim that put a kernel archive into a binary: the spool step.
//!
//! `cargo geobacter` runs cargo with itself as rustc wrapper, and the wrapper names itself as linker of the crates that
//! may hold kernels. One program, two roles, told apart by [`Role::of`]:
//!
//! ```text
//! cargo --> wrapper --> rustc                      every crate; which treatment it gets: `invocation`, `wrapper`
//!             |           |
//!             |           +--> link shim --> linker     final artifacts of crates that may hold kernels: `link`
//!             |                   |  ^
//!             |                   v  | archive, or diagnostics
//!             |                 worker
//!             +-- `libNAME.geobacter`, `libNAME.geobacter.d/*.bc`: what the shim of a later crate collects: `sidecar`
//! ```
//! rustc's `-C save-temps` leaves the bitcode of each codegen unit before any optimisation (`*.no-opt.bc`). It litters,
//! too, so rustc writes into a private folder beside the real one (`staging`) from which only the outputs are
//! published. What a kernel may not do comes back from the worker as diagnostics and leaves as messages in rustc's own
//! JSON format, so that cargo and editors show them like any other compile error.
//!
//! Nothing here reads bitcode: that is the worker's business (`respool`). Nothing here starts cargo: that is
//! `cargo-geobacter`'s.

mod archive_object;
mod invocation;
mod link;
mod messages;
mod render;
mod sidecar;
mod staging;
mod toolchain;
mod wrapper;

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

pub use archive_object::archive_object;
pub use link::{LinkError, Report, link};
pub use render::{Style, render};
pub use toolchain::{LLVM_MAJOR, Toolchain, ToolchainError};
pub use wrapper::{CHAINED_WRAPPER, WrapError, checked_build, wrap};

/// Version of what the wrapper leaves beside libraries. Part of what cargo sees as the compiler's version, so that another
/// version rebuilds everything.
pub const SPOOL_VERSION: u32 = 2;

/// Environment variable that makes the program the link shim: path of the link job, written by the wrapper.
pub(crate) const LINK_JOB: &str = "GEOBACTER_LINK";

/// What a process of `cargo-geobacter` was started as by cargo or rustc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// cargo started it in place of rustc. The arguments are rustc's path and rustc's arguments.
    RustcWrapper(Vec<OsString>),
    /// rustc started it in place of the linker.
    Linker {
        /// The link job.
        job: PathBuf,
        /// The linker's arguments.
        arguments: Vec<OsString>,
    },
}

impl Role {
    /// The role of this process, from its arguments (without the program's name) and the environment; `None` if a person
    /// started it.
    ///
    /// cargo starts a wrapper with rustc's path as first argument, which no subcommand looks like.
    pub fn of(arguments: &[OsString]) -> Option<Self> {
        let first = arguments.first()?;
        // The shim's own worker inherits the variable.
        if first == "worker" {
            return None;
        }
        if let Some(job) = std::env::var_os(LINK_JOB) {
            return Some(Self::Linker { job: job.into(), arguments: arguments.to_vec() });
        }
        looks_like_rustc(first).then(|| Self::RustcWrapper(arguments.to_vec()))
    }
}

fn looks_like_rustc(argument: &OsStr) -> bool {
    let path = Path::new(argument);
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    !name.starts_with('-') && (name.starts_with("rustc") || path.components().count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(arguments: &[&str]) -> Option<Role> {
        Role::of(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn subcommands_are_not_taken_for_rustc() {
        for subcommand in ["geobacter", "run", "build", "new", "worker", "--help", "-V"] {
            assert_eq!(role(&[subcommand, "a/b"]), None, "{subcommand}");
        }
        assert_eq!(role(&[]), None);
    }

    #[test]
    fn rustc_is_known_by_its_name_or_path() {
        for rustc in ["rustc", "/toolchain/bin/rustc", "/bin/clippy-driver", "./my-compiler"] {
            assert!(
                matches!(role(&[rustc, "-vV"]), Some(Role::RustcWrapper(command)) if command.len() == 2),
                "{rustc}"
            );
        }
    }
}
