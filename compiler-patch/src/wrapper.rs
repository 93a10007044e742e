//! What the wrapper does with each rustc command.
//!
//! | crate | treatment |
//! |---|---|
//! | questions, `cargo check`, build scripts, procedural macros | as it is |
//! | library that uses no geobacter crate | its objects carry bitcode (`embed-bitcode=yes`), and a sidecar says so |
//! | library that may hold kernels | compiled in a [`Staging`] folder; its bitcode is kept, a sidecar says where |
//! | program, test or shared library that may hold kernels | the same, and linked by the shim |
//!
//! In a [checked build](checked_build) every crate that makes code gets one option more.
//!
//! Most crates are of the first two kinds: there the wrapper becomes rustc (`exec`) within a millisecond or two.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, BufReader, IsTerminal, Write},
    os::unix::{fs::symlink, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use crate::{
    LINK_JOB, SPOOL_VERSION,
    invocation::Invocation,
    link::{LinkJob, Report},
    messages,
    precompile::{GPU_ONLY_VARIABLE, GPU_VARIABLE, gpus_in_environment},
    sidecar::{self, Sidecar, SidecarError},
    staging::Staging,
    toolchain::{Toolchain, ToolchainError},
};

/// Environment variable with the wrapper that the user had asked for, such as sccache. It wraps the crates that hold no
/// kernels; the others are compiled by rustc itself, since a compiler cache does not know of the bitcode.
pub const CHAINED_WRAPPER: &str = "GEOBACTER_RUSTC_WRAPPER";

/// Environment variable that asks for checks in release builds.
const CHECK_VARIABLE: &str = "GEOBACTER_CHECK";
/// What asks the device language's source for them.
const CHECK_OPTION: &str = "--cfg=geobacter_check";

/// Whether this build is asked for checks that otherwise only debug builds have: `GEOBACTER_CHECK=1`.
///
/// Every crate of such a build is compiled with `cfg(geobacter_check)`. cargo does not see that, so the build needs a target
/// folder of its own.
pub fn checked_build() -> bool {
    env::var_os(CHECK_VARIABLE).is_some_and(|value| !value.is_empty() && value != "0")
}

/// Why the wrapper could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// rustc, or the wrapper that the user had asked for, does not start.
    #[error("cannot run `{}`: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The toolchain cannot be used.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A sidecar could not be read or written.
    #[error(transparent)]
    Sidecar(#[from] SidecarError),
    /// A file could not be read or written.
    #[error("cannot keep the bitcode of crate `{crate_name}`: {source}")]
    Files {
        /// The crate.
        crate_name: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Compiles one crate: `command` is rustc and its arguments, `shim` the program that links, and `stderr` takes rustc's
/// messages where they have to be changed. Where nothing has to be done after rustc, this process becomes rustc, and the
/// function does not return.
///
/// # Errors
/// Any [`WrapError`].
pub fn wrap(command: &[OsString], shim: &Path, stderr: &mut impl Write) -> Result<ExitStatus, WrapError> {
    if command.get(1..) == Some(&["-vV".into()]) {
        return version(command);
    }
    let chained = env::var_os(CHAINED_WRAPPER).filter(|wrapper| !wrapper.is_empty());
    let files = |crate_name: &str, source| WrapError::Files { crate_name: crate_name.to_owned(), source };
    let rustc = Invocation::parse(command).map_err(|source| files("?", source))?;
    let (Some(crate_name), Some(stem), true) = (rustc.crate_name(), rustc.stem(), rustc.makes_code()) else {
        return Err(become_rustc(chained, command, &[]));
    };

    let dependencies = sidecar::existing(rustc.externs());
    let spools = sidecar::may_hold_kernels(crate_name, &dependencies)?;
    let mut modules = None;
    if rustc.makes_library() {
        let out_dir = rustc.out_dir();
        let failed = |source| files(crate_name, source);
        fs::create_dir_all(&out_dir).and_then(|()| std::path::absolute(&out_dir)).map_err(failed).and_then(
            |out_dir| {
                let sidecar = Sidecar::new(crate_name, &stem, &out_dir, spools, &dependencies);
                modules = Some(sidecar.write(&out_dir)?);
                Ok(())
            },
        )?;
    }
    if spools {
        return Spooled { rustc: &rustc, shim, dependencies }
            .compile(&stem, modules.as_deref(), stderr)
            .map_err(|source| files(crate_name, source));
    }
    // cargo asks for `no` wherever it knows of nobody who reads the bitcode.
    let embeds = rustc.makes_library() && rustc.codegen("embed-bitcode") == Some("no");
    let mut more = Vec::new();
    if embeds {
        more.push("-Cembed-bitcode=yes");
        more.extend(rustc.full_names());
    }
    if checked_build() {
        more.push(CHECK_OPTION);
    }
    Err(become_rustc(chained, command, &more))
}

/// `rustc -vV`, which cargo asks first: refuses a toolchain that the worker cannot read, and adds the version of the
/// wrapper's traces, so that cargo takes another version for another compiler.
fn version(command: &[OsString]) -> Result<ExitStatus, WrapError> {
    let (program, arguments) = command.split_at(1);
    let output = Command::new(&program[0])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| WrapError::Start { program: (&program[0]).into(), source })?;
    if output.status.success() {
        let version = String::from_utf8_lossy(&output.stdout);
        Toolchain::from_version(program, &version)?;
        // A closed pipe is the reader's decision.
        let _ = writeln!(io::stdout(), "{version}geobacter-spool: {SPOOL_VERSION}");
    }
    Ok(output.status)
}

fn become_rustc(chained: Option<OsString>, command: &[OsString], more: &[&str]) -> WrapError {
    let mut whole = chained.iter().chain(command);
    let program = whole.next().cloned().unwrap_or_else(|| "rustc".into());
    let source = Command::new(&program).args(whole).args(more).exec();
    WrapError::Start { program: program.into(), source }
}

/// The compilation of a crate that may hold kernels.
struct Spooled<'a> {
    rustc: &'a Invocation,
    shim: &'a Path,
    dependencies: Vec<PathBuf>,
}

impl Spooled<'_> {
    fn compile(&self, stem: &str, modules: Option<&Path>, stderr: &mut impl Write) -> io::Result<ExitStatus> {
        let staging = Staging::new(&self.rustc.out_dir(), stem)?;
        let folder = staging.folder();
        let report = folder.join("report.json");

        let mut command = Command::new(&self.rustc.program[0]);
        command.args(&self.rustc.program[1..]);
        // `-Z` options; the crate itself cannot tell.
        command.env("RUSTC_BOOTSTRAP", "1");
        let linker = if self.rustc.links() { Some(self.linker(folder, &report, &mut command)?) } else { None };
        let mut arguments = self.rustc.spooled(folder, linker.as_deref());
        if checked_build() {
            arguments.push(CHECK_OPTION.into());
        }
        if self.rustc.from_file {
            let file = folder.join("arguments");
            fs::write(&file, arguments.join(OsStr::new("\n")).as_encoded_bytes())?;
            command.arg(format!("@{}", file.display()));
        } else {
            command.args(arguments);
        }

        let json = self.rustc.json();
        let status = if json.is_some() {
            let mut child = command.stderr(Stdio::piped()).spawn()?;
            let pipe = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
            let forwarded = messages::forward(BufReader::new(pipe), &staging, &report, stderr);
            let status = child.wait()?;
            forwarded?;
            status
        } else {
            command.status()?
        };
        if status.success() {
            let tracked = if self.rustc.links() { &[GPU_VARIABLE, GPU_ONLY_VARIABLE][..] } else { &[] };
            staging.publish(self.rustc.emits(), tracked)?;
            if let Some(modules) = modules {
                staging.keep_modules(modules)?;
            }
        } else if let Some(report) = Report::read(&report) {
            let color = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            messages::write_report(&report, json, color, stderr)?;
        }
        Ok(status)
    }

    /// Prepares the link shim, under the name of the linker that it stands for: rustc guesses from the name which
    /// arguments the linker takes.
    fn linker(&self, folder: &Path, report: &Path, command: &mut Command) -> io::Result<PathBuf> {
        let linker = Path::new(self.rustc.linker().unwrap_or("cc"));
        let shim = folder.join("linker").join(linker.file_name().unwrap_or(OsStr::new("cc")));
        fs::create_dir_all(folder.join("linker"))?;
        symlink(self.shim, &shim)?;
        let job = LinkJob {
            linker: linker.to_owned(),
            rustc: self.rustc.program.clone(),
            sysroot: self.rustc.sysroot().map(str::to_owned),
            target: self.rustc.target().map(str::to_owned),
            folder: folder.to_owned(),
            sidecars: self.dependencies.clone(),
            worker: self.shim.to_owned(),
            report: report.to_owned(),
            gpus: gpus_in_environment(),
            gpu_only: env::var_os(GPU_ONLY_VARIABLE).is_some(),
        };
        let path = folder.join("link.json");
        fs::write(&path, serde_json::to_vec(&job)?)?;
        command.env(LINK_JOB, path);
        Ok(shim)
    }
}
