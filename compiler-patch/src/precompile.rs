//! Device code at build time, for the GPUs that `--gpu` names: the link shim's part of it.
//!
//! ```text
//! kernels x targets x modes --> threads, each with a worker of its own --> disk cache --> bundle
//!                                                                           \-> (miss) worker
//! ```
//! The cache is the one that programs use, and its questions are theirs: a rebuild generates code for what has changed. A
//! worker is a process, and is started for the first question that the cache cannot answer.

use std::{
    env,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use geobacter_codegen_client::{
    CodeRequest, DiskCache, Worker, WorkerError, compiler_version, disassembly, in_parallel,
};
use geobacter_spool::{
    archive::{Archive, ArchiveError},
    bundle::{self, BundleKey, BundledCode, SIMULATED_TARGETS},
    job::DisassembleJob,
};
use object::{LittleEndian, Object, ObjectSegment, SegmentFlags, elf, read::elf::ElfFile64};

/// Environment variable with the GPUs for which programs get device code at build time: `gfx942,gfx1100`.
pub const GPU_VARIABLE: &str = "GEOBACTER_GPU";
/// Environment variable that leaves the kernel archive out of programs with device code, if it is set.
pub const GPU_ONLY_VARIABLE: &str = "GEOBACTER_GPU_ONLY";
/// Environment variable with the terminal that long work is shown on; not set if there is none.
pub const PROGRESS_VARIABLE: &str = "GEOBACTER_PROGRESS";

/// Work that takes less time is not worth a word.
const QUIET_FOR: Duration = Duration::from_secs(2);

/// The names in a list such as `gfx942,gfx1100`, each once, in one order.
pub fn gpu_names(text: &str) -> Vec<String> {
    let mut names: Vec<String> =
        text.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect();
    names.sort();
    names.dedup();
    names
}

/// The GPUs that `GEOBACTER_GPU` asks device code for.
pub fn gpus_in_environment() -> Vec<String> {
    gpu_names(&env::var(GPU_VARIABLE).unwrap_or_default())
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum PrecompileError {
    /// The worker has no code.
    #[error("no device code for kernel `{kernel}` and {target}: {source}")]
    Worker {
        /// The kernel.
        kernel: String,
        /// The GPU.
        target: String,
        /// What the worker says.
        source: Box<WorkerError>,
    },
    /// The worker's answer cannot be used.
    #[error("the device code of kernel `{kernel}` for {target} cannot be used ({reason}); reinstall cargo-geobacter")]
    Answer {
        /// The kernel.
        kernel: String,
        /// The GPU.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive or the bundle cannot be read or made.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

/// The device code that is to be made.
#[derive(Debug)]
pub struct Precompile<'a> {
    /// The kernels: the bytes of one archive.
    pub archive: &'a [u8],
    /// The program whose `worker` subcommand generates code.
    pub worker: &'a Path,
    /// The GPUs, by name.
    pub gpus: &'a [String],
}

/// One code object that is to be made.
struct Task<'a> {
    symbol: &'a str,
    target: &'a str,
    checked: bool,
}

impl Precompile<'_> {
    /// Generates code for every kernel and every GPU, and puts it into a bundle. For a GPU that can be simulated there is code
    /// for both modes: whether the simulator checks is decided where the program runs.
    ///
    /// # Errors
    /// Any [`PrecompileError`]: the first one ends the work.
    pub fn bundle(&self) -> Result<Vec<u8>, PrecompileError> {
        let archives = Archive::read_section(self.archive)?;
        let [archive] = &archives[..] else {
            return Err(ArchiveError::Malformed(format!("{} archives of one link step", archives.len())).into());
        };
        let mut tasks = Vec::new();
        for symbol in archive.symbols() {
            for target in self.gpus {
                let modes: &[bool] =
                    if SIMULATED_TARGETS.contains(&target.as_str()) { &[false, true] } else { &[false] };
                tasks.extend(modes.iter().map(|&checked| Task { symbol, target, checked }));
            }
        }
        let codes = self.run(archive, &tasks)?;
        Ok(bundle::write(archive.producer(), &codes)?)
    }

    fn run(&self, archive: &Archive<'_>, tasks: &[Task<'_>]) -> Result<Vec<BundledCode>, PrecompileError> {
        let cache = DiskCache::from_environment();
        let progress = Progress::new(env::var_os(PROGRESS_VARIABLE).map(PathBuf::from), tasks.len());
        in_parallel(tasks, |worker: &mut Option<Worker>, task| {
            let worker = worker.get_or_insert_with(|| Worker::new(self.worker, &archive.producer().sysroot));
            let code = task.code(archive, worker, cache.as_ref())?;
            progress.finished(&code.display_name, task.target);
            Ok(code)
        })
    }
}

