//! Modules: code that is loaded into a context.

use std::{
    collections::HashMap,
    ffi::{CStr, c_char, c_uint, c_void},
    sync::{Arc, Mutex, Weak},
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUdeviceptr, CUfunction, CUjit_option, CUmodule,
        CUresult::{self, *},
    },
};

use super::{
    context::{Context, current},
    cubin::{Cubin, Damaged, MAGIC},
    function::Function,
    jit::{self, JitError, Options},
    out::{null, put, put_if_wanted, text},
    state::{Outcome, answer, fail, lock, simulator},
};
use crate::{module::Module as Code, target::Target};

/// The first bytes of an ELF file, which real machine code is in.
const ELF: [u8; 4] = *b"\x7fELF";
/// The first bytes of a fat binary.
const FAT_BINARY: [u8; 4] = [0x50, 0xed, 0x55, 0xba];

/// A module.
#[derive(Debug)]
pub struct Module {
    /// The context that it is loaded into.
    pub context: Weak<Context>,
    /// What runs, one for each module that was linked.
    codes: Vec<Loaded>,
    /// The functions that the program has asked for, and their handles.
    functions: Mutex<HashMap<String, usize>>,
}

/// Code that is loaded.
#[derive(Debug)]
pub struct Loaded {
    /// What runs.
    pub code: Code,
    /// Its text.
    pub text: String,
}

/// Code that is to be loaded.
enum Image<'a> {
    Ptx(&'a str),
    Cubin(Cubin),
}

/// Whether an image begins like this. No byte is read behind the first one that differs.
///
/// # Safety
/// `image` points to text that ends with a zero, or to other code that is no shorter than the beginnings that are asked
/// for. None of these have a zero in them.
unsafe fn begins_with(image: *const u8, beginning: &[u8]) -> bool {
    // SAFETY: all bytes before were those of the beginning, so the text has not ended.
    beginning.iter().enumerate().all(|(at, byte)| unsafe { image.add(at).read() } == *byte)
}

/// Finds out what an image is.
///
/// # Safety
/// The contract of `cuModuleLoadDataEx` for the image, and it lives as long as the result.
unsafe fn image<'a>(image: *const c_void) -> Outcome<Image<'a>> {
    if image.is_null() {
        return Err(null("the image"));
    }
    let bytes = image.cast::<u8>();
    // SAFETY: by this function's contract.
    let begins_with = |beginning: &[u8]| unsafe { begins_with(bytes, beginning) };
    if begins_with(&ELF) || begins_with(&FAT_BINARY) {
        let reason =
            "the image is machine code of real GPUs; the simulator executes PTX, and what its own linker makes of it";
        return Err(fail(CUDA_ERROR_INVALID_IMAGE, reason));
    }
    if begins_with(&MAGIC) {
        let damaged = |error: Damaged| fail(CUDA_ERROR_INVALID_IMAGE, error.to_string());
        // SAFETY: a container has more than 16 bytes.
        let length = Cubin::length(unsafe { bytes.cast::<[u8; 16]>().read() }).map_err(damaged)?;
        // SAFETY: a container has the length that it says, by the contract for images.
        let bytes = unsafe { core::slice::from_raw_parts(bytes, length) };
        return Ok(Image::Cubin(Cubin::from_bytes(bytes).map_err(damaged)?));
    }
    // SAFETY: not null, and what is nothing else is text with a zero at its end.
    let text = unsafe { CStr::from_ptr(image.cast()) };
    let text = text.to_str().map_err(|_| fail(CUDA_ERROR_INVALID_IMAGE, "the image is neither text nor known code"))?;
    Ok(Image::Ptx(text))
}

impl Module {
    /// Loads modules, compiled for this GPU.
    fn load(context: &Arc<Context>, texts: &[&str], target: Target, options: &mut Options) -> Outcome<Arc<Self>> {
        let driver = simulator()?.config.driver();
        let mut codes = Vec::new();
        for text in texts {
            let code = jit::compile(text, driver, target, &context.memory);
            let code = code.map_err(|error: JitError| options.refuse(&error))?;
            codes.push(Loaded { code, text: (*text).to_owned() });
        }
        options.inform(&format!("ptxas info    : {} module(s) compiled for {target}", texts.len()));
        options.end();
        Ok(Arc::new(Self { context: Arc::downgrade(context), codes, functions: Mutex::default() }))
    }
}

