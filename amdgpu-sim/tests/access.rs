//! Whose kernels may access which memory: what was not let in gets a memory fault.

mod support;

use std::{
    ffi::c_void,
    ptr::{null, null_mut},
};

use amdgpu_sim::{FaultKind, FaultReport};
use hsa_rt_sys::*;
use support::{Buffer, Program, Shape, agents, api, assemble, have_llvm, kernel, pools};

/// Writes its number to the word of each item.
const WRITE: &str = "s_load_dwordx2 s[4:5], s[0:1], 0x0\ns_waitcnt lgkmcnt(0)\nv_lshlrev_b32_e32 v1, 2, v0\n\
                     global_store_dword v1, v0, s[4:5]\ns_endpgm";

/// Runs the kernel on a GPU, by its number.
fn write_on(gpu: usize, address: *mut u32) -> Result<(), Box<FaultReport>> {
    Program::on(agents()[gpu + 1], &assemble(&kernel(WRITE))).launch("k", &[address as u64], Shape::linear(64, 64))
}

fn allow(address: *mut u32, agents: &[hsa_agent_t]) -> hsa_status_t {
    // SAFETY: HSA's contract.
    unsafe { (api().hsa_amd_agents_allow_access)(agents.len() as u32, agents.as_ptr(), null(), address.cast()) }
}

fn denied(result: Result<(), Box<FaultReport>>, address: *mut u32) {
    let report = result.expect_err("no access");
    assert_eq!((report.kind, report.address), (FaultKind::MemoryFault, Some(address as u64)));
    assert!(report.detail.contains("no access to (hsa_amd_agents_allow_access)"), "{report}");
}

#[test]
fn memory_of_a_gpu_is_for_itself_and_for_who_is_allowed() {
    if !have_llvm() {
        return;
    }
    // Coarse-grained and fine-grained.
    for pool in pools(agents()[1]).into_iter().take(2) {
        let buffer = Buffer::of(pool, &[0_u32; 64]);
        write_on(0, buffer.address).unwrap();
        denied(write_on(1, buffer.address), buffer.address);
        assert_eq!(allow(buffer.address, &[agents()[2]]), HSA_STATUS_SUCCESS);
        write_on(1, buffer.address).unwrap();
        write_on(0, buffer.address).unwrap();
        // Who is not in the list any more is out again; the owner never is.
        assert_eq!(allow(buffer.address, &[agents()[0]]), HSA_STATUS_SUCCESS);
        denied(write_on(1, buffer.address), buffer.address);
        write_on(0, buffer.address).unwrap();
        assert_eq!(buffer.read(), (0..64).collect::<Vec<u32>>());
    }
}

#[test]
fn of_host_memory_fine_grained_is_for_all() {
    if !have_llvm() {
        return;
    }
    let [_, fine, coarse] = pools(agents()[0])[..] else { panic!("the host has a kernarg pool and two more") };
    let (fine, coarse) = (Buffer::of(fine, &[0_u32; 64]), Buffer::of(coarse, &[0_u32; 64]));
    for gpu in 0..2 {
        write_on(gpu, fine.address).unwrap();
        denied(write_on(gpu, coarse.address), coarse.address);
    }
    assert_eq!(allow(coarse.address, &agents()[1..]), HSA_STATUS_SUCCESS);
    (0..2).for_each(|gpu| write_on(gpu, coarse.address).unwrap());
}

