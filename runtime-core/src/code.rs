//! Device code for kernel instances: memory, then disk, then the worker.
//!
//! ```text
//! loaded(kernel, device)      the instance's record: a list, one entry for each device; nanoseconds
//!   └ device_code(kernel)     the disk cache, keyed by the kernel's content id, target and compiler
//!       └ worker()            one process for each toolchain, started on the first miss
//! ```

mod dump;

use std::{
    collections::HashMap,
    io, iter,
    path::PathBuf,
    ptr,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicPtr, Ordering},
    },
};

use geobacter_codegen_client::{CacheKey, DiskCache, Worker, WorkerError};
use geobacter_spool::{
    archive::{Archive, ArchiveError, Kernel, KernelId, Producer},
    job::{CompileJob, CompiledKernel, Emit, KernelResources},
};

use crate::{
    archive,
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

/// Device code for one kernel instance.
#[derive(Clone, Debug)]
pub struct DeviceCode {
    /// The code object: an ELF file.
    pub code_object: Arc<[u8]>,
    /// What it takes.
    pub resources: KernelResources,
}

/// Device code of this kernel for this target (`gfx942`), from the disk cache or the worker. `checked`: for a device that checks
/// accesses to LDS.
///
/// # Errors
/// Any [`CodeError`].
pub fn device_code(kernel: KernelInstance, target: &str, checked: bool) -> Result<DeviceCode, CodeError> {
    let archives = archives()?;
    let symbol = kernel.record.symbol();
    let (archive, kernel) =
        archive::find(archives, symbol)?.ok_or_else(|| CodeError::NotInArchive { symbol: symbol.to_owned() })?;
    let producer = archive.producer();
    let compile = |job| Ok(worker_of(producer)?.compile(job)?);
    let id = kernel.id;
    let job = job(kernel, target, checked);
    let code = cached(producer, id, &job, CACHE.as_ref(), compile)?;
    if let Some(folder) = dump::folder() {
        dump::write(folder, &job, &code, compile)?;
    }
    Ok(code)
}

/// What the worker is asked for a kernel.
fn job(kernel: Kernel, target: &str, checked: bool) -> CompileJob {
    CompileJob {
        export: format!("{}_{}", kernel.descriptor.name, kernel.id.short()),
        bitcode: kernel.bitcode,
        entry: kernel.symbol,
        target: target.to_owned(),
        emit: Emit::CodeObject,
        checked,
    }
}

static CACHE: LazyLock<Option<DiskCache>> = LazyLock::new(DiskCache::from_environment);

fn cached(
    producer: &Producer,
    id: KernelId,
    job: &CompileJob,
    cache: Option<&DiskCache>,
    compile: impl FnOnce(CompileJob) -> Result<CompiledKernel, CodeError>,
) -> Result<DeviceCode, CodeError> {
    let CompileJob { export, target, emit, checked, .. } = job;
    // The id is the hash of symbol and bitcode: hashing those again would say no more.
    let question = (id, export, target, emit, checked);
    let key = CacheKey::of("code-object", &version(producer), &question, format!("{export} for {target}"));
    let compiled = DiskCache::get_or_compute(cache, &key, || compile(job.clone()))?;
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

fn first_producer() -> Result<&'static Producer, CodeError> {
    archives()?.first().map(Archive::producer).ok_or(CodeError::NoArchive)
}

/// The code generation worker for this program's kernels. One for the process; it is started when it is first asked.
///
/// # Errors
/// [`CodeError::NoArchive`] or [`CodeError::Archive`], because the archive says which toolchain's worker is needed;
/// [`CodeError::Worker`] if there is none.
pub fn worker() -> Result<Arc<Worker>, CodeError> {
    worker_of(first_producer()?)
}

fn worker_of(producer: &Producer) -> Result<Arc<Worker>, CodeError> {
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

/// Versions of everything that device code depends on beside its bitcode: a part of every cache key.
///
/// # Errors
/// [`CodeError::NoArchive`] or [`CodeError::Archive`].
pub fn compiler_version() -> Result<String, CodeError> {
    first_producer().map(version)
}

fn version(producer: &Producer) -> String {
    format!("rustc {}, LLVM {}, worker {}", producer.rustc, producer.llvm, producer.worker_build)
}

/// What the devices of this process keep for one instance: a list that only grows, behind the record's cache word. An entry is
/// complete before it is reachable, so that a reader takes no lock.
struct Loaded {
    first: AtomicPtr<Entry>,
    /// Held while something is loaded, so that two threads do not load the same.
    loading: Mutex<()>,
}

struct Entry {
    device: usize,
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

    fn find(&self, device: usize) -> Option<LoadedKernel> {
        // SAFETY: entries are complete before their address is stored (release, acquire), and are never changed or freed.
        let entry = |pointer: *mut Entry| unsafe { pointer.as_ref() };
        let mut entries = iter::successors(entry(self.first.load(Ordering::Acquire)), |other| entry(other.next));
        entries.find(|entry| entry.device == device).map(|entry| Arc::clone(&entry.kernel))
    }

    fn get_or_load<E>(&self, device: usize, load: impl FnOnce() -> Result<LoadedKernel, E>) -> Result<LoadedKernel, E> {
        if let Some(kernel) = self.find(device) {
            return Ok(kernel);
        }
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kernel) = self.find(device) {
            return Ok(kernel);
        }
        let kernel = load()?;
        let entry = Entry { device, kernel: Arc::clone(&kernel), next: self.first.load(Ordering::Acquire) };
        self.first.store(Box::into_raw(Box::new(entry)), Ordering::Release);
        Ok(kernel)
    }
}

/// What this device keeps for this kernel instance, made by `load` the first time. Later calls take nanoseconds.
///
/// `device` is any key that no other device of the process has or will have, for example the address of a driver that lives
/// as long as the process.
///
/// # Errors
/// What `load` says; nothing is kept then.
pub fn loaded(
    kernel: KernelInstance,
    device: usize,
    load: impl FnOnce() -> Result<LoadedKernel, DriverError>,
) -> Result<LoadedKernel, DriverError> {
    // SAFETY: this is the one place that gives the word to somebody, and `Loaded::of` does as it says.
    Loaded::of(unsafe { kernel.record.cache() }).get_or_load(device, load)
}

#[cfg(test)]
mod tests;
