//! Agents: the CPU, and the simulated GPUs.

use std::{
    ffi::c_void,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use hsa_rt_sys::*;

use super::{
    extensions::EXTENSIONS,
    isa::{Isa, exception_policies},
    out::{null, put, put_bytes, put_text},
    product::Product,
    queue::{MAX_QUEUE_SIZE, MIN_QUEUE_SIZE},
    state::{Simulator, fail, simulator, status},
};
use crate::{
    isa::target::Target,
    machine::{agents::GpuSet, dispatch::MAX_WORKGROUP},
};

/// Handle of the CPU agent; the GPUs follow.
const CPU: u64 = 1;
/// Most GPUs of a process.
const GPUS: usize = 64;
/// Registers of the host data path's flush. Memory is coherent here, so writing to them does nothing more.
static FLUSH: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];
/// What was asked for as the coherency of each GPU.
static COHERENCY: [AtomicU32; GPUS] = [const { AtomicU32::new(HSA_AMD_COHERENCY_TYPE_COHERENT) }; GPUS];

/// What an agent handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Agent {
    /// The host.
    Cpu,
    /// The GPU of this number.
    Gpu(usize),
}

impl Agent {
    /// The agent of a handle.
    pub fn find(simulator: &Simulator, agent: hsa_agent_t) -> Result<Self, hsa_status_t> {
        let number = agent.handle.checked_sub(CPU).and_then(|n| usize::try_from(n).ok());
        match number {
            Some(0) => Ok(Self::Cpu),
            Some(n) if n <= simulator.config.targets().len() => Ok(Self::Gpu(n - 1)),
            _ => Err(fail(HSA_STATUS_ERROR_INVALID_AGENT, format!("no agent has the handle {:#x}", agent.handle))),
        }
    }

    /// All agents.
    pub fn all(simulator: &Simulator) -> impl Iterator<Item = Self> {
        [Self::Cpu].into_iter().chain((0..simulator.config.targets().len()).map(Self::Gpu))
    }

    /// Reads a list of `count` agents.
    ///
    /// # Safety
    /// There are `count` handles at `agents`.
    pub unsafe fn list(
        simulator: &Simulator,
        agents: *const hsa_agent_t,
        count: usize,
    ) -> Result<Vec<Self>, hsa_status_t> {
        // SAFETY: the caller gives `count` agents.
        (0..count).map(|index| Self::find(simulator, unsafe { agents.add(index).read_unaligned() })).collect()
    }

    /// The GPU that it is, as a set.
    pub fn gpus(self) -> GpuSet {
        match self {
            Self::Cpu => GpuSet::NONE,
            Self::Gpu(n) => GpuSet::only(n),
        }
    }

    /// Its name: of a GPU, what code is generated for.
    pub fn name(self, simulator: &Simulator) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Gpu(n) => simulator.config.targets().get(n).copied().unwrap_or("GPU"),
        }
    }

    /// What a GPU is.
    pub fn target(self, simulator: &Simulator) -> Option<Target> {
        match self {
            Self::Cpu => None,
            Self::Gpu(_) => Target::named(self.name(simulator)),
        }
    }

    /// The card that it is; `None` for the CPU.
    pub fn product(self, simulator: &Simulator) -> Option<&'static Product> {
        self.target(simulator).map(Product::of)
    }

    /// Its handle.
    pub fn handle(self) -> hsa_agent_t {
        let number = match self {
            Self::Cpu => 0,
            Self::Gpu(n) => n as u64 + 1,
        };
        hsa_agent_t { handle: CPU + number }
    }
}

pub unsafe extern "C" fn hsa_iterate_agents(
    callback: Option<unsafe extern "C" fn(agent: hsa_agent_t, data: *mut c_void) -> hsa_status_t>,
    data: *mut c_void,
) -> hsa_status_t {
    let simulator = match simulator() {
        Ok(simulator) => simulator,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    let gpus = (0..simulator.config.targets().len()).map(Agent::Gpu);
    for agent in [Agent::Cpu].into_iter().chain(gpus) {
        // SAFETY: the program's callback, called as the specification says.
        let result = unsafe { callback(agent.handle(), data) };
        if result != HSA_STATUS_SUCCESS {
            return result;
        }
    }
    HSA_STATUS_SUCCESS
}

pub unsafe extern "C" fn hsa_agent_get_info(
    agent: hsa_agent_t,
    attribute: hsa_agent_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        let agent = Agent::find(simulator, agent)?;
        // SAFETY: the specification has the caller give room for the attribute's type.
        unsafe { info(simulator, agent, attribute, value) }
    };
    status(get())
}

