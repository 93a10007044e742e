//! Which toolchain a rustc belongs to.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
    process::Command,
};

/// The LLVM whose bitcode the worker reads.
pub const LLVM_MAJOR: u32 = 22;

/// Why a rustc cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// It does not run.
    #[error("cannot run `{}`: {source}; install Rust 1.95.0 with `rustup toolchain install 1.95.0`", rustc.display())]
    Start {
        /// rustc.
        rustc: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It fails, or says what rustc does not say.
    #[error("`{} {question}` did not answer as rustc does: {answer}", rustc.display())]
    Answer {
        /// rustc.
        rustc: PathBuf,
        /// The arguments.
        question: String,
        /// What came.
        answer: String,
    },
    /// Its LLVM is another one.
    #[error(
        "rustc {release} is built on LLVM {llvm}, and this cargo-geobacter reads bitcode of LLVM {LLVM_MAJOR} only; use \
         Rust 1.95.0 (put `channel = \"1.95.0\"` into rust-toolchain.toml)"
    )]
    Llvm {
        /// rustc's release.
        release: String,
        /// Version of its LLVM.
        llvm: String,
    },
}

/// A toolchain that Geobacter can work with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// rustc's release: `1.95.0`.
    pub rustc: String,
    /// Version of its LLVM: `22.1.2`.
    pub llvm: String,
    /// The target that it compiles for unless told otherwise.
    pub host: String,
    /// Where its libraries are.
    pub sysroot: PathBuf,
}

impl Toolchain {
    /// Asks rustc. `command` is the program and arguments that come before rustc's own.
    ///
    /// # Errors
    /// Any [`ToolchainError`].
    pub fn of(command: &[OsString]) -> Result<Self, ToolchainError> {
        let toolchain = Self::from_version(command, &ask(command, &["-vV"])?)?;
        Ok(Self { sysroot: ask(command, &["--print", "sysroot"])?.trim_end().into(), ..toolchain })
    }

    /// What `rustc -vV` says, checked; the sysroot stays empty.
    pub(crate) fn from_version(command: &[OsString], version: &str) -> Result<Self, ToolchainError> {
        let field = |name: &str| {
            let value = version.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).ok_or_else(|| ToolchainError::Answer {
                rustc: command.first().cloned().unwrap_or_default().into(),
                question: "-vV".into(),
                answer: version.to_owned(),
            })
        };
        let toolchain = Self {
            rustc: field("release")?,
            llvm: field("LLVM version")?,
            host: field("host")?,
            sysroot: PathBuf::new(),
        };
        let major = toolchain.llvm.split('.').next().and_then(|major| major.parse().ok());
        if major != Some(LLVM_MAJOR) {
            return Err(ToolchainError::Llvm { release: toolchain.rustc, llvm: toolchain.llvm });
        }
        Ok(toolchain)
    }

    /// Where the distributed libraries for a target are.
    pub fn target_libraries(&self, target: &str) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(target).join("lib")
    }
}

fn ask(command: &[OsString], question: &[&str]) -> Result<String, ToolchainError> {
    let (program, leading) = command.split_first().map_or((OsStr::new("rustc"), &[][..]), |(a, b)| (a.as_os_str(), b));
    let output = Command::new(program)
        .args(leading)
        .args(question)
        .output()
        .map_err(|source| ToolchainError::Start { rustc: program.into(), source })?;
    match String::from_utf8(output.stdout) {
        Ok(answer) if output.status.success() => Ok(answer),
        _ => Err(ToolchainError::Answer {
            rustc: program.into(),
            question: question.join(" "),
            answer: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_llvm_is_refused_by_name() {
        let version = "rustc 1.89.0\nhost: x86_64-unknown-linux-gnu\nrelease: 1.89.0\nLLVM version: 20.1.7\n";
        let error = Toolchain::from_version(&[], version).expect_err("another LLVM").to_string();
        for part in ["1.89.0", "20.1.7", "LLVM 22", "1.95.0"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let version = version.replace("20.1.7", "22.1.2");
        assert_eq!(Toolchain::from_version(&[], &version).expect("the right LLVM").llvm, "22.1.2");
    }

    #[test]
    fn what_is_no_rustc_is_an_error() {
        assert!(matches!(Toolchain::of(&["true".into()]), Err(ToolchainError::Answer { .. })));
        assert!(matches!(Toolchain::of(&["/nowhere/rustc".into()]), Err(ToolchainError::Start { .. })));
    }
}
