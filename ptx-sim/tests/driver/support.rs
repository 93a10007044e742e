//! What the tests share: the table, devices of one's own, and calls as a C program makes them.

use std::{
    ffi::{c_int, c_void},
    ptr::{null, null_mut},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use geobacter_cuda_driver::{
    CudaApi, Raw,
    sys::{
        CUcontext, CUdevice, CUdeviceptr, CUevent, CUfunction, CUmodule, CUresult, CUresult::CUDA_SUCCESS, CUstream,
    },
};

/// Each test has devices of its own: a context belongs to a whole process.
const CONFIG: &str = "sm_90x40,sm_70x6,sm_86x2,sm_61,sm_75,sm_80,sm_89,sm_100,sm_120;memory=64MiB;watchdog=3";

/// Memory of each device in bytes.
pub const MEMORY: usize = 64 << 20;

/// Calls a function of the driver.
macro_rules! cuda {
    ($function:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: the arguments are what the documentation asks for, or what it says is refused.
        unsafe { ($crate::support::api().$function)($($argument),*) }
    }};
}
pub(crate) use cuda;

/// Calls a function of the driver that must succeed.
macro_rules! ok {
    ($function:ident($($argument:tt)*)) => {{
        let result = $crate::support::cuda!($function($($argument)*));
        $crate::support::assert_ok(result, stringify!($function));
    }};
}
pub(crate) use ok;

/// Calls a function of the driver that must give this result.
macro_rules! gives {
    ($expected:expr, $function:ident($($argument:tt)*)) => {{
        let result = $crate::support::cuda!($function($($argument)*));
        assert!(
            result == $expected,
            "{} gave {result:?}, not {:?}: {:?}",
            stringify!($function), $expected, ptx_sim::last_error()
        );
    }};
}
pub(crate) use gives;

pub fn api() -> &'static CudaApi {
    static API: OnceLock<CudaApi> = OnceLock::new();
    API.get_or_init(|| {
        let api = ptx_sim::install(CONFIG.parse().unwrap()).unwrap();
        // SAFETY: it may always be called.
        assert_ok(unsafe { (api.cuInit)(0) }, "cuInit");
        api
    })
}

#[track_caller]
pub fn assert_ok(result: Raw<CUresult>, function: &str) {
    assert!(result == CUDA_SUCCESS, "{function} gave {result:?}: {:?}", ptx_sim::last_error());
}

/// The number of a device of this target that no other test has.
pub fn device(target: &str) -> CUdevice {
    static TAKEN: OnceLock<Vec<(String, AtomicUsize)>> = OnceLock::new();
    let config: ptx_sim::Config = CONFIG.parse().unwrap();
    let targets: Vec<_> = config.targets().collect();
    let taken = TAKEN.get_or_init(|| {
        let mut names: Vec<_> = targets.iter().map(|name| (*name).to_owned()).collect();
        names.dedup();
        names.into_iter().map(|name| (name, AtomicUsize::new(0))).collect()
    });
    let (_, count) = taken.iter().find(|(name, _)| name == target).unwrap();
    let nth = count.fetch_add(1, Ordering::Relaxed);
    let index = (0..targets.len()).filter(|index| targets[*index] == target).nth(nth);
    index.expect("the configuration has a device for each test") as CUdevice
}

/// The context of a device of one's own, current on this thread.
pub fn context_on(device: CUdevice) -> CUcontext {
    let mut context = null_mut();
    ok!(cuDevicePrimaryCtxRetain(&mut context, device));
    ok!(cuCtxSetCurrent(context));
    context
}

/// The context of an H100 of one's own, current on this thread.
pub fn context() -> (CUdevice, CUcontext) {
    let device = device("sm_90");
    (device, context_on(device))
}

pub fn allocate(size: usize) -> CUdeviceptr {
    let mut address = 0;
    ok!(cuMemAlloc_v2(&mut address, size));
    address
}

pub fn stream(flags: u32) -> CUstream {
    let mut stream = null_mut();
    ok!(cuStreamCreateWithPriority(&mut stream, flags, 0));
    stream
}

pub fn event(flags: u32) -> CUevent {
    let mut event = null_mut();
    ok!(cuEventCreate(&mut event, flags));
    event
}

pub fn write(address: CUdeviceptr, bytes: &[u8]) {
    ok!(cuMemcpyHtoD_v2(address, bytes.as_ptr().cast(), bytes.len()));
}

pub fn read(address: CUdeviceptr, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    ok!(cuMemcpyDtoH_v2(bytes.as_mut_ptr().cast(), address, size));
    bytes
}

/// Pinned memory of the host.
pub fn pinned(size: usize) -> *mut u8 {
    let mut pointer: *mut c_void = null_mut();
    ok!(cuMemHostAlloc(&mut pointer, size, 0));
    pointer.cast()
}

/// Bytes that are all different from their neighbours.
pub fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// Loads PTX into the current context.
pub fn load(ptx: &str) -> CUmodule {
    let text = std::ffi::CString::new(ptx).unwrap();
    let mut module = null_mut();
    ok!(cuModuleLoadDataEx(&mut module, text.as_ptr().cast(), 0, null_mut(), null_mut()));
    module
}

pub fn function(module: CUmodule, name: &std::ffi::CStr) -> CUfunction {
    let mut function = null_mut();
    ok!(cuModuleGetFunction(&mut function, module, name.as_ptr()));
    function
}

/// Launches a kernel of so many blocks of so many threads along x.
pub fn launch(
    function: CUfunction,
    blocks: u32,
    threads: u32,
    stream: CUstream,
    params: &mut [*mut c_void],
) -> Raw<CUresult> {
    cuda!(cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream, params.as_mut_ptr(), null_mut()))
}

/// A pointer to a parameter.
pub fn param<T>(value: &T) -> *mut c_void {
    (&raw const *value).cast_mut().cast()
}

/// A gate that work in a stream waits at, until it is opened.
#[derive(Debug)]
pub struct Gate {
    open: &'static (std::sync::Mutex<bool>, std::sync::Condvar),
}

impl Gate {
    /// Puts a closed gate into a stream.
    pub fn close(stream: CUstream) -> Self {
        let open: &'static (std::sync::Mutex<bool>, std::sync::Condvar) = Box::leak(Box::default());
        ok!(cuLaunchHostFunc(stream, Some(wait_for_gate), (&raw const *open).cast_mut().cast()));
        Self { open }
    }

    pub fn open(&self) {
        *self.open.0.lock().unwrap() = true;
        self.open.1.notify_all();
    }
}

/// A test that fails leaves no stream behind that waits for ever.
impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

unsafe extern "C" fn wait_for_gate(data: *mut c_void) {
    // SAFETY: it is the gate, which lives for ever.
    let (open, changed) = unsafe { &*data.cast::<(std::sync::Mutex<bool>, std::sync::Condvar)>() };
    drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
}

/// The value of an attribute of a device.
pub fn attribute(device: CUdevice, attribute: geobacter_cuda_driver::sys::CUdevice_attribute) -> c_int {
    let mut value = -1;
    ok!(cuDeviceGetAttribute(&mut value, attribute.into(), device));
    value
}

/// No options for the compiler.
pub const NOTHING: *const c_void = null();
