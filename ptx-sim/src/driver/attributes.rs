//! The attributes of devices.

use std::ffi::c_int;

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUcomputemode,
        CUdevice_attribute::{self, *},
        CUresult::{self, *},
    },
};

use super::{
    device::Device,
    out::put,
    state::{answer, fail, simulator},
};

/// Most blocks of a grid along each axis.
pub const MAX_GRID: [u32; 3] = [i32::MAX as u32, 65_535, 65_535];
/// Most threads of a block along each axis.
pub const MAX_BLOCK: [u32; 3] = [1024, 1024, 64];
/// Most threads of a block.
pub const MAX_THREADS: u32 = 1024;
/// Threads of a warp.
pub const WARP: u32 = 32;
/// Registers of a multiprocessor, and of a block.
pub const REGISTERS: u32 = 65_536;
/// Shared memory of a block, in bytes, that a kernel has without asking.
pub const SHARED_BY_DEFAULT: u32 = 48 << 10;

/// Constant memory of a module in bytes.
pub const CONSTANT_MEMORY: u32 = 64 << 10;
/// Most local memory of a thread in bytes.
pub const LOCAL_MEMORY: u32 = 512 << 10;

/// The last attribute of `cuda.h` of CUDA 12.0.
const LAST: u32 = CU_DEVICE_ATTRIBUTE_UNIFIED_FUNCTION_POINTERS as u32;

/// An attribute, and its value on a device.
type Attribute = (CUdevice_attribute, fn(&Device) -> u32);

/// The attributes that are not 0 everywhere. What a card has and the simulator has not (textures, surfaces, memory
/// pools, virtual memory management, clusters, cooperative launches) is 0.
const VALUES: [Attribute; 44] = [
    (CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, |device| device.card.capability.0),
    (CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, |device| device.card.capability.1),
    (CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, |device| device.card.multiprocessors),
    (CU_DEVICE_ATTRIBUTE_CLOCK_RATE, |device| device.card.clock * 1000),
    (CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, |device| device.card.memory_clock * 1000),
    (CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, |device| device.card.memory_width),
    (CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, |device| device.card.l2 << 10),
    (CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO, |device| device.card.single_to_double),
    (CU_DEVICE_ATTRIBUTE_ECC_ENABLED, |device| device.card.ecc.into()),
    (CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, |_| MAX_THREADS),
    (CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, |_| MAX_BLOCK[0]),
    (CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, |_| MAX_BLOCK[1]),
    (CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, |_| MAX_BLOCK[2]),
    (CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, |_| MAX_GRID[0]),
    (CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, |_| MAX_GRID[1]),
    (CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, |_| MAX_GRID[2]),
    (CU_DEVICE_ATTRIBUTE_WARP_SIZE, |_| WARP),
    (CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, |device| device.card.threads),
    (CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, |device| device.card.blocks),
    (CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, |_| SHARED_BY_DEFAULT),
    (CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, |device| device.card.max_shared()),
    (CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, |device| device.card.shared << 10),
    (CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK, |device| device.card.shared_reserved),
    (CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, |_| CONSTANT_MEMORY),
    (CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, |_| REGISTERS),
    (CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, |_| REGISTERS),
    (CU_DEVICE_ATTRIBUTE_MAX_PITCH, |_| i32::MAX as u32),
    (CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, |_| 512),
    (CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT, |_| 512),
    (CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT, |_| 32),
    (CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, |device| device.card.copy_engines),
    (CU_DEVICE_ATTRIBUTE_COMPUTE_MODE, |_| CUcomputemode::CU_COMPUTEMODE_DEFAULT as u32),
    (CU_DEVICE_ATTRIBUTE_PCI_BUS_ID, |device| device.pci_bus() as u32),
    (CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD_GROUP_ID, |device| device.index as u32),
    (CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, |_| 1),
    (CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, |_| 1),
    (CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, |_| 1),
    (CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, |_| 1),
    (CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, |_| 1),
    (CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, |_| 1),
    (CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED, |_| 1),
    (CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, |_| 1),
    (CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, |_| 1),
    (CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED, |_| 1),
];

pub unsafe extern "C" fn cuDeviceGetAttribute(
    to: *mut c_int,
    attribute: Raw<CUdevice_attribute>,
    device: c_int,
) -> Raw<CUresult> {
    answer(|| {
        let device = simulator()?.device(device)?;
        // One number below the last one was given to no attribute of CUDA 12.0.
        let number = attribute.number();
        if number == 0 || number == 128 || number > LAST {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("there is no device attribute {number}")));
        }
        let value = VALUES.iter().find(|(known, _)| attribute == *known).map_or(0, |(_, value)| value(device));
        // SAFETY: the caller gives room for the number.
        unsafe { put(to, value as c_int, "the place for the value") }
    })
}
