//! Memory pools, and copies between them.

use std::ffi::c_void;

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    out::{null, put},
    state::{Simulator, fail, simulator, status},
};
use crate::machine::{dispatch::MAX_LDS, memory::GRANULE};

/// Memory of a simulated GPU in bytes, as it says: an MI300X has 192 GiB. What can be had is what the host has.
const GPU_MEMORY: usize = 192 << 30;

/// What a pool is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Host memory, coherent; kernel arguments live here.
    HostFine,
    /// Host memory.
    HostCoarse,
    /// Device memory.
    Device,
    /// LDS.
    Group,
}

/// A pool: its agent and its kind. The handle is made of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pool(Agent, Kind);

impl Pool {
    fn handle(self) -> hsa_amd_memory_pool_t {
        let kind = match self.1 {
            Kind::HostFine => 1,
            Kind::HostCoarse => 2,
            Kind::Device => 3,
            Kind::Group => 4,
        };
        hsa_amd_memory_pool_t { handle: self.0.handle().handle << 8 | kind }
    }

    fn find(simulator: &Simulator, pool: hsa_amd_memory_pool_t) -> Result<Self, hsa_status_t> {
        let agents = [Agent::Cpu].into_iter().chain((0..simulator.config.targets().len()).map(Agent::Gpu));
        let found = agents.flat_map(Self::of).find(|candidate| candidate.handle().handle == pool.handle);
        found.ok_or_else(|| {
            fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no memory pool has the handle {:#x}", pool.handle))
        })
    }

    fn of(agent: Agent) -> [Self; 2] {
        match agent {
            Agent::Cpu => [Self(agent, Kind::HostFine), Self(agent, Kind::HostCoarse)],
            Agent::Gpu(_) => [Self(agent, Kind::Device), Self(agent, Kind::Group)],
        }
    }

    fn size(self) -> usize {
        match self.1 {
            Kind::Group => MAX_LDS as usize,
            _ => GPU_MEMORY,
        }
    }
}

pub unsafe extern "C" fn hsa_amd_agent_iterate_memory_pools(
    agent: hsa_agent_t,
    callback: Option<unsafe extern "C" fn(memory_pool: hsa_amd_memory_pool_t, data: *mut c_void) -> hsa_status_t>,
    data: *mut c_void,
) -> hsa_status_t {
    let agent = match simulator().and_then(|simulator| Agent::find(simulator, agent)) {
        Ok(agent) => agent,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    for pool in Pool::of(agent) {
        // SAFETY: the program's callback, called as the specification says.
        let result = unsafe { callback(pool.handle(), data) };
        if result != HSA_STATUS_SUCCESS {
            return result;
        }
    }
    HSA_STATUS_SUCCESS
}

pub unsafe extern "C" fn hsa_amd_memory_pool_get_info(
    memory_pool: hsa_amd_memory_pool_t,
    attribute: hsa_amd_memory_pool_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        let pool = Pool::find(simulator()?, memory_pool)?;
        let allocatable = pool.1 != Kind::Group;
        // SAFETY: the caller gives room for the attribute's type.
        unsafe {
            match attribute {
                HSA_AMD_MEMORY_POOL_INFO_SEGMENT => {
                    put(value, if allocatable { HSA_AMD_SEGMENT_GLOBAL } else { HSA_AMD_SEGMENT_GROUP })
                }
                HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS => put(
                    value,
                    match pool.1 {
                        Kind::HostFine => {
                            HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT | HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED
                        }
                        Kind::HostCoarse | Kind::Device => HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED,
                        Kind::Group => 0,
                    },
                ),
                HSA_AMD_MEMORY_POOL_INFO_SIZE => put(value, pool.size()),
                HSA_AMD_MEMORY_POOL_INFO_ALLOC_MAX_SIZE => put(value, if allocatable { pool.size() } else { 0 }),
                HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED => put(value, allocatable),
                HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_GRANULE | HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALIGNMENT => {
                    put(value, if allocatable { GRANULE } else { 0 })
                }
                HSA_AMD_MEMORY_POOL_INFO_ACCESSIBLE_BY_ALL => {
                    put(value, matches!(pool.1, Kind::HostFine | Kind::HostCoarse))
                }
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no memory pool attribute {attribute}"))),
            }
        }
    };
    status(get())
}

pub unsafe extern "C" fn hsa_amd_agent_memory_pool_get_info(
    agent: hsa_agent_t,
    memory_pool: hsa_amd_memory_pool_t,
    attribute: hsa_amd_agent_memory_pool_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        let (agent, pool) = (Agent::find(simulator, agent)?, Pool::find(simulator, memory_pool)?);
        let own = agent == pool.0;
        // SAFETY: the caller gives room for the attribute's type.
        unsafe {
            match attribute {
                HSA_AMD_AGENT_MEMORY_POOL_INFO_ACCESS => put(
                    value,
                    match pool.1 {
                        _ if own => HSA_AMD_MEMORY_POOL_ACCESS_ALLOWED_BY_DEFAULT,
                        Kind::Group => HSA_AMD_MEMORY_POOL_ACCESS_NEVER_ALLOWED,
                        Kind::HostFine => HSA_AMD_MEMORY_POOL_ACCESS_ALLOWED_BY_DEFAULT,
                        Kind::HostCoarse | Kind::Device => HSA_AMD_MEMORY_POOL_ACCESS_DISALLOWED_BY_DEFAULT,
                    },
                ),
                HSA_AMD_AGENT_MEMORY_POOL_INFO_NUM_LINK_HOPS => put(value, u32::from(!own)),
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no attribute {attribute}"))),
            }
        }
    };
    status(get())
}

