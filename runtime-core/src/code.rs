//! Device code for kernel instances: memory, then the program's bundle, then disk, then the worker.
//!
//! ```text
//! loaded(kernel, device)      the instance's record: a list, one entry for each device and specialisation; nanoseconds
//!   └ device_code(kernel)     the bundle, keyed by symbol, target and mode;
//!                             the disk cache, keyed by the kernel's content id, target and compiler
//!       └ worker(target)      one process for each toolchain, started on the first miss
//! ```

mod dump;
mod prepared;

use std::{
    collections::HashMap,
    io, iter,
    path::PathBuf,
    ptr,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicPtr, AtomicUsize, Ordering},
    },
};

use geobacter_codegen_client::{CodeRequest, DiskCache, Worker, WorkerError, compiler_version as version};
use geobacter_spool::{
    archive::{Archive, ArchiveError, Producer},
    bundle::BundleKey,
    job::{CompileJob, CompiledKernel, KernelResources},
};

use crate::{
    archive, bundle,
    driver::{DriverError, KernelInstance, LoadedKernel},
};

/// Why there is no device code for a kernel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The program has no kernel archive.
    #[error(
        "this program carries no kernel archive: it was built by plain cargo, and runs kernels on the host only; build it with `cargo geobacter build` or run it with `cargo geobacter run`"
    )]
    NoArchive,
    /// The program's archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The archive does not hold the kernel.
    #[error(
        "the kernel archive of this program has no kernel `{symbol}`: the program was linked from parts that plain cargo built; run `cargo geobacter build` after removing the target folder's `geobacter` folder"
    )]
    NotInArchive {
        /// Mangled name of its entry function.
        symbol: String,
    },
    /// The worker has no answer.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The program does not carry the code, and there is no worker to make it.
    #[error(
        "this program carries no device code for {target} ({}): build it with `cargo geobacter build --gpu {target}`, or let a worker make the code where it runs ({worker})",
        listed(.carried)
    )]
    NotCarried {
        /// The device that asked.
        target: String,
        /// The targets for which the program carries device code.
        carried: Vec<&'static str>,
        /// Why there is no worker.
        worker: Box<WorkerError>,
    },
    /// The program does not carry the code, and nothing that it could be made from.
    #[error(
        "this program was built with `--gpu-only`, and carries no device code for {target} ({}): build it with `cargo geobacter build --gpu {target}`",
        listed(.carried)
    )]
    GpuOnly {
        /// The device that asked.
        target: String,
        /// The targets for which the program carries device code.
        carried: Vec<&'static str>,
    },
    /// The worker's answer lacks something.
    #[error("the code generation worker sent a code object without its resources; reinstall cargo-geobacter")]
    NoResources,
    /// `GEOBACTER_DUMP` asks for files that cannot be written.
    #[error("GEOBACTER_DUMP asks for {}, which cannot be written ({error}); set it to a folder of your own, or unset it", path.display())]
    Dump {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

fn listed(targets: &[&str]) -> String {
    match targets {
        [] => "it carries none at all".into(),
        targets => format!("it carries code for {}", targets.join(", ")),
    }
}

pub use prepared::{prepare_all, prepare_all_async};

/// Device code for one kernel instance.
#[derive(Clone, Debug)]
pub struct DeviceCode {
    /// The code object: an ELF file.
    pub code_object: Arc<[u8]>,
    /// What it takes.
    pub resources: KernelResources,
}

/// Device code of this kernel for this target (`gfx942`): what the program carries, or what is in the disk cache, or what the
/// worker makes. `checked`: for a device that checks accesses to LDS. `constants`: the values of the kernel's specialisation
/// constants ([`Dispatch::constants`](crate::driver::Dispatch::constants)), or nothing, for code that reads them at run time; such
/// code is also the answer where there is nobody to make other.
///
/// # Errors
/// Any [`CodeError`].
pub fn device_code(
    kernel: KernelInstance,
    target: &str,
    checked: bool,
    constants: &[u8],
) -> Result<DeviceCode, CodeError> {
    let symbol = kernel.record.symbol();
    let key = BundleKey { symbol: archive::archived_symbol(symbol).to_owned(), target: target.to_owned(), checked };
    let ready = match bundle::find(bundle::bundles().map_err(Clone::clone)?, &key)? {
        Some(code) => Some(code),
        None => prepared::find(&key),
    };
    let Some(general) = ready else { return make(symbol, target, checked, constants, None) };
    if constants.is_empty() {
        return if dump::folder().is_some() {
            make(symbol, target, checked, constants, Some(general))
        } else {
            Ok(general)
        };
    }
    match make(symbol, target, checked, constants, None) {
        Err(error @ (CodeError::NotCarried { .. } | CodeError::GpuOnly { .. })) => {
            let kernel = kernel.descriptor.name;
            tracing::debug!(kernel, %error, "no code for these constants can be made: it reads them at run time");
            Ok(general)
        }
        made => made,
    }
}

/// Code from the disk cache or the worker, if there is none yet, and its dump.
fn make(
    symbol: &str,
    target: &str,
    checked: bool,
    constants: &[u8],
    ready: Option<DeviceCode>,
) -> Result<DeviceCode, CodeError> {
    let (archive, kernel) = archive::find(archives_for(target)?, symbol)?
        .ok_or_else(|| CodeError::NotInArchive { symbol: symbol.to_owned() })?;
    let producer = archive.producer();
    let compile = |job: CompileJob| Ok(worker_for(producer, target)?.compile(job)?);
    let request = CodeRequest::new(kernel, target, checked, constants);
    let code = match ready {
        Some(code) => code,
        None => cached(producer, &request, CACHE.as_ref(), compile)?,
    };
    if let Some(folder) = dump::folder() {
        dump::write(folder, &request.job, &code, compile)?;
    }
    Ok(code)
}

static CACHE: LazyLock<Option<DiskCache>> = LazyLock::new(DiskCache::from_environment);

fn cached(
    producer: &Producer,
    request: &CodeRequest,
    cache: Option<&DiskCache>,
    compile: impl FnOnce(CompileJob) -> Result<CompiledKernel, CodeError>,
) -> Result<DeviceCode, CodeError> {
    let compiled = request.get(&version(producer), cache, compile)?;
    let resources = compiled.resources.ok_or(CodeError::NoResources)?;
    Ok(DeviceCode { code_object: compiled.bytes.into(), resources })
}

fn archives() -> Result<&'static [Archive<'static>], CodeError> {
    match archive::archives() {
        Ok([]) => Err(CodeError::NoArchive),
        Ok(archives) => Ok(archives),
        Err(error) => Err(error.clone().into()),
    }
}