/// Writes an agent's attribute.
///
/// # Safety
/// `value` is null or has room for the attribute's type.
unsafe fn info(
    simulator: &Simulator,
    agent: Agent,
    attribute: hsa_agent_info_t,
    value: *mut c_void,
) -> Result<(), hsa_status_t> {
    let number = match agent {
        Agent::Cpu => 0,
        Agent::Gpu(n) => n as u32 + 1,
    };
    match agent.product(simulator) {
        // SAFETY: the same contract.
        None => unsafe { cpu_info(attribute, value) },
        // SAFETY: the same contract.
        Some(product) => unsafe { gpu_info(product, number, attribute, value) },
    }
}

/// Writes an attribute of the CPU, on which no kernel runs.
///
/// # Safety
/// `value` is null or has room for the attribute's type.
unsafe fn cpu_info(attribute: hsa_agent_info_t, value: *mut c_void) -> Result<(), hsa_status_t> {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    // SAFETY: room for the attribute's type by this function's contract.
    unsafe {
        match attribute {
            HSA_AGENT_INFO_NAME | HSA_AMD_AGENT_INFO_PRODUCT_NAME => put_text::<64, _>(value, processor()),
            HSA_AGENT_INFO_VENDOR_NAME => put_text::<64, _>(value, "CPU"),
            HSA_AGENT_INFO_FEATURE => put(value, 0),
            HSA_AGENT_INFO_PROFILE => put(value, HSA_PROFILE_FULL),
            HSA_AGENT_INFO_BASE_PROFILE_DEFAULT_FLOAT_ROUNDING_MODES => put(value, 0),
            HSA_AGENT_INFO_FAST_F16_OPERATION => put(value, false),
            HSA_AGENT_INFO_WAVEFRONT_SIZE => put(value, 0_u32),
            HSA_AGENT_INFO_WORKGROUP_MAX_DIM => put(value, [0_u16; 3]),
            HSA_AGENT_INFO_GRID_MAX_DIM => put(value, [0_u32; 3]),
            HSA_AGENT_INFO_WORKGROUP_MAX_SIZE | HSA_AGENT_INFO_GRID_MAX_SIZE | HSA_AGENT_INFO_FBARRIER_MAX_SIZE => {
                put(value, 0_u32)
            }
            HSA_AGENT_INFO_QUEUES_MAX | HSA_AGENT_INFO_QUEUE_MIN_SIZE | HSA_AGENT_INFO_QUEUE_MAX_SIZE => {
                put(value, 0_u32)
            }
            HSA_AGENT_INFO_NODE | HSA_AMD_AGENT_INFO_DRIVER_NODE_ID | HSA_AMD_AGENT_INFO_BDFID => put(value, 0_u32),
            HSA_AGENT_INFO_DEVICE => put(value, HSA_DEVICE_TYPE_CPU),
            HSA_AGENT_INFO_CACHE_SIZE => put(value, [CPU_L1_CACHE << 10, 0, 0, 0]),
            HSA_AGENT_INFO_ISA => put(value, hsa_isa_t { handle: 0 }),
            HSA_AMD_AGENT_INFO_CHIP_ID | HSA_AMD_AGENT_INFO_ASIC_REVISION => put(value, 0_u32),
            HSA_AMD_AGENT_INFO_CACHELINE_SIZE => put(value, 64_u32),
            HSA_AMD_AGENT_INFO_COMPUTE_UNIT_COUNT => put(value, cores),
            HSA_AMD_AGENT_INFO_MEMORY_WIDTH => put(value, 64_u32),
            HSA_AMD_AGENT_INFO_COOPERATIVE_COMPUTE_UNIT_COUNT
            | HSA_AMD_AGENT_INFO_MAX_CLOCK_FREQUENCY
            | HSA_AMD_AGENT_INFO_MEMORY_MAX_FREQUENCY
            | HSA_AMD_AGENT_INFO_MAX_WAVES_PER_CU
            | HSA_AMD_AGENT_INFO_NUM_SIMDS_PER_CU
            | HSA_AMD_AGENT_INFO_NUM_SHADER_ENGINES
            | HSA_AMD_AGENT_INFO_NUM_SHADER_ARRAYS_PER_SE => put(value, 0_u32),
            HSA_AMD_AGENT_INFO_UUID => put_text::<24, _>(value, "CPU-XX"),
            _ => common_info(attribute, value),
        }
    }
}