pub unsafe extern "C" fn cuModuleLoadDataEx(
    module: *mut CUmodule,
    data: *const c_void,
    option_count: c_uint,
    options: *mut CUjit_option,
    values: *mut *mut c_void,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, context) = current()?;
        if module.is_null() {
            return Err(null("the place for the module"));
        }
        // SAFETY: the caller's contract.
        let (image, mut options) = unsafe { (image(data)?, Options::read(option_count, options, values)?) };
        let device = context.device.card.machine();
        let target = options.target(device)?;
        let loaded = match image {
            Image::Ptx(text) => {
                if device.is_none_or(|device| !device.runs(target)) {
                    let reason = format!("code for {target} does not run on device {}", context.device.index);
                    return Err(fail(CUDA_ERROR_NO_BINARY_FOR_GPU, reason));
                }
                // The code that the machine executes is for the device: it has all that the target has.
                Module::load(&context, &[text], device.unwrap_or(target), &mut options)?
            }
            Image::Cubin(cubin) => {
                let device = device.filter(|device| is_binary_compatible(*device, cubin.target));
                let device = device.ok_or_else(|| {
                    let card = context.device.card;
                    let reason =
                        format!("the code is compiled for {}, and the device is a {}", cubin.target, card.name);
                    fail(CUDA_ERROR_NO_BINARY_FOR_GPU, reason)
                })?;
                let texts: Vec<_> = cubin.modules.iter().map(String::as_str).collect();
                Module::load(&context, &texts, device, &mut options)?
            }
        };
        // SAFETY: the caller gives room for the module.
        unsafe { put(module, simulator.modules.add(loaded), "the place for the module") }
    })
}

/// Whether machine code for one GPU runs on another: that of the same major compute capability and no smaller minor one
/// (*CUDA C++ Programming Guide*, Binary Compatibility).
pub fn is_binary_compatible(device: Target, code: Target) -> bool {
    device.runs(code) && device.capability().0 == code.capability().0
}

pub unsafe extern "C" fn cuModuleUnload(module: CUmodule) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        let module = simulator.modules.remove(module)?;
        if let Some(context) = module.context.upgrade() {
            // Its kernels may be running.
            context.drain();
        }
        simulator.functions.take(|function| Arc::ptr_eq(&function.module, &module));
        Ok(())
    })
}

pub unsafe extern "C" fn cuModuleGetFunction(
    function: *mut CUfunction,
    module: CUmodule,
    name: *const c_char,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        let module = simulator.modules.get(module)?;
        // SAFETY: the caller gives text that ends with a zero.
        let name = unsafe { text(name, "the function's name") }?;
        let mut functions = lock(&module.functions);
        let handle = match functions.get(name) {
            Some(handle) => *handle,
            None => {
                let found = module.codes.iter().find_map(|loaded| Some((loaded.code.kernel(name)?, loaded)));
                let (kernel, loaded) =
                    found.ok_or_else(|| fail(CUDA_ERROR_NOT_FOUND, format!("the module has no kernel {name}")))?;
                let made = Arc::new(Function::new(&module, kernel, loaded));
                let handle = simulator.functions.add::<c_void>(made).addr();
                functions.insert(name.to_owned(), handle);
                handle
            }
        };
        // SAFETY: the caller gives room for the function.
        unsafe { put(function, core::ptr::without_provenance_mut(handle), "the place for the function") }
    })
}

pub unsafe extern "C" fn cuModuleGetGlobal_v2(
    address: *mut CUdeviceptr,
    bytes: *mut usize,
    module: CUmodule,
    name: *const c_char,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        let module = simulator.modules.get(module)?;
        // SAFETY: the caller gives text that ends with a zero.
        let name = unsafe { text(name, "the variable's name") }?;
        let found = module.codes.iter().find_map(|loaded| loaded.code.global(name));
        let (at, size) =
            found.ok_or_else(|| fail(CUDA_ERROR_NOT_FOUND, format!("the module has no global variable {name}")))?;
        // SAFETY: the caller gives room for each that it wants.
        unsafe {
            put_if_wanted(address, at);
            put_if_wanted(bytes, size as usize);
        }
        Ok(())
    })
}
