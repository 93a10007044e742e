//! `GEOBACTER_DUMP=<folder>`: what became of each kernel that was given to a GPU, for people who look for a mistake or for speed.
//!
//! | file | what |
//! |---|---|
//! | `<kernel>_<id>.<target>.source.ll` | LLVM IR as rustc made it, before anything is done to it |
//! | `<kernel>_<id>.<target>.optimised.ll` | the same for the device, after LLVM's optimiser |
//! | `<kernel>_<id>.<target>.s` | the device's assembly |
//! | `<kernel>_<id>.<target>.hsaco` | the code object that is loaded |
//! | `<kernel>_<id>.<target>.json` | registers, memory and occupancy |
//!
//! A kernel whose code object came from the cache is dumped as well: the worker makes the rest anew.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use geobacter_spool::job::{CompileJob, CompiledKernel, Emit};

use super::{CodeError, DeviceCode};

/// Environment variable with the folder.
const DUMP_VARIABLE: &str = "GEOBACTER_DUMP";

/// The folder that the environment asks for.
pub(super) fn folder() -> Option<&'static Path> {
    static FOLDER: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| env::var_os(DUMP_VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from));
    FOLDER.as_deref()
}

/// Writes the files of one kernel. `job` is the one that `code` answers.
pub(super) fn write(
    folder: &Path,
    job: &CompileJob,
    code: &DeviceCode,
    compile: impl Fn(CompileJob) -> Result<CompiledKernel, CodeError>,
) -> Result<(), CodeError> {
    let failed = |path: &Path, error: io::Error| CodeError::Dump { path: path.to_owned(), error };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let write = |ending: &str, bytes: &[u8]| {
        let path = folder.join(format!("{}.{}.{ending}", job.export, job.target));
        fs::write(&path, bytes).map_err(|error| failed(&path, error))
    };
    for (ending, emit) in [("source.ll", Emit::SourceIr), ("optimised.ll", Emit::LlvmIr), ("s", Emit::Assembly)] {
        write(ending, &compile(CompileJob { emit, ..job.clone() })?.bytes)?;
    }
    write("hsaco", &code.code_object)?;
    let resources = serde_json::to_vec_pretty(&code.resources).map_err(|error| failed(folder, error.into()))?;
    write("json", &resources)
}