pub unsafe extern "C" fn hsa_amd_memory_pool_allocate(
    memory_pool: hsa_amd_memory_pool_t,
    size: usize,
    flags: u32,
    ptr: *mut *mut c_void,
) -> hsa_status_t {
    let allocate = || {
        let simulator = simulator()?;
        let pool = Pool::find(simulator, memory_pool)?;
        if ptr.is_null() {
            return Err(null("ptr"));
        }
        if size == 0 || flags != 0 {
            return Err(fail(
                HSA_STATUS_ERROR_INVALID_ARGUMENT,
                format!("allocation of {size} bytes, flags {flags:#x}"),
            ));
        }
        if pool.1 == Kind::Group {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ALLOCATION, "LDS cannot be allocated from the host"));
        }
        if size > pool.size() {
            let reason = format!("{size} bytes are more than the pool has");
            return Err(fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, reason));
        }
        let address = simulator.memory.allocate(size);
        let address = address.ok_or_else(|| {
            fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, format!("the host has no {size} bytes of memory"))
        })?;
        // SAFETY: the caller gives room for a pointer.
        unsafe { put(ptr, address as *mut c_void) }
    };
    status(allocate())
}

pub unsafe extern "C" fn hsa_amd_memory_pool_free(ptr: *mut c_void) -> hsa_status_t {
    let free = || {
        let simulator = simulator()?;
        if ptr.is_null() || simulator.memory.free(ptr as u64) {
            return Ok(());
        }
        Err(fail(HSA_STATUS_ERROR_INVALID_ALLOCATION, format!("{ptr:p} is not the start of a live allocation")))
    };
    status(free())
}

pub unsafe extern "C" fn hsa_amd_agents_allow_access(
    num_agents: u32,
    agents: *const hsa_agent_t,
    flags: *const u32,
    ptr: *const c_void,
) -> hsa_status_t {
    let allow = || {
        let simulator = simulator()?;
        if num_agents == 0 || agents.is_null() || !flags.is_null() {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, "no agents, or flags, which are reserved"));
        }
        for index in 0..num_agents as usize {
            // SAFETY: the caller gives `num_agents` agents.
            Agent::find(simulator, unsafe { agents.add(index).read_unaligned() })?;
        }
        match simulator.memory.find(ptr as u64) {
            // All agents share one address space and reach all of it.
            Some(range) if range.base == ptr as u64 => Ok(()),
            _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{ptr:p} is not the start of a live allocation"))),
        }
    };
    status(allow())
}

/// Refuses a range that begins in live memory and ends outside of it. Other host memory is the caller's business.
fn check(simulator: &Simulator, address: u64, size: usize) -> Result<(), hsa_status_t> {
    match simulator.memory.find(address) {
        Some(range) if size as u64 > range.end - address => Err(fail(
            HSA_STATUS_ERROR_INVALID_ARGUMENT,
            format!("{size} bytes at {address:#x} go beyond the allocation's end at {:#x}", range.end),
        )),
        _ => Ok(()),
    }
}

pub unsafe extern "C" fn hsa_memory_copy(dst: *mut c_void, src: *const c_void, size: usize) -> hsa_status_t {
    let copy = || {
        let simulator = simulator()?;
        if dst.is_null() || src.is_null() {
            return Err(null("dst or src"));
        }
        check(simulator, dst as u64, size)?;
        check(simulator, src as u64, size)?;
        // SAFETY: the caller gives `size` bytes at both; where they are the simulator's, that was checked. They may
        // overlap, which HSA does not define and `copy` does.
        unsafe { std::ptr::copy(src.cast::<u8>(), dst.cast::<u8>(), size) };
        Ok(())
    };
    status(copy())
}

pub unsafe extern "C" fn hsa_amd_memory_fill(ptr: *mut c_void, value: u32, count: usize) -> hsa_status_t {
    let fill = || {
        let simulator = simulator()?;
        if ptr.is_null() || !(ptr as usize).is_multiple_of(4) {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{ptr:p} is null or not aligned to 4 bytes")));
        }
        let size = count.checked_mul(4);
        let size =
            size.ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{count} words are too many")))?;
        check(simulator, ptr as u64, size)?;
        for index in 0..count {
            // SAFETY: the caller gives `count` words; where they are the simulator's, that was checked.
            unsafe { ptr.cast::<u32>().add(index).write(value) };
        }
        Ok(())
    };
    status(fill())
}
