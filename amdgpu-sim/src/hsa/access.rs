//! Who may access memory, and memory of the program that devices may access.
//!
//! A kernel reaches the memory of its own GPU, fine-grained memory of the host, and what it was let in to: by
//! `hsa_amd_agents_allow_access` to an allocation, by `hsa_amd_memory_lock` to memory that the program has allocated by
//! itself. Anything else is a memory fault. Host and devices use the same addresses.

use std::ffi::{c_int, c_void};

use hsa_rt_sys::*;

use super::{
    agent::Agent,
    deallocation,
    out::{null, put},
    pool::{self, Pool},
    state::{Simulator, fail, simulator, status},
};
use crate::machine::{
    agents::GpuSet,
    locked::Lock,
    memory::{Purpose, Range},
};

fn set(agents: &[Agent]) -> GpuSet {
    agents.iter().map(|agent| agent.gpus()).fold(GpuSet::NONE, GpuSet::with)
}

/// The listed agents get access to an allocation, beside those that its pool gives it to; all others lose it.
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
        // SAFETY: the caller gives `num_agents` agents.
        let agents = unsafe { Agent::list(simulator, agents, num_agents as usize) }?;
        if simulator.memory.allow(ptr as u64, set(&agents)) {
            if agents.contains(&Agent::Cpu) {
                // From now on the program may write it without the simulator seeing that.
                simulator.memory.stop_tracking(ptr as u64);
            }
            return Ok(());
        }
        Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("{ptr:p} is not the start of a pool's live allocation")))
    };
    status(allow())
}

/// Devices have it at the address that the host has. It may be locked several times; each lock is to be ended.
pub unsafe extern "C" fn hsa_amd_memory_lock(
    host_ptr: *mut c_void,
    size: usize,
    agents: *mut hsa_agent_t,
    num_agent: c_int,
    agent_ptr: *mut *mut c_void,
) -> hsa_status_t {
    let lock = || {
        let simulator = simulator()?;
        if host_ptr.is_null() || agent_ptr.is_null() {
            return Err(null("host_ptr or agent_ptr"));
        }
        let end = (host_ptr as u64).checked_add(size as u64).filter(|_| size > 0);
        let count = usize::try_from(num_agent).ok().filter(|count| (*count == 0) == agents.is_null());
        let (Some(end), Some(count)) = (end, count) else {
            let reason = format!("{size} bytes, {num_agent} agents, and the list of agents is at {agents:p}");
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
        };
        let gpus = match count {
            0 => GpuSet::ALL,
            // SAFETY: the caller gives `num_agent` agents.
            _ => set(&unsafe { Agent::list(simulator, agents, count) }?),
        };
        if !simulator.memory.lock(Lock { base: host_ptr as u64, end, gpus }) {
            let reason = format!("a part of the {size} bytes at {host_ptr:p} is no memory of the program's own");
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
        }
        // SAFETY: not null, and the caller gives room for a pointer.
        unsafe { put(agent_ptr, host_ptr) }
    };
    status(lock())
}

/// The same as `hsa_amd_memory_lock`: the memory is where the program has it, and so in the host's pools.
pub unsafe extern "C" fn hsa_amd_memory_lock_to_pool(
    host_ptr: *mut c_void,
    size: usize,
    agents: *mut hsa_agent_t,
    num_agent: c_int,
    pool: hsa_amd_memory_pool_t,
    flags: u32,
    agent_ptr: *mut *mut c_void,
) -> hsa_status_t {
    let check = || {
        let pool = Pool::find(simulator()?, pool)?;
        if flags != 0 || pool.0 != Agent::Cpu {
            let reason = format!("flags {flags:#x}, which are reserved, or a pool of a GPU");
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, reason));
        }
        Ok(())
    };
    match check() {
        // SAFETY: the same contract.
        Ok(()) => unsafe { hsa_amd_memory_lock(host_ptr, size, agents, num_agent, agent_ptr) },
        Err(status) => status,
    }
}

