//! Regions: the specification's view of the memory pools, with the same handles, and HSA's own functions for memory.

use std::ffi::c_void;

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    out::{null, put},
    pool::{Kind, Pool, hsa_amd_memory_pool_allocate, hsa_amd_memory_pool_free},
    state::{fail, simulator, status},
};
use crate::machine::memory::GRANULE;

/// Frequency of the host's memory in MHz, as it says.
const HOST_CLOCK: u32 = 2133;

fn find(region: hsa_region_t) -> Result<Pool, hsa_status_t> {
    let pool = Pool::find(simulator()?, hsa_amd_memory_pool_t { handle: region.handle });
    pool.map_err(|_| fail(HSA_STATUS_ERROR_INVALID_REGION, format!("no region has the handle {:#x}", region.handle)))
}

pub unsafe extern "C" fn hsa_agent_iterate_regions(
    agent: hsa_agent_t,
    callback: Option<unsafe extern "C" fn(region: hsa_region_t, data: *mut c_void) -> hsa_status_t>,
    data: *mut c_void,
) -> hsa_status_t {
    let agent = match simulator().and_then(|simulator| Agent::find(simulator, agent)) {
        Ok(agent) => agent,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    // A GPU's region of system memory is that of the host's: kernel arguments are looked for there.
    let host = (agent != Agent::Cpu).then(|| Pool::of(Agent::Cpu)).into_iter().flatten();
    for pool in Pool::of(agent).chain(host) {
        // SAFETY: the program's callback, called as the specification says.
        let result = unsafe { callback(hsa_region_t { handle: pool.handle().handle }, data) };
        if result != HSA_STATUS_SUCCESS {
            return result;
        }
    }
    HSA_STATUS_SUCCESS
}

pub unsafe extern "C" fn hsa_region_get_info(
    region: hsa_region_t,
    attribute: hsa_region_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        let pool = find(region)?;
        let group = pool.1 == Kind::Group;
        let product = pool.0.product(simulator);
        // SAFETY: the caller gives room for the attribute's type.
        unsafe {
            match attribute {
                HSA_REGION_INFO_SEGMENT => {
                    put(value, if group { HSA_REGION_SEGMENT_GROUP } else { HSA_REGION_SEGMENT_GLOBAL })
                }
                // The bits are those of the pools.
                HSA_REGION_INFO_GLOBAL_FLAGS => put(value, pool.flags()),
                HSA_REGION_INFO_SIZE => put(value, pool.size(simulator) as usize),
                HSA_REGION_INFO_ALLOC_MAX_SIZE => put(value, if group { 0 } else { pool.size(simulator) as usize }),
                HSA_REGION_INFO_ALLOC_MAX_PRIVATE_WORKGROUP_SIZE => put(value, 0_u32),
                HSA_REGION_INFO_RUNTIME_ALLOC_ALLOWED => put(value, !group),
                HSA_REGION_INFO_RUNTIME_ALLOC_GRANULE | HSA_REGION_INFO_RUNTIME_ALLOC_ALIGNMENT => {
                    put(value, if group { 0 } else { GRANULE })
                }
                // Device memory is the host's, too.
                HSA_AMD_REGION_INFO_HOST_ACCESSIBLE => put(value, !group),
                HSA_AMD_REGION_INFO_BASE => put(value, std::ptr::null_mut::<c_void>()),
                HSA_AMD_REGION_INFO_BUS_WIDTH => put(value, product.map_or(64, |product| product.memory_width)),
                HSA_AMD_REGION_INFO_MAX_CLOCK_FREQUENCY => {
                    put(value, product.map_or(HOST_CLOCK, |product| product.memory_clock))
                }
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no region attribute {attribute}"))),
            }
        }
    };
    status(get())
}

pub unsafe extern "C" fn hsa_memory_allocate(region: hsa_region_t, size: usize, ptr: *mut *mut c_void) -> hsa_status_t {
    match find(region) {
        // SAFETY: the same contract.
        Ok(pool) => unsafe { hsa_amd_memory_pool_allocate(pool.handle(), size, 0, ptr) },
        Err(status) => status,
    }
}

pub unsafe extern "C" fn hsa_memory_free(ptr: *mut c_void) -> hsa_status_t {
    // SAFETY: the same contract.
    unsafe { hsa_amd_memory_pool_free(ptr) }
}

/// Memory has no owner that could change: who may access it, `hsa_amd_agents_allow_access` says.
pub unsafe extern "C" fn hsa_memory_assign_agent(
    ptr: *mut c_void,
    agent: hsa_agent_t,
    access: hsa_access_permission_t,
) -> hsa_status_t {
    let assign = || {
        let simulator = simulator()?;
        Agent::find(simulator, agent)?;
        if ptr.is_null()
            || ![HSA_ACCESS_PERMISSION_RO, HSA_ACCESS_PERMISSION_WO, HSA_ACCESS_PERMISSION_RW].contains(&access)
        {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{ptr:p}, access permission {access}")));
        }
        simulator.memory.pooled(ptr as u64).map(drop).ok_or_else(|| {
            fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{ptr:p} is not the start of a live allocation"))
        })
    };
    status(assign())
}

fn registered(ptr: *mut c_void, size: usize) -> hsa_status_t {
    let check = || {
        simulator()?;
        if size == 0 && !ptr.is_null() {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "no bytes to register"));
        }
        Ok(())
    };
    status(check())
}

/// A hint, which changes nothing. In HSA's base profile kernels do not reach memory of the program by it:
/// `hsa_amd_memory_lock` lets them.
pub unsafe extern "C" fn hsa_memory_register(ptr: *mut c_void, size: usize) -> hsa_status_t {
    registered(ptr, size)
}

/// The end of the hint.
pub unsafe extern "C" fn hsa_memory_deregister(ptr: *mut c_void, size: usize) -> hsa_status_t {
    registered(ptr, size)
}
