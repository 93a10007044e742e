//! The link shim: rustc starts it as the linker of a final artifact that may hold kernels.
//!
//! ```text
//! link job --> closure over the sidecars --> no module names a kernel? ------------------> linker
//!                                        \-> worker: extract --> archive --> object file --> linker
//!                                                            |     \-> --gpu: device code --^
//!                                                            \-> diagnostics --> report, exit 1
//! ```
//! The report goes to the wrapper, which sees rustc fail and says why in rustc's place.

use std::{
    convert::Infallible,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use geobacter_codegen_client::{Worker, WorkerError};
use geobacter_spool::{archive, archive::Producer, bundle, diagnostic::Diagnostic, job::ExtractJob};
use memchr::memmem;
use object::Architecture;
use serde::{Deserialize, Serialize};

use crate::{
    LINK_JOB,
    precompile::{Precompile, PrecompileError},
    section_object::section_object,
    sidecar::{self, Closure, SidecarError},
    toolchain::{Toolchain, ToolchainError},
};

/// The foreign function that every kernel's entry function calls. Its name stands, uncompressed, in the string table of
/// each module with a kernel instance, so a program in which it occurs nowhere has none. (It occurs in the crate that
/// defines it for the host, too: a program with that and without kernels costs one question to the worker.)
const KERNEL_MARK: &[u8] = b"__gb_kernel";

/// The distributed libraries that kernels may reach.
const DISTRIBUTED: &[&str] = &["libcore-", "liballoc-", "libcompiler_builtins-"];

/// What the wrapper tells the shim.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LinkJob {
    /// The linker that rustc would have started.
    pub linker: PathBuf,
    /// rustc, and before it the wrapper for workspace members.
    pub rustc: Vec<OsString>,
    /// `--sysroot`.
    pub sysroot: Option<String>,
    /// `--target`.
    pub target: Option<String>,
    /// Where the artifact's own bitcode is.
    pub folder: PathBuf,
    /// Sidecars of the crates that it uses.
    pub sidecars: Vec<PathBuf>,
    /// The program whose `worker` subcommand reads bitcode.
    pub worker: PathBuf,
    /// Where the report goes.
    pub report: PathBuf,
    /// The GPUs for which the artifact gets device code.
    pub gpus: Vec<String>,
    /// Whether it gets nothing else.
    pub gpu_only: bool,
}

/// Why there is no artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What no device can run.
    pub diagnostics: Vec<Diagnostic>,
    /// What went wrong otherwise.
    pub failure: Option<String>,
}

impl Report {
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}