/// Writes an attribute of a GPU, the `number`th agent.
///
/// # Safety
/// `value` is null or has room for the attribute's type.
unsafe fn gpu_info(
    product: &'static Product,
    number: u32,
    attribute: hsa_agent_info_t,
    value: *mut c_void,
) -> Result<(), hsa_status_t> {
    let [l1, l2, l3] = product.caches.map(|size| size << 10);
    // SAFETY: room for the attribute's type by this function's contract.
    unsafe {
        match attribute {
            HSA_AGENT_INFO_NAME => put_text::<64, _>(value, product.target.name()),
            HSA_AMD_AGENT_INFO_PRODUCT_NAME => put_text::<64, _>(value, product.name),
            HSA_AGENT_INFO_VENDOR_NAME => put_text::<64, _>(value, "AMD"),
            HSA_AGENT_INFO_FEATURE => put(value, HSA_AGENT_FEATURE_KERNEL_DISPATCH),
            HSA_AGENT_INFO_PROFILE => put(value, HSA_PROFILE_BASE),
            HSA_AGENT_INFO_BASE_PROFILE_DEFAULT_FLOAT_ROUNDING_MODES => {
                put(value, 1_u32 << HSA_DEFAULT_FLOAT_ROUNDING_MODE_NEAR)
            }
            HSA_AGENT_INFO_FAST_F16_OPERATION => put(value, true),
            HSA_AGENT_INFO_WAVEFRONT_SIZE => put(value, product.wave()),
            HSA_AGENT_INFO_WORKGROUP_MAX_DIM => put(value, [MAX_WORKGROUP as u16; 3]),
            HSA_AGENT_INFO_WORKGROUP_MAX_SIZE => put(value, MAX_WORKGROUP),
            HSA_AGENT_INFO_GRID_MAX_DIM => put(value, [u32::MAX; 3]),
            HSA_AGENT_INFO_GRID_MAX_SIZE => put(value, u32::MAX),
            HSA_AGENT_INFO_FBARRIER_MAX_SIZE => put(value, 32_u32),
            HSA_AGENT_INFO_QUEUES_MAX => put(value, 128_u32),
            HSA_AGENT_INFO_QUEUE_MIN_SIZE => put(value, MIN_QUEUE_SIZE),
            HSA_AGENT_INFO_QUEUE_MAX_SIZE => put(value, MAX_QUEUE_SIZE),
            HSA_AGENT_INFO_NODE | HSA_AMD_AGENT_INFO_DRIVER_NODE_ID => put(value, number),
            HSA_AGENT_INFO_DEVICE => put(value, HSA_DEVICE_TYPE_GPU),
            HSA_AGENT_INFO_CACHE_SIZE => put(value, [l1, l2, l3, 0]),
            HSA_AGENT_INFO_ISA => put(value, Isa::of(product).handle()),
            HSA_AMD_AGENT_INFO_CHIP_ID => put(value, product.chip),
            HSA_AMD_AGENT_INFO_ASIC_REVISION => put(value, product.revision),
            HSA_AMD_AGENT_INFO_CACHELINE_SIZE => put(value, product.cacheline),
            HSA_AMD_AGENT_INFO_COMPUTE_UNIT_COUNT | HSA_AMD_AGENT_INFO_COOPERATIVE_COMPUTE_UNIT_COUNT => {
                put(value, product.compute_units)
            }
            HSA_AMD_AGENT_INFO_MAX_CLOCK_FREQUENCY => put(value, product.clock),
            HSA_AMD_AGENT_INFO_MEMORY_WIDTH => put(value, product.memory_width),
            HSA_AMD_AGENT_INFO_MEMORY_MAX_FREQUENCY => put(value, product.memory_clock),
            HSA_AMD_AGENT_INFO_MAX_WAVES_PER_CU => put(value, product.waves),
            HSA_AMD_AGENT_INFO_NUM_SIMDS_PER_CU => put(value, product.simds),
            HSA_AMD_AGENT_INFO_NUM_SHADER_ENGINES => put(value, product.engines),
            HSA_AMD_AGENT_INFO_NUM_SHADER_ARRAYS_PER_SE => put(value, product.arrays),
            // A bus for each.
            HSA_AMD_AGENT_INFO_BDFID => put(value, number << 8),
            HSA_AMD_AGENT_INFO_UUID => put_text::<24, _>(value, &format!("GPU-{number:016x}")),
            _ => common_info(attribute, value),
        }
    }
}

