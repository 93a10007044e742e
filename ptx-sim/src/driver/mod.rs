//! The CUDA driver in software: what a program sees of the simulator (*CUDA Driver API* reference manual). Every
//! function here has the signature, the checks and the results of its namesake.
//!
//! [`install`] gives a table of the functions, for a process that may have a real driver beside it.
//!
//! ```text
//!  program --CudaApi--> device, context, memory_functions, module, linker, function, launch, ..: check, and submit
//!                        |  operation
//!                        v
//!                       context -> stream: order; a thread for each stream
//!                        |
//!                        v
//!                       operation: transfer (copies, fills), launch (the machine), graph, calls of the program
//! ```
//!
//! **Order** is that of the documentation's *API synchronization behavior* and *Stream synchronization behavior*:
//! streams are independent of each other but for events and the legacy default stream; a copy from pageable memory has
//! read it when the call returns, one to pageable memory has been done; freeing waits for all work.
//!
//! **Memory**: a device address is an address of the process, so all of it is in one address space, as it is with
//! unified addressing. What a kernel may touch is what its context has allocated, the host's pinned and managed memory,
//! and peers' memory once the program has enabled that.
//!
//! **Modules** are PTX, or what the simulator's linker has made of it: a container that a driver for real GPUs refuses,
//! as this one refuses their machine code. The compiler's logs read as those of real drivers do. The number of a
//! kernel's registers is an estimate, from the values that are alive at once in its PTX.
//!
//! **Faults** of kernels lose the context: every call in it gives the same result until the primary context is reset,
//! or released by all and retained again. [`take_fault_report`] says what happened where, and [`last_error`] why a call
//! failed, in words.
//!
//! **What is stricter than a device**: an address is taken only if it is in memory that the driver has given, where
//! real drivers may crash or find other memory. Objects that were destroyed are never taken for others.
//!
//! **What is simpler**: work of a graph is done one after the other. Kernels of one process share the host's cores, so
//! nothing can be learned from times. Priorities and cache configurations are accepted and change nothing. A variable
//! of a module is not in reach of peers. The linker takes PTX that needs nothing from elsewhere. What the table has not
//! (arrays, textures, virtual memory management, memory pools, libraries, stream capture, sharing between processes)
//! there is not.

#![allow(non_snake_case, reason = "the functions have the driver's names")]

mod allocation;
mod attributes;
mod card;
mod completion;
mod config;
mod context;
mod copy;
mod cubin;
mod device;
mod event;
mod function;
mod graph;
mod header;
#[cfg(feature = "fault-injection")]
pub mod injection;
mod jit;
mod launch;
mod linker;
mod memory_functions;
mod module;
mod names;
mod occupancy;
mod operation;
mod out;
mod registers;
mod state;
mod stream;
mod stream_functions;
mod transfer;
mod version;
mod watchdog;

use geobacter_cuda_driver::CudaApi;

pub use config::{CONFIG_VARIABLE, Config, ConfigError, DEFAULT_WATCHDOG};
pub use device::take_fault_report;
pub use state::{InstallError, install, last_error};
pub use version::{DriverVersion, UnknownDriver};

macro_rules! table {
    ($( $module:ident: $( $name:ident )* ; )*) => {
        CudaApi { $( $( $name: $module::$name, )* )* }
    };
}

/// The functions themselves.
const REAL: CudaApi = table! {
    device: cuInit cuDriverGetVersion cuDeviceGetCount cuDeviceGet cuDeviceGetName cuDeviceGetUuid_v2
        cuDeviceTotalMem_v2 cuDeviceGetPCIBusId cuDeviceCanAccessPeer;
    attributes: cuDeviceGetAttribute;
    names: cuGetErrorName cuGetErrorString;
    context: cuDevicePrimaryCtxRetain cuDevicePrimaryCtxRelease_v2 cuDevicePrimaryCtxReset_v2 cuCtxSetCurrent
        cuCtxGetCurrent cuCtxSynchronize cuCtxEnablePeerAccess cuCtxGetStreamPriorityRange cuCtxSetLimit;
    memory_functions: cuMemGetInfo_v2 cuMemAlloc_v2 cuMemFree_v2 cuMemHostAlloc cuMemFreeHost
        cuMemHostGetDevicePointer_v2 cuMemAllocManaged;
    copy: cuMemcpyHtoD_v2 cuMemcpyDtoH_v2 cuMemcpyHtoDAsync_v2 cuMemcpyDtoHAsync_v2 cuMemcpyAsync cuMemcpy2DAsync_v2
        cuMemcpyPeerAsync cuMemsetD8Async cuMemsetD16Async cuMemsetD32Async cuMemsetD2D8Async;
    stream_functions: cuStreamCreateWithPriority cuStreamDestroy_v2 cuStreamSynchronize cuStreamQuery cuStreamWaitEvent
        cuLaunchHostFunc;
    event: cuEventCreate cuEventDestroy_v2 cuEventRecord cuEventQuery cuEventSynchronize cuEventElapsedTime;
    linker: cuLinkCreate_v2 cuLinkAddData_v2 cuLinkComplete cuLinkDestroy;
    module: cuModuleLoadDataEx cuModuleUnload cuModuleGetFunction cuModuleGetGlobal_v2;
    function: cuFuncGetAttribute cuFuncSetAttribute;
    launch: cuLaunchKernel;
    occupancy: cuOccupancyMaxActiveBlocksPerMultiprocessor;
    graph: cuGraphCreate cuGraphDestroy cuGraphAddKernelNode_v2 cuGraphAddMemcpyNode cuGraphAddMemsetNode
        cuGraphInstantiateWithFlags cuGraphLaunch cuGraphExecDestroy;
};

/// The simulator's functions. Until [`install`] and `cuInit`, each gives `CUDA_ERROR_NOT_INITIALIZED`.
const fn cuda_api() -> CudaApi {
    #[cfg(feature = "fault-injection")]
    return injection::WRAPPED;
    #[cfg(not(feature = "fault-injection"))]
    REAL
}
