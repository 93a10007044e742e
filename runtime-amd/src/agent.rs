//! Agents: the processors that an HSA runtime knows.

use std::{
    ffi::c_void,
    sync::{Arc, Mutex, PoisonError},
};

use hsa_rt_sys::{self as hsa, hsa_agent_t, hsa_isa_t, hsa_status_t};

use crate::{
    error::{Error, HsaError, call},
    info::{self, Attribute},
    session::Session,
};

/// A processor that an HSA runtime knows.
#[derive(Clone, Debug)]
pub struct Agent {
    session: Arc<Session>,
    handle: hsa_agent_t,
    device_type: u32,
    name: String,
}

impl Agent {
    /// All agents of a session, in the runtime's order.
    ///
    /// # Errors
    /// What the HSA runtime says.
    pub fn all(session: &Arc<Session>) -> Result<Vec<Self>, HsaError> {
        let handles = collect(|callback, data| {
            // SAFETY: the callback has the type that the function asks for, and the data is what it works on.
            unsafe { call!(session.api(), hsa_iterate_agents(Some(callback), data)) }
        })?;
        handles
            .into_iter()
            .map(|handle| {
                let agent = Self { session: session.clone(), handle, device_type: 0, name: String::new() };
                let device_type = agent.info(&info::AGENT_DEVICE)?;
                let name = info::text(&agent.info(&info::AGENT_NAME)?);
                Ok(Self { device_type, name, ..agent })
            })
            .collect()
    }

    /// Whether it is a GPU.
    pub fn is_gpu(&self) -> bool {
        self.device_type == hsa::HSA_DEVICE_TYPE_GPU
    }

    /// Whether it is a host processor.
    pub fn is_cpu(&self) -> bool {
        self.device_type == hsa::HSA_DEVICE_TYPE_CPU
    }

    /// Its name; of a GPU that of its architecture.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name of the product, where the runtime knows one.
    pub fn product_name(&self) -> Option<String> {
        self.info(&info::AGENT_PRODUCT_NAME).ok().map(|name| info::text(&name)).filter(|name| !name.is_empty())
    }

    /// The target that code is generated for, for example `gfx942`: the first instruction set that the agent takes.
    ///
    /// # Errors
    /// What the HSA runtime says; [`Error::Unusable`] if the agent takes no AMDGPU code.
    pub fn target(&self) -> Result<String, Error> {
        let api = self.session.api();
        let isas: Vec<hsa_isa_t> = collect(|callback, data| {
            // SAFETY: the callback has the type that the function asks for, and the data is what it works on.
            unsafe { call!(api, hsa_agent_iterate_isas(self.handle, Some(callback), data)) }
        })?;
        for isa in isas {
            let length = info::ISA_NAME_LENGTH.read(|attribute, value| {
                // SAFETY: the address is that of a value of the attribute's type.
                unsafe { call!(api, hsa_isa_get_info_alt(isa, attribute, value)) }
            })?;
            // One byte more: runtimes disagree on whether the length counts the terminating zero.
            let mut name = vec![0_u8; length as usize + 1];
            // SAFETY: the runtime writes as many bytes as it said just now.
            unsafe {
                call!(api, hsa_isa_get_info_alt(isa, hsa::HSA_ISA_INFO_NAME, name.as_mut_ptr().cast::<c_void>()))?;
            }
            if let Some(target) = target_of(&info::text(&name)) {
                return Ok(target.to_owned());
            }
        }
        Err(Error::Unusable { agent: self.name.clone(), what: "AMDGPU instruction set" })
    }

    /// Its session.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Its handle.
    pub(crate) fn handle(&self) -> hsa_agent_t {
        self.handle
    }

    pub(crate) fn info<T: bytemuck::Pod>(&self, attribute: &Attribute<T>) -> Result<T, HsaError> {
        attribute.read(|attribute, value| {
            // SAFETY: the address is that of a value of the attribute's type.
            unsafe { call!(self.session.api(), hsa_agent_get_info(self.handle, attribute, value)) }
        })
    }
}

/// The processor in an instruction set's name: `gfx90a` of `amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-`.
fn target_of(isa: &str) -> Option<&str> {
    let processor = isa.strip_prefix("amdgcn-amd-amdhsa--")?;
    processor.split(':').next().filter(|processor| processor.starts_with("gfx"))
}

/// Runs one of HSA's iterate functions and collects what it calls back with.
///
/// `iterate` must hand its two arguments to such a function; the callback takes that function's handle type `T`.
pub(crate) fn collect<T: Copy + Send>(
    iterate: impl FnOnce(unsafe extern "C" fn(T, *mut c_void) -> hsa_status_t, *mut c_void) -> Result<(), HsaError>,
) -> Result<Vec<T>, HsaError> {
    unsafe extern "C" fn push<T>(item: T, data: *mut c_void) -> hsa_status_t {
        // SAFETY: the data is the list below, which outlives the iteration.
        let list = unsafe { &*data.cast::<Mutex<Vec<T>>>() };
        list.lock().unwrap_or_else(PoisonError::into_inner).push(item);
        hsa::HSA_STATUS_SUCCESS
    }
    let list = Mutex::new(Vec::new());
    iterate(push::<T>, (&raw const list).cast_mut().cast())?;
    Ok(list.into_inner().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::target_of;

    #[test]
    fn targets_are_read_from_isa_names() {
        assert_eq!(target_of("amdgcn-amd-amdhsa--gfx942"), Some("gfx942"));
        assert_eq!(target_of("amdgcn-amd-amdhsa--gfx90a:sramecc+:xnack-"), Some("gfx90a"));
        assert_eq!(target_of("amdgcn-amd-amdhsa--"), None);
        assert_eq!(target_of("spirv64-amd-amdhsa--gfx942"), None);
    }
}
