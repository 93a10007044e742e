//! Memory pools, and copies between them.

use std::ffi::c_void;

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    deallocation,
    out::{null, put},
    state::{Simulator, fail, simulator, status},
};
use crate::config::DEFAULT_MEMORY;
use crate::machine::{
    agents::GpuSet,
    dispatch::MAX_LDS,
    memory::{GRANULE, NoMemory, Pooled},
};

/// Memory of the host in bytes, as it says. What can be had is what the host has.
const HOST_MEMORY: u64 = 192 << 30;

/// What a pool is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Host memory, coherent; kernel arguments live here.
    HostKernarg,
    /// Host memory, coherent.
    HostFine,
    /// Host memory.
    HostCoarse,
    /// Device memory.
    Device,
    /// Device memory, coherent.
    DeviceFine,
    /// LDS.
    Group,
}

/// A pool: its agent and its kind. The handle is made of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool(pub Agent, pub Kind);

impl Pool {
    /// Its handle.
    pub fn handle(self) -> hsa_amd_memory_pool_t {
        let kind = match self.1 {
            Kind::HostKernarg => 1,
            Kind::HostCoarse => 2,
            Kind::Device => 3,
            Kind::Group => 4,
            Kind::DeviceFine => 5,
            Kind::HostFine => 6,
        };
        hsa_amd_memory_pool_t { handle: self.0.handle().handle << 8 | kind }
    }

    /// The pool of a handle.
    pub fn find(simulator: &Simulator, pool: hsa_amd_memory_pool_t) -> Result<Self, hsa_status_t> {
        let mut pools = Agent::all(simulator).flat_map(Self::of);
        let found = pools.find(|candidate| candidate.handle().handle == pool.handle);
        found.ok_or_else(|| {
            fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no memory pool has the handle {:#x}", pool.handle))
        })
    }

    /// The pools of an agent.
    pub fn of(agent: Agent) -> impl Iterator<Item = Self> {
        let kinds: &[Kind] = match agent {
            Agent::Cpu => &[Kind::HostKernarg, Kind::HostFine, Kind::HostCoarse],
            Agent::Gpu(_) => &[Kind::Device, Kind::DeviceFine, Kind::Group],
        };
        kinds.iter().map(move |kind| Self(agent, *kind))
    }

    /// Its size in bytes. The pools of a GPU share what it has.
    pub fn size(self, simulator: &Simulator) -> u64 {
        match self.1 {
            Kind::Group => MAX_LDS.into(),
            Kind::HostKernarg | Kind::HostFine | Kind::HostCoarse => HOST_MEMORY,
            Kind::Device | Kind::DeviceFine => {
                let card = || self.0.product(simulator).map_or(DEFAULT_MEMORY, |product| product.memory << 30);
                simulator.config.memory().unwrap_or_else(card)
            }
        }
    }

    /// Its global flags.
    pub fn flags(self) -> u32 {
        match self.1 {
            Kind::HostKernarg => {
                HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT | HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED
            }
            Kind::HostCoarse | Kind::Device => HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED,
            Kind::HostFine | Kind::DeviceFine => HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED,
            Kind::Group => 0,
        }
    }

    /// What the memory map is to know of its allocations.
    fn pooled(self, simulator: &Simulator) -> Pooled {
        let gpus = if matches!(self.1, Kind::HostKernarg | Kind::HostFine) { GpuSet::ALL } else { self.0.gpus() };
        let gpu = match self.0 {
            Agent::Cpu => None,
            Agent::Gpu(number) => Some(number),
        };
        // The host does not reach it, unless it is let in.
        let tracked = self.1 == Kind::Device && simulator.config.checks();
        Pooled { pool: self.handle().handle, gpu, gpus, tracked }
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
        let simulator = simulator()?;
        let pool = Pool::find(simulator, memory_pool)?;
        let allocatable = pool.1 != Kind::Group;
        // SAFETY: the caller gives room for the attribute's type.
        unsafe {
            match attribute {
                HSA_AMD_MEMORY_POOL_INFO_SEGMENT => {
                    put(value, if allocatable { HSA_AMD_SEGMENT_GLOBAL } else { HSA_AMD_SEGMENT_GROUP })
                }
                HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS => put(value, pool.flags()),
                HSA_AMD_MEMORY_POOL_INFO_SIZE => put(value, pool.size(simulator) as usize),
                HSA_AMD_MEMORY_POOL_INFO_ALLOC_MAX_SIZE => {
                    put(value, if allocatable { pool.size(simulator) as usize } else { 0 })
                }
                HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED => put(value, allocatable),
                HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_GRANULE | HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALIGNMENT => {
                    put(value, if allocatable { GRANULE } else { 0 })
                }
                HSA_AMD_MEMORY_POOL_INFO_ACCESSIBLE_BY_ALL => {
                    // Not that it is so from the start: that it can be.
                    put(value, matches!(pool.1, Kind::HostKernarg | Kind::HostFine | Kind::HostCoarse))
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
                        // What the host writes by itself the checks do not see. A program that cannot write there copies.
                        Kind::Device if agent == Agent::Cpu && simulator.config.checks() => {
                            HSA_AMD_MEMORY_POOL_ACCESS_NEVER_ALLOWED
                        }
                        Kind::HostKernarg | Kind::HostFine => HSA_AMD_MEMORY_POOL_ACCESS_ALLOWED_BY_DEFAULT,
                        // As on a machine whose host cannot reach all of it: what the host writes by itself is not seen, and
                        // would count as never written.
                        Kind::Device if agent == Agent::Cpu && simulator.config.checks() => {
                            HSA_AMD_MEMORY_POOL_ACCESS_NEVER_ALLOWED
                        }
                        Kind::HostCoarse | Kind::Device | Kind::DeviceFine => {
                            HSA_AMD_MEMORY_POOL_ACCESS_DISALLOWED_BY_DEFAULT
                        }
                    },
                ),
                HSA_AMD_AGENT_MEMORY_POOL_INFO_NUM_LINK_HOPS => put(value, u32::from(!own)),
                // An array with an element for each hop.
                HSA_AMD_AGENT_MEMORY_POOL_INFO_LINK_INFO if own => Ok(()),
                HSA_AMD_AGENT_MEMORY_POOL_INFO_LINK_INFO => put(value, link(agent, pool.0)),
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no attribute {attribute}"))),
            }
        }
    };
    status(get())
}

