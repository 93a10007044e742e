//! What the HSA functions share: HSA is one runtime for each process, so this is one state for each process.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use hsa_rt_sys::{HSA_STATUS_ERROR_NOT_INITIALIZED, HSA_STATUS_SUCCESS, HsaApi, hsa_status_t};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{
    events::Handler,
    executable::{Executables, Kernels},
    queue::Queue,
    signal::Signal,
};
use crate::{
    config::Config,
    counters::{DispatchCounters, Recorder},
    disassembler::Disassembler,
    isa::{coverage::Coverage, target::Target},
    machine::{
        agents::GpuSet,
        memory::{Memory, Purpose, Range},
    },
};

/// The installed simulator.
pub struct Simulator {
    /// Its devices.
    pub config: Config,
    /// Makes text of code objects.
    pub disassembler: Arc<dyn Disassembler>,
    /// Live memory.
    pub memory: Memory,
    /// The threads that execute work-groups. Not rayon's global pool: a program that waits for a kernel there would
    /// keep the kernel from running.
    pub pool: ThreadPool,
    /// Live queues, by the address that the program has.
    pub queues: Mutex<HashMap<u64, Arc<Queue>>>,
    /// Code object readers and executables.
    pub executables: Mutex<Executables>,
    /// What can be launched.
    pub kernels: Kernels,
    /// Which instructions were executed, if that is recorded.
    pub coverage: Coverage,
    /// Who is told of memory faults.
    pub handler: Mutex<Option<Handler>>,
    /// Takes the dispatches' counters, if they are kept.
    pub recorder: Option<Recorder>,
    /// Whether the times of copies are kept.
    pub copies_profiled: AtomicBool,
    references: AtomicUsize,
    next_handle: AtomicU64,
}

/// Why the simulator could not be installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// Another configuration is installed; a process has one HSA runtime.
    #[error("this process simulates {0:?} already; HSA is one runtime for each process")]
    AlreadyInstalled(Config),
    /// The threads that execute kernels could not be started.
    #[error("cannot start the simulator's threads: {0}")]
    Threads(String),
    /// The host has no memory for the table of signals.
    #[error("there is no memory for the simulator's signals: 64 MiB of addresses are needed")]
    Memory,
}

static SIMULATOR: OnceLock<Simulator> = OnceLock::new();

thread_local! {
    static LAST_ERROR: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Installs the simulator for this process and gives its table of HSA functions. Installing the same configuration
/// again gives the same table; the first disassembler stays.
///
/// # Errors
/// [`InstallError`] if another configuration is installed, or there are no threads to be had.
pub fn install(config: Config, disassembler: Arc<dyn Disassembler>) -> Result<HsaApi, InstallError> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = lock(&INSTALLING);
    if let Some(installed) = SIMULATOR.get() {
        if installed.config != config {
            return Err(InstallError::AlreadyInstalled(installed.config.clone()));
        }
        return Ok(super::hsa_api());
    }
    let pool = ThreadPoolBuilder::new()
        .thread_name(|index| format!("amdgpu-sim {index}"))
        .build()
        .map_err(|error| InstallError::Threads(error.to_string()))?;
    let simulator = Simulator {
        recorder: config.counters().cloned().map(Recorder::new),
        config,
        disassembler,
        memory: Memory::default(),
        pool,
        queues: Mutex::default(),
        executables: Mutex::default(),
        kernels: Kernels::default(),
        coverage: Coverage::default(),
        handler: Mutex::default(),
        copies_profiled: AtomicBool::new(false),
        references: AtomicUsize::new(0),
        next_handle: AtomicU64::new(0x1000),
    };
    // Kernels change signals where they are.
    let (base, end) = Signal::memory().ok_or(InstallError::Memory)?;
    let signals = Range { base, end, writable: true, purpose: Purpose::Signals, gpus: GpuSet::ALL };
    simulator.memory.insert(&[signals]);
    // The lock makes this the first.
    let _ = SIMULATOR.set(simulator);
    Ok(super::hsa_api())
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Simulator {
    /// The system's timestamp: nanoseconds of the monotonic clock, as AMD's driver has it. HIP takes differences of such
    /// times and of times that it has read from that clock by itself.
    pub fn ticks(&self) -> u64 {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the place for the time is valid.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }

    /// A handle that nothing else has.
    pub fn handle(&self) -> u64 {
        self.next_handle.fetch_add(16, Ordering::Relaxed)
    }
}

/// Locks, whatever became of another thread that held the lock: what is locked is consistent between statements.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The simulator, installed or not used at all.
pub fn installed() -> Option<&'static Simulator> {
    SIMULATOR.get()
}

/// The counters of all dispatches that have ended since this was last called, oldest first, of the last few thousand at most.
/// None if counters are off ([`Config::with_counters`]).
pub fn take_counters() -> Vec<DispatchCounters> {
    installed().and_then(|simulator| simulator.recorder.as_ref()).map(Recorder::take).unwrap_or_default()
}

/// The mnemonics of the instructions that kernels have executed on GPUs of this name, as LLVM's assembler has them. They are
/// recorded if the simulator was installed with [`Config::with_coverage`]; otherwise there are none.
pub fn executed_instructions(target: &str) -> BTreeSet<String> {
    let recorded = SIMULATOR.get().zip(Target::named(target));
    recorded.map(|(simulator, target)| simulator.coverage.executed(target)).unwrap_or_default()
}

/// The simulator, if it is installed and initialised.
pub fn simulator() -> Result<&'static Simulator, hsa_status_t> {
    match SIMULATOR.get() {
        Some(simulator) if simulator.references.load(Ordering::Acquire) > 0 => Ok(simulator),
        _ => Err(fail(HSA_STATUS_ERROR_NOT_INITIALIZED, "hsa_init was not called, or no simulator is installed")),
    }
}

/// `hsa_init`: one more user.
pub fn initialise() -> hsa_status_t {
    match SIMULATOR.get() {
        Some(simulator) => {
            simulator.references.fetch_add(1, Ordering::AcqRel);
            HSA_STATUS_SUCCESS
        }
        None => fail(HSA_STATUS_ERROR_NOT_INITIALIZED, "no simulator is installed in this process"),
    }
}

/// `hsa_shut_down`: one user less.
pub fn shut_down() -> hsa_status_t {
    let down = SIMULATOR.get().and_then(|simulator| {
        simulator.references.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1)).ok()
    });
    match down {
        Some(_) => HSA_STATUS_SUCCESS,
        None => fail(HSA_STATUS_ERROR_NOT_INITIALIZED, "hsa_shut_down without hsa_init"),
    }
}

/// Keeps the reason for [`last_error`] and gives the status.
pub fn fail(status: hsa_status_t, reason: impl Into<String>) -> hsa_status_t {
    let reason = reason.into();
    tracing::debug!(status, reason, "an HSA call failed");
    LAST_ERROR.with(|last| *last.borrow_mut() = Some(reason));
    status
}

/// Why the last HSA call of this thread that failed did so, in words.
pub fn last_error() -> Option<String> {
    LAST_ERROR.with(|last| last.borrow().clone())
}

/// The status of a function's body.
pub fn status(result: Result<(), hsa_status_t>) -> hsa_status_t {
    match result {
        Ok(()) => HSA_STATUS_SUCCESS,
        Err(status) => status,
    }
}
