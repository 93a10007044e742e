//! Allocating and freeing.

use std::ffi::{c_uint, c_void};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CU_MEMHOSTALLOC_DEVICEMAP, CU_MEMHOSTALLOC_PORTABLE, CU_MEMHOSTALLOC_WRITECOMBINED, CUdeviceptr,
        CUmemAttach_flags::*,
        CUresult::{self, *},
    },
};

use super::{
    allocation::Sort,
    context::current,
    out::{null, put, put_if_wanted},
    state::{Outcome, answer, fail},
};

/// Allocates memory in the current context.
fn allocate(sort: Sort, size: usize) -> Outcome<u64> {
    let (simulator, context) = current()?;
    if size == 0 {
        return Err(fail(CUDA_ERROR_INVALID_VALUE, "there are no allocations of 0 bytes"));
    }
    simulator.allocations.allocate(sort, size, &context.memory)
}

/// Frees memory, when all work has ended that may use it.
fn free(address: u64, sorts: &[Sort]) -> Outcome {
    let (simulator, context) = current()?;
    simulator.drain(&simulator.allocations.reached_by(address, sorts)?);
    simulator.allocations.free(address, sorts)?;
    context.check()
}

pub unsafe extern "C" fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> Raw<CUresult> {
    answer(|| {
        let (_, context) = current()?;
        let (used, all) = (context.memory.used(), context.memory.limit());
        // SAFETY: the caller gives room for each that it wants.
        unsafe {
            put_if_wanted(free, (all - used) as usize);
            put_if_wanted(total, all as usize);
        }
        Ok(())
    })
}

pub unsafe extern "C" fn cuMemAlloc_v2(address: *mut CUdeviceptr, size: usize) -> Raw<CUresult> {
    answer(|| {
        if address.is_null() {
            return Err(null("the place for the address"));
        }
        let allocated = allocate(Sort::Device, size)?;
        // SAFETY: the caller gives room for the address.
        unsafe { put(address, allocated, "the place for the address") }
    })
}

pub unsafe extern "C" fn cuMemFree_v2(address: CUdeviceptr) -> Raw<CUresult> {
    answer(|| free(address, &[Sort::Device, Sort::Managed]))
}

pub unsafe extern "C" fn cuMemHostAlloc(pointer: *mut *mut c_void, size: usize, flags: c_uint) -> Raw<CUresult> {
    answer(|| {
        if pointer.is_null() {
            return Err(null("the place for the pointer"));
        }
        // All of it is mapped for all devices, and cached: what the flags ask for is so in any case, or cannot be seen.
        let known = CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_WRITECOMBINED;
        if flags & !known != 0 {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("there are no such flags: {flags:#x}")));
        }
        let allocated = allocate(Sort::Pinned, size)? as usize;
        // SAFETY: the caller gives room for the pointer.
        unsafe { put(pointer, core::ptr::with_exposed_provenance_mut(allocated), "the place for the pointer") }
    })
}

pub unsafe extern "C" fn cuMemFreeHost(pointer: *mut c_void) -> Raw<CUresult> {
    answer(|| free(pointer.addr() as u64, &[Sort::Pinned]))
}

pub unsafe extern "C" fn cuMemHostGetDevicePointer_v2(
    address: *mut CUdeviceptr,
    pointer: *mut c_void,
    flags: c_uint,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        let host = pointer.addr() as u64;
        if flags != 0 || !simulator.allocations.is(host, Sort::Pinned) {
            let reason = format!("{pointer:?} is no pinned memory, or the flags are not 0: {flags:#x}");
            return Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
        }
        // There is one address space.
        // SAFETY: the caller gives room for the address.
        unsafe { put(address, host, "the place for the address") }
    })
}

pub unsafe extern "C" fn cuMemAllocManaged(address: *mut CUdeviceptr, size: usize, flags: c_uint) -> Raw<CUresult> {
    answer(|| {
        if address.is_null() {
            return Err(null("the place for the address"));
        }
        if flags != CU_MEM_ATTACH_GLOBAL as c_uint && flags != CU_MEM_ATTACH_HOST as c_uint {
            let reason = format!("{flags:#x} is neither CU_MEM_ATTACH_GLOBAL nor CU_MEM_ATTACH_HOST");
            return Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
        }
        let allocated = allocate(Sort::Managed, size)?;
        // SAFETY: the caller gives room for the address.
        unsafe { put(address, allocated, "the place for the address") }
    })
}
