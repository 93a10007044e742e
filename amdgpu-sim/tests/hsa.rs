//! The HSA functions themselves: what they give, what they refuse, and with which status. No kernel runs here.

mod support;

use std::{
    ffi::{CStr, c_char, c_void},
    ptr::{null, null_mut},
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};

use hsa_rt_sys::*;
use support::{agents, api, pools, signal};

/// Reads an agent's attribute.
fn agent_info<T: Default>(agent: hsa_agent_t, attribute: hsa_agent_info_t) -> T {
    let mut value = T::default();
    // SAFETY: the test asks with the attribute's type.
    let status = unsafe { (api().hsa_agent_get_info)(agent, attribute, (&raw mut value).cast()) };
    assert_eq!(status, HSA_STATUS_SUCCESS);
    value
}

#[test]
fn agents_say_what_they_are() {
    let agents = agents();
    assert_eq!(agents.len(), 3);
    let types: Vec<u32> = agents.iter().map(|agent| agent_info(*agent, HSA_AGENT_INFO_DEVICE)).collect();
    assert_eq!(types, [HSA_DEVICE_TYPE_CPU, HSA_DEVICE_TYPE_GPU, HSA_DEVICE_TYPE_GPU]);
    let mut name = [0_u8; 64];
    // SAFETY: names have 64 bytes.
    unsafe { (api().hsa_agent_get_info)(agents[1], HSA_AGENT_INFO_NAME, name.as_mut_ptr().cast()) };
    assert_eq!(CStr::from_bytes_until_nul(&name).unwrap(), c"gfx942");
    assert_eq!(agent_info::<u32>(agents[1], HSA_AGENT_INFO_WAVEFRONT_SIZE), 64);
    assert_eq!(agent_info::<[u16; 3]>(agents[1], HSA_AGENT_INFO_WORKGROUP_MAX_DIM), [1024; 3]);
    assert_eq!(agent_info::<u32>(agents[0], HSA_AGENT_INFO_QUEUE_MAX_SIZE), 0);
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        let get = api().hsa_agent_get_info;
        let nobody = hsa_agent_t { handle: 99 };
        assert_eq!(get(nobody, HSA_AGENT_INFO_NAME, name.as_mut_ptr().cast()), HSA_STATUS_ERROR_INVALID_AGENT);
        assert_eq!(get(agents[1], 0xffff, name.as_mut_ptr().cast()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(get(agents[1], HSA_AGENT_INFO_NAME, null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!((api().hsa_iterate_agents)(None, null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    }
    assert!(amdgpu_sim::last_error().unwrap().contains("callback"));
}

#[test]
fn a_callback_that_breaks_off_is_heeded() {
    unsafe extern "C" fn stop(_: hsa_agent_t, count: *mut c_void) -> hsa_status_t {
        // SAFETY: the test gives a number.
        unsafe { *count.cast::<u32>() += 1 };
        HSA_STATUS_INFO_BREAK
    }
    let mut count = 0_u32;
    // SAFETY: the callback takes the number.
    let status = unsafe { (api().hsa_iterate_agents)(Some(stop), (&raw mut count).cast()) };
    assert_eq!((status, count), (HSA_STATUS_INFO_BREAK, 1));
}

#[test]
fn the_isa_has_its_name() {
    unsafe extern "C" fn take(isa: hsa_isa_t, data: *mut c_void) -> hsa_status_t {
        // SAFETY: the test gives room for a handle.
        unsafe { *data.cast::<hsa_isa_t>() = isa };
        HSA_STATUS_SUCCESS
    }
    let (mut isa, mut length, mut name) = (hsa_isa_t { handle: 0 }, 0_u32, [0_u8; 64]);
    // SAFETY: HSA's contract.
    unsafe {
        (api().hsa_agent_iterate_isas)(agents()[2], Some(take), (&raw mut isa).cast());
        (api().hsa_isa_get_info_alt)(isa, HSA_ISA_INFO_NAME_LENGTH, (&raw mut length).cast());
        (api().hsa_isa_get_info_alt)(isa, HSA_ISA_INFO_NAME, name.as_mut_ptr().cast());
        let none = hsa_isa_t { handle: 1 };
        let status = (api().hsa_isa_get_info_alt)(none, HSA_ISA_INFO_NAME, name.as_mut_ptr().cast());
        assert_eq!(status, HSA_STATUS_ERROR_INVALID_ISA);
    }
    let name = CStr::from_bytes_until_nul(&name).unwrap();
    assert_eq!((name, name.count_bytes() + 1), (c"amdgcn-amd-amdhsa--gfx942:sramecc+:xnack-", length as usize));
}

#[test]
fn every_status_of_the_headers_has_a_text() {
    let mut text: *const c_char = null();
    for code in [HSA_STATUS_SUCCESS, HSA_STATUS_ERROR_INVALID_PACKET_FORMAT, HSA_STATUS_ERROR_MEMORY_FAULT] {
        // SAFETY: room for a pointer; the text is static.
        unsafe {
            assert_eq!((api().hsa_status_string)(code, &mut text), HSA_STATUS_SUCCESS);
            assert!(CStr::from_ptr(text).to_str().unwrap().starts_with("HSA_STATUS_"));
        }
    }
    // SAFETY: as above.
    unsafe {
        assert_eq!((api().hsa_status_string)(77, &mut text), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!((api().hsa_status_string)(0, null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    }
}

#[test]
fn a_process_has_one_configuration() {
    api();
    let other = "gfx942".parse().unwrap();
    let error = amdgpu_sim::install(other, std::sync::Arc::new(support::LlvmMc)).err().unwrap();
    assert!(matches!(error, amdgpu_sim::InstallError::AlreadyInstalled(_)));
}

#[test]
fn the_system_has_a_clock_and_a_name() {
    let get = api().hsa_system_get_info;
    let (mut ticks, mut later, mut frequency) = (0_u64, 0_u64, 0_u64);
    let mut name: *const c_char = null();
    // SAFETY: room for the attributes' types; the name is static.
    unsafe {
        assert_eq!(get(HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY, (&raw mut frequency).cast()), HSA_STATUS_SUCCESS);
        get(HSA_SYSTEM_INFO_TIMESTAMP, (&raw mut ticks).cast());
        thread::sleep(Duration::from_millis(20));
        get(HSA_SYSTEM_INFO_TIMESTAMP, (&raw mut later).cast());
        assert_eq!(get(HSA_AMD_SYSTEM_INFO_BUILD_VERSION, (&raw mut name).cast()), HSA_STATUS_SUCCESS);
        assert_eq!(CStr::from_ptr(name), c"amdgpu-sim");
        assert_eq!(get(0xffff, (&raw mut ticks).cast()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    }
    assert!(later - ticks >= frequency / 50, "{ticks} {later} at {frequency} Hz");
}

#[test]
fn a_gpu_has_memory_of_both_grains_and_ways_to_the_others() {
    let [cpu, gpu, other] = agents()[..] else { panic!("three agents") };
    let flags = |pool| {
        let mut flags = 0_u32;
        // SAFETY: room for the attribute's type.
        unsafe {
            let get = api().hsa_amd_memory_pool_get_info;
            get(pool, HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, (&raw mut flags).cast());
        }
        flags
    };
    let [coarse, fine, lds] = pools(gpu)[..] else { panic!("three pools") };
    let (is_coarse, is_fine) =
        (HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED, HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED);
    assert_eq!([flags(coarse), flags(fine), flags(lds)], [is_coarse, is_fine, 0]);
    let about = |agent, pool| {
        let (mut access, mut hops) = (77_u32, 77_u32);
        let mut link = hsa_amd_memory_pool_link_info_t { link_type: 77, ..Default::default() };
        // SAFETY: room for the attributes' types, and for one hop.
        unsafe {
            let get = api().hsa_amd_agent_memory_pool_get_info;
            get(agent, pool, HSA_AMD_AGENT_MEMORY_POOL_INFO_ACCESS, (&raw mut access).cast());
            get(agent, pool, HSA_AMD_AGENT_MEMORY_POOL_INFO_NUM_LINK_HOPS, (&raw mut hops).cast());
            get(agent, pool, HSA_AMD_AGENT_MEMORY_POOL_INFO_LINK_INFO, (&raw mut link).cast());
        }
        (access, hops, link.link_type)
    };
    let (by_default, on_demand) =
        (HSA_AMD_MEMORY_POOL_ACCESS_ALLOWED_BY_DEFAULT, HSA_AMD_MEMORY_POOL_ACCESS_DISALLOWED_BY_DEFAULT);
    for pool in [coarse, fine] {
        assert_eq!(about(gpu, pool), (by_default, 0, 77), "its own: no hop is written");
        assert_eq!(about(other, pool), (on_demand, 1, HSA_AMD_LINK_INFO_TYPE_XGMI));
        assert_eq!(about(cpu, pool), (on_demand, 1, HSA_AMD_LINK_INFO_TYPE_PCIE));
    }
    assert_eq!(about(other, lds).0, HSA_AMD_MEMORY_POOL_ACCESS_NEVER_ALLOWED);
}

#[test]
fn pools_allocate_copy_fill_and_free() {
    let (cpu, gpu) = (pools(agents()[0]), pools(agents()[1]));
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        let api = api();
        let mut flags = 0_u32;
        (api.hsa_amd_memory_pool_get_info)(cpu[0], HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS, (&raw mut flags).cast());
        let kernarg = HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT | HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED;
        assert_eq!(flags, kernarg);
        let allocate = api.hsa_amd_memory_pool_allocate;
        let mut memory = null_mut();
        assert_eq!(allocate(gpu[2], 64, 0, &mut memory), HSA_STATUS_ERROR_INVALID_ALLOCATION, "LDS");
        assert_eq!(allocate(gpu[0], 0, 0, &mut memory), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(allocate(gpu[0], usize::MAX, 0, &mut memory), HSA_STATUS_ERROR_OUT_OF_RESOURCES);
        assert_eq!(allocate(gpu[0], 64, 0, null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        let nothing = hsa_amd_memory_pool_t { handle: 5 };
        assert_eq!(allocate(nothing, 64, 0, &mut memory), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(allocate(gpu[0], 1000, 0, &mut memory), HSA_STATUS_SUCCESS);
        assert_eq!(memory as usize % 4096, 0);
        assert_eq!((api.hsa_amd_memory_fill)(memory, 0x0102_0304, 250), HSA_STATUS_SUCCESS);
        assert_eq!((api.hsa_amd_memory_fill)(memory, 0, 251), HSA_STATUS_ERROR_INVALID_ARGUMENT, "beyond the end");
        let mut back = [0_u32; 251];
        assert_eq!((api.hsa_memory_copy)(back.as_mut_ptr().cast(), memory, 1000), HSA_STATUS_SUCCESS);
        assert!(back[..250].iter().all(|word| *word == 0x0102_0304) && back[250] == 0);
        let beyond = (api.hsa_memory_copy)(back.as_mut_ptr().cast(), memory, 1004);
        assert_eq!(beyond, HSA_STATUS_ERROR_INVALID_ARGUMENT);
        let allow = api.hsa_amd_agents_allow_access;
        assert_eq!(allow(3, agents().as_ptr(), null(), memory), HSA_STATUS_SUCCESS);
        assert_eq!(allow(3, agents().as_ptr(), null(), memory.byte_add(8)), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!((api.hsa_amd_memory_pool_free)(memory.byte_add(8)), HSA_STATUS_ERROR_INVALID_ALLOCATION);
        assert_eq!((api.hsa_amd_memory_pool_free)(memory), HSA_STATUS_SUCCESS);
        let nothing = std::ptr::without_provenance_mut(64);
        assert_eq!((api.hsa_amd_memory_pool_free)(nothing), HSA_STATUS_ERROR_INVALID_ALLOCATION);
    }
}

#[test]
fn a_wait_ends_with_the_value_the_time_or_the_signal() {
    let signal_1 = signal(1);
    // SAFETY: HSA's contract; the signal that is destroyed while it is waited for is the test's point.
    unsafe {
        let (wait, api) = (api().hsa_signal_wait_scacquire, api());
        let begin = Instant::now();
        let limit = Duration::from_millis(30);
        let value = wait(signal_1, HSA_SIGNAL_CONDITION_LT, 1, limit.as_nanos() as u64, HSA_WAIT_STATE_BLOCKED);
        assert!(value == 1 && begin.elapsed() >= limit);
        let waiter =
            thread::spawn(move || wait(signal_1, HSA_SIGNAL_CONDITION_EQ, 5, u64::MAX, HSA_WAIT_STATE_BLOCKED));
        thread::sleep(Duration::from_millis(250));
        (api.hsa_signal_store_relaxed)(signal_1, 4);
        assert_eq!((api.hsa_signal_load_scacquire)(signal_1), 4);
        (api.hsa_signal_store_screlease)(signal_1, 5);
        assert_eq!(waiter.join().unwrap(), 5);
        for (condition, compare) in [(HSA_SIGNAL_CONDITION_NE, 4), (HSA_SIGNAL_CONDITION_GTE, 5)] {
            assert_eq!(wait(signal_1, condition, compare, u64::MAX, HSA_WAIT_STATE_ACTIVE), 5);
        }
        let waiter =
            thread::spawn(move || wait(signal_1, HSA_SIGNAL_CONDITION_EQ, 9, u64::MAX, HSA_WAIT_STATE_BLOCKED));
        thread::sleep(Duration::from_millis(250));
        assert_eq!((api.hsa_signal_destroy)(signal_1), HSA_STATUS_SUCCESS);
        assert_eq!(waiter.join().unwrap(), 5);
        // Not the destroyed handle: a signal of a test beside this one may have it now.
        assert_eq!((api.hsa_signal_destroy)(hsa_signal_t { handle: 8 }), HSA_STATUS_ERROR_INVALID_SIGNAL);
        assert_eq!((api.hsa_signal_destroy)(hsa_signal_t { handle: 0 }), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    }
}

#[test]
fn queues_that_cannot_be_are_refused() {
    let mut queue = null_mut();
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        let create = api().hsa_queue_create;
        let (cpu, gpu) = (agents()[0], agents()[1]);
        let multi = HSA_QUEUE_TYPE_MULTI;
        let make = |agent, size, place| create(agent, size, multi, None, null_mut(), 0, 0, place);
        assert_eq!(make(gpu, 100, &mut queue), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(make(gpu, 1 << 20, &mut queue), HSA_STATUS_ERROR_INVALID_QUEUE_CREATION);
        assert_eq!(make(cpu, 64, &mut queue), HSA_STATUS_ERROR_INVALID_QUEUE_CREATION);
        assert_eq!(make(gpu, 64, null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!((api().hsa_queue_destroy)(null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(make(gpu, 64, &mut queue), HSA_STATUS_SUCCESS);
        assert_eq!((*queue).size, 64);
        assert_eq!((api().hsa_queue_destroy)(queue), HSA_STATUS_SUCCESS);
        let nothing = std::ptr::without_provenance_mut(64);
        assert_eq!((api().hsa_queue_destroy)(nothing), HSA_STATUS_ERROR_INVALID_QUEUE);
    }
}

/// Barrier packets need no kernel: they show order, wrap-around and dependencies.
#[test]
fn barrier_packets_wait_complete_and_wrap_around() {
    let (dependency, done) = (signal(1), signal(200));
    let mut queue: *mut hsa_queue_t = null_mut();
    // SAFETY: HSA's contract; slots are reused only when the read index has passed them.
    unsafe {
        let api = api();
        let create = api.hsa_queue_create;
        assert_eq!(
            create(agents()[1], 64, HSA_QUEUE_TYPE_SINGLE, None, null_mut(), 0, 0, &mut queue),
            HSA_STATUS_SUCCESS
        );
        for index in 0..200_u64 {
            if index == 32 {
                assert_eq!((api.hsa_signal_load_scacquire)(done), 200, "nothing is done before the dependency is");
                (api.hsa_signal_store_screlease)(dependency, 0);
            }
            while index - (api.hsa_queue_load_read_index_scacquire)(queue) >= 64 {
                thread::yield_now();
            }
            assert_eq!((api.hsa_queue_cas_write_index_scacq_screl)(queue, index, index + 1), index);
            let slot = (*queue).base_address.cast::<hsa_barrier_and_packet_t>().add((index % 64) as usize);
            let mut packet = hsa_barrier_and_packet_t { completion_signal: done, ..Default::default() };
            packet.dep_signal[(index % 5) as usize] = dependency;
            packet.header = HSA_PACKET_TYPE_INVALID as u16;
            slot.write(packet);
            let kind = if index % 2 == 0 { HSA_PACKET_TYPE_BARRIER_AND } else { HSA_PACKET_TYPE_BARRIER_OR };
            AtomicU16::from_ptr(slot.cast()).store(kind as u16 | 1 << HSA_PACKET_HEADER_BARRIER, Ordering::Release);
            (api.hsa_signal_store_screlease)((*queue).doorbell_signal, index as i64);
        }
        let wait = api.hsa_signal_wait_scacquire;
        assert_eq!(wait(done, HSA_SIGNAL_CONDITION_EQ, 0, 5_000_000_000, HSA_WAIT_STATE_BLOCKED), 0);
        while (api.hsa_queue_load_read_index_scacquire)(queue) < 200 {
            thread::yield_now();
        }
        assert_eq!((api.hsa_queue_load_write_index_relaxed)(queue), 200);
        assert_eq!((api.hsa_queue_destroy)(queue), HSA_STATUS_SUCCESS);
        assert_eq!((api.hsa_signal_destroy)(done), HSA_STATUS_SUCCESS);
        assert_eq!((api.hsa_signal_destroy)(dependency), HSA_STATUS_SUCCESS);
    }
}

#[test]
fn hostile_code_objects_are_refused() {
    // SAFETY: HSA's contract.
    unsafe {
        let api = api();
        let mut executable = hsa_executable_t { handle: 0 };
        let create = api.hsa_executable_create_alt;
        assert_eq!(create(HSA_PROFILE_BASE, 0, null(), &mut executable), HSA_STATUS_SUCCESS);
        let header = *b"\x7fELF\x02\x01\x01\x40\x03\0\0\0\0\0\0\0\x03\0\xe0\0\x01\0\0\0";
        for (bytes, what) in [(&b"no ELF at all"[..], "text"), (&header[..], "a header cut off")] {
            let mut reader = hsa_code_object_reader_t { handle: 0 };
            let read = api.hsa_code_object_reader_create_from_memory;
            assert_eq!(read(bytes.as_ptr().cast(), bytes.len(), &mut reader), HSA_STATUS_SUCCESS);
            let load = api.hsa_executable_load_agent_code_object;
            let status = load(executable, agents()[1], reader, null(), null_mut());
            assert_eq!(status, HSA_STATUS_ERROR_INVALID_CODE_OBJECT, "{what}");
            assert_eq!(load(executable, agents()[0], reader, null(), null_mut()), HSA_STATUS_ERROR_INVALID_AGENT);
            assert_eq!((api.hsa_code_object_reader_destroy)(reader), HSA_STATUS_SUCCESS);
            let status = (api.hsa_code_object_reader_destroy)(reader);
            assert_eq!(status, HSA_STATUS_ERROR_INVALID_CODE_OBJECT_READER);
        }
        assert_eq!((api.hsa_executable_freeze)(executable, null()), HSA_STATUS_SUCCESS);
        assert_eq!((api.hsa_executable_freeze)(executable, null()), HSA_STATUS_ERROR_FROZEN_EXECUTABLE);
        let mut symbol = hsa_executable_symbol_t { handle: 0 };
        let get = api.hsa_executable_get_symbol_by_name;
        let status = get(executable, c"k.kd".as_ptr(), null(), &mut symbol);
        assert_eq!(status, HSA_STATUS_ERROR_INVALID_SYMBOL_NAME);
        assert_eq!((api.hsa_executable_destroy)(executable), HSA_STATUS_SUCCESS);
        assert_eq!((api.hsa_executable_destroy)(executable), HSA_STATUS_ERROR_INVALID_EXECUTABLE);
    }
}

#[test]
fn a_handle_that_is_no_live_signal_does_nothing() {
    let gone = signal(7);
    // SAFETY: HSA's contract is broken, as the test says.
    unsafe {
        let api = api();
        assert_eq!((api.hsa_signal_destroy)(gone), HSA_STATUS_SUCCESS);
        // The place of a signal that is gone rests before it is another one's; the tests beside this one make few.
        let inside = hsa_signal_t { handle: gone.handle + 8 };
        for handle in [gone, inside, hsa_signal_t { handle: 0 }, hsa_signal_t { handle: u64::MAX }] {
            (api.hsa_signal_store_relaxed)(handle, 3);
            (api.hsa_signal_add_screlease)(handle, 3);
            assert_eq!((api.hsa_signal_load_relaxed)(handle), 0);
            assert!(amdgpu_sim::last_error().unwrap().contains("no live signal has the handle"));
            assert_eq!((api.hsa_signal_exchange_scacq_screl)(handle, 3), 0);
            let wait = api.hsa_signal_wait_scacquire;
            assert_eq!(wait(handle, HSA_SIGNAL_CONDITION_EQ, 9, u64::MAX, HSA_WAIT_STATE_BLOCKED), 0);
        }
        assert_eq!((api.hsa_signal_destroy)(gone), HSA_STATUS_ERROR_INVALID_SIGNAL);
        let mut queue = null_mut();
        let create = api.hsa_queue_create;
        let status = create(agents()[1], 64, HSA_QUEUE_TYPE_MULTI, None, null_mut(), 0, 0, &mut queue);
        assert_eq!(status, HSA_STATUS_SUCCESS);
        assert_eq!((api.hsa_signal_destroy)((*queue).doorbell_signal), HSA_STATUS_ERROR_INVALID_SIGNAL, "a queue's");
        assert_eq!((api.hsa_queue_destroy)(queue), HSA_STATUS_SUCCESS);
    }
}
