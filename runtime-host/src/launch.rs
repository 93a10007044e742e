//! One launch: its work-groups, shared out among threads.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use geobacter_runtime_core::{
    driver::{Dispatch, WorkError},
    output::OutputSink,
};

use crate::{
    check::{self, Shadow},
    chunks::Chunks,
    group_time::GroupTimes,
    panics,
    print::{self, Speaker},
    threads::Threads,
};

/// A launch that takes longer is worth another thread, which takes some microseconds to wake.
const ONE_THREAD: Duration = Duration::from_micros(30);
/// Work that is worth a chunk of its own, which a thread that is awake takes in less than one microsecond.
const MIN_CHUNK: Duration = Duration::from_micros(4);

/// What runs launches: the threads, and what is known of kernels.
#[derive(Debug)]
pub(crate) struct Launcher {
    threads: Threads,
    group_times: GroupTimes,
    output: OutputSink,
}

impl Launcher {
    pub(crate) fn new() -> Self {
        Self { threads: Threads::new(), group_times: GroupTimes::new(), output: OutputSink::default() }
    }

    /// Threads that work on a launch.
    pub(crate) fn threads(&self) -> usize {
        self.threads.count()
    }

    /// Where the lines that kernels print go.
    pub(crate) fn output(&self) -> &OutputSink {
        &self.output
    }

    /// Runs a kernel over a grid, to its end.
    ///
    /// # Safety
    /// As `Driver::dispatch`.
    pub(crate) unsafe fn run(&self, dispatch: &Dispatch) -> Result<(), WorkError> {
        panics::install_hook();
        let groups = dispatch.groups();
        let count: u64 = groups.iter().map(|&n| u64::from(n)).product();
        let size = dispatch.kernel.descriptor.workgroup;
        let kernarg = Kernarg(dispatch.kernarg.as_bytes().as_ptr());
        let shadow = Shadow::default();
        let speaker = Speaker { kernel: dispatch.kernel.descriptor.name, output: &self.output };
        let run = |groups: Range<u64>, failed: &AtomicBool| {
            let ids = ids(dispatch.groups(), groups).take_while(|_| !failed.load(Ordering::Relaxed));
            let entry = || {
                // SAFETY: the kernarg bytes are what the entry function takes (this function's contract), and this
                // thread's intrinsics tell it to run one group of the grid, which no other call runs.
                unsafe { (dispatch.kernel.entry)(kernarg.get()) }
            };
            print::with(&speaker, || panics::run_groups(ids, size, dispatch.dynamic_lds, entry))
        };
        let failed = AtomicBool::new(false);
        let here = |groups| check::with(&shadow, || run(groups, &failed)).map_err(|(_, error)| error);
        if count == 1 {
            return here(0..1);
        }
        let entry = dispatch.kernel.entry;
        let several_threads =
            |time: Duration, groups: u64| time.as_nanos() * u128::from(groups) > ONE_THREAD.as_nanos();
        // Groups that have run, and what one takes.
        let (done, time) = match self.group_times.get(entry).filter(|&time| several_threads(time, count)) {
            Some(time) => (0, time),
            None => {
                let start = Instant::now();
                here(0..1)?;
                let time = start.elapsed();
                self.group_times.set(entry, 1, time);
                (1, time)
            }
        };
        let rest = count - done;
        if !several_threads(time, rest) {
            return here(done..count);
        }
        let worth_a_chunk = MIN_CHUNK.as_nanos().div_ceil(time.as_nanos().max(1)) as u64;
        let chunks = Chunks::new(done..count, self.threads.count() as u64, worth_a_chunk);
        let first: Mutex<Option<(u64, WorkError)>> = Mutex::new(None);
        let run_chunk = |groups: Range<u64>| {
            let (start, length) = (Instant::now(), groups.end - groups.start);
            match run(groups, &failed) {
                Ok(()) => self.group_times.set(entry, length, start.elapsed()),
                Err((group, error)) => {
                    failed.store(true, Ordering::Relaxed);
                    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.as_ref().is_none_or(|&(other, _)| group < other) {
                        *first = Some((group, error));
                    }
                }
            }
        };
        let work = || {
            check::with(&shadow, || {
                while let Some(groups) = chunks.take() {
                    run_chunk(groups);
                }
            });
        };
        self.threads.run(work);
        match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some((_, error)) => Err(error),
        }
    }
}

/// Linear numbers of groups and their ids along x, y and z, in a launch with so many groups along each.
fn ids(across: [u32; 3], numbers: Range<u64>) -> impl Iterator<Item = (u64, [u32; 3])> {
    let (x, y) = (u64::from(across[0]), u64::from(across[1]));
    let mut id = [numbers.start % x, numbers.start / x % y, numbers.start / (x * y)].map(|n| n as u32);
    numbers.map(move |number| {
        let this = id;
        // Counts on, which is much cheaper than two divisions.
        id[0] += 1;
        if id[0] == across[0] {
            id = [0, id[1] + 1, id[2]];
            if id[1] == across[1] {
                id = [0, 0, id[2] + 1];
            }
        }
        (number, this)
    })
}

/// The kernarg bytes' address, for all threads of a launch.
#[derive(Clone, Copy)]
struct Kernarg(*const u8);

// SAFETY: the bytes are borrowed by the launch until all of its threads are done, and are only read.
unsafe impl Send for Kernarg {}
// SAFETY: as above.
unsafe impl Sync for Kernarg {}

impl Kernarg {
    /// A method, so that closures capture the whole and not the bare pointer in it.
    fn get(self) -> *const u8 {
        self.0
    }
}