/// Ends the last lock of memory that begins at `host_ptr`. No kernel and no copy may use that memory any more.
pub unsafe extern "C" fn hsa_amd_memory_unlock(host_ptr: *mut c_void) -> hsa_status_t {
    let unlock = || {
        if simulator()?.memory.unlock(host_ptr as u64) {
            return Ok(());
        }
        Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no locked memory begins at {host_ptr:p}")))
    };
    status(unlock())
}

fn describe(simulator: &Simulator, range: Option<Range>) -> hsa_amd_pointer_info_t {
    let unknown = hsa_amd_pointer_info_t { type_: HSA_EXT_POINTER_TYPE_UNKNOWN, ..Default::default() };
    let Some(range) = range else { return unknown };
    let base = range.base as *mut c_void;
    let sized = hsa_amd_pointer_info_t {
        agentBaseAddress: base,
        hostBaseAddress: base,
        sizeInBytes: (range.end - range.base) as usize,
        userData: deallocation::user_data(range.base),
        ..unknown
    };
    match (range.purpose, simulator.memory.pooled(range.base)) {
        (Purpose::Pool, Some(pooled)) => hsa_amd_pointer_info_t {
            type_: HSA_EXT_POINTER_TYPE_HSA,
            agentOwner: pooled.gpu.map_or(Agent::Cpu, Agent::Gpu).handle(),
            global_flags: pool::flags(simulator, pooled.pool),
            ..sized
        },
        (Purpose::Locked, _) => hsa_amd_pointer_info_t {
            type_: HSA_EXT_POINTER_TYPE_LOCKED,
            agentOwner: Agent::Cpu.handle(),
            global_flags: HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED,
            ..sized
        },
        _ => unknown,
    }
}

/// Memory that no pool gave and that is not locked is of unknown type, which is no error. Locks that overlap are given
/// as the pieces in which the same agents have access.
pub unsafe extern "C" fn hsa_amd_pointer_info(
    ptr: *const c_void,
    info: *mut hsa_amd_pointer_info_t,
    alloc: Option<unsafe extern "C" fn(size: usize) -> *mut c_void>,
    num_agents_accessible: *mut u32,
    accessible: *mut *mut hsa_agent_t,
) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        if ptr.is_null() || info.is_null() {
            return Err(null("ptr or info"));
        }
        let range = simulator.memory.find(ptr as u64);
        let mut found = describe(simulator, range);
        // SAFETY: not null, and the structure begins with its size, as the caller knows it.
        let size = unsafe { info.cast::<u32>().read_unaligned() };
        found.size = size.min(size_of::<hsa_amd_pointer_info_t>() as u32);
        // SAFETY: the caller's structure has at least that many bytes.
        unsafe { info.cast::<u8>().copy_from((&raw const found).cast(), found.size as usize) };
        let Some(alloc) = alloc.filter(|_| !num_agents_accessible.is_null() && !accessible.is_null()) else {
            return Ok(());
        };
        let known = range.filter(|_| found.type_ != HSA_EXT_POINTER_TYPE_UNKNOWN);
        let may = |agent: &Agent| match (*agent, known) {
            (_, None) => false,
            (Agent::Cpu, Some(_)) => true,
            (Agent::Gpu(number), Some(range)) => range.gpus.contains(number),
        };
        let agents: Vec<_> = Agent::all(simulator).filter(may).map(Agent::handle).collect();
        // SAFETY: the caller gives room for both; the allocator is called as the specification says, and gives room for
        // the list.
        unsafe {
            put(num_agents_accessible, agents.len() as u32)?;
            if agents.is_empty() {
                return put(accessible, std::ptr::null_mut::<hsa_agent_t>());
            }
            let list = alloc(size_of_val(agents.as_slice())).cast::<hsa_agent_t>();
            if list.is_null() {
                return Err(fail(HSA_STATUS_ERROR_OUT_OF_RESOURCES, "the program's allocator gave nothing"));
            }
            list.copy_from(agents.as_ptr(), agents.len());
            put(accessible, list)
        }
    };
    status(get())
}
