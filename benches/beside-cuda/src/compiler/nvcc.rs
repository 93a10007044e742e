//! `nvcc`, CUDA's compiler.

use std::{fs, path::Path};

use super::{
    Contraction, Output,
    program::{Program, ProgramError},
};

/// The environment variable that names `nvcc`; otherwise it is looked for on `PATH`.
pub const VARIABLE: &str = "NVCC";

/// `nvcc`, found and able to say its version.
#[derive(Clone, Debug)]
pub struct Nvcc {
    program: Program,
    version: String,
}

impl Nvcc {
    /// Finds it.
    ///
    /// # Errors
    /// If it does not start.
    pub fn find() -> Result<Self, ProgramError> {
        let program = Program::named(VARIABLE, "nvcc");
        let version = program.version()?;
        Ok(Self { program, version })
    }

    /// What it says of its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Compiles a file with `-O3` for a compute capability: 90 stands for 9.0.
    ///
    /// # Errors
    /// If the compiler refuses the file, with what it says.
    pub fn compile(
        &self,
        source: &Path,
        capability: u32,
        contraction: Contraction,
        output: Output,
    ) -> Result<Vec<u8>, ProgramError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| ProgramError::File { path, source }
        };
        let folder = tempfile::tempdir().map_err(at(&std::env::temp_dir()))?;
        let to = folder.path().join(output.extension());
        let fmad = match contraction {
            Contraction::Joined => "--fmad=true",
            Contraction::Separate => "--fmad=false",
        };
        self.program.run(|command| {
            command
                .args(["-O3", "-std=c++17", fmad, &format!("--{}", output.extension())])
                .arg(format!("-arch={}", output.architecture(capability)))
                .arg("-o")
                .arg(&to)
                .arg(source)
        })?;
        fs::read(&to).map_err(at(&to))
    }
}