impl Task<'_> {
    fn code(
        &self,
        archive: &Archive<'_>,
        worker: &Worker,
        cache: Option<&DiskCache>,
    ) -> Result<BundledCode, PrecompileError> {
        let target = self.target.to_owned();
        let kernel = archive
            .kernel(self.symbol)?
            .ok_or_else(|| ArchiveError::Malformed(format!("the archive lost kernel {}", self.symbol)))?;
        let (id, display_name) = (kernel.id, kernel.display_name.clone());
        let failed = |source| PrecompileError::Worker {
            kernel: display_name.clone(),
            target: target.clone(),
            source: Box::new(source),
        };
        let unusable =
            |reason| PrecompileError::Answer { kernel: display_name.clone(), target: target.clone(), reason };
        let compiler = compiler_version(archive.producer());
        let request = CodeRequest::new(kernel, self.target, self.checked, &[]);
        let compiled = request.get(&compiler, cache, |job| worker.compile(job)).map_err(failed)?;
        let resources = compiled.resources.ok_or_else(|| unusable("its resources are missing".into()))?;
        let text = if SIMULATED_TARGETS.contains(&self.target) {
            let code = machine_code(&compiled.bytes).map_err(unusable)?;
            let job = DisassembleJob { target: target.clone(), code: code.clone() };
            let text = disassembly(job, &compiler, cache, |job| worker.disassemble(job)).map_err(failed)?;
            Some((code, text))
        } else {
            None
        };
        Ok(BundledCode {
            key: BundleKey { symbol: self.symbol.to_owned(), target, checked: self.checked },
            kernel: id,
            display_name,
            code_object: compiled.bytes,
            resources,
            text,
        })
    }
}

/// The executable part of a code object as it is in memory: what the simulator asks the text of. Position-independent code has no
/// relocations in it.
fn machine_code(code_object: &[u8]) -> Result<Vec<u8>, String> {
    let file = ElfFile64::<LittleEndian>::parse(code_object).map_err(|error| error.to_string())?;
    let is_code = |flags| matches!(flags, SegmentFlags::Elf { p_flags, .. } if p_flags.0 & elf::PF_X.0 != 0);
    let segments: Vec<_> = file.segments().filter(|segment| segment.size() != 0 && is_code(segment.flags())).collect();
    let begin = segments.iter().map(|segment| segment.address()).min().unwrap_or(0);
    let end = segments.iter().map(|segment| segment.address() + segment.size()).max().unwrap_or(0);
    let mut code = vec![0; usize::try_from(end - begin).map_err(|error| error.to_string())?];
    for segment in segments {
        let data = segment.data().map_err(|error| error.to_string())?;
        let length = data.len().min(segment.size() as usize);
        let at = (segment.address() - begin) as usize;
        code[at..at + length].copy_from_slice(&data[..length]);
    }
    Ok(code)
}

/// Lines on the terminal, for work that takes long.
///
/// The shim's standard error is rustc's pipe, which is read after a failure: so the terminal is opened by its name. cargo draws its
/// own bar in the last line, and draws it again after ours.
struct Progress {
    terminal: Option<Mutex<(File, Instant)>>,
    done: AtomicUsize,
    all: usize,
}

impl Progress {
    fn new(terminal: Option<PathBuf>, all: usize) -> Self {
        let terminal = terminal.and_then(|path| File::options().append(true).open(path).ok());
        let terminal = terminal.map(|file| Mutex::new((file, Instant::now())));
        Self { terminal, done: AtomicUsize::new(0), all }
    }

    fn finished(&self, kernel: &str, target: &str) {
        let done = 1 + self.done.fetch_add(1, Ordering::Relaxed);
        let Some(terminal) = &self.terminal else { return };
        let (file, last) = &mut *terminal.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= QUIET_FOR {
            *last = Instant::now();
            let line = format!("\r\x1b[K  Generating code {done}/{}: {kernel} for {target}\r\n", self.all);
            // In one piece, since cargo writes there, too. That a terminal is gone is no reason to stop.
            let _ = file.write_all(line.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_have_one_form() {
        for text in ["gfx1100,gfx942", "gfx942, gfx1100,", " GFX942,gfx1100,gfx942"] {
            assert_eq!(gpu_names(text), ["gfx1100", "gfx942"], "{text}");
        }
        assert!(gpu_names(" ,").is_empty());
    }

    #[test]
    fn long_work_is_shown_and_short_work_is_not() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut progress = Progress::new(Some(file.path().to_owned()), 3);
        progress.finished("saxpy", "gfx942");
        // As if that had taken long.
        let (_, last) = progress.terminal.as_mut().expect("opened").get_mut().expect("no panic");
        *last = last.checked_sub(QUIET_FOR).expect("a time");
        progress.finished("map", "gfx1100");
        progress.finished("map", "gfx942");
        let shown = std::fs::read_to_string(file.path()).expect("readable");
        assert_eq!(shown, "\r\x1b[K  Generating code 2/3: map for gfx1100\r\n");
        Progress::new(None, 1).finished("saxpy", "gfx942");
    }

    #[test]
    fn what_is_no_code_object_is_an_error() {
        assert!(machine_code(b"\x7fELF and no more").is_err());
    }
}