/// [`archives`], to make code for this target.
fn archives_for(target: &str) -> Result<&'static [Archive<'static>], CodeError> {
    match archives() {
        Err(CodeError::NoArchive) if !bundle::is_empty() => {
            Err(CodeError::GpuOnly { target: target.to_owned(), carried: bundle::targets() })
        }
        archives => archives,
    }
}

fn first_producer() -> Result<&'static Producer, CodeError> {
    archives()?.first().map(Archive::producer).ok_or(CodeError::NoArchive)
}

/// The code generation worker for this program's kernels, for code for this target. One for the process; it is started when it
/// is first asked.
///
/// # Errors
/// [`CodeError::NoArchive`] or [`CodeError::Archive`], because the archive says which toolchain's worker is needed;
/// [`CodeError::NotCarried`] if there is none.
pub fn worker(target: &str) -> Result<Arc<Worker>, CodeError> {
    let archive = archives_for(target)?.first().ok_or(CodeError::NoArchive)?;
    worker_for(archive.producer(), target)
}

fn worker_of(producer: &Producer) -> Result<Arc<Worker>, WorkerError> {
    // Archives of several toolchains in one program are rare, but each needs its own LLVM.
    // By program and sysroot.
    type Workers = HashMap<(PathBuf, PathBuf), Arc<Worker>>;
    static WORKERS: LazyLock<Mutex<Workers>> = LazyLock::new(Mutex::default);
    let mut workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (producer.worker.clone(), producer.sysroot.clone());
    if let Some(worker) = workers.get(&key) {
        return Ok(Arc::clone(worker));
    }
    let worker = Arc::new(Worker::find(&producer.worker, &producer.sysroot)?);
    workers.insert(key, Arc::clone(&worker));
    Ok(worker)
}

/// The process's worker for code for this target. That there is none is an error which says what the program carries instead.
fn worker_for(producer: &Producer, target: &str) -> Result<Arc<Worker>, CodeError> {
    worker_of(producer).map_err(|error| not_carried(error, target))
}

/// A worker of its own for who asks much at once.
fn new_worker(producer: &Producer, target: &str) -> Result<Worker, CodeError> {
    Worker::find(&producer.worker, &producer.sysroot).map_err(|error| not_carried(error, target))
}