/// Writes an attribute that all agents have alike.
///
/// # Safety
/// `value` is null or has room for the attribute's type.
unsafe fn common_info(attribute: hsa_agent_info_t, value: *mut c_void) -> Result<(), hsa_status_t> {
    // SAFETY: room for the attribute's type by this function's contract.
    unsafe {
        match attribute {
            HSA_AGENT_INFO_MACHINE_MODEL => put(value, HSA_MACHINE_MODEL_LARGE),
            HSA_AGENT_INFO_DEFAULT_FLOAT_ROUNDING_MODE => put(value, HSA_DEFAULT_FLOAT_ROUNDING_MODE_NEAR),
            HSA_AGENT_INFO_QUEUE_TYPE => put(value, HSA_QUEUE_TYPE_MULTI),
            HSA_AGENT_INFO_EXTENSIONS => put(value, EXTENSIONS),
            HSA_AGENT_INFO_VERSION_MAJOR | HSA_AGENT_INFO_VERSION_MINOR => put(value, 1_u16),
            HSA_AMD_AGENT_INFO_MAX_ADDRESS_WATCH_POINTS | HSA_AMD_AGENT_INFO_DOMAIN => put(value, 0_u32),
            HSA_AMD_AGENT_INFO_COOPERATIVE_QUEUES => put(value, false),
            HSA_AMD_AGENT_INFO_SVM_DIRECT_HOST_ACCESS => put(value, true),
            HSA_AMD_AGENT_INFO_HDP_FLUSH => put(
                value,
                hsa_amd_hdp_flush_t { HDP_MEM_FLUSH_CNTL: FLUSH[0].as_ptr(), HDP_REG_FLUSH_CNTL: FLUSH[1].as_ptr() },
            ),
            // There are no images, so they have no sizes and no handles.
            HSA_EXT_AGENT_INFO_IMAGE_1D_MAX_ELEMENTS
            | HSA_EXT_AGENT_INFO_IMAGE_1DA_MAX_ELEMENTS
            | HSA_EXT_AGENT_INFO_IMAGE_1DB_MAX_ELEMENTS
            | HSA_EXT_AGENT_INFO_IMAGE_ARRAY_MAX_LAYERS
            | HSA_EXT_AGENT_INFO_MAX_IMAGE_RD_HANDLES
            | HSA_EXT_AGENT_INFO_MAX_IMAGE_RORW_HANDLES
            | HSA_EXT_AGENT_INFO_MAX_SAMPLER_HANDLERS
            | HSA_EXT_AGENT_INFO_IMAGE_LINEAR_ROW_PITCH_ALIGNMENT => put(value, 0_u32),
            HSA_EXT_AGENT_INFO_IMAGE_2D_MAX_ELEMENTS
            | HSA_EXT_AGENT_INFO_IMAGE_2DA_MAX_ELEMENTS
            | HSA_EXT_AGENT_INFO_IMAGE_2DDEPTH_MAX_ELEMENTS
            | HSA_EXT_AGENT_INFO_IMAGE_2DADEPTH_MAX_ELEMENTS => put(value, [0_u32; 2]),
            HSA_EXT_AGENT_INFO_IMAGE_3D_MAX_ELEMENTS => put(value, [0_u32; 3]),
            _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no agent attribute {attribute}"))),
        }
    }
}

/// The host's processor, as the system names it.
fn processor() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        line.map_or_else(|| "CPU".to_owned(), |(_, name)| name.trim().to_owned())
    });
    &NAME
}

/// The list of the caches of an agent by level: sizes in KiB, 0 where there is none.
fn caches(product: Option<&'static Product>) -> [u32; 3] {
    product.map_or([CPU_L1_CACHE, 0, 0], |product| product.caches)
}