/// The way between two agents: GPUs have one among themselves, and reach the host over another.
fn link(from: Agent, to: Agent) -> hsa_amd_memory_pool_link_info_t {
    let host = from == Agent::Cpu || to == Agent::Cpu;
    hsa_amd_memory_pool_link_info_t {
        link_type: if host { HSA_AMD_LINK_INFO_TYPE_PCIE } else { HSA_AMD_LINK_INFO_TYPE_XGMI },
        numa_distance: if host { 20 } else { 15 },
        atomic_support_32bit: true,
        atomic_support_64bit: true,
        coherent_support: true,
        ..Default::default()
    }
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
        let total = pool.size(simulator);
        if size as u64 > total {
            let reason = format!("{size} bytes are more than the {total} bytes of the pool");
            return Err(fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, reason));
        }
        let address = simulator.memory.allocate(size, pool.pooled(simulator), total).map_err(|error| {
            let reason = match error {
                NoMemory::Device(left) => {
                    format!("{size} bytes are more than the {left} bytes that are left of {total}")
                }
                NoMemory::Host => format!("the host has no {size} bytes of memory"),
            };
            fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, reason)
        })?;
        // SAFETY: the caller gives room for a pointer.
        unsafe { put(ptr, address as *mut c_void) }
    };
    status(allocate())
}

pub unsafe extern "C" fn hsa_amd_memory_pool_free(ptr: *mut c_void) -> hsa_status_t {
    let free = || {
        let simulator = simulator()?;
        if ptr.is_null() {
            return Ok(());
        }
        if simulator.memory.pooled(ptr as u64).is_some() {
            // Before the memory goes, as the header says.
            deallocation::tell(ptr);
        }
        if simulator.memory.free(ptr as u64) {
            return Ok(());
        }
        Err(fail(HSA_STATUS_ERROR_INVALID_ALLOCATION, format!("{ptr:p} is not the start of a live allocation")))
    };
    status(free())
}

/// The global flags of the pool that has this handle.
pub fn flags(simulator: &Simulator, pool: u64) -> u32 {
    Pool::find(simulator, hsa_amd_memory_pool_t { handle: pool }).map_or(0, Pool::flags)
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
        simulator.memory.note_copied(dst as u64, src as u64, size as u64);
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
        simulator.memory.note_written(ptr as u64, size as u64);
        Ok(())
    };
    status(fill())
}

/// Memory stays in its pool.
pub unsafe extern "C" fn hsa_amd_memory_pool_can_migrate(
    src_memory_pool: hsa_amd_memory_pool_t,
    dst_memory_pool: hsa_amd_memory_pool_t,
    result: *mut bool,
) -> hsa_status_t {
    let ask = || {
        let simulator = simulator()?;
        Pool::find(simulator, src_memory_pool)?;
        Pool::find(simulator, dst_memory_pool)?;
        // SAFETY: null, or room for the result by the caller.
        unsafe { put(result, false) }
    };
    status(ask())
}

pub unsafe extern "C" fn hsa_amd_memory_migrate(
    ptr: *const c_void,
    memory_pool: hsa_amd_memory_pool_t,
    flags: u32,
) -> hsa_status_t {
    let migrate = || {
        let simulator = simulator()?;
        Pool::find(simulator, memory_pool)?;
        if flags != 0 || simulator.memory.pooled(ptr as u64).is_none() {
            let reason = format!("{ptr:p} is not the start of a live allocation, or flags {flags:#x}");
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
        }
        Err(fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, "memory stays in its pool (hsa_amd_memory_pool_can_migrate)"))
    };
    status(migrate())
}