fn not_carried(error: WorkerError, target: &str) -> CodeError {
    match error {
        worker @ WorkerError::NotFound { .. } => {
            CodeError::NotCarried { target: target.to_owned(), carried: bundle::targets(), worker: Box::new(worker) }
        }
        error => error.into(),
    }
}

/// Versions of everything that device code depends on beside its bitcode: a part of every cache key.
///
/// # Errors
/// [`CodeError::NoArchive`] or [`CodeError::Archive`].
pub fn compiler_version() -> Result<String, CodeError> {
    first_producer().map(version)
}

/// What the devices of this process keep for one instance: a list that only grows, behind the record's cache word. An entry is
/// complete before it is reachable, so that a reader takes no lock.
struct Loaded {
    first: AtomicPtr<Entry>,
    /// Held while something is loaded, so that two threads do not load the same.
    loading: Mutex<()>,
}

/// Values of specialisation constants for which one device keeps code of one instance. With further ones it runs the code that reads
/// them at run time: a constant that has many values is none.
pub const MAX_VARIANTS: usize = 64;

struct Entry {
    device: usize,
    constants: Box<[u8]>,
    kernel: LoadedKernel,
    next: *mut Entry,
}

impl Loaded {
    /// The table of this instance. Records of one instance in two crates have two tables, which costs a second load.
    fn of(cache: &AtomicPtr<std::ffi::c_void>) -> &'static Self {
        let mut table = cache.load(Ordering::Acquire).cast::<Self>();
        if table.is_null() {
            // Leaked: it lives as long as the record, which is a static.
            let new = Box::into_raw(Box::new(Self { first: AtomicPtr::default(), loading: Mutex::new(()) }));
            let old = cache.compare_exchange(ptr::null_mut(), new.cast(), Ordering::AcqRel, Ordering::Acquire);
            table = match old {
                Ok(_) => new,
                Err(other) => {
                    // SAFETY: made above, and nobody has seen it.
                    drop(unsafe { Box::from_raw(new) });
                    other.cast()
                }
            };
        }
        // SAFETY: only this function writes the cache word, once, with the address of a table that is never freed.
        unsafe { &*table }
    }

    fn entries(&self, device: usize) -> impl Iterator<Item = &Entry> {
        // SAFETY: entries are complete before their address is stored (release, acquire), and are never changed or freed.
        let entry = |pointer: *mut Entry| unsafe { pointer.as_ref() };
        iter::successors(entry(self.first.load(Ordering::Acquire)), move |other| entry(other.next))
            .filter(move |entry| entry.device == device)
    }

    fn find(&self, device: usize, constants: &[u8]) -> Option<LoadedKernel> {
        self.entries(device).find(|entry| *entry.constants == *constants).map(|entry| Arc::clone(&entry.kernel))
    }

    fn get_or_load<E>(
        &self,
        device: usize,
        constants: &[u8],
        load: impl FnOnce(&[u8]) -> Result<LoadedKernel, E>,
    ) -> Result<LoadedKernel, E> {
        if let Some(kernel) = self.find(device, constants) {
            return Ok(kernel);
        }
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = constants.is_empty() || self.entries(device).count() < MAX_VARIANTS;
        let constants = if has_room { constants } else { &[] };
        if let Some(kernel) = self.find(device, constants) {
            return Ok(kernel);
        }
        let kernel = load(constants)?;
        let entry = Entry {
            device,
            constants: constants.into(),
            kernel: Arc::clone(&kernel),
            next: self.first.load(Ordering::Acquire),
        };
        self.first.store(Box::into_raw(Box::new(entry)), Ordering::Release);
        Ok(kernel)
    }
}

/// A key for [`loaded`] that no device of the process has or will have.
pub fn device_key() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What this device keeps for this kernel instance and these values of its specialisation constants, made by `load` the first time.
/// Later calls take nanoseconds. Beyond [`MAX_VARIANTS`], `load` is given no constants: code that reads them at run time.
///
/// `device` is the device's own [`device_key`].
///
/// # Errors
/// What `load` says; nothing is kept then.
pub fn loaded(
    kernel: KernelInstance,
    device: usize,
    constants: &[u8],
    load: impl FnOnce(&[u8]) -> Result<LoadedKernel, DriverError>,
) -> Result<LoadedKernel, DriverError> {
    // SAFETY: this is the one place that gives the word to somebody, and `Loaded::of` does as it says.
    Loaded::of(unsafe { kernel.record.cache() }).get_or_load(device, constants, load)
}

#[cfg(test)]
mod tests;