/// A cache's handle: that of its agent, and its level.
const LEVEL_BITS: u32 = 4;

/// L1 cache of the host's processor in KiB, as it says.
const CPU_L1_CACHE: u32 = 32;

pub unsafe extern "C" fn hsa_agent_iterate_caches(
    agent: hsa_agent_t,
    callback: Option<unsafe extern "C" fn(cache: hsa_cache_t, data: *mut c_void) -> hsa_status_t>,
    data: *mut c_void,
) -> hsa_status_t {
    let (agent, sizes) = match simulator().and_then(|simulator| {
        let agent = Agent::find(simulator, agent)?;
        Ok((agent, caches(agent.product(simulator))))
    }) {
        Ok(found) => found,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    for (level, _) in (1_u64..).zip(sizes).filter(|(_, size)| *size > 0) {
        let cache = hsa_cache_t { handle: agent.handle().handle << LEVEL_BITS | level };
        // SAFETY: the program's callback, called as the specification says.
        let result = unsafe { callback(cache, data) };
        if result != HSA_STATUS_SUCCESS {
            return result;
        }
    }
    HSA_STATUS_SUCCESS
}

pub unsafe extern "C" fn hsa_cache_get_info(
    cache: hsa_cache_t,
    attribute: hsa_cache_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        let simulator = simulator()?;
        let unknown = || fail(HSA_STATUS_ERROR_INVALID_CACHE, format!("no cache has the handle {:#x}", cache.handle));
        let agent =
            Agent::find(simulator, hsa_agent_t { handle: cache.handle >> LEVEL_BITS }).map_err(|_| unknown())?;
        let level = (cache.handle & ((1 << LEVEL_BITS) - 1)) as usize;
        let sizes = caches(agent.product(simulator));
        let size = level.checked_sub(1).and_then(|index| sizes.get(index)).copied().filter(|size| *size > 0);
        let size = size.ok_or_else(unknown)?;
        let name = format!("{} L{level}", agent.name(simulator));
        // SAFETY: the caller gives room for the attribute's type; for the name, of the length that the name's length
        // attribute gives.
        unsafe {
            match attribute {
                HSA_CACHE_INFO_NAME_LENGTH => put(value, name.len() as u32),
                HSA_CACHE_INFO_NAME => put_bytes(value, name.as_bytes()),
                HSA_CACHE_INFO_LEVEL => put(value, level as u8),
                HSA_CACHE_INFO_SIZE => put(value, size << 10),
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no cache attribute {attribute}"))),
            }
        }
    };
    status(get())
}

pub unsafe extern "C" fn hsa_agent_get_exception_policies(
    agent: hsa_agent_t,
    profile: hsa_profile_t,
    mask: *mut u16,
) -> hsa_status_t {
    let get = || {
        Agent::find(simulator()?, agent)?;
        // SAFETY: null, or room for a mask by the caller.
        unsafe { exception_policies(profile, mask) }
    };
    status(get())
}

/// The GPU of a handle, for what the CPU has not.
fn gpu(agent: hsa_agent_t) -> Result<usize, hsa_status_t> {
    match Agent::find(simulator()?, agent)? {
        Agent::Gpu(number) => Ok(number),
        Agent::Cpu => Err(fail(HSA_STATUS_ERROR_INVALID_AGENT, "the CPU has no coherency type")),
    }
}

pub unsafe extern "C" fn hsa_amd_coherency_get_type(
    agent: hsa_agent_t,
    type_: *mut hsa_amd_coherency_type_t,
) -> hsa_status_t {
    // SAFETY: null, or room for the type by the caller.
    status(gpu(agent).and_then(|number| unsafe { put(type_, COHERENCY[number].load(Ordering::Relaxed)) }))
}

/// The type is kept and decides nothing: all memory is coherent here.
pub unsafe extern "C" fn hsa_amd_coherency_set_type(
    agent: hsa_agent_t,
    type_: hsa_amd_coherency_type_t,
) -> hsa_status_t {
    let set = || {
        let number = gpu(agent)?;
        if ![HSA_AMD_COHERENCY_TYPE_COHERENT, HSA_AMD_COHERENCY_TYPE_NONCOHERENT].contains(&type_) {
            return Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no coherency type {type_}")));
        }
        COHERENCY[number].store(type_, Ordering::Relaxed);
        Ok(())
    };
    status(set())
}
