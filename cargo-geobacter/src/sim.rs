//! `sim`: a ROCm program on the simulator, which it finds in place of AMD's HSA library.
//!
//! The library is a package of its own, `amdgpu-sim-hsa-runtime`. It lies beside this program, or where cargo puts what a
//! program was built with. Programs look for it under AMD's name, so a folder beside it holds a link of that name, and
//! goes in front of the dynamic linker's search path.

use std::{
    convert::Infallible,
    env, fs, io,
    os::unix::{fs::symlink, process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Command},
};

use amdgpu_sim::{CHECK_VARIABLE, Config, MEMORY_VARIABLE, counters::COUNTERS_VARIABLE};
use anyhow::{Context, bail};
use geobacter_compiler_patch::Toolchain;
use geobacter_runtime_amd::SIMULATOR_VARIABLE;

use crate::{UsageError, cli::SimArguments, doctor::rustc};

/// The library's file name, as cargo has it.
const LIBRARY: &str = "libhsa_runtime64.so";
/// The name that programs look for.
const NAME: &str = "libhsa-runtime64.so.1";
/// Where the dynamic linker looks first.
const SEARCH_PATH: &str = "LD_LIBRARY_PATH";

/// Becomes the program.
///
/// # Errors
/// If the library or the program is not there, or there is no such device.
pub fn become_program(arguments: &SimArguments) -> anyhow::Result<Infallible> {
    let this = env::current_exe().context("cannot find out where this program is")?;
    let library = library(&this)?;
    let folder = linked(&library)?;
    let [program, rest @ ..] = &arguments.program[..] else { bail!(UsageError("which program?".into())) };

    let mut command = Command::new(program);
    command.args(rest).env("GEOBACTER_WORKER", &this);
    if let Some(devices) = &arguments.device {
        let config: Result<Config, _> = devices.parse();
        config.map_err(|error| UsageError(error.to_string()))?;
        command.env(SIMULATOR_VARIABLE, devices);
    }
    if arguments.check {
        command.env(CHECK_VARIABLE, "1");
    }
    if let Some(memory) = &arguments.memory {
        command.env(MEMORY_VARIABLE, memory);
    }
    if let Some(counters) = &arguments.counters {
        command.env(COUNTERS_VARIABLE, counters);
    }
    if let Some(level) = &arguments.log {
        command.env("AMDGPU_SIM_LOG", level);
    }
    // The toolchain of this folder, whose LLVM the worker loads. If there is none, the library says what to do.
    if env::var_os("GEOBACTER_SYSROOT").is_none()
        && let Ok(toolchain) = Toolchain::of(&[rustc()])
    {
        command.env("GEOBACTER_SYSROOT", toolchain.sysroot);
    }
    let before = env::var_os(SEARCH_PATH).filter(|path| !path.is_empty());
    let path = [folder].into_iter().chain(before.iter().flat_map(env::split_paths));
    command.env(SEARCH_PATH, env::join_paths(path).context("the library's folder cannot be searched")?);
    let error = command.exec();
    Err(error).with_context(|| format!("cannot run `{}`", program.to_string_lossy()))
}

/// The simulator as a library.
fn library(this: &Path) -> anyhow::Result<PathBuf> {
    let folder = this.parent().context("a program is in a folder")?;
    let places = [folder.to_owned(), folder.join("deps"), folder.join("../lib/geobacter")];
    places.iter().map(|place| place.join(LIBRARY)).find(|path| path.is_file()).with_context(|| {
        format!(
            "{LIBRARY} is not beside this program ({}); in a checkout of Geobacter, `cargo build --release -p \
             amdgpu-sim-hsa-runtime` makes it",
            folder.display()
        )
    })
}

/// A folder in which the library has the name that programs look for. It is beside the library, or, if nothing can be
/// written there, among the temporary files.
fn linked(library: &Path) -> anyhow::Result<PathBuf> {
    let beside = library.with_file_name("simulated-hsa");
    match link(&beside, library) {
        Ok(()) => Ok(beside),
        Err(_) => {
            let temporary = env::temp_dir().join(format!("geobacter-sim-{}", process::id()));
            link(&temporary, library)
                .with_context(|| format!("cannot make {} with a link to the simulator", temporary.display()))?;
            Ok(temporary)
        }
    }
}

fn link(folder: &Path, library: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(NAME);
    if fs::read_link(&path).is_ok_and(|target| target == library) {
        return Ok(());
    }
    // Another process may do the same, and programs that run look there: the name is never without its link.
    let new = folder.join(format!("{NAME}.{}", process::id()));
    symlink(library, &new)?;
    fs::rename(new, path)
}
