//! Agents and their instruction sets: the CPU, and the simulated GPUs.

use std::ffi::c_void;

use hsa_rt_sys::*;

use super::{
    out::{null, put, put_bytes, put_text},
    queue::{MAX_QUEUE_SIZE, MIN_QUEUE_SIZE},
    state::{Simulator, fail, simulator, status},
};
use crate::{
    isa::target::Target,
    machine::{agents::GpuSet, dispatch::MAX_WORKGROUP},
};

/// Handle of the CPU agent; the GPUs follow.
const CPU: u64 = 1;
/// Compute units that the device says it has: those of an MI300X.
const COMPUTE_UNITS: u32 = 304;
/// Engine clock in MHz.
const CLOCK: u32 = 2100;

/// What an agent handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// What a GPU is.
    pub fn target(self, simulator: &Simulator) -> Option<Target> {
        match self {
            Self::Cpu => None,
            Self::Gpu(_) => Target::named(self.name(simulator)),
        }
    }

    /// Its name: of a GPU, what code is generated for.
    pub fn name(self, simulator: &Simulator) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Gpu(n) => simulator.config.targets().get(n).copied().unwrap_or("GPU"),
        }
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
    let gpu = match agent {
        Agent::Cpu => None,
        Agent::Gpu(n) => simulator.config.targets().get(n).copied(),
    };
    let (is_gpu, target) = (gpu.is_some(), agent.target(simulator));
    let number = match agent {
        Agent::Cpu => 0,
        Agent::Gpu(n) => n as u32 + 1,
    };
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    // SAFETY: room for the attribute's type by this function's contract.
    unsafe {
        match attribute {
            HSA_AGENT_INFO_NAME => put_text::<64, _>(value, gpu.unwrap_or("CPU")),
            HSA_AGENT_INFO_VENDOR_NAME => put_text::<64, _>(value, if is_gpu { "AMD" } else { "CPU" }),
            HSA_AGENT_INFO_FEATURE => put(value, if is_gpu { HSA_AGENT_FEATURE_KERNEL_DISPATCH } else { 0 }),
            HSA_AGENT_INFO_MACHINE_MODEL => put(value, HSA_MACHINE_MODEL_LARGE),
            HSA_AGENT_INFO_PROFILE => put(value, if is_gpu { HSA_PROFILE_BASE } else { HSA_PROFILE_FULL }),
            HSA_AGENT_INFO_DEFAULT_FLOAT_ROUNDING_MODE => put(value, HSA_DEFAULT_FLOAT_ROUNDING_MODE_NEAR),
            HSA_AGENT_INFO_BASE_PROFILE_DEFAULT_FLOAT_ROUNDING_MODES => {
                put(value, if is_gpu { 1_u32 << HSA_DEFAULT_FLOAT_ROUNDING_MODE_NEAR } else { 0 })
            }
            HSA_AGENT_INFO_FAST_F16_OPERATION => put(value, is_gpu),
            HSA_AGENT_INFO_WAVEFRONT_SIZE => put(value, target.map_or(0, |target| target.native_wave().lanes() as u32)),
            HSA_AGENT_INFO_WORKGROUP_MAX_DIM => put(value, if is_gpu { [MAX_WORKGROUP as u16; 3] } else { [0; 3] }),
            HSA_AGENT_INFO_WORKGROUP_MAX_SIZE => put(value, if is_gpu { MAX_WORKGROUP } else { 0 }),
            HSA_AGENT_INFO_GRID_MAX_DIM => put(value, if is_gpu { [u32::MAX; 3] } else { [0; 3] }),
            HSA_AGENT_INFO_GRID_MAX_SIZE => put(value, if is_gpu { u32::MAX } else { 0 }),
            HSA_AGENT_INFO_FBARRIER_MAX_SIZE => put(value, if is_gpu { 32_u32 } else { 0 }),
            HSA_AGENT_INFO_QUEUES_MAX => put(value, if is_gpu { 128_u32 } else { 0 }),
            HSA_AGENT_INFO_QUEUE_MIN_SIZE => put(value, if is_gpu { MIN_QUEUE_SIZE } else { 0 }),
            HSA_AGENT_INFO_QUEUE_MAX_SIZE => put(value, if is_gpu { MAX_QUEUE_SIZE } else { 0 }),
            HSA_AGENT_INFO_QUEUE_TYPE => put(value, HSA_QUEUE_TYPE_MULTI),
            HSA_AGENT_INFO_NODE => put(value, number),
            HSA_AGENT_INFO_DEVICE => put(value, if is_gpu { HSA_DEVICE_TYPE_GPU } else { HSA_DEVICE_TYPE_CPU }),
            HSA_AGENT_INFO_CACHE_SIZE => put(value, if is_gpu { [32_u32 << 10, 4 << 20, 0, 0] } else { [0; 4] }),
            HSA_AGENT_INFO_ISA => put(value, target.map_or(hsa_isa_t { handle: 0 }, isa_of)),
            HSA_AGENT_INFO_EXTENSIONS => put(value, [0_u8; 128]),
            HSA_AGENT_INFO_VERSION_MAJOR => put(value, 1_u16),
            HSA_AGENT_INFO_VERSION_MINOR => put(value, 1_u16),
            HSA_AMD_AGENT_INFO_CHIP_ID => put(value, if is_gpu { 0x74a1_u32 } else { 0 }),
            HSA_AMD_AGENT_INFO_CACHELINE_SIZE => put(value, if is_gpu { 128_u32 } else { 64 }),
            HSA_AMD_AGENT_INFO_COMPUTE_UNIT_COUNT => put(value, if is_gpu { COMPUTE_UNITS } else { cores }),
            HSA_AMD_AGENT_INFO_COOPERATIVE_COMPUTE_UNIT_COUNT => put(value, if is_gpu { COMPUTE_UNITS } else { 0 }),
            HSA_AMD_AGENT_INFO_MAX_CLOCK_FREQUENCY => put(value, if is_gpu { CLOCK } else { 0 }),
            HSA_AMD_AGENT_INFO_DRIVER_NODE_ID => put(value, number),
            HSA_AMD_AGENT_INFO_MAX_ADDRESS_WATCH_POINTS => put(value, 0_u32),
            HSA_AMD_AGENT_INFO_BDFID => put(value, number << 8),
            HSA_AMD_AGENT_INFO_MEMORY_WIDTH => put(value, if is_gpu { 8192_u32 } else { 64 }),
            HSA_AMD_AGENT_INFO_MEMORY_MAX_FREQUENCY => put(value, if is_gpu { 1300_u32 } else { 0 }),
            HSA_AMD_AGENT_INFO_PRODUCT_NAME => {
                put_text::<64, _>(value, if is_gpu { "Simulated AMD Instinct MI300X" } else { "Host CPU" })
            }
            HSA_AMD_AGENT_INFO_MAX_WAVES_PER_CU => put(value, if is_gpu { 32_u32 } else { 0 }),
            HSA_AMD_AGENT_INFO_NUM_SIMDS_PER_CU => put(value, if is_gpu { 4_u32 } else { 0 }),
            HSA_AMD_AGENT_INFO_NUM_SHADER_ENGINES => put(value, if is_gpu { 32_u32 } else { 0 }),
            HSA_AMD_AGENT_INFO_NUM_SHADER_ARRAYS_PER_SE => put(value, if is_gpu { 1_u32 } else { 0 }),
            HSA_AMD_AGENT_INFO_DOMAIN => put(value, 0_u32),
            HSA_AMD_AGENT_INFO_COOPERATIVE_QUEUES => put(value, false),
            HSA_AMD_AGENT_INFO_UUID => {
                let uuid = if is_gpu { format!("GPU-{number:016x}") } else { "CPU-XX".to_owned() };
                put_text::<24, _>(value, &uuid)
            }
            HSA_AMD_AGENT_INFO_ASIC_REVISION => put(value, 1_u32),
            HSA_AMD_AGENT_INFO_SVM_DIRECT_HOST_ACCESS => put(value, true),
            _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no agent attribute {attribute}"))),
        }
    }
}

