//! The table of CUDA driver functions that a program calls through.

use core::ffi::{c_char, c_int, c_uchar, c_uint, c_ulonglong, c_ushort, c_void};

use crate::{Raw, sys, sys::*};

/// Why the CUDA driver could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No such library, or it cannot be loaded.
    #[error(
        "cannot load the CUDA driver {name}: {source}; install NVIDIA's driver (Debian: libcuda1), or start the \
         container with the GPU (`--gpus all`), or name the library in {LIBRARY_VARIABLE}"
    )]
    Library {
        /// The library that was tried.
        name: String,
        /// What the dynamic linker says.
        source: libloading::Error,
    },
    /// The library lacks a function.
    #[error(
        "the CUDA driver {name} has no function {function}: it is older than CUDA 12.0 (driver 525), or no CUDA \
         driver; install a newer one"
    )]
    Function {
        /// The library that was loaded.
        name: String,
        /// The function that it lacks.
        function: &'static str,
    },
}

/// A type that crosses the table, and what `cudarc` declares in its place.
trait Crosses {
    type Declared;
}

impl<E: crate::Enumeration> Crosses for Raw<E> {
    type Declared = E;
}

impl<T> Crosses for *const T {
    type Declared = Self;
}

impl<T> Crosses for *mut T {
    type Declared = Self;
}

macro_rules! declared_as_they_are {
    ($($ty:ty)*) => { $( impl Crosses for $ty { type Declared = Self; } )* };
}
// `CUdevice` is a `c_int`, and `CUdeviceptr` a `c_ulonglong`.
declared_as_they_are!(c_int c_uchar c_uint c_ulonglong c_ushort usize CUhostFn);

macro_rules! cuda_table {
    ($( fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> Raw<CUresult>; )*) => {
        /// The functions of the CUDA driver that Geobacter calls, each under the name that the library exports.
        ///
        /// Calling one is `unsafe` under the contract that NVIDIA's *CUDA Driver API* gives for it. Each of them is in
        /// drivers for CUDA 12.0 and newer ones. One that only newer drivers have would be an `Option`.
        #[derive(Clone, Copy)]
        #[allow(missing_docs, non_snake_case, reason = "each field is the driver's function of that name")]
        pub struct CudaApi {
            $( pub $name: unsafe extern "C" fn($($arg: $ty),*) -> Raw<CUresult>, )*
        }

        // The signatures below are those of `cuda.h`: a difference does not compile.
        $( const _: unsafe fn($(<$ty as Crosses>::Declared),*) -> CUresult = sys::$name; )*

        impl CudaApi {
            /// A table in which no function is implemented: each returns `CUDA_ERROR_NOT_SUPPORTED`. A software
            /// implementation of a part of the driver starts from it:
            /// `CudaApi { cuInit: my_init, ..CudaApi::UNAVAILABLE }`.
            pub const UNAVAILABLE: Self = Self { $(
                $name: {
                    #[allow(unused_variables, non_snake_case, reason = "the names are those of the driver")]
                    unsafe extern "C" fn $name($($arg: $ty),*) -> Raw<CUresult> {
                        Raw::new(CUresult::CUDA_ERROR_NOT_SUPPORTED as c_uint)
                    }
                    $name
                },
            )* };

            fn from_library(library: &libloading::Library, name: &str) -> Result<Self, LoadError> {
                Ok(Self { $(
                    // SAFETY: the symbol has the type that `cuda.h` declares for it, checked above; an enumeration is
                    // an `unsigned int` there.
                    $name: *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }
                        .map_err(|_| LoadError::Function { name: name.to_owned(), function: stringify!($name) })?,
                )* })
            }
        }
    };
}

