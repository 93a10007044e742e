//! What the tests share: the table, devices of one's own, and calls as a C program makes them.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    ffi::{c_int, c_void},
    ptr::null_mut,
    sync::{Condvar, Mutex, OnceLock, PoisonError},
};

use geobacter_cuda_driver::{
    CudaApi, Raw,
    sys::{
        CUcontext, CUdevice, CUdeviceptr, CUevent, CUfunction, CUmodule, CUresult, CUresult::CUDA_SUCCESS, CUstream,
    },
};

/// Each test has devices of its own: a context belongs to a whole process.
const CONFIG: &str =
    "sm_90x32,sm_61x4,sm_70x4,sm_75x4,sm_80x4,sm_86x4,sm_89x4,sm_100x4,sm_120x4;memory=64MiB;watchdog=3";

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

/// Devices that tests have, and gives them back when the test's thread ends.
struct Lent(Vec<CUdevice>);

static DEVICES: (Mutex<BTreeSet<CUdevice>>, Condvar) = (Mutex::new(BTreeSet::new()), Condvar::new());

thread_local! {
    static LENT: RefCell<Lent> = const { RefCell::new(Lent(Vec::new())) };
}

impl Drop for Lent {
    fn drop(&mut self) {
        for device in self.0.drain(..) {
            ok!(cuDevicePrimaryCtxReset_v2(device));
            while cuda!(cuDevicePrimaryCtxRelease_v2(device)) == CUDA_SUCCESS {}
            let _ = ptx_sim::take_fault_report(device as usize);
            DEVICES.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&device);
            DEVICES.1.notify_all();
        }
    }
}

/// The number of a device of this target that no other test has as long as this one runs.
pub fn device(target: &str) -> CUdevice {
    let config: ptx_sim::Config = CONFIG.parse().unwrap();
    let mut all = (0..).zip(config.targets()).filter(|(_, name)| *name == target).map(|(number, _)| number);
    let candidates: Vec<CUdevice> = all.by_ref().collect();
    let (taken, changed) = &DEVICES;
    let is_none_free = |taken: &mut BTreeSet<CUdevice>| candidates.iter().all(|device| taken.contains(device));
    let taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    let mut taken = changed.wait_while(taken, is_none_free).unwrap_or_else(PoisonError::into_inner);
    let device = *candidates.iter().find(|device| !taken.contains(device)).unwrap();
    taken.insert(device);
    LENT.with(|lent| lent.borrow_mut().0.push(device));
    device
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
    open: &'static (Mutex<bool>, Condvar),
}

impl Gate {
    /// Puts a closed gate into a stream.
    pub fn close(stream: CUstream) -> Self {
        let open: &'static (Mutex<bool>, Condvar) = Box::leak(Box::default());
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
    let (open, changed) = unsafe { &*data.cast::<(Mutex<bool>, Condvar)>() };
    drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
}

/// The value of an attribute of a device.
pub fn attribute(device: CUdevice, attribute: geobacter_cuda_driver::sys::CUdevice_attribute) -> c_int {
    let mut value = -1;
    ok!(cuDeviceGetAttribute(&mut value, attribute.into(), device));
    value
}