/// Why the shim could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Kernels do what no device can do. The report says which and what.
    #[error("no archive: {count} error(s) in kernels")]
    Kernels {
        /// How many diagnostics there are.
        count: usize,
    },
    /// A file could not be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A sidecar could not be read.
    #[error(transparent)]
    Sidecar(#[from] SidecarError),
    /// The toolchain cannot be used.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// The worker has no archive.
    #[error("the kernels of this program could not be collected: {0}")]
    Worker(#[from] WorkerError),
    /// There is no device code for the GPUs that were asked for.
    #[error(transparent)]
    Precompile(#[from] PrecompileError),
    /// Kernels are in a program for a host that Geobacter does not know.
    #[error("kernels in a program for {target}: this host is not supported; x86_64 and aarch64 Linux are")]
    Host {
        /// The target.
        target: String,
    },
    /// The object file cannot be made.
    #[error("cannot make the object file with the kernel archive: {0}")]
    Object(#[from] object::write::Error),
}

/// Links: `job` is the wrapper's link job, `arguments` the linker's. This process becomes the linker, unless kernels are
/// at fault or something fails: that goes into the report.
///
/// # Errors
/// Any [`LinkError`].
pub fn link(job: &Path, arguments: &[OsString]) -> Result<Infallible, LinkError> {
    let text = fs::read(job).map_err(|source| LinkError::Io { verb: "read", path: job.into(), source })?;
    let job: LinkJob = serde_json::from_slice(&text).map_err(|error| LinkError::Io {
        verb: "read",
        path: job.into(),
        source: error.into(),
    })?;
    let report = |report: &Report| {
        // Without the report rustc's own message, with the error in it, has to do.
        let _ = serde_json::to_vec(report).map(|text| fs::write(&job.report, text));
    };
    match job.kernel_object() {
        Ok(Kernels::Good(object)) => {
            let mut source = Command::new(&job.linker).args(arguments).args(&object).env_remove(LINK_JOB).exec();
            if source.kind() == io::ErrorKind::ArgumentListTooLong {
                source = job.link_with_argument_file(
                    arguments.iter().map(OsString::as_os_str).chain(object.as_ref().map(|object| object.as_os_str())),
                );
            }
            let error = LinkError::Io { verb: "run the linker", path: job.linker.clone(), source };
            report(&Report { failure: Some(error.to_string()), ..Report::default() });
            Err(error)
        }
        Ok(Kernels::Bad(diagnostics)) => {
            let count = diagnostics.len();
            report(&Report { diagnostics, failure: None });
            Err(LinkError::Kernels { count })
        }
        Err(error) => {
            report(&Report { failure: Some(error.to_string()), ..Report::default() });
            Err(error)
        }
    }
}

enum Kernels {
    /// The object file with the archive and the device code; none if there are no kernels.
    Good(Option<PathBuf>),
    /// Kernels that no device can run.
    Bad(Vec<Diagnostic>),
}

/// Hash of a file's content, in hexadecimal.
fn hash_of(file: &Path) -> Result<String, LinkError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_mmap(file).map_err(|source| LinkError::Io { verb: "read", path: file.to_owned(), source })?;
    Ok(hasher.finalize().to_hex().to_string())
}

impl LinkJob {
    /// Becomes the linker, with the arguments in a file as gcc, clang and all linkers read it.
    fn link_with_argument_file<'a>(&self, arguments: impl Iterator<Item = &'a OsStr>) -> io::Error {
        let mut text = Vec::new();
        for argument in arguments {
            for &byte in argument.as_encoded_bytes() {
                if matches!(byte, b'\\' | b'"' | b'\'') || byte.is_ascii_whitespace() {
                    text.push(b'\\');
                }
                text.push(byte);
            }
            text.push(b'\n');
        }
        let file = self.folder.join("linker-arguments");
        match fs::write(&file, text) {
            Ok(()) => Command::new(&self.linker).arg(format!("@{}", file.display())).env_remove(LINK_JOB).exec(),
            Err(error) => error,
        }
    }

    fn kernel_object(&self) -> Result<Kernels, LinkError> {
        let mut closure = Closure::of(&self.sidecars)?;
        closure.modules.extend(sidecar::modules_in(&self.folder)?);
        let mut any = false;
        for module in &closure.modules {
            let bytes =
                fs::read(module).map_err(|source| LinkError::Io { verb: "read", path: module.clone(), source })?;
            any |= memmem::find(&bytes, KERNEL_MARK).is_some();
            if any {
                break;
            }
        }
        if !any {
            return Ok(Kernels::Good(None));
        }

        let mut toolchain = Toolchain::of(&self.rustc)?;
        if let Some(sysroot) = &self.sysroot {
            toolchain.sysroot = sysroot.into();
        }
        let target = self.target.as_deref().unwrap_or(&toolchain.host);
        let target = Path::new(target)
            .file_stem()
            .filter(|_| target.ends_with(".json"))
            .map_or_else(|| target.to_owned(), |stem| stem.to_string_lossy().into_owned());
        let architecture = match target.split('-').next() {
            _ if !target.contains("linux") => None,
            Some("x86_64") => Some(Architecture::X86_64),
            Some("aarch64") => Some(Architecture::Aarch64),
            _ => None,
        };
        let Some(architecture) = architecture else { return Err(LinkError::Host { target }) };
        closure.libraries.extend(distributed(&toolchain.target_libraries(&target))?);

        let job = ExtractJob {
            producer: Producer {
                rustc: toolchain.rustc,
                llvm: toolchain.llvm,
                sysroot: toolchain.sysroot.clone(),
                worker_build: hash_of(&self.worker)?,
                worker: self.worker.clone(),
            },
            kernel_modules: closure.modules,
            libraries: closure.libraries,
        };
        let extracted = Worker::new(&self.worker, toolchain.sysroot).extract(job)?;
        if !extracted.diagnostics.is_empty() {
            return Ok(Kernels::Bad(extracted.diagnostics));
        }
        if extracted.archive.is_empty() {
            return Ok(Kernels::Good(None));
        }
        let path = self.folder.join("geobacter_archive.o");
        let code = match &self.gpus[..] {
            [] => None,
            gpus => Some(Precompile { archive: &extracted.archive, worker: &self.worker, gpus }.bundle()?),
        };
        let mut sections: Vec<(&str, &[u8])> = code.iter().map(|code| (bundle::SECTION, &**code)).collect();
        if sections.is_empty() || !self.gpu_only {
            sections.push((archive::SECTION, &extracted.archive));
        }
        let object = section_object(&sections, architecture)?;
        fs::write(&path, object).map_err(|source| LinkError::Io { verb: "write", path: path.clone(), source })?;
        Ok(Kernels::Good(Some(path)))
    }
}

fn distributed(folder: &Path) -> Result<Vec<PathBuf>, LinkError> {
    let failed = |source| LinkError::Io { verb: "read", path: folder.into(), source };
    let mut libraries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".rlib") && DISTRIBUTED.iter().any(|library| name.starts_with(library)) {
            libraries.push(entry.path());
        }
    }
    libraries.sort();
    Ok(libraries)
}
