//! A fake of the few HSA functions that queues need: nothing executes, a test takes the packets out by hand.

use std::{
    cell::Cell,
    ffi::c_void,
    ptr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use geobacter_runtime_core::driver::DeviceKind;
use hsa_rt_sys::*;

use crate::{
    agent::Agent,
    packet::Words,
    session::{Origin, Session},
};

/// Handle of the only agent.
pub(crate) const AGENT: hsa_agent_t = hsa_agent_t { handle: 7 };
/// The fake's clock ticks this often in a second.
const FREQUENCY: u64 = 1_000_000;

thread_local! {
    /// How often this thread has initialised the runtime and not shut it down again.
    pub(crate) static STARTED: Cell<i64> = const { Cell::new(0) };
    /// Functions that fail in this thread from now on.
    pub(crate) static FAILING: Cell<Option<&'static str>> = const { Cell::new(None) };
}

fn fails(function: &str) -> bool {
    FAILING.get() == Some(function)
}

type ErrorCallback = unsafe extern "C" fn(status: hsa_status_t, source: *mut hsa_queue_t, data: *mut c_void);

#[repr(C)]
pub(crate) struct FakeQueue {
    fields: hsa_queue_t,
    read: AtomicU64,
    write: AtomicU64,
    /// The furthest that the write index was ever ahead.
    deepest: AtomicU64,
    callback: Option<ErrorCallback>,
    data: *mut c_void,
    ring: Box<[Slot]>,
    doorbell: Box<AtomicI64>,
}

#[repr(C, align(64))]
struct Slot([AtomicU32; 16]);

/// The handler that the session has registered last, with its data's address.
static HANDLER: Mutex<Option<(hsa_amd_system_event_callback_t, usize)>> = Mutex::new(None);

/// A session of the fake, with its agent. Sessions are made one at a time, with their handler.
pub(crate) fn start() -> (Arc<Session>, Agent, impl Fn(u64, u64)) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let origin = Origin { kind: DeviceKind::Simulator, driver: "fake".into(), explain: None };
    let session = Session::start(table(), origin).unwrap();
    let agent = Agent::all(&session).unwrap().remove(0);
    let (handler, data) = HANDLER.lock().unwrap().take().unwrap();
    let memory_fault = move |agent: u64, address: u64| {
        let mut event = hsa_amd_event_t { event_type: HSA_AMD_GPU_MEMORY_FAULT_EVENT, ..Default::default() };
        event.__bindgen_anon_1.memory_fault = hsa_amd_gpu_memory_fault_info_t {
            agent: hsa_agent_t { handle: agent },
            virtual_address: address,
            fault_reason_mask: HSA_AMD_MEMORY_FAULT_PAGE_NOT_PRESENT as u32,
        };
        // SAFETY: what the session has registered, with its data.
        unsafe { handler.unwrap()(&event, data as *mut c_void) };
    };
    (session, agent, memory_fault)
}

pub(crate) fn table() -> HsaApi {
    HsaApi {
        hsa_init,
        hsa_shut_down,
        hsa_system_get_info,
        hsa_amd_register_system_event_handler,
        hsa_iterate_agents,
        hsa_agent_get_info,
        hsa_queue_create,
        hsa_queue_destroy,
        hsa_queue_load_read_index_scacquire,
        hsa_queue_load_write_index_relaxed,
        hsa_queue_cas_write_index_scacq_screl,
        hsa_amd_agent_memory_pool_get_info,
        hsa_amd_memory_pool_allocate,
        hsa_amd_memory_pool_free,
        hsa_amd_memory_fill,
        hsa_memory_copy,
        hsa_signal_create,
        hsa_signal_destroy,
        hsa_signal_load_scacquire,
        hsa_signal_cas_scacq_screl,
        hsa_signal_store_screlease,
        hsa_signal_wait_scacquire,
        ..HsaApi::UNAVAILABLE
    }
}