/// Calls a macro with the declarations of all functions of [`CudaApi`], as `fn name(argument: type, ..) -> type;` each.
///
/// The types are named as in [`sys`] and `core::ffi`, and [`Raw`]; where the macro is expanded, they must be in scope.
#[macro_export]
macro_rules! for_each_cuda_function { ($callback:ident) => { $callback! {
    fn cuInit(flags: c_uint) -> Raw<CUresult>;
    fn cuDriverGetVersion(version: *mut c_int) -> Raw<CUresult>;
    fn cuGetErrorName(error: Raw<CUresult>, string: *mut *const c_char) -> Raw<CUresult>;
    fn cuGetErrorString(error: Raw<CUresult>, string: *mut *const c_char) -> Raw<CUresult>;

    fn cuDeviceGetCount(count: *mut c_int) -> Raw<CUresult>;
    fn cuDeviceGet(device: *mut CUdevice, ordinal: c_int) -> Raw<CUresult>;
    fn cuDeviceGetName(name: *mut c_char, length: c_int, device: CUdevice) -> Raw<CUresult>;
    fn cuDeviceGetUuid_v2(uuid: *mut CUuuid, device: CUdevice) -> Raw<CUresult>;
    fn cuDeviceTotalMem_v2(bytes: *mut usize, device: CUdevice) -> Raw<CUresult>;
    fn cuDeviceGetAttribute(value: *mut c_int, attribute: Raw<CUdevice_attribute>, device: CUdevice) -> Raw<CUresult>;
    fn cuDeviceGetPCIBusId(id: *mut c_char, length: c_int, device: CUdevice) -> Raw<CUresult>;
    fn cuDeviceCanAccessPeer(can_access: *mut c_int, device: CUdevice, peer: CUdevice) -> Raw<CUresult>;

    fn cuDevicePrimaryCtxRetain(context: *mut CUcontext, device: CUdevice) -> Raw<CUresult>;
    fn cuDevicePrimaryCtxRelease_v2(device: CUdevice) -> Raw<CUresult>;
    fn cuDevicePrimaryCtxReset_v2(device: CUdevice) -> Raw<CUresult>;
    fn cuCtxSetCurrent(context: CUcontext) -> Raw<CUresult>;
    fn cuCtxGetCurrent(context: *mut CUcontext) -> Raw<CUresult>;
    fn cuCtxSynchronize() -> Raw<CUresult>;
    fn cuCtxEnablePeerAccess(peer: CUcontext, flags: c_uint) -> Raw<CUresult>;
    fn cuCtxGetStreamPriorityRange(least: *mut c_int, greatest: *mut c_int) -> Raw<CUresult>;
    fn cuCtxSetLimit(limit: Raw<CUlimit>, value: usize) -> Raw<CUresult>;

    fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> Raw<CUresult>;
    fn cuMemAlloc_v2(address: *mut CUdeviceptr, size: usize) -> Raw<CUresult>;
    fn cuMemFree_v2(address: CUdeviceptr) -> Raw<CUresult>;
    fn cuMemHostAlloc(pointer: *mut *mut c_void, size: usize, flags: c_uint) -> Raw<CUresult>;
    fn cuMemFreeHost(pointer: *mut c_void) -> Raw<CUresult>;
    fn cuMemHostGetDevicePointer_v2(address: *mut CUdeviceptr, pointer: *mut c_void, flags: c_uint) -> Raw<CUresult>;
    fn cuMemAllocManaged(address: *mut CUdeviceptr, size: usize, flags: c_uint) -> Raw<CUresult>;

    fn cuMemcpyHtoD_v2(dst: CUdeviceptr, src: *const c_void, size: usize) -> Raw<CUresult>;
    fn cuMemcpyDtoH_v2(dst: *mut c_void, src: CUdeviceptr, size: usize) -> Raw<CUresult>;
    fn cuMemcpyHtoDAsync_v2(dst: CUdeviceptr, src: *const c_void, size: usize, stream: CUstream) -> Raw<CUresult>;
    fn cuMemcpyDtoHAsync_v2(dst: *mut c_void, src: CUdeviceptr, size: usize, stream: CUstream) -> Raw<CUresult>;
    fn cuMemcpyAsync(dst: CUdeviceptr, src: CUdeviceptr, size: usize, stream: CUstream) -> Raw<CUresult>;
    fn cuMemcpy2DAsync_v2(copy: *const CUDA_MEMCPY2D, stream: CUstream) -> Raw<CUresult>;
    fn cuMemcpyPeerAsync(
        dst: CUdeviceptr,
        dst_context: CUcontext,
        src: CUdeviceptr,
        src_context: CUcontext,
        size: usize,
        stream: CUstream,
    ) -> Raw<CUresult>;
    fn cuMemsetD8Async(dst: CUdeviceptr, value: c_uchar, count: usize, stream: CUstream) -> Raw<CUresult>;
    fn cuMemsetD16Async(dst: CUdeviceptr, value: c_ushort, count: usize, stream: CUstream) -> Raw<CUresult>;
    fn cuMemsetD32Async(dst: CUdeviceptr, value: c_uint, count: usize, stream: CUstream) -> Raw<CUresult>;
    fn cuMemsetD2D8Async(
        dst: CUdeviceptr,
        dst_pitch: usize,
        value: c_uchar,
        width: usize,
        height: usize,
        stream: CUstream,
    ) -> Raw<CUresult>;

    fn cuStreamCreateWithPriority(stream: *mut CUstream, flags: c_uint, priority: c_int) -> Raw<CUresult>;
    fn cuStreamDestroy_v2(stream: CUstream) -> Raw<CUresult>;
    fn cuStreamSynchronize(stream: CUstream) -> Raw<CUresult>;
    fn cuStreamQuery(stream: CUstream) -> Raw<CUresult>;
    fn cuStreamWaitEvent(stream: CUstream, event: CUevent, flags: c_uint) -> Raw<CUresult>;
    fn cuLaunchHostFunc(stream: CUstream, function: CUhostFn, user_data: *mut c_void) -> Raw<CUresult>;

    fn cuEventCreate(event: *mut CUevent, flags: c_uint) -> Raw<CUresult>;
    fn cuEventDestroy_v2(event: CUevent) -> Raw<CUresult>;
    fn cuEventRecord(event: CUevent, stream: CUstream) -> Raw<CUresult>;
    fn cuEventQuery(event: CUevent) -> Raw<CUresult>;
    fn cuEventSynchronize(event: CUevent) -> Raw<CUresult>;
    fn cuEventElapsedTime(milliseconds: *mut f32, start: CUevent, end: CUevent) -> Raw<CUresult>;

    fn cuLinkCreate_v2(
        option_count: c_uint,
        options: *mut CUjit_option,
        values: *mut *mut c_void,
        state: *mut CUlinkState,
    ) -> Raw<CUresult>;
    fn cuLinkAddData_v2(
        state: CUlinkState,
        kind: Raw<CUjitInputType>,
        data: *mut c_void,
        size: usize,
        name: *const c_char,
        option_count: c_uint,
        options: *mut CUjit_option,
        values: *mut *mut c_void,
    ) -> Raw<CUresult>;
    fn cuLinkComplete(state: CUlinkState, cubin: *mut *mut c_void, size: *mut usize) -> Raw<CUresult>;
    fn cuLinkDestroy(state: CUlinkState) -> Raw<CUresult>;
    fn cuModuleLoadDataEx(
        module: *mut CUmodule,
        image: *const c_void,
        option_count: c_uint,
        options: *mut CUjit_option,
        values: *mut *mut c_void,
    ) -> Raw<CUresult>;
    fn cuModuleUnload(module: CUmodule) -> Raw<CUresult>;
    fn cuModuleGetFunction(function: *mut CUfunction, module: CUmodule, name: *const c_char) -> Raw<CUresult>;
    fn cuModuleGetGlobal_v2(
        address: *mut CUdeviceptr,
        bytes: *mut usize,
        module: CUmodule,
        name: *const c_char,
    ) -> Raw<CUresult>;

    fn cuFuncGetAttribute(
        value: *mut c_int,
        attribute: Raw<CUfunction_attribute>,
        function: CUfunction,
    ) -> Raw<CUresult>;
    fn cuFuncSetAttribute(function: CUfunction, attribute: Raw<CUfunction_attribute>, value: c_int) -> Raw<CUresult>;
    fn cuLaunchKernel(
        function: CUfunction,
        grid_dim_x: c_uint,
        grid_dim_y: c_uint,
        grid_dim_z: c_uint,
        block_dim_x: c_uint,
        block_dim_y: c_uint,
        block_dim_z: c_uint,
        dynamic_shared: c_uint,
        stream: CUstream,
        kernel_params: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> Raw<CUresult>;
    fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
        blocks: *mut c_int,
        function: CUfunction,
        block_size: c_int,
        dynamic_shared: usize,
    ) -> Raw<CUresult>;

    fn cuGraphCreate(graph: *mut CUgraph, flags: c_uint) -> Raw<CUresult>;
    fn cuGraphDestroy(graph: CUgraph) -> Raw<CUresult>;
    fn cuGraphAddKernelNode_v2(
        node: *mut CUgraphNode,
        graph: CUgraph,
        dependencies: *const CUgraphNode,
        dependency_count: usize,
        params: *const CUDA_KERNEL_NODE_PARAMS,
    ) -> Raw<CUresult>;
    fn cuGraphAddMemcpyNode(
        node: *mut CUgraphNode,
        graph: CUgraph,
        dependencies: *const CUgraphNode,
        dependency_count: usize,
        copy: *const CUDA_MEMCPY3D,
        context: CUcontext,
    ) -> Raw<CUresult>;
    fn cuGraphAddMemsetNode(
        node: *mut CUgraphNode,
        graph: CUgraph,
        dependencies: *const CUgraphNode,
        dependency_count: usize,
        memset: *const CUDA_MEMSET_NODE_PARAMS,
        context: CUcontext,
    ) -> Raw<CUresult>;
    fn cuGraphInstantiateWithFlags(exec: *mut CUgraphExec, graph: CUgraph, flags: c_ulonglong) -> Raw<CUresult>;
    fn cuGraphLaunch(exec: CUgraphExec, stream: CUstream) -> Raw<CUresult>;
    fn cuGraphExecDestroy(exec: CUgraphExec) -> Raw<CUresult>;
} } }
for_each_cuda_function!(cuda_table);

