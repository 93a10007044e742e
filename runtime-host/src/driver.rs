//! The host as a device: memory, and launches.

use std::{
    alloc::{self, Layout},
    fmt,
    ops::Range,
    ptr::NonNull,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    check::{self, Shadow},
    chunks::Chunks,
    group_time::GroupTimes,
    panics,
    print::{self, Speaker},
    threads::Threads,
};
use geobacter_runtime_core::{
    driver::{DeviceInfo, DeviceKind, Dispatch, Driver, DriverError, Memory},
    output::OutputSink,
};

/// A launch that takes longer is worth another thread, which takes some microseconds to wake.
const ONE_THREAD: Duration = Duration::from_micros(30);
/// Work that is worth a chunk of its own, which a thread that is awake takes in less than one microsecond.
const MIN_CHUNK: Duration = Duration::from_micros(4);
/// LDS of a work-group in bytes. Any size would do; this is what GPUs have, so that a kernel that runs here runs there.
const LDS: u32 = 64 * 1024;
/// Alignment of buffers in bytes, as the driver seam promises.
const ALIGN: usize = 256;

#[derive(Debug)]
pub(crate) struct HostDriver {
    info: DeviceInfo,
    threads: Threads,
    group_times: GroupTimes,
    output: OutputSink,
}

impl HostDriver {
    pub(crate) fn new() -> Self {
        let threads = Threads::new();
        let mut info = DeviceInfo::new("host", DeviceKind::Host);
        info.name = processor_name().unwrap_or_else(|| format!("{} processor", std::env::consts::ARCH));
        info.isa = std::env::consts::ARCH.to_owned();
        info.memory = memory().unwrap_or(isize::MAX as u64);
        info.compute_units = threads.count() as u32;
        info.max_grid_items = u64::MAX;
        info.lds = LDS;
        info.driver = format!("rayon, {} threads", threads.count());
        Self { info, threads, group_times: GroupTimes::new(), output: OutputSink::default() }
    }
}

impl Driver for HostDriver {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn output(&self) -> &OutputSink {
        &self.output
    }

    fn allocate(&self, bytes: u64) -> Result<Box<dyn Memory>, DriverError> {
        let out_of_memory = || DriverError::OutOfMemory { requested: bytes, total: self.info.memory };
        let size = usize::try_from(bytes).map_err(|_| out_of_memory())?;
        // Aligned here and not by the allocator: that would have to write zeros, where the system's pages are zero already.
        let padded = size.checked_add(ALIGN).ok_or_else(out_of_memory)?;
        let layout = Layout::from_size_align(padded, align_of::<u128>()).map_err(|_| out_of_memory())?;
        // SAFETY: the layout's size is not zero.
        let allocation = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }).ok_or_else(out_of_memory)?;
        // SAFETY: less than `ALIGN` bytes on, where `size` bytes are left of the allocation.
        let pointer =
            unsafe { allocation.add(allocation.as_ptr().addr().next_multiple_of(ALIGN) - allocation.as_ptr().addr()) };
        // A kernel gets the address as a number.
        pointer.as_ptr().expose_provenance();
        Ok(Box::new(HostMemory { pointer, allocation, layout, size }))
    }

    unsafe fn dispatch(&self, dispatch: &Dispatch<'_>) -> Result<(), DriverError> {
        panics::install_hook();
        let groups = dispatch.groups();
        let count: u64 = groups.iter().map(|&n| u64::from(n)).product();
        let size = dispatch.kernel.descriptor.workgroup;
        let kernarg = Kernarg(dispatch.kernarg.as_ptr());
        let shadow = Shadow::default();
        let speaker = Speaker { kernel: dispatch.kernel.descriptor.name, output: &self.output };
        let run = |groups: Range<u64>, failed: &AtomicBool| {
            let ids = ids(dispatch.groups(), groups).take_while(|_| !failed.load(Ordering::Relaxed));
            let entry = || {
                // SAFETY: the kernarg bytes are what the entry function takes (this function's contract), and this thread's
                // intrinsics tell it to run one group of the grid, which no other call runs.
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
        let first: Mutex<Option<(u64, DriverError)>> = Mutex::new(None);
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

struct HostMemory {
    /// The first byte of the buffer.
    pointer: NonNull<u8>,
    allocation: NonNull<u8>,
    layout: Layout,
    size: usize,
}

// SAFETY: it owns its bytes; `write` and `read` go through `&self`, and the typed buffer above borrows them as Rust's rules
// demand (`&mut` to write).
unsafe impl Send for HostMemory {}
// SAFETY: as above.
unsafe impl Sync for HostMemory {}

impl HostMemory {
    fn range(&self, offset: u64, length: usize) -> Result<*mut u8, DriverError> {
        let offset = usize::try_from(offset)
            .ok()
            .filter(|&offset| offset.checked_add(length).is_some_and(|end| end <= self.size));
        let offset = offset.ok_or_else(|| {
            DriverError::Device(format!("{length} bytes at that offset do not lie in a memory of {} bytes", self.size))
        })?;
        // SAFETY: the offset lies in the allocation.
        Ok(unsafe { self.pointer.as_ptr().add(offset) })
    }
}

impl Memory for HostMemory {
    fn address(&self) -> u64 {
        self.pointer.as_ptr().addr() as u64
    }

    fn size(&self) -> u64 {
        self.size as u64
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), DriverError> {
        let to = self.range(offset, bytes.len())?;
        // SAFETY: the range lies in the allocation; `bytes` is the caller's own and does not overlap it.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
        Ok(())
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), DriverError> {
        let from = self.range(offset, bytes.len())?;
        // SAFETY: as in `write`; all bytes are initialised from the start.
        unsafe { from.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) }
        Ok(())
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, freed once.
        unsafe { alloc::dealloc(self.allocation.as_ptr(), self.layout) }
    }
}

impl fmt::Debug for HostMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostMemory").field("address", &self.pointer).field("size", &self.size).finish()
    }
}

/// What Linux calls the processor.
fn processor_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Memory of the machine in bytes.
fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
}