/// Bits that the handles of instruction sets have beside the number of their machine.
const ISA: u64 = 0x1000;

/// The instruction set of a target.
fn isa_of(target: Target) -> hsa_isa_t {
    hsa_isa_t { handle: ISA | u64::from(target.elf_machine()) }
}

/// The target of an instruction set.
fn target_of(isa: hsa_isa_t) -> Result<Target, hsa_status_t> {
    let found = Target::ALL.into_iter().find(|target| isa_of(*target).handle == isa.handle);
    found.ok_or_else(|| fail(HSA_STATUS_ERROR_INVALID_ISA, format!("no ISA has the handle {:#x}", isa.handle)))
}

pub unsafe extern "C" fn hsa_agent_iterate_isas(
    agent: hsa_agent_t,
    callback: Option<unsafe extern "C" fn(isa: hsa_isa_t, data: *mut c_void) -> hsa_status_t>,
    data: *mut c_void,
) -> hsa_status_t {
    let target = || {
        let simulator = simulator()?;
        Ok(Agent::find(simulator, agent)?.target(simulator))
    };
    let target = match target() {
        Ok(target) => target,
        Err(status) => return status,
    };
    let Some(callback) = callback else { return null("callback") };
    match target {
        // The CPU runs no code objects.
        None => HSA_STATUS_SUCCESS,
        // SAFETY: the program's callback, called as the specification says.
        Some(target) => unsafe { callback(isa_of(target), data) },
    }
}

pub unsafe extern "C" fn hsa_isa_get_info_alt(
    isa: hsa_isa_t,
    attribute: hsa_isa_info_t,
    value: *mut c_void,
) -> hsa_status_t {
    let get = || {
        simulator()?;
        let name = format!("amdgcn-amd-amdhsa--{}", target_of(isa)?.name());
        // SAFETY: the specification has the caller give room for the attribute's type; for the name, of the length
        // that `HSA_ISA_INFO_NAME_LENGTH` gives.
        unsafe {
            match attribute {
                HSA_ISA_INFO_NAME_LENGTH => put(value, name.len() as u32 + 1),
                HSA_ISA_INFO_NAME => put_bytes(value, format!("{name}\0").as_bytes()),
                HSA_ISA_INFO_MACHINE_MODELS => put(value, [false, true]),
                HSA_ISA_INFO_PROFILES => put(value, [true, false]),
                HSA_ISA_INFO_DEFAULT_FLOAT_ROUNDING_MODES | HSA_ISA_INFO_BASE_PROFILE_DEFAULT_FLOAT_ROUNDING_MODES => {
                    put(value, [false, false, true])
                }
                HSA_ISA_INFO_FAST_F16_OPERATION => put(value, true),
                HSA_ISA_INFO_WORKGROUP_MAX_DIM => put(value, [MAX_WORKGROUP as u16; 3]),
                HSA_ISA_INFO_WORKGROUP_MAX_SIZE => put(value, MAX_WORKGROUP),
                HSA_ISA_INFO_GRID_MAX_DIM => put(value, [u32::MAX; 3]),
                HSA_ISA_INFO_GRID_MAX_SIZE => put(value, u64::MAX),
                HSA_ISA_INFO_FBARRIER_MAX_SIZE => put(value, 32_u32),
                _ => Err(fail(HSA_STATUS_ERROR_INVALID_ARGUMENT, format!("no ISA attribute {attribute}"))),
            }
        }
    };
    status(get())
}
