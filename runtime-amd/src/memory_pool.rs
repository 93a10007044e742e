//! Memory pools: where an agent's and the host's memory come from.
//!
//! A GPU needs three: its own coarse-grained pool for buffers, a fine-grained host pool for what host and device both
//! write during a launch, and a kernarg pool.

use std::{
    ffi::c_void,
    ptr::{self, NonNull},
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_runtime_core::{
    driver::{MemoryKind, OutOfMemory},
    output::pool::OutputMemory,
};
use hsa_rt_sys::{self as hsa, hsa_agent_t, hsa_amd_memory_pool_t};

use crate::{
    agent::{Agent, collect},
    error::{Error, HsaError, call},
    info::{self, Attribute},
    session::Session,
};

/// One pool.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    session: Arc<Session>,
    handle: hsa_amd_memory_pool_t,
    segment: u32,
    flags: u32,
    size: usize,
    allocatable: bool,
    is_host: bool,
}

impl Pool {
    /// All pools of an agent.
    fn all(agent: &Agent) -> Result<Vec<Self>, HsaError> {
        let session = agent.session();
        let handles = collect(|callback, data| {
            // SAFETY: the callback has the type that the function asks for, and the data is what it works on.
            unsafe { call!(session.api(), hsa_amd_agent_iterate_memory_pools(agent.handle(), Some(callback), data)) }
        })?;
        handles.into_iter().map(|handle| Self::read(session, handle, agent.is_cpu())).collect()
    }

    fn read(session: &Arc<Session>, handle: hsa_amd_memory_pool_t, is_host: bool) -> Result<Self, HsaError> {
        let mut pool =
            Self { session: session.clone(), handle, segment: 0, flags: 0, size: 0, allocatable: false, is_host };
        pool.segment = pool.info(&info::POOL_SEGMENT)?;
        pool.size = pool.info(&info::POOL_SIZE)?;
        if pool.segment == hsa::HSA_AMD_SEGMENT_GLOBAL {
            pool.flags = pool.info(&info::POOL_GLOBAL_FLAGS)?;
            pool.allocatable = pool.info(&info::POOL_ALLOC_ALLOWED)? != 0;
        }
        Ok(pool)
    }

    /// A pool of the fake.
    #[cfg(test)]
    pub(crate) fn fake(session: &Arc<Session>, size: usize) -> Self {
        let handle = hsa_amd_memory_pool_t { handle: 1 };
        Self { session: session.clone(), handle, segment: 0, flags: 0, size, allocatable: true, is_host: false }
    }

    /// Bytes in all.
    pub(crate) fn size(&self) -> u64 {
        self.size as u64
    }

    /// Which kind of memory this is to programs.
    fn kind(&self) -> MemoryKind {
        match (self.is_host, self.has(hsa::HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED)) {
            (true, _) => MemoryKind::Host,
            (false, true) => MemoryKind::DeviceFineGrained,
            (false, false) => MemoryKind::Device,
        }
    }

    /// Allocates `bytes`, which must not be 0, for use by `agent`, and by the host where it is a host's pool.
    pub(crate) fn allocate(&self, bytes: usize, agent: &Agent) -> Result<Allocation, Error> {
        let out_of_memory = || Error::OutOfMemory(OutOfMemory::new(bytes as u64, self.kind(), self.size()));
        if bytes > self.size {
            return Err(out_of_memory());
        }
        let mut address = ptr::null_mut();
        // SAFETY: the size is not 0, as the caller promises, and the address to write to is valid.
        let answer =
            unsafe { call!(self.session.api(), hsa_amd_memory_pool_allocate(self.handle, bytes, 0, &mut address)) };
        match answer {
            Ok(()) => {}
            Err(HsaError { status: hsa::HSA_STATUS_ERROR_OUT_OF_RESOURCES, .. })
            | Err(HsaError { status: hsa::HSA_STATUS_ERROR_INVALID_ALLOCATION, .. }) => return Err(out_of_memory()),
            Err(error) => return Err(error.into()),
        }
        let address = NonNull::new(address.cast::<u8>()).ok_or_else(out_of_memory)?;
        let allocation = Allocation { pool: self.clone(), address, size: bytes, allowed: Mutex::default() };
        allocation.allow(agent)?;
        Ok(allocation)
    }

    /// What access this agent has to memory of the pool.
    pub(crate) fn access(&self, agent: &Agent) -> Result<u32, HsaError> {
        info::POOL_ACCESS.read(|attribute, value| {
            let api = self.session.api();
            // SAFETY: the address is that of a value of the attribute's type.
            unsafe { call!(api, hsa_amd_agent_memory_pool_get_info(agent.handle(), self.handle, attribute, value)) }
        })
    }

    fn info<T: bytemuck::Pod>(&self, attribute: &Attribute<T>) -> Result<T, HsaError> {
        attribute.read(|attribute, value| {
            // SAFETY: the address is that of a value of the attribute's type.
            unsafe { call!(self.session.api(), hsa_amd_memory_pool_get_info(self.handle, attribute, value)) }
        })
    }

    fn has(&self, flags: u32) -> bool {
        self.allocatable && self.flags & flags == flags
    }
}