#[test]
fn locked_memory_is_for_who_is_listed_until_it_is_unlocked() {
    if !have_llvm() {
        return;
    }
    let mut memory = vec![0_u32; 256];
    let start = memory.as_mut_ptr();
    let lock = |at: *mut u32, words: usize, agents: &[hsa_agent_t]| {
        let mut seen = null_mut();
        let list = if agents.is_empty() { null_mut() } else { agents.as_ptr().cast_mut() };
        // SAFETY: HSA's contract; the memory stays until the end of the test.
        let status = unsafe { (api().hsa_amd_memory_lock)(at.cast(), words * 4, list, agents.len() as i32, &mut seen) };
        assert_eq!((status, seen), (HSA_STATUS_SUCCESS, at.cast()));
    };
    // SAFETY: HSA's contract, broken where the test says so.
    let unlock = |at: *mut u32| unsafe { (api().hsa_amd_memory_unlock)(at.cast()) };
    let gpus = &agents()[1..];
    assert_eq!(write_on(0, start).unwrap_err().kind, FaultKind::MemoryFault, "not locked");
    lock(start, 32, &gpus[..1]);
    let report = write_on(0, start).unwrap_err();
    assert_eq!(report.address, Some(start as u64 + 128), "{report}");
    assert!(report.detail.contains("locked range of host memory"), "{report}");
    // Another lock beside it, and one over both for the other GPU.
    lock(start.wrapping_add(32), 96, &gpus[..1]);
    write_on(0, start).unwrap();
    denied(write_on(1, start), start);
    lock(start.wrapping_add(16), 64, gpus);
    write_on(0, start).unwrap();
    write_on(1, start.wrapping_add(16)).unwrap();
    denied(write_on(1, start), start);
    assert_eq!(unlock(start.wrapping_add(16)), HSA_STATUS_SUCCESS);
    denied(write_on(1, start.wrapping_add(16)), start.wrapping_add(16));
    assert_eq!(unlock(start.wrapping_add(32)), HSA_STATUS_SUCCESS);
    assert_eq!(unlock(start), HSA_STATUS_SUCCESS);
    assert_eq!(write_on(0, start).unwrap_err().kind, FaultKind::MemoryFault, "not locked any more");
    assert_eq!(unlock(start), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    // Locked twice, it stays until it was unlocked twice.
    lock(start, 64, &[]);
    lock(start, 64, &[]);
    assert_eq!(unlock(start), HSA_STATUS_SUCCESS);
    write_on(1, start).unwrap();
    assert_eq!(unlock(start), HSA_STATUS_SUCCESS);
    assert_eq!(memory[..32], (0..32).collect::<Vec<u32>>());
}

#[test]
fn locks_that_cannot_be_are_refused() {
    let mut memory = [0_u32; 4];
    let mut seen = null_mut();
    let start = memory.as_mut_ptr().cast::<c_void>();
    let buffer = Buffer::new(&[0_u32; 4]);
    let mut list = [agents()[1], hsa_agent_t { handle: 99 }];
    let list = list.as_mut_ptr();
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        let lock = api().hsa_amd_memory_lock;
        assert_eq!(lock(null_mut(), 16, null_mut(), 0, &mut seen), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(lock(start, 0, null_mut(), 0, &mut seen), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(lock(start, 16, null_mut(), 0, null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(lock(start, 16, list, 0, &mut seen), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(lock(start, 16, null_mut(), 1, &mut seen), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(lock(start, 16, list, 2, &mut seen), HSA_STATUS_ERROR_INVALID_AGENT);
        let own = lock(buffer.address.cast(), 16, null_mut(), 0, &mut seen);
        assert_eq!(own, HSA_STATUS_ERROR_INVALID_ARGUMENT, "memory of a pool");
    }
}

unsafe extern "C" fn reserve(size: usize) -> *mut c_void {
    Box::leak(vec![0_u8; size].into_boxed_slice()).as_mut_ptr().cast()
}

/// What the runtime says of a pointer, and who has access.
fn info(address: *const c_void) -> (hsa_amd_pointer_info_t, Vec<u64>) {
    let size = size_of::<hsa_amd_pointer_info_t>() as u32;
    let mut info = hsa_amd_pointer_info_t { size, ..Default::default() };
    let (mut count, mut list) = (77, null_mut());
    // SAFETY: HSA's contract; the list has as many agents as the count says.
    unsafe {
        let status = (api().hsa_amd_pointer_info)(address, &mut info, Some(reserve), &mut count, &mut list);
        assert_eq!(status, HSA_STATUS_SUCCESS);
        let agents = (0..count as usize).map(|index| (*list.add(index)).handle).collect();
        (info, agents)
    }
}

#[test]
fn pointers_are_described() {
    let handles: Vec<u64> = agents().iter().map(|agent| agent.handle).collect();
    let buffer = Buffer::of(pools(agents()[2])[1], &[0_u32; 100]);
    let (inside, base) = (buffer.address.wrapping_add(7).cast::<c_void>(), buffer.address.cast::<c_void>());
    let (described, accessible) = info(inside);
    assert_eq!((described.type_, described.sizeInBytes), (HSA_EXT_POINTER_TYPE_HSA, 400));
    assert_eq!((described.agentBaseAddress, described.hostBaseAddress), (base, base));
    assert_eq!(described.agentOwner.handle, handles[2]);
    assert_eq!(described.global_flags, HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED);
    assert_eq!(accessible, [handles[0], handles[2]]);
    assert_eq!(allow(buffer.address, &agents()), HSA_STATUS_SUCCESS);
    assert_eq!(info(inside).1, handles);

    let mut host = [0_u8; 64];
    let start = host.as_mut_ptr().cast::<c_void>();
    let (described, accessible) = info(start);
    assert_eq!((described.type_, accessible.len()), (HSA_EXT_POINTER_TYPE_UNKNOWN, 0));
    let (mut seen, mut gpu) = (null_mut(), agents()[1]);
    // SAFETY: HSA's contract, broken where the test says so.
    unsafe {
        assert_eq!((api().hsa_amd_memory_lock)(start, 64, &mut gpu, 1, &mut seen), HSA_STATUS_SUCCESS);
        let (described, accessible) = info(start.byte_add(63));
        assert_eq!((described.type_, described.sizeInBytes), (HSA_EXT_POINTER_TYPE_LOCKED, 64));
        assert_eq!((described.agentBaseAddress, accessible), (start, vec![handles[0], handles[1]]));
        assert_eq!((api().hsa_amd_memory_unlock)(start), HSA_STATUS_SUCCESS);
        let get = api().hsa_amd_pointer_info;
        let mut short = hsa_amd_pointer_info_t { size: 8, sizeInBytes: 5, ..Default::default() };
        assert_eq!(get(base, &mut short, None, null_mut(), null_mut()), HSA_STATUS_SUCCESS);
        assert_eq!(
            (short.size, short.type_, short.sizeInBytes),
            (8, HSA_EXT_POINTER_TYPE_HSA, 5),
            "no more than asked"
        );
        assert_eq!(get(null(), &mut short, None, null_mut(), null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
        assert_eq!(get(base, null_mut(), None, null_mut(), null_mut()), HSA_STATUS_ERROR_INVALID_ARGUMENT);
    }
}
