//! What streams and graphs do.

use std::{ffi::c_void, sync::Arc};

use geobacter_cuda_driver::sys::CUresult::{self, *};

#[cfg(feature = "fault-injection")]
use super::injection;
use super::{
    graph::Exec,
    launch::KernelLaunch,
    state::on_behalf_of_a_stream,
    transfer::{Copy, Fill},
};
use crate::{
    fault::{Fault, FaultKind},
    memory::MemoryError,
};

/// A piece of work.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Nothing: it marks a place in a stream, or waits for other streams.
    Nothing,
    /// A copy.
    Copy(Arc<Copy>),
    /// A fill.
    Fill(Fill),
    /// A kernel.
    Kernel(KernelLaunch),
    /// A function of the program.
    Call(HostCall),
    /// A graph.
    Graph(Arc<Exec>),
}

/// A function of the program, and what it is called with.
#[derive(Clone, Copy, Debug)]
pub struct HostCall {
    /// The function.
    pub function: unsafe extern "C" fn(*mut c_void),
    /// Its argument.
    pub data: *mut c_void,
}

// SAFETY: the function is called on another thread by `cuLaunchHostFunc`'s contract, and the argument is its own.
unsafe impl Send for HostCall {}
// SAFETY: the same; the simulator looks at neither.
unsafe impl Sync for HostCall {}

/// Why a context is lost.
#[derive(Debug)]
pub struct Lost {
    /// What all calls give from now on.
    pub result: CUresult,
    /// What happened, in words.
    pub reason: String,
    /// The kernel's fault, if it is one.
    pub fault: Option<Box<Fault>>,
}

impl From<Fault> for Lost {
    fn from(fault: Fault) -> Self {
        Self { result: result_of(fault.kind), reason: fault.to_string(), fault: Some(Box::new(fault)) }
    }
}

impl From<MemoryError> for Lost {
    fn from(error: MemoryError) -> Self {
        let reason = format!("a copy or fill found its memory gone: {error}");
        Self { result: CUDA_ERROR_ILLEGAL_ADDRESS, reason, fault: None }
    }
}

impl Operation {
    /// Does it.
    pub fn run(&self) -> Result<(), Lost> {
        #[cfg(feature = "fault-injection")]
        if let Some(result) = self.injected() {
            return Err(Lost { result, reason: "an injected failure".to_owned(), fault: None });
        }
        match self {
            Self::Nothing => {}
            // SAFETY: what is the program's own memory is valid by the contract of the function that submitted the
            // copy: that function waits for the end, or the program has put it into a graph.
            Self::Copy(copy) => unsafe { copy.run() }?,
            Self::Fill(fill) => fill.run()?,
            Self::Kernel(launch) => launch.run()?,
            // SAFETY: the contract of `cuLaunchHostFunc`.
            Self::Call(HostCall { function, data }) => on_behalf_of_a_stream(|| unsafe { function(*data) }),
            Self::Graph(exec) => exec.run(),
        }
        Ok(())
    }

    /// The result that it must fail with, if a test says so.
    #[cfg(feature = "fault-injection")]
    fn injected(&self) -> Option<CUresult> {
        match self {
            Self::Kernel(_) => injection::execution(),
            Self::Copy(_) | Self::Fill(_) => injection::copy_engine(),
            Self::Nothing | Self::Call(_) | Self::Graph(_) => None,
        }
    }
}

/// The result that stands for a fault.
fn result_of(kind: FaultKind) -> CUresult {
    match kind {
        FaultKind::OutOfBounds | FaultKind::Freed | FaultKind::ReadOnly => CUDA_ERROR_ILLEGAL_ADDRESS,
        FaultKind::Misaligned => CUDA_ERROR_MISALIGNED_ADDRESS,
        FaultKind::AddressSpace => CUDA_ERROR_INVALID_ADDRESS_SPACE,
        FaultKind::StackOverflow => CUDA_ERROR_HARDWARE_STACK_ERROR,
        FaultKind::Trap => CUDA_ERROR_ILLEGAL_INSTRUCTION,
        // On a device it would go on for ever, or until a watchdog ends it.
        FaultKind::Deadlock | FaultKind::Stopped => CUDA_ERROR_LAUNCH_TIMEOUT,
        FaultKind::DivergentBarrier | FaultKind::InvalidLaunch => CUDA_ERROR_LAUNCH_FAILED,
    }
}
