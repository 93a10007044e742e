//! The driver's linker: PTX goes in, code for one GPU comes out, which can be kept and loaded later.

use std::{
    collections::HashSet,
    ffi::{c_char, c_uint, c_void},
    sync::{Arc, Mutex, Weak},
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUjit_option,
        CUjitInputType::{self, *},
        CUlinkState,
        CUresult::{self, *},
    },
};

use super::{
    context::{Context, current},
    cubin::Cubin,
    jit::{self, JitError, Options},
    module::is_binary_compatible,
    out::{list, null, put},
    state::{Outcome, answer, fail, lock},
    version::DriverVersion,
};
use crate::{memory::Memory, target::Target};

/// A link that goes on.
#[derive(Debug)]
pub struct Link {
    /// The context that it was begun in.
    pub context: Weak<Context>,
    target: Target,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    options: Options,
    modules: Vec<String>,
    kernels: HashSet<String>,
    /// What the link has given, which the program may read as long as the link exists.
    output: Option<Box<[u8]>>,
}

pub unsafe extern "C" fn cuLinkCreate_v2(
    option_count: c_uint,
    options: *mut CUjit_option,
    values: *mut *mut c_void,
    link: *mut CUlinkState,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, context) = current()?;
        if link.is_null() {
            return Err(null("the place for the link"));
        }
        // SAFETY: the caller's contract.
        let options = unsafe { Options::read(option_count, options, values) }?;
        let target = options.target(context.device.card.machine())?;
        let state = Mutex::new(State { options, modules: Vec::new(), kernels: HashSet::new(), output: None });
        let made = Arc::new(Link { context: Arc::downgrade(&context), target, state });
        // SAFETY: the caller gives room for the link.
        unsafe { put(link, simulator.links.add(made), "the place for the link") }
    })
}

pub unsafe extern "C" fn cuLinkAddData_v2(
    link: CUlinkState,
    kind: Raw<CUjitInputType>,
    data: *mut c_void,
    size: usize,
    name: *const c_char,
    _option_count: c_uint,
    _options: *mut CUjit_option,
    _values: *mut *mut c_void,
) -> Raw<CUresult> {
    // The name is for messages, and options of one input cannot be those that this compiler looks at.
    let _ = name;
    answer(|| {
        let (simulator, _) = current()?;
        let link = simulator.links.get(link)?;
        // SAFETY: the caller gives so many bytes.
        let data = unsafe { list(data.cast_const().cast::<u8>(), size, "the data") }?;
        let mut state = lock(&link.state);
        if state.output.is_some() {
            return Err(fail(CUDA_ERROR_INVALID_HANDLE, "the link is complete"));
        }
        if kind == CU_JIT_INPUT_PTX {
            link.add_ptx(&mut state, data, simulator.config.driver())
        } else if kind == CU_JIT_INPUT_CUBIN {
            link.add_cubin(&mut state, data, simulator.config.driver())
        } else {
            let reason =
                format!("the simulator links PTX and what it has made of it, and no input of type {}", kind.number());
            Err(fail(CUDA_ERROR_INVALID_IMAGE, reason))
        }
    })
}

impl Link {
    fn add_ptx(&self, state: &mut State, data: &[u8], driver: DriverVersion) -> Outcome {
        // The zero that ends the text may be counted or not.
        let data = data.split(|byte| *byte == 0).next().unwrap_or_default();
        let text = str::from_utf8(data);
        let text = text.map_err(|_| fail(CUDA_ERROR_INVALID_PTX, "the PTX is not text in UTF-8"))?;
        // Variables get memory when the code is loaded.
        let scratch = Arc::new(Memory::new(u64::MAX));
        let code = jit::compile(text, driver, self.target, &scratch);
        let code = code.map_err(|error| state.options.refuse(&error))?;
        state.add_kernels(code.kernels())?;
        state.options.inform(&format!("ptxas info    : Compiling for '{}'", self.target));
        state.modules.push(text.to_owned());
        Ok(())
    }

    fn add_cubin(&self, state: &mut State, data: &[u8], driver: DriverVersion) -> Outcome {
        let cubin = Cubin::from_bytes(data).map_err(|error| fail(CUDA_ERROR_INVALID_IMAGE, error.to_string()))?;
        if !is_binary_compatible(self.target, cubin.target) {
            let reason = format!("the input is compiled for {}, and the link is for {}", cubin.target, self.target);
            return Err(fail(CUDA_ERROR_NO_BINARY_FOR_GPU, reason));
        }
        cubin.modules.iter().try_for_each(|text| self.add_ptx(state, text.as_bytes(), driver))
    }
}

impl State {
    /// Notes the kernels of an input. One of a name that there is already is refused.
    fn add_kernels<'k>(&mut self, kernels: impl Iterator<Item = &'k str>) -> Outcome {
        for kernel in kernels {
            if !self.kernels.insert(kernel.to_owned()) {
                let log = format!("nvlink error   : Multiple definition of '{kernel}'");
                return Err(self.options.refuse(&JitError { result: CUDA_ERROR_INVALID_IMAGE, log }));
            }
        }
        Ok(())
    }
}

pub unsafe extern "C" fn cuLinkComplete(link: CUlinkState, cubin: *mut *mut c_void, size: *mut usize) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        let link = simulator.links.get(link)?;
        if cubin.is_null() {
            return Err(null("the place for the code"));
        }
        let mut state = lock(&link.state);
        if state.modules.is_empty() {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, "nothing was given to the linker"));
        }
        let made = Cubin { target: link.target, modules: state.modules.clone() };
        let bytes = state.output.insert(made.to_bytes().into());
        // SAFETY: the caller gives room for both. The bytes live as long as the link.
        unsafe {
            put(cubin, bytes.as_mut_ptr().cast(), "the place for the code")?;
            put(size, bytes.len(), "the place for the size")?;
        }
        state.options.end();
        Ok(())
    })
}

pub unsafe extern "C" fn cuLinkDestroy(link: CUlinkState) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        simulator.links.remove(link).map(drop)
    })
}
