//! What the driver's functions share: the driver is one for each process, so this is one state for each process.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use geobacter_cuda_driver::{
    CudaApi, Raw,
    sys::CUresult::{self, *},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{
    allocation::Allocations,
    config::Config,
    device::Device,
    event::Event,
    function::Function,
    graph::{Exec, Graph},
    linker::Link,
    module::Module,
    stream::Stream,
};

/// The installed simulator.
pub struct Simulator {
    /// What it was configured as.
    pub config: Config,
    /// The threads that execute kernels. Not rayon's global pool: a program that waits for a kernel there would keep
    /// the kernel from running.
    pub pool: ThreadPool,
    /// The devices, by their number.
    pub devices: Vec<Device>,
    /// All memory that a program has from the driver.
    pub allocations: Allocations,
    /// Streams that programs have made.
    pub streams: Registry<Stream>,
    /// Events.
    pub events: Registry<Event>,
    /// Loaded modules.
    pub modules: Registry<Module>,
    /// Kernels that programs have asked for.
    pub functions: Registry<Function>,
    /// Links that are not destroyed.
    pub links: Registry<Link>,
    /// Graphs.
    pub graphs: Registry<Graph>,
    /// Graphs that can be launched.
    pub execs: Registry<Exec>,
    initialised: AtomicBool,
}

/// Why the simulator could not be installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// Another configuration is installed; a process has one driver.
    #[error("this process simulates {0} already; a process has one simulated driver")]
    AlreadyInstalled(Box<Config>),
    /// The threads that execute kernels could not be started.
    #[error("cannot start the simulator's threads: {0}")]
    Threads(String),
}

static SIMULATOR: OnceLock<Simulator> = OnceLock::new();

thread_local! {
    static LAST_ERROR: RefCell<Option<String>> = const { RefCell::new(None) };
    static IN_HOST_FUNCTION: Cell<bool> = const { Cell::new(false) };
}

/// Installs the simulator for this process and gives its table of driver functions. Installing the same configuration
/// again gives the same table.
///
/// # Errors
/// [`InstallError`] if another configuration is installed, or there are no threads to be had.
pub fn install(config: Config) -> Result<CudaApi, InstallError> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = lock(&INSTALLING);
    match SIMULATOR.get() {
        Some(installed) if installed.config != config => {
            return Err(InstallError::AlreadyInstalled(Box::new(installed.config.clone())));
        }
        Some(_) => {}
        // The lock makes this the first.
        None => drop(SIMULATOR.set(Simulator::new(config)?)),
    }
    Ok(super::cuda_api())
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Simulator {
    fn new(config: Config) -> Result<Self, InstallError> {
        let pool = ThreadPoolBuilder::new().thread_name(|index| format!("ptx-sim {index}")).build();
        let pool = pool.map_err(|error| InstallError::Threads(error.to_string()))?;
        let devices = config.cards().iter().enumerate().map(|(index, card)| Device::new(index, card, &config));
        Ok(Self {
            devices: devices.collect(),
            config,
            pool,
            allocations: Allocations::default(),
            streams: Registry::new("stream", CUDA_ERROR_INVALID_HANDLE),
            events: Registry::new("event", CUDA_ERROR_INVALID_HANDLE),
            modules: Registry::new("module", CUDA_ERROR_INVALID_HANDLE),
            functions: Registry::new("function", CUDA_ERROR_INVALID_HANDLE),
            links: Registry::new("link", CUDA_ERROR_INVALID_HANDLE),
            graphs: Registry::new("graph", CUDA_ERROR_INVALID_VALUE),
            execs: Registry::new("executable graph", CUDA_ERROR_INVALID_VALUE),
            initialised: AtomicBool::new(false),
        })
    }

    /// `cuInit`.
    pub fn initialise(&self) {
        self.initialised.store(true, Ordering::Release);
    }
}

/// A call that fails: its result. The reason is kept for [`last_error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure(pub CUresult);