/// The library that [`CudaApi::load`] loads unless [`LIBRARY_VARIABLE`] names another.
pub const LIBRARY: &str = "libcuda.so.1";

/// The environment variable that names another file to load in place of [`LIBRARY`].
pub const LIBRARY_VARIABLE: &str = "CUDA_DRIVER_LIBRARY";

/// Shows that it is a table; the functions' addresses say nothing to a reader.
impl core::fmt::Debug for CudaApi {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CudaApi").finish_non_exhaustive()
    }
}

impl CudaApi {
    /// Loads the system's CUDA driver. The library stays loaded for the life of the process.
    ///
    /// The environment variable `CUDA_DRIVER_LIBRARY` names another file to load in its place.
    ///
    /// # Errors
    /// [`LoadError`] if there is no such library, or it lacks a function.
    pub fn load() -> Result<Self, LoadError> {
        Self::load_from(&std::env::var(LIBRARY_VARIABLE).unwrap_or_else(|_| LIBRARY.to_owned()))
    }

    /// Loads this file as the CUDA driver, whatever the environment says. It stays loaded for the life of the process.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    pub fn load_from(name: &str) -> Result<Self, LoadError> {
        // SAFETY: the driver's initialisers run on load; it is made for being loaded by any program.
        let library = unsafe { libloading::Library::new(name) };
        let library = library.map_err(|source| LoadError::Library { name: name.to_owned(), source })?;
        let api = Self::from_library(&library, name)?;
        // The function pointers in the table outlive every use only if the library is never unloaded.
        std::mem::forget(library);
        Ok(api)
    }
}
