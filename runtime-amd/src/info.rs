//! Typed attributes: which type each HSA query writes, said once.

use std::{ffi::c_void, marker::PhantomData};

use bytemuck::Pod;
use hsa_rt_sys as hsa;

/// An attribute whose query writes a value of type `T`.
pub(crate) struct Attribute<T> {
    number: u32,
    value: PhantomData<fn() -> T>,
}

impl<T: Pod> Attribute<T> {
    /// Asks with `query`, which must hand its two arguments to an HSA query function of this attribute's family and
    /// return what that says together with the meaning that the caller gives to it.
    pub(crate) fn read<E>(&self, query: impl FnOnce(u32, *mut c_void) -> Result<(), E>) -> Result<T, E> {
        let mut value = T::zeroed();
        query(self.number, (&raw mut value).cast())?;
        Ok(value)
    }
}

macro_rules! attributes {
    ($( $(#[$doc:meta])* $name:ident: $ty:ty = $number:ident; )*) => {
        $( $(#[$doc])* pub(crate) const $name: Attribute<$ty> = Attribute { number: hsa::$number, value: PhantomData }; )*
    };
}

// The types are those that the comments of `hsa.h` and `hsa_ext_amd.h` give for each attribute.
attributes! {
    SYSTEM_VERSION_MAJOR: u16 = HSA_SYSTEM_INFO_VERSION_MAJOR;
    SYSTEM_VERSION_MINOR: u16 = HSA_SYSTEM_INFO_VERSION_MINOR;
    /// In Hz: the unit of time-outs is one tick of it.
    SYSTEM_TIMESTAMP_FREQUENCY: u64 = HSA_SYSTEM_INFO_TIMESTAMP_FREQUENCY;
    SYSTEM_TIMESTAMP: u64 = HSA_SYSTEM_INFO_TIMESTAMP;

    AGENT_NAME: [u8; 64] = HSA_AGENT_INFO_NAME;
    AGENT_PRODUCT_NAME: [u8; 64] = HSA_AMD_AGENT_INFO_PRODUCT_NAME;
    AGENT_DEVICE: u32 = HSA_AGENT_INFO_DEVICE;
    AGENT_PROFILE: u32 = HSA_AGENT_INFO_PROFILE;
    AGENT_ROUNDING_MODE: u32 = HSA_AGENT_INFO_DEFAULT_FLOAT_ROUNDING_MODE;
    AGENT_WAVE_SIZE: u32 = HSA_AGENT_INFO_WAVEFRONT_SIZE;
    AGENT_WORKGROUP_MAX_SIZE: u32 = HSA_AGENT_INFO_WORKGROUP_MAX_SIZE;
    AGENT_GRID_MAX_DIM: [u32; 3] = HSA_AGENT_INFO_GRID_MAX_DIM;
    AGENT_GRID_MAX_SIZE: u32 = HSA_AGENT_INFO_GRID_MAX_SIZE;
    AGENT_QUEUE_MIN_SIZE: u32 = HSA_AGENT_INFO_QUEUE_MIN_SIZE;
    AGENT_QUEUE_MAX_SIZE: u32 = HSA_AGENT_INFO_QUEUE_MAX_SIZE;
    AGENT_COMPUTE_UNITS: u32 = HSA_AMD_AGENT_INFO_COMPUTE_UNIT_COUNT;

    ISA_NAME_LENGTH: u32 = HSA_ISA_INFO_NAME_LENGTH;

    POOL_SEGMENT: u32 = HSA_AMD_MEMORY_POOL_INFO_SEGMENT;
    POOL_GLOBAL_FLAGS: u32 = HSA_AMD_MEMORY_POOL_INFO_GLOBAL_FLAGS;
    POOL_SIZE: usize = HSA_AMD_MEMORY_POOL_INFO_SIZE;
    /// A C `bool`.
    POOL_ALLOC_ALLOWED: u8 = HSA_AMD_MEMORY_POOL_INFO_RUNTIME_ALLOC_ALLOWED;
    POOL_ACCESS: u32 = HSA_AMD_AGENT_MEMORY_POOL_INFO_ACCESS;

    SYMBOL_KERNEL_OBJECT: u64 = HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_OBJECT;
    SYMBOL_KERNARG_SIZE: u32 = HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_KERNARG_SEGMENT_SIZE;
    SYMBOL_GROUP_SIZE: u32 = HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_GROUP_SEGMENT_SIZE;
    SYMBOL_PRIVATE_SIZE: u32 = HSA_EXECUTABLE_SYMBOL_INFO_KERNEL_PRIVATE_SEGMENT_SIZE;
}

/// The text before the first zero byte.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim().to_owned()
}
