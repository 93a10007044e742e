//! A program that loads what it is given and runs each kernel of it.

use std::{
    ffi::{CString, c_void},
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use amdgpu_sim::Config;
use hsa_rt_sys::*;

use super::{TARGETS, llvm::Llvm};

/// How long a kernel may make no progress. Endless loops are common, and a fuzzer does not wait for them.
const WATCHDOG: Duration = Duration::from_millis(30);
/// How long a dispatch may take in nanoseconds, whatever else the machine does, before it is said to hang.
const PATIENCE: u64 = 60_000_000_000;
/// Bytes of each buffer that kernels get.
const BUFFER: usize = 4096;

/// The program.
pub struct Client {
    api: HsaApi,
    gpus: Vec<hsa_agent_t>,
    /// A buffer for each GPU, and its kernarg segment.
    memory: Vec<(*mut c_void, *mut c_void)>,
}

// SAFETY: HSA's functions may be called by any thread; the pointers are to memory that kernels alone use.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

unsafe extern "C" fn collect_agent(agent: hsa_agent_t, data: *mut c_void) -> hsa_status_t {
    // SAFETY: `data` is the vector that the caller of the iteration gave.
    unsafe { &mut *data.cast::<Vec<hsa_agent_t>>() }.push(agent);
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn collect_pool(pool: hsa_amd_memory_pool_t, data: *mut c_void) -> hsa_status_t {
    // SAFETY: `data` is the vector that the caller of the iteration gave.
    unsafe { &mut *data.cast::<Vec<hsa_amd_memory_pool_t>>() }.push(pool);
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn ignore(_: hsa_status_t, _: *mut hsa_queue_t, _: *mut c_void) {}

/// What became of a code object.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Whether it could be loaded.
    pub loaded: bool,
    /// Kernels that ended by themselves.
    pub ended: usize,
    /// Kernels that ended with a fault.
    pub faulted: usize,
}

impl Client {
    /// The program, once for each process.
    pub fn get() -> &'static Self {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        CLIENT.get_or_init(Self::new)
    }

    fn new() -> Self {
        let config: Config = TARGETS.join(",").parse().expect("the simulator has the targets");
        let config = config.with_watchdog(WATCHDOG).with_checks(false).with_memory(1 << 32);
        let api = amdgpu_sim::install(config, Llvm::get()).expect("nothing else is installed");
        let mut agents = Vec::<hsa_agent_t>::new();
        let mut memory = Vec::new();
        // SAFETY: HSA's contract: the callbacks take the vectors, and the pools give as much memory as is asked for.
        unsafe {
            assert_eq!((api.hsa_init)(), HSA_STATUS_SUCCESS);
            let status = (api.hsa_iterate_agents)(Some(collect_agent), (&raw mut agents).cast());
            assert_eq!(status, HSA_STATUS_SUCCESS);
            let gpus = agents.split_off(1);
            for gpu in &gpus {
                let mut pools = Vec::<hsa_amd_memory_pool_t>::new();
                let iterate = api.hsa_amd_agent_iterate_memory_pools;
                assert_eq!(iterate(*gpu, Some(collect_pool), (&raw mut pools).cast()), HSA_STATUS_SUCCESS);
                let allocate = || {
                    let mut address = ptr::null_mut();
                    let status = (api.hsa_amd_memory_pool_allocate)(pools[0], BUFFER, 0, &mut address);
                    assert_eq!(status, HSA_STATUS_SUCCESS);
                    address
                };
                let (buffer, kernarg) = (allocate(), allocate());
                let words = [buffer as u64; BUFFER / 8];
                let status = (api.hsa_memory_copy)(kernarg, words.as_ptr().cast(), BUFFER);
                assert_eq!(status, HSA_STATUS_SUCCESS);
                memory.push((buffer, kernarg));
            }
            Self { api, gpus, memory }
        }
    }

    /// Loads a code object for the GPU of this number, and dispatches each of the kernels that it has of those named.
    pub fn run(&self, gpu: usize, code_object: &[u8], kernels: &[String]) -> Outcome {
        let mut outcome = Outcome::default();
        let api = &self.api;
        let mut reader = hsa_code_object_reader_t { handle: 0 };
        let mut executable = hsa_executable_t { handle: 0 };
        // SAFETY: HSA's contract; every out-pointer has room, and each thing is destroyed once.
        unsafe {
            let create = api.hsa_code_object_reader_create_from_memory;
            if create(code_object.as_ptr().cast(), code_object.len(), &mut reader) != HSA_STATUS_SUCCESS {
                return outcome;
            }
            let status = (api.hsa_executable_create_alt)(
                HSA_PROFILE_BASE,
                HSA_DEFAULT_FLOAT_ROUNDING_MODE_DEFAULT,
                ptr::null(),
                &mut executable,
            );
            assert_eq!(status, HSA_STATUS_SUCCESS);
            let load = api.hsa_executable_load_agent_code_object;
            outcome.loaded = load(executable, self.gpus[gpu], reader, ptr::null(), ptr::null_mut())
                == HSA_STATUS_SUCCESS
                && (api.hsa_executable_freeze)(executable, ptr::null()) == HSA_STATUS_SUCCESS;
            if outcome.loaded {
                let mut queue = self.queue(gpu);
                for name in kernels {
                    match self.kernel(executable, gpu, name).map(|kernel| self.dispatch(queue, gpu, kernel)) {
                        None => {}
                        Some(true) => outcome.ended += 1,
                        Some(false) => {
                            // A queue that has seen a fault is of no use any more.
                            outcome.faulted += 1;
                            assert_eq!((api.hsa_queue_destroy)(queue), HSA_STATUS_SUCCESS);
                            queue = self.queue(gpu);
                        }
                    }
                }
                assert_eq!((api.hsa_queue_destroy)(queue), HSA_STATUS_SUCCESS);
            }
            assert_eq!((api.hsa_executable_destroy)(executable), HSA_STATUS_SUCCESS);
            assert_eq!((api.hsa_code_object_reader_destroy)(reader), HSA_STATUS_SUCCESS);
        }
        outcome
    }

    fn queue(&self, gpu: usize) -> *mut hsa_queue_t {
        let mut queue = ptr::null_mut();
        let create = self.api.hsa_queue_create;
        // SAFETY: HSA's contract; the callback takes nothing.
        let status = unsafe {
            create(self.gpus[gpu], 64, HSA_QUEUE_TYPE_MULTI, Some(ignore), ptr::null_mut(), 0, 0, &mut queue)
        };
        assert_eq!(status, HSA_STATUS_SUCCESS);
        queue
    }

    /// A kernel's object, LDS and scratch.
    fn kernel(&self, executable: hsa_executable_t, gpu: usize, name: &str) -> Option<(u64, u32, u32)> {
        let name = CString::new(format!("{name}.kd")).ok()?;
        let mut symbol = hsa_executable_symbol_t { handle: 0 };
        let (mut object, mut group, mut private) = (0_u64, 0_u32, 0_u32);
        let api = &self.api;
        // SAFETY: HSA's contract; every out-pointer has room for its attribute.
        unsafe {
            let find = api.hsa_executable_get_symbol_by_name;
            if find(executable, name.as_ptr(), &self.gpus[gpu], &mut symbol) != HSA_STATUS_SUCCESS {
                return None;
            }
            let info = api.hsa_executable_symbol_get_info;
            let get = |attribute, value: *mut c_void| info(symbol, attribute, value) == HSA_STATUS_SUCCESS;
            let all = get(HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT, (&raw mut object).cast())
                && get(HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_GROUP_SEGMENT_SIZE, (&raw mut group).cast())
                && get(HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_PRIVATE_SEGMENT_SIZE, (&raw mut private).cast());
            all.then_some((object, group, private))
        }
    }

    /// Runs a kernel to its end; gives whether that was its own.
    fn dispatch(&self, queue: *mut hsa_queue_t, gpu: usize, (kernel_object, group, private): (u64, u32, u32)) -> bool {
        let api = &self.api;
        let mut signal = hsa_signal_t { handle: 0 };
        // SAFETY: HSA's contract; this thread is the queue's only producer, and waits for each packet.
        unsafe {
            assert_eq!((api.hsa_signal_create)(1, 0, ptr::null(), &mut signal), HSA_STATUS_SUCCESS);
            let packet = hsa_kernel_dispatch_packet_t {
                setup: 3,
                workgroup_size_x: 64,
                workgroup_size_y: 1,
                workgroup_size_z: 1,
                grid_size_x: 128,
                grid_size_y: 1,
                grid_size_z: 1,
                private_segment_size: private,
                group_segment_size: group,
                kernel_object,
                kernarg_address: self.memory[gpu].1,
                completion_signal: signal,
                ..Default::default()
            };
            let index = (api.hsa_queue_add_write_index_relaxed)(queue, 1);
            let size = u64::from((*queue).size);
            let slot = (*queue).base_address.cast::<hsa_kernel_dispatch_packet_t>().add((index % size) as usize);
            slot.write(hsa_kernel_dispatch_packet_t { header: HSA_PACKET_TYPE_INVALID as u16, ..packet });
            let word = HSA_PACKET_TYPE_KERNEL_DISPATCH | u32::from(packet.setup) << 16;
            AtomicU32::from_ptr(slot.cast()).store(word, Ordering::Release);
            (api.hsa_signal_store_screlease)((*queue).doorbell_signal, index as i64);
            let wait = api.hsa_signal_wait_scacquire;
            let value = wait(signal, HSA_SIGNAL_CONDITION_LT, 1, PATIENCE, HSA_WAIT_STATE_BLOCKED);
            assert!(value < 1, "the dispatch hangs");
            assert_eq!((api.hsa_signal_destroy)(signal), HSA_STATUS_SUCCESS);
            if value < 0 {
                let report = amdgpu_sim::take_fault_report(queue);
                // What a program would print.
                let _ = report.map(|report| report.to_string());
            }
            value == 0
        }
    }
}