/// The pools that one GPU works with.
#[derive(Debug)]
pub(crate) struct Pools {
    /// The GPU's own memory, coarse-grained: for buffers.
    pub(crate) local: Pool,
    /// The GPU's own memory, fine-grained, if it has such.
    pub(crate) local_fine: Option<Pool>,
    /// The processor that the host pools are of, for copies.
    pub(crate) host: hsa_agent_t,
    /// Host memory that host and device see change at once.
    pub(crate) shared: HostPool,
    /// Host memory for kernel arguments.
    pub(crate) kernarg: HostPool,
    /// LDS of one work-group in bytes.
    pub(crate) lds: u32,
}

impl Pools {
    /// The pools for this GPU among these agents.
    pub(crate) fn of(gpu: &Agent, agents: &[Agent]) -> Result<Self, Error> {
        let unusable = |what| Error::Unusable { agent: gpu.name().to_owned(), what };
        let own = Pool::all(gpu)?;
        let lds = own.iter().find(|pool| pool.segment == hsa::HSA_AMD_SEGMENT_GROUP).map_or(0, |pool| pool.size);
        let local_fine = own.iter().find(|pool| pool.has(hsa::HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED)).cloned();
        let local = own
            .into_iter()
            .find(|pool| pool.has(hsa::HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_COARSE_GRAINED))
            .ok_or_else(|| unusable("coarse-grained memory pool"))?;
        let mut host = Vec::new();
        let processor =
            agents.iter().find(|agent| agent.is_cpu()).ok_or_else(|| unusable("host processor beside it"))?;
        for agent in agents.iter().filter(|agent| agent.is_cpu()) {
            for pool in Pool::all(agent)? {
                if pool.allocatable && pool.access(gpu)? != hsa::HSA_AMD_MEMORY_POOL_ACCESS_NEVER_ALLOWED {
                    host.push(pool);
                }
            }
        }
        let host_pool = |flags: u32, what| {
            host.iter().find(|pool| pool.has(flags)).cloned().map(HostPool).ok_or_else(|| unusable(what))
        };
        Ok(Self {
            local,
            local_fine,
            host: processor.handle(),
            shared: host_pool(hsa::HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_FINE_GRAINED, "fine-grained host memory pool")?,
            kernarg: host_pool(hsa::HSA_AMD_MEMORY_POOL_GLOBAL_FLAG_KERNARG_INIT, "kernarg memory pool")?,
            lds: u32::try_from(lds).unwrap_or(u32::MAX),
        })
    }
}

/// A pool of a host processor: the addresses that it gives are the host's own.
#[derive(Clone, Debug)]
pub(crate) struct HostPool(Pool);

impl HostPool {
    /// Allocates `bytes`, which must not be 0, all zero, for use by the host and by `agent`.
    pub(crate) fn allocate(&self, bytes: usize, agent: &Agent) -> Result<HostAllocation, Error> {
        let allocation = self.0.allocate(bytes, agent)?;
        // SAFETY: the allocation has that many bytes and is nobody else's yet; the host can reach a host pool's memory.
        unsafe { allocation.address.as_ptr().write_bytes(0, bytes) };
        Ok(HostAllocation(allocation))
    }
}

/// Memory of a pool, freed when dropped. Nothing on a device may refer to it then.
#[derive(Debug)]
pub(crate) struct Allocation {
    pool: Pool,
    address: NonNull<u8>,
    size: usize,
    /// Agents that were given access, beside those that have it by themselves.
    allowed: Mutex<Vec<hsa_agent_t>>,
}

// SAFETY: the address is only a name of the memory; every access goes through HSA functions, which any thread may call,
// or through the methods of `HostAllocation`.
unsafe impl Send for Allocation {}
// SAFETY: as above; the value itself never changes.
unsafe impl Sync for Allocation {}

impl Allocation {
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.pool.session
    }

    /// Gives an agent access, if it has none yet.
    pub(crate) fn allow(&self, agent: &Agent) -> Result<(), HsaError> {
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = allowed.iter().any(|other| other.handle == agent.handle().handle);
        if known || self.pool.access(agent)? == hsa::HSA_AMD_MEMORY_POOL_ACCESS_ALLOWED_BY_DEFAULT {
            return Ok(());
        }
        // The list replaces the one before.
        let mut agents = allowed.clone();
        agents.push(agent.handle());
        // SAFETY: the list has that many agents, the flags must be null, and the address is that of an allocation.
        unsafe {
            call!(
                self.session().api(),
                hsa_amd_agents_allow_access(agents.len() as u32, agents.as_ptr(), ptr::null(), self.address())
            )?;
        }
        *allowed = agents;
        Ok(())
    }

    /// The address, for HSA functions and for the device.
    pub(crate) fn address(&self) -> *mut c_void {
        self.address.as_ptr().cast()
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: allocated by `hsa_amd_memory_pool_allocate`, freed once.
        if let Err(error) = unsafe { call!(self.session().api(), hsa_amd_memory_pool_free(self.address())) } {
            tracing::warn!(%error, "memory cannot be freed");
        }
    }
}

/// Memory of a host's pool: the host reaches it by address.
#[derive(Debug)]
pub(crate) struct HostAllocation(Allocation);

impl HostAllocation {
    /// Its first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.0.address
    }

    /// The same as memory of a pool of whatever agent.
    pub(crate) fn into_allocation(self) -> Allocation {
        self.0
    }
}

impl OutputMemory for HostAllocation {
    fn address(&self) -> u64 {
        self.start().as_ptr() as u64
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the memory was initialised when it was allocated, has that size, and is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.0.address.as_ptr(), self.0.size) }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: as above, for reading.
        unsafe { std::slice::from_raw_parts(self.0.address.as_ptr(), self.0.size) }
    }
}
