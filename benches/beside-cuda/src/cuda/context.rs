//! A device's primary context, which the runtime under Geobacter uses as well.

use std::{
    ffi::{CStr, c_char, c_int},
    ptr,
    rc::Rc,
};

use geobacter_cuda_driver::{
    CudaApi,
    sys::{CUcontext, CUdevice, CUdevice_attribute},
};

use super::{CudaError, check};

/// A device's primary context, current on the thread that opened it. Whatever is made in it keeps it.
#[derive(Clone, Debug)]
pub struct Context(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    api: CudaApi,
    device: CUdevice,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: it was retained once, and nothing that was made in it is left. A failure leaves nothing to do.
        unsafe { (self.api.cuDevicePrimaryCtxRelease_v2)(self.device) };
    }
}

impl Context {
    /// Opens a device of a driver that has started.
    ///
    /// # Errors
    /// If there is no such device, or it gives no context.
    pub fn open(api: CudaApi, device: CUdevice) -> Result<Self, CudaError> {
        let mut context: CUcontext = ptr::null_mut();
        // SAFETY: the driver has started; the function writes a handle, if the device exists.
        check(&api, "cuDevicePrimaryCtxRetain", unsafe { (api.cuDevicePrimaryCtxRetain)(&mut context, device) })?;
        // It is released from here on.
        let opened = Self(Rc::new(Inner { api, device }));
        // SAFETY: the context is retained until `Inner` is dropped.
        check(&api, "cuCtxSetCurrent", unsafe { (api.cuCtxSetCurrent)(context) })?;
        Ok(opened)
    }

    pub(super) fn api(&self) -> &CudaApi {
        &self.0.api
    }

    /// The device's name.
    ///
    /// # Errors
    /// What the driver says.
    pub fn device_name(&self) -> Result<String, CudaError> {
        let mut name = [0 as c_char; 256];
        // SAFETY: the device exists, and so many bytes can be written.
        check(self.api(), "cuDeviceGetName", unsafe {
            (self.api().cuDeviceGetName)(name.as_mut_ptr(), name.len() as c_int, self.0.device)
        })?;
        // SAFETY: the driver ends the name with a zero.
        Ok(unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned())
    }

    /// The newest version of CUDA that the driver knows, as `12.4`.
    ///
    /// # Errors
    /// What the driver says.
    pub fn driver_version(&self) -> Result<String, CudaError> {
        let mut version = 0;
        // SAFETY: it writes a number.
        check(self.api(), "cuDriverGetVersion", unsafe { (self.api().cuDriverGetVersion)(&mut version) })?;
        Ok(format!("{}.{}", version / 1000, version % 1000 / 10))
    }

    /// The compute capability: 90 stands for 9.0.
    ///
    /// # Errors
    /// What the driver says.
    pub fn capability(&self) -> Result<u32, CudaError> {
        use CUdevice_attribute::{
            CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
        };
        Ok(self.attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)? * 10
            + self.attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?)
    }

    /// Number of multiprocessors.
    ///
    /// # Errors
    /// What the driver says.
    pub fn multiprocessors(&self) -> Result<u32, CudaError> {
        self.attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
    }

    fn attribute(&self, attribute: CUdevice_attribute) -> Result<u32, CudaError> {
        let mut value = 0;
        // SAFETY: the device exists; the function writes a number.
        check(self.api(), "cuDeviceGetAttribute", unsafe {
            (self.api().cuDeviceGetAttribute)(&mut value, attribute.into(), self.0.device)
        })?;
        Ok(value.max(0) as u32)
    }
}
