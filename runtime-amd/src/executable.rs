//! Loaded code objects.

use std::{
    ffi::{CString, c_char},
    ptr,
    sync::Arc,
};

use geobacter_runtime_core::{
    code::DeviceCode,
    image::{Constants, HasConstants},
    output,
};
use hsa_rt_sys::{hsa_code_object_reader_t, hsa_executable_symbol_t, hsa_executable_t};

use crate::{
    agent::Agent,
    error::{Error, HsaError, call},
    info::{self, Attribute},
    kernarg::Layout,
    session::Session,
};

/// Scratch that a kernel with a stack of unknown depth gets for each work-item, in bytes, beyond what the compiler counted.
///
/// The compiler cannot count what recursion takes. 16 KiB is what LLVM itself assumed for such a call before code object
/// version 5. A kernel that goes deeper faults; [`Options::dynamic_stack`](crate::Options::dynamic_stack) gives more.
pub const DYNAMIC_STACK: u32 = 16 * 1024;

/// One kernel of a code object, loaded on one GPU.
#[derive(Debug)]
pub struct Executable {
    _loaded: Loaded,
    code: DeviceCode,
    layout: Layout,
    object: u64,
    prints: bool,
}

impl Executable {
    /// Loads a code object, which must be for this agent's target, and finds the kernel that its description names.
    ///
    /// # Errors
    /// What the loader says; [`Error::Mismatch`] and [`Error::Kernarg`] if the description does not fit the code object.
    pub fn load(agent: &Agent, code: DeviceCode) -> Result<Self, Error> {
        let resources = &code.resources;
        let kernel = &resources.symbol;
        let layout = Layout::of(resources).map_err(|source| Error::Kernarg { kernel: kernel.clone(), source })?;
        let loaded = Loaded::new(agent, &code)?;
        let symbol = loaded.symbol(agent, &format!("{kernel}.kd"))?;
        for (segment, attribute, announced) in [
            ("kernel arguments", info::SYMBOL_KERNARG_SIZE, resources.kernarg_size),
            ("LDS", info::SYMBOL_GROUP_SIZE, resources.lds),
            ("scratch", info::SYMBOL_PRIVATE_SIZE, resources.scratch),
        ] {
            let found = loaded.info(symbol, &attribute)?;
            if found != announced {
                return Err(Error::Mismatch { kernel: kernel.clone(), segment, found, announced });
            }
        }
        let object = loaded.info(symbol, &info::SYMBOL_KERNEL_OBJECT)?;
        let prints = output::prints(&code.code_object);
        Ok(Self { _loaded: loaded, code, layout, object, prints })
    }

    /// The code object and what it takes.
    pub fn code(&self) -> &DeviceCode {
        &self.code
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether the kernel prints, and wants a buffer for it.
    pub(crate) fn prints(&self) -> bool {
        self.prints
    }

    /// The kernel object, for a packet.
    pub(crate) fn object(&self) -> u64 {
        self.object
    }

    /// Scratch of a work-item in bytes, for a packet; `dynamic` more if the compiler does not know how deep calls go.
    pub(crate) fn private_segment(&self, dynamic: u32) -> u32 {
        let resources = &self.code.resources;
        if resources.dynamic_stack { resources.scratch.saturating_add(dynamic) } else { resources.scratch }
    }
}

impl HasConstants for Executable {
    fn constants(&self) -> Constants<'_> {
        Constants::File(&self.code.code_object)
    }
}

/// An HSA executable, destroyed when dropped. No kernel of it may be in flight then: launches borrow the [`Executable`].
#[derive(Debug)]
struct Loaded {
    session: Arc<Session>,
    handle: hsa_executable_t,
    /// The runtime may read the file until the executable is destroyed.
    _file: Arc<[u8]>,
}

impl Loaded {
    fn new(agent: &Agent, code: &DeviceCode) -> Result<Self, Error> {
        let session = agent.session().clone();
        let api = session.api();
        let profile = agent.info(&info::AGENT_PROFILE)?;
        let rounding = agent.info(&info::AGENT_ROUNDING_MODE)?;
        let mut handle = hsa_executable_t { handle: 0 };
        // SAFETY: no options are given; the address to write to is valid.
        unsafe { call!(api, hsa_executable_create_alt(profile, rounding, ptr::null(), &mut handle))? };
        let loaded = Self { session: session.clone(), handle, _file: code.code_object.clone() };

        let file = &code.code_object;
        let mut reader = hsa_code_object_reader_t { handle: 0 };
        // SAFETY: the file's bytes stay alive and unchanged longer than the reader.
        unsafe { call!(api, hsa_code_object_reader_create_from_memory(file.as_ptr().cast(), file.len(), &mut reader)) }
            .map_err(|error| loaded.explained(error))?;
        // SAFETY: agent, reader and executable are valid; neither options nor the loaded code object are asked for.
        let answer = unsafe {
            let nothing = ptr::null_mut();
            call!(api, hsa_executable_load_agent_code_object(handle, agent.handle(), reader, ptr::null(), nothing))
        };
        let answer = answer.map_err(|error| loaded.explained(error));
        // SAFETY: created above, destroyed once; the loader keeps what it needs.
        unsafe { call!(api, hsa_code_object_reader_destroy(reader))? };
        answer?;
        // SAFETY: the executable is valid and not frozen yet.
        unsafe { call!(api, hsa_executable_freeze(handle, ptr::null())) }.map_err(|error| loaded.explained(error))?;
        Ok(loaded)
    }

    fn symbol(&self, agent: &Agent, name: &str) -> Result<hsa_executable_symbol_t, Error> {
        let name = CString::new(name).unwrap_or_default();
        let mut symbol = hsa_executable_symbol_t { handle: 0 };
        let agent = agent.handle();
        // SAFETY: the name ends with a zero byte, the agent is valid, and the address to write to is valid.
        unsafe {
            let name: *const c_char = name.as_ptr();
            call!(self.session.api(), hsa_executable_get_symbol_by_name(self.handle, name, &agent, &mut symbol))
        }
        .map_err(|mut error| {
            error.text = format!("{}: the code object has no symbol {}", error.text, name.to_string_lossy());
            error
        })?;
        Ok(symbol)
    }

    fn info<T: bytemuck::Pod>(&self, symbol: hsa_executable_symbol_t, attribute: &Attribute<T>) -> Result<T, HsaError> {
        attribute.read(|attribute, value| {
            // SAFETY: the address is that of a value of the attribute's type.
            unsafe { call!(self.session.api(), hsa_executable_symbol_get_info(symbol, attribute, value)) }
        })
    }

    /// The error with what the implementation can say beyond its status.
    fn explained(&self, mut error: HsaError) -> HsaError {
        if let Some(text) = self.session.explain().and_then(|explain| explain.last_error()) {
            error.text = format!("{}: {text}", error.text);
        }
        error
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: created by `hsa_executable_create_alt`, destroyed once.
        if let Err(error) = unsafe { call!(self.session.api(), hsa_executable_destroy(self.handle)) } {
            tracing::warn!(%error, "an executable cannot be destroyed");
        }
    }
}