/// What a function's body gives.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Locks, whatever became of another thread that held the lock: what is locked is consistent between statements.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The simulator, if it is installed, initialised or not.
pub fn installed() -> Outcome<&'static Simulator> {
    SIMULATOR.get().ok_or_else(|| fail(CUDA_ERROR_NOT_INITIALIZED, "no simulator is installed in this process"))
}

/// The simulator, if it is installed and initialised, and the calling thread may call it.
pub fn simulator() -> Outcome<&'static Simulator> {
    if IN_HOST_FUNCTION.get() {
        let reason = "a function that a stream calls on the host must not call the driver";
        return Err(fail(CUDA_ERROR_NOT_PERMITTED, reason));
    }
    let simulator = installed()?;
    match simulator.initialised.load(Ordering::Acquire) {
        true => Ok(simulator),
        false => Err(fail(CUDA_ERROR_NOT_INITIALIZED, "cuInit was not called")),
    }
}

/// Calls a function of the program on the thread of a stream. What it calls of the driver is refused.
pub fn on_behalf_of_a_stream(call: impl FnOnce()) {
    let outer = IN_HOST_FUNCTION.replace(true);
    call();
    IN_HOST_FUNCTION.set(outer);
}

/// Keeps the reason for [`last_error`] and gives the failure.
pub fn fail(result: CUresult, reason: impl Into<String>) -> Failure {
    let reason = reason.into();
    tracing::debug!(?result, reason, "a call of the driver failed");
    // A thread that ends may call the driver when its own variables are gone.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = Some(reason));
    Failure(result)
}

/// Why the last call of this thread that failed did so, in words.
pub fn last_error() -> Option<String> {
    LAST_ERROR.try_with(|last| last.borrow().clone()).ok().flatten()
}

/// Runs a function's body and gives its result as the C ABI has it.
pub fn answer(body: impl FnOnce() -> Outcome) -> Raw<CUresult> {
    match body() {
        Ok(()) => CUDA_SUCCESS.into(),
        Err(Failure(result)) => result.into(),
    }
}

/// A handle that nothing else has, nor had: a destroyed object is never taken for another one, whatever its kind.
/// Handles lie in the first page but one, and up from there, where no program's memory is.
fn next_handle() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0x1000);
    NEXT.fetch_add(16, Ordering::Relaxed)
}

/// The objects of one kind that the program has handles of.
#[derive(Debug)]
pub struct Registry<T> {
    /// What such an object is called.
    kind: &'static str,
    /// The result of a call with a handle that stands for none.
    invalid: CUresult,
    objects: Mutex<HashMap<usize, Arc<T>>>,
}

impl<T> Registry<T> {
    fn new(kind: &'static str, invalid: CUresult) -> Self {
        Self { kind, invalid, objects: Mutex::default() }
    }

    /// Keeps an object and gives its handle.
    pub fn add<H>(&self, object: Arc<T>) -> *mut H {
        let handle = next_handle();
        lock(&self.objects).insert(handle, object);
        core::ptr::without_provenance_mut(handle)
    }

    /// The object of a handle.
    pub fn get<H>(&self, handle: *mut H) -> Outcome<Arc<T>> {
        lock(&self.objects).get(&handle.addr()).cloned().ok_or_else(|| self.no_such(handle))
    }

    /// The same, and the handle stands for nothing from now on.
    pub fn remove<H>(&self, handle: *mut H) -> Outcome<Arc<T>> {
        lock(&self.objects).remove(&handle.addr()).ok_or_else(|| self.no_such(handle))
    }

    /// Takes those out that are like this.
    pub fn take(&self, like: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
        lock(&self.objects).extract_if(|_, object| like(object)).map(|(_, object)| object).collect()
    }

    fn no_such<H>(&self, handle: *mut H) -> Failure {
        fail(self.invalid, format!("there is no {} {handle:?}: it was destroyed, or never was", self.kind))
    }
}

/// A handle that is no object's of a [`Registry`].
pub fn fresh_handle<H>() -> *mut H {
    core::ptr::without_provenance_mut(next_handle())
}