unsafe extern "C" fn hsa_init() -> hsa_status_t {
    STARTED.set(STARTED.get() + 1);
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_shut_down() -> hsa_status_t {
    STARTED.set(STARTED.get() - 1);
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_system_get_info(attribute: hsa_system_info_t, value: *mut c_void) -> hsa_status_t {
    if fails("hsa_system_get_info") {
        return HSA_STATUS_ERROR;
    }
    // SAFETY: the caller gives the address of a value of the attribute's type.
    unsafe {
        match attribute {
            HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY => *value.cast() = FREQUENCY,
            _ => *value.cast() = 1_u16,
        }
    }
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_amd_register_system_event_handler(
    callback: hsa_amd_system_event_callback_t,
    data: *mut c_void,
) -> hsa_status_t {
    *HANDLER.lock().unwrap() = Some((callback, data as usize));
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_iterate_agents(
    callback: Option<unsafe extern "C" fn(agent: hsa_agent_t, data: *mut c_void) -> hsa_status_t>,
    data: *mut c_void,
) -> hsa_status_t {
    // SAFETY: the callback belongs to the data.
    unsafe { callback.unwrap()(AGENT, data) }
}

unsafe extern "C" fn hsa_agent_get_info(
    _: hsa_agent_t,
    attribute: hsa_agent_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    // SAFETY: the caller gives the address of a value of the attribute's type.
    unsafe {
        match attribute {
            HSA_AGENT_INFO_DEVICE => *value.cast() = HSA_DEVICE_TYPE_GPU,
            HSA_AGENT_INFO_NAME => value.cast::<[u8; 4]>().write(*b"fake"),
            HSA_AGENT_INFO_QUEUE_MIN_SIZE => *value.cast() = 64_u32,
            HSA_AGENT_INFO_QUEUE_MAX_SIZE => *value.cast() = 1024_u32,
            _ => return HSA_STATUS_ERROR_INVALID_ARGUMENT,
        }
    }
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_queue_create(
    _agent: hsa_agent_t,
    size: u32,
    type_: hsa_queue_type32_t,
    callback: Option<ErrorCallback>,
    data: *mut c_void,
    _private_segment_size: u32,
    _group_segment_size: u32,
    queue: *mut *mut hsa_queue_t,
) -> hsa_status_t {
    if fails("hsa_queue_create") {
        return HSA_STATUS_ERROR_OUT_OF_RESOURCES;
    }
    let invalid = || Slot(std::array::from_fn(|_| AtomicU32::new(HSA_PACKET_TYPE_INVALID)));
    let ring: Box<[Slot]> = (0..size).map(|_| invalid()).collect();
    let doorbell = Box::new(AtomicI64::new(-1));
    let fields = hsa_queue_t {
        type_,
        base_address: ring.as_ptr().cast_mut().cast(),
        doorbell_signal: hsa_signal_t { handle: ptr::from_ref(&*doorbell) as u64 },
        size,
        ..Default::default()
    };
    let (read, write, deepest) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let made = Box::new(FakeQueue { fields, read, write, deepest, callback, data, ring, doorbell });
    // SAFETY: the caller gives a valid address to write to.
    unsafe { *queue = Box::into_raw(made).cast() };
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_queue_destroy(queue: *mut hsa_queue_t) -> hsa_status_t {
    // SAFETY: made by `hsa_queue_create`, destroyed once.
    unsafe { drop(Box::from_raw(queue.cast::<FakeQueue>())) };
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_queue_load_read_index_scacquire(queue: *const hsa_queue_t) -> u64 {
    // SAFETY: made by `hsa_queue_create`.
    unsafe { (*queue.cast::<FakeQueue>()).read.load(Ordering::Acquire) }
}

unsafe extern "C" fn hsa_queue_load_write_index_relaxed(queue: *const hsa_queue_t) -> u64 {
    // SAFETY: made by `hsa_queue_create`.
    unsafe { (*queue.cast::<FakeQueue>()).write.load(Ordering::Relaxed) }
}

unsafe extern "C" fn hsa_queue_cas_write_index_scacq_screl(
    queue: *const hsa_queue_t,
    expected: u64,
    value: u64,
) -> u64 {
    // SAFETY: made by `hsa_queue_create`.
    let queue = unsafe { &*queue.cast::<FakeQueue>() };
    match queue.write.compare_exchange(expected, value, Ordering::AcqRel, Ordering::Acquire) {
        Ok(seen) => {
            queue.deepest.fetch_max(value - queue.read.load(Ordering::Acquire).min(value), Ordering::AcqRel);
            seen
        }
        Err(seen) => seen,
    }
}

unsafe extern "C" fn hsa_signal_create(
    value: hsa_signal_value_t,
    _: u32,
    _: *const hsa_agent_t,
    signal: *mut hsa_signal_t,
) -> hsa_status_t {
    // SAFETY: the caller gives a valid address to write to.
    unsafe { (*signal).handle = Box::into_raw(Box::new(AtomicI64::new(value))) as u64 };
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_signal_destroy(signal: hsa_signal_t) -> hsa_status_t {
    // SAFETY: made by `hsa_signal_create`, destroyed once.
    unsafe { drop(Box::from_raw(signal.handle as *mut AtomicI64)) };
    HSA_STATUS_SUCCESS
}

fn value(signal: hsa_signal_t) -> &'static AtomicI64 {
    // SAFETY: made by `hsa_signal_create` or a queue's doorbell; tests keep it as long as they use it.
    unsafe { &*(signal.handle as *const AtomicI64) }
}

unsafe extern "C" fn hsa_signal_store_screlease(signal: hsa_signal_t, to: hsa_signal_value_t) {
    value(signal).store(to, Ordering::Release);
}

unsafe extern "C" fn hsa_signal_load_scacquire(signal: hsa_signal_t) -> hsa_signal_value_t {
    value(signal).load(Ordering::Acquire)
}

unsafe extern "C" fn hsa_signal_cas_scacq_screl(
    signal: hsa_signal_t,
    expected: hsa_signal_value_t,
    to: hsa_signal_value_t,
) -> hsa_signal_value_t {
    match value(signal).compare_exchange(expected, to, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(seen) | Err(seen) => seen,
    }
}

unsafe extern "C" fn hsa_signal_wait_scacquire(
    signal: hsa_signal_t,
    _condition: hsa_signal_condition_t,
    bound: hsa_signal_value_t,
    timeout: u64,
    _: hsa_wait_state_t,
) -> hsa_signal_value_t {
    let end = Instant::now() + Duration::from_micros(timeout * 1_000_000 / FREQUENCY);
    loop {
        let seen = value(signal).load(Ordering::Acquire);
        if seen < bound || Instant::now() >= end {
            return seen;
        }
        thread::sleep(Duration::from_micros(50));
    }
}

unsafe extern "C" fn hsa_amd_agent_memory_pool_get_info(
    _: hsa_agent_t,
    _: hsa_amd_memory_pool_t,
    _: hsa_amd_agent_memory_pool_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    // SAFETY: the caller gives the address of a value of the attribute's type.
    unsafe { *value.cast() = HSA_AMD_MEMORY_POOL_ACCESS_ALLOWED_BY_DEFAULT };
    HSA_STATUS_SUCCESS
}

/// A page each, full of what an older owner left.
unsafe extern "C" fn hsa_amd_memory_pool_allocate(
    _: hsa_amd_memory_pool_t,
    size: usize,
    _: u32,
    address: *mut *mut c_void,
) -> hsa_status_t {
    if fails("hsa_amd_memory_pool_allocate") || size > size_of::<Page>() {
        return HSA_STATUS_ERROR_OUT_OF_RESOURCES;
    }
    // SAFETY: the caller gives a valid address to write to.
    unsafe { *address = Box::into_raw(Box::new(Page([0xee; 4096]))).cast() };
    HSA_STATUS_SUCCESS
}

#[repr(C, align(4096))]
struct Page([u8; 4096]);

unsafe extern "C" fn hsa_amd_memory_pool_free(address: *mut c_void) -> hsa_status_t {
    // SAFETY: made by `hsa_amd_memory_pool_allocate`, freed once.
    unsafe { drop(Box::from_raw(address.cast::<Page>())) };
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_amd_memory_fill(address: *mut c_void, value: u32, count: usize) -> hsa_status_t {
    // SAFETY: the caller gives that many words.
    unsafe { std::slice::from_raw_parts_mut(address.cast::<u32>(), count).fill(value) };
    HSA_STATUS_SUCCESS
}

unsafe extern "C" fn hsa_memory_copy(to: *mut c_void, from: *const c_void, size: usize) -> hsa_status_t {
    // SAFETY: the caller gives that many bytes at both addresses.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), to.cast::<u8>(), size) };
    HSA_STATUS_SUCCESS
}

impl FakeQueue {
    /// The fake behind a queue.
    pub(crate) fn behind(queue: &crate::queue::Queue) -> &FakeQueue {
        // SAFETY: made by `hsa_queue_create`; the tests keep the queue open while they use the fake.
        unsafe { queue.address().unwrap().cast::<FakeQueue>().as_ref() }
    }

    /// Takes the next packet as a device does, if its header is valid: frees the slot and signals completion.
    pub(crate) fn take(&self) -> Option<Words> {
        let read = self.read.load(Ordering::Relaxed);
        let slot = &self.ring[(read % u64::from(self.fields.size)) as usize].0;
        let header = slot[0].load(Ordering::Acquire);
        if header & 0xff == HSA_PACKET_TYPE_INVALID {
            return None;
        }
        let words: Words = std::array::from_fn(|i| slot[i].load(Ordering::Relaxed));
        slot[0].store(HSA_PACKET_TYPE_INVALID, Ordering::Relaxed);
        self.read.store(read + 1, Ordering::Release);
        let completion = u64::from(words[14]) | u64::from(words[15]) << 32;
        if completion != 0 {
            value(hsa_signal_t { handle: completion }).fetch_sub(1, Ordering::Release);
        }
        Some(words)
    }

    /// Calls the error callback.
    pub(crate) fn fail(&self, status: hsa_status_t) {
        // SAFETY: the callback belongs to the data; both are those of the creation.
        unsafe { self.callback.unwrap()(status, ptr::from_ref(&self.fields).cast_mut(), self.data) }
    }

    /// Packets that it has room for.
    pub(crate) fn size(&self) -> u32 {
        self.fields.size
    }

    pub(crate) fn write_index(&self) -> u64 {
        self.write.load(Ordering::SeqCst)
    }

    pub(crate) fn deepest(&self) -> u64 {
        self.deepest.load(Ordering::SeqCst)
    }

    pub(crate) fn doorbell(&self) -> i64 {
        self.doorbell.load(Ordering::SeqCst)
    }
}

// SAFETY: the raw pointers are only handed on.
unsafe impl Sync for FakeQueue {}
