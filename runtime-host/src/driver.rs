//! The host as a device: memory, and launches.

use std::{
    alloc::{self, Layout},
    fmt,
    ptr::NonNull,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use geobacter_runtime_core::driver::{DeviceInfo, DeviceKind, Dispatch, Driver, DriverError, KernelPanic, Memory};
use rayon::prelude::*;

use crate::panics;

/// Work-items below which a chunk is not worth handing to another thread: some microseconds of a cheap kernel.
const MIN_CHUNK_ITEMS: u64 = 8192;
/// Chunks for each thread, so that uneven work spreads.
const CHUNKS_PER_THREAD: u64 = 8;
/// Alignment of buffers in bytes, as the driver seam promises.
const ALIGN: usize = 256;

#[derive(Debug)]
pub(crate) struct HostDriver {
    info: DeviceInfo,
}

impl HostDriver {
    pub(crate) fn new() -> Self {
        let mut info = DeviceInfo::new("host", DeviceKind::Host);
        info.name = processor_name().unwrap_or_else(|| format!("{} processor", std::env::consts::ARCH));
        info.isa = std::env::consts::ARCH.to_owned();
        info.memory = memory().unwrap_or(isize::MAX as u64);
        info.compute_units = thread::available_parallelism().map_or(1, |n| n.get() as u32);
        info.max_grid_items = u64::MAX;
        info.driver = format!("rayon, {} threads", rayon::current_num_threads());
        Self { info }
    }
}

impl Driver for HostDriver {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn allocate(&self, bytes: u64) -> Result<Box<dyn Memory>, DriverError> {
        let out_of_memory = || DriverError::OutOfMemory { requested: bytes, total: self.info.memory };
        let size = usize::try_from(bytes).map_err(|_| out_of_memory())?;
        let layout = Layout::from_size_align(size.max(1), ALIGN).map_err(|_| out_of_memory())?;
        // SAFETY: the layout's size is not zero.
        let pointer = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }).ok_or_else(out_of_memory)?;
        // A kernel gets the address as a number.
        pointer.as_ptr().expose_provenance();
        Ok(Box::new(HostMemory { pointer, layout, size }))
    }

    unsafe fn dispatch(&self, dispatch: &Dispatch<'_>) -> Result<(), DriverError> {
        panics::install_hook();
        let groups = dispatch.groups();
        let count: u64 = groups.iter().map(|&n| u64::from(n)).product();
        let size = dispatch.kernel.descriptor.workgroup;
        let kernarg = Kernarg(dispatch.kernarg.as_ptr());
        let run = |group: u64| {
            let (x, y) = (u64::from(groups[0]), u64::from(groups[1]));
            let id = [group % x, group / x % y, group / (x * y)].map(|n| n as u32);
            panics::run_group(id, size, || {
                // SAFETY: the kernarg bytes are what the entry function takes (this function's contract), and this thread's
                // intrinsics tell it to run one group of the grid, which no other call runs.
                unsafe { (dispatch.kernel.entry)(kernarg.get()) }
            })
        };

        // One group stays here: waking another thread takes longer than most groups run.
        if count == 1 {
            return run(0).map_err(DriverError::Panicked);
        }
        let items: u64 = size.iter().map(|&n| u64::from(n)).product();
        let even = count.div_ceil(rayon::current_num_threads() as u64 * CHUNKS_PER_THREAD);
        let chunk = even.max(MIN_CHUNK_ITEMS.div_ceil(items));
        let panicked = AtomicBool::new(false);
        let first: Mutex<Option<(u64, KernelPanic)>> = Mutex::new(None);
        (0..count.div_ceil(chunk)).into_par_iter().for_each(|index| {
            for group in index * chunk..((index + 1) * chunk).min(count) {
                if panicked.load(Ordering::Relaxed) {
                    return;
                }
                if let Err(panic) = run(group) {
                    panicked.store(true, Ordering::Relaxed);
                    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.as_ref().is_none_or(|&(other, _)| group < other) {
                        *first = Some((group, panic));
                    }
                }
            }
        });
        match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some((_, panic)) => Err(DriverError::Panicked(panic)),
        }
    }
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
    pointer: NonNull<u8>,
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
        unsafe { alloc::dealloc(self.pointer.as_ptr(), self.layout) }
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
