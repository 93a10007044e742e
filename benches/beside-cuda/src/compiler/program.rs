//! How NVIDIA's programs are run.

use std::{io, path::PathBuf, process::Command};

/// Why a program did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It did not start.
    #[error("cannot run {}: {source}; install CUDA's toolkit, or name the program in {variable}", program.display())]
    Start {
        /// What was started.
        program: PathBuf,
        /// The variable that names another.
        variable: &'static str,
        /// Why it did not start.
        source: io::Error,
    },
    /// It did not succeed.
    #[error("{} failed with {status}: {message}", program.display())]
    Failed {
        /// What was started.
        program: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        message: String,
    },
    /// A file of its input or output.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

/// A program of NVIDIA's.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    variable: &'static str,
}

impl Program {
    /// The program that the variable names, which is the name in capitals; if it names none, the one on `PATH`, or else in CUDA's
    /// toolkit.
    pub fn named(variable: &'static str, name: &str) -> Self {
        Self { path: geobacter_cuda_toolkit::program(name).unwrap_or_else(|| name.into()), variable }
    }

    /// Runs it, and gives what it wrote to standard output and, behind it, to standard error.
    ///
    /// # Errors
    /// If it does not start or does not succeed.
    pub fn run(&self, prepare: impl FnOnce(&mut Command) -> &mut Command) -> Result<String, ProgramError> {
        let mut command = Command::new(&self.path);
        let output = prepare(&mut command).output().map_err(|source| ProgramError::Start {
            program: self.path.clone(),
            variable: self.variable,
            source,
        })?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            return Ok(text);
        }
        let message = text.trim().to_owned();
        Err(ProgramError::Failed { program: self.path.clone(), status: output.status, message })
    }

    /// What the program says of its version: the last line of `--version`.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn version(&self) -> Result<String, ProgramError> {
        let text = self.run(|command| command.arg("--version"))?;
        Ok(text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned())
    }
}
