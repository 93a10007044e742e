//! The host as a device.

use std::sync::Arc;

use geobacter_runtime_core::{
    driver::{
        DeviceInfo, DeviceKind, Dispatch, Driver, DriverError, DriverGraph, DriverStream, GraphStep, Memory,
        MemoryKind, Priority,
    },
    output::OutputSink,
};

use crate::{
    launch::Launcher,
    memory::HostMemory,
    stream::{HostGraph, HostStream},
};

/// LDS of a work-group in bytes. Any size would do; this is what GPUs have, so that a kernel that runs here runs there.
const LDS: u32 = 64 * 1024;

#[derive(Debug)]
pub(crate) struct HostDriver {
    info: DeviceInfo,
    launcher: Arc<Launcher>,
}

impl HostDriver {
    pub(crate) fn new() -> Self {
        let launcher = Launcher::new();
        let mut info = DeviceInfo::new("host", DeviceKind::Host);
        info.wave_size = geobacter_lang::intrinsics::HOST_WAVE_SIZE;
        info.name = processor_name().unwrap_or_else(|| format!("{} processor", std::env::consts::ARCH));
        info.isa = std::env::consts::ARCH.to_owned();
        info.memory = memory().unwrap_or(isize::MAX as u64);
        info.compute_units = launcher.threads() as u32;
        info.max_grid_items = u64::MAX;
        info.lds = LDS;
        info.driver = format!("rayon, {} threads", launcher.threads());
        Self { info, launcher: Arc::new(launcher) }
    }
}

impl Driver for HostDriver {
    fn info(&self) -> &DeviceInfo {
        &self.info
    }

    fn output(&self) -> &OutputSink {
        self.launcher.output()
    }

    fn allocate(&self, bytes: u64, kind: MemoryKind) -> Result<Arc<dyn Memory>, DriverError> {
        // All memory here is the host's and coherent.
        Ok(Arc::new(HostMemory::new(bytes, kind, self.info.memory)?))
    }

    fn open_stream(&self, _priority: Priority) -> Result<Box<dyn DriverStream>, DriverError> {
        // Threads of one process have one priority.
        Ok(Box::new(HostStream::new(Arc::clone(&self.launcher))))
    }

    fn build_graph(&self, steps: Vec<GraphStep>) -> Result<Arc<dyn DriverGraph>, DriverError> {
        Ok(Arc::new(HostGraph(steps)))
    }

    fn reaches(&self, memory: &dyn Memory) -> bool {
        memory.host_address().is_some()
    }

    unsafe fn dispatch(&self, dispatch: &Dispatch) -> Result<(), DriverError> {
        // SAFETY: this function's contract.
        Ok(unsafe { self.launcher.run(dispatch) }?)
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
