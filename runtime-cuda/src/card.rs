//! Cards: the devices that a CUDA driver knows.

use std::{
    ffi::{c_char, c_int},
    sync::Arc,
};

use geobacter_cuda_driver::sys::{CUdevice, CUdevice_attribute};

use crate::{
    error::{CudaError, call},
    session::Session,
    target::ComputeCapability,
};

/// A device that a CUDA driver knows.
#[derive(Clone, Debug)]
pub struct Card {
    session: Arc<Session>,
    device: CUdevice,
    name: Arc<str>,
    capability: ComputeCapability,
}

impl Card {
    /// All cards of a session, in the driver's order.
    ///
    /// # Errors
    /// What the driver says.
    pub fn all(session: &Arc<Session>) -> Result<Vec<Self>, CudaError> {
        let mut count = 0;
        // SAFETY: the address to write to is valid.
        unsafe { call!(session.api(), cuDeviceGetCount(&mut count))? };
        (0..count).map(|ordinal| Self::read(session, ordinal)).collect()
    }

    fn read(session: &Arc<Session>, ordinal: c_int) -> Result<Self, CudaError> {
        let mut device = 0;
        // SAFETY: the address to write to is valid.
        unsafe { call!(session.api(), cuDeviceGet(&mut device, ordinal))? };
        let mut name = [0_u8; 256];
        // SAFETY: the driver writes at most as many bytes as the array has.
        unsafe {
            call!(session.api(), cuDeviceGetName(name.as_mut_ptr().cast::<c_char>(), name.len() as c_int, device))?
        };
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        let name = String::from_utf8_lossy(&name[..end]).into();
        let mut card = Self { session: Arc::clone(session), device, name, capability: ComputeCapability(0, 0) };
        let of = |attribute| Ok(u32::try_from(card.attribute(attribute)?).unwrap_or(0));
        card.capability = ComputeCapability(
            of(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            of(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        );
        Ok(card)
    }

    /// The product's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it can do.
    pub fn capability(&self) -> ComputeCapability {
        self.capability
    }

    /// Its session.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Its handle.
    pub(crate) fn device(&self) -> CUdevice {
        self.device
    }

    pub(crate) fn attribute(&self, attribute: CUdevice_attribute) -> Result<i32, CudaError> {
        let mut value = 0;
        // SAFETY: the address to write to is valid.
        unsafe { call!(self.session.api(), cuDeviceGetAttribute(&mut value, attribute.into(), self.device))? };
        Ok(value)
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> Result<u64, CudaError> {
        let mut bytes = 0;
        // SAFETY: the address to write to is valid.
        unsafe { call!(self.session.api(), cuDeviceTotalMem_v2(&mut bytes, self.device))? };
        Ok(bytes as u64)
    }

    /// Whether kernels of this card can reach memory of another one.
    pub(crate) fn reaches(&self, peer: &Self) -> Result<bool, CudaError> {
        let mut can = 0;
        // SAFETY: the address to write to is valid.
        unsafe { call!(self.session.api(), cuDeviceCanAccessPeer(&mut can, self.device, peer.device))? };
        Ok(can != 0)
    }
}
