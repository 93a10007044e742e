//! The driver's compiler: the options that it takes, the logs that it writes, and what it refuses.

use std::{
    ffi::{c_uint, c_void},
    sync::Arc,
    time::Instant,
};

use geobacter_cuda_driver::sys::{
    CUjit_option::{self, *},
    CUresult::{self, *},
};

use super::{
    attributes::{CONSTANT_MEMORY, LOCAL_MEMORY},
    header::{Header, NoHeader},
    out::list,
    state::{Failure, Outcome, fail},
    version::DriverVersion,
};
use crate::{
    error::LoadError,
    memory::Memory,
    module::{Kernel, Module},
    target::Target,
};

/// Bit of a target's number that stands for the features of this GPU alone.
const ACCELERATED: u32 = 0x1_0000;
/// Bit of a target's number that stands for the features of the GPU's family.
const FAMILY: u32 = 0x2_0000;

/// A log that a program wants.
#[derive(Debug)]
struct Log {
    buffer: *mut u8,
    /// Bytes of the buffer.
    size: usize,
    /// Bytes that are filled, without the final zero.
    filled: usize,
    /// Where the program learns of that.
    filled_to: *mut *mut c_void,
}

/// What a program asks of the compiler.
#[derive(Debug)]
pub struct Options {
    /// The GPU that code is made for, if it is not the one of the context: its number, with a bit for its features.
    pub target: Option<u32>,
    info: Option<Log>,
    errors: Option<Log>,
    wall_time: Option<*mut *mut c_void>,
    begun: Instant,
}

// SAFETY: the pointers are the program's, which by the contract of `cuLinkCreate` keeps what they point to for as long
// as the link exists, and does not use it meanwhile. The simulator uses them from one call at a time.
unsafe impl Send for Options {}

impl Options {
    /// Reads the options of a call.
    ///
    /// # Safety
    /// `options` and `values` are null or point to `count` options and values. Buffers that the values name live, with
    /// the values themselves, as long as the result, and nobody else uses them.
    pub unsafe fn read(count: c_uint, options: *mut CUjit_option, values: *mut *mut c_void) -> Outcome<Self> {
        let count = count as usize;
        // An option that the enumeration lacks must not be looked at as a variant.
        // SAFETY: by this function's contract.
        let options = unsafe { list(options.cast_const().cast::<c_uint>(), count, "the list of options") }?;
        // SAFETY: the same.
        let given = unsafe { list(values.cast_const(), count, "the list of the options' values") }?;
        let slot = |wanted: CUjit_option| options.iter().position(|option| *option == wanted as c_uint);
        if let Some(unknown) = options.iter().find(|option| **option >= CU_JIT_NUM_OPTIONS as c_uint) {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("the compiler has no option {unknown}")));
        }
        let log = |buffer, size| {
            let (buffer, size) = (slot(buffer)?, slot(size)?);
            let log = Log {
                buffer: given[buffer].cast(),
                // The value is the size itself, an `unsigned int`.
                size: given[size].addr() as u32 as usize,
                filled: 0,
                filled_to: values.wrapping_add(size),
            };
            Some(log).filter(|log| !log.buffer.is_null() && log.size > 0)
        };
        Ok(Self {
            target: slot(CU_JIT_TARGET).map(|slot| given[slot].addr() as u32),
            info: log(CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES),
            errors: log(CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES),
            wall_time: slot(CU_JIT_WALL_TIME).map(|slot| values.wrapping_add(slot)),
            begun: Instant::now(),
        })
    }

    /// The GPU that code is made for; `device` if none was named.
    pub fn target(&self, device: Option<Target>) -> Outcome<Target> {
        let Some(asked) = self.target else {
            let reason = "no code is simulated for cards below compute capability 7.0";
            return device.ok_or_else(|| fail(CUDA_ERROR_NO_BINARY_FOR_GPU, reason));
        };
        let suffix = match asked & (ACCELERATED | FAMILY) {
            0 => "",
            ACCELERATED => "a",
            _ => "f",
        };
        let target = Target::parse(&format!("sm_{}{suffix}", asked & !(ACCELERATED | FAMILY)));
        target.map_err(|error| fail(CUDA_ERROR_INVALID_VALUE, format!("CU_JIT_TARGET: {error}")))
    }

    /// Writes a line into the log of errors, and gives the failure.
    pub fn refuse(&mut self, error: &JitError) -> Failure {
        if let Some(log) = &mut self.errors {
            log.write(&error.log);
        }
        self.end();
        fail(error.result, error.log.clone())
    }

    /// Writes a line into the log of what was done.
    pub fn inform(&mut self, line: &str) {
        if let Some(log) = &mut self.info {
            log.write(line);
        }
    }

    /// Says how full the logs are, and how long it took.
    pub fn end(&mut self) {
        for log in [&mut self.info, &mut self.errors].into_iter().flatten() {
            // SAFETY: the slot is one of the values, which live by the contract of `read`.
            unsafe { log.filled_to.write(core::ptr::without_provenance_mut(log.filled)) };
        }
        if let Some(slot) = self.wall_time {
            let milliseconds = self.begun.elapsed().as_secs_f32() * 1e3;
            // SAFETY: the same; the value is a `float` in the place of a pointer.
            unsafe { slot.cast::<f32>().write(milliseconds) };
        }
    }
}

impl Log {
    /// Appends a line, as much of it as there is room for.
    fn write(&mut self, line: &str) {
        for byte in line.bytes().chain([b'\n']) {
            if self.filled + 1 >= self.size {
                break;
            }
            // SAFETY: within the buffer's size, by the contract of `Options::read`.
            unsafe { self.buffer.add(self.filled).write(byte) };
            self.filled += 1;
        }
        // SAFETY: the loop leaves one byte for it.
        unsafe { self.buffer.add(self.filled).write(0) };
    }
}

/// Why the compiler refuses PTX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JitError {
    /// The result of the call.
    pub result: CUresult,
    /// What the log says.
    pub log: String,
}

impl JitError {
    fn at(result: CUresult, line: u32, message: impl std::fmt::Display) -> Self {
        // As the driver's own compiler writes it, for programs that show or look for it.
        Self { result, log: format!("ptxas application ptx input, line {line}; fatal   : {message}") }
    }

    fn new(result: CUresult, message: impl std::fmt::Display) -> Self {
        Self { result, log: format!("ptxas fatal   : {message}") }
    }
}

/// Compiles PTX for a GPU, with memory for the module's variables.
pub fn compile(text: &str, driver: DriverVersion, target: Target, memory: &Arc<Memory>) -> Result<Module, JitError> {
    check(text, driver, target)?;
    let module = Module::load(text, target, memory).map_err(|error| match &error {
        LoadError::Invalid { line, text, message } => {
            let at = if text.is_empty() { String::new() } else { format!(": `{text}`") };
            JitError::at(CUDA_ERROR_INVALID_PTX, *line, format!("{message}{at}"))
        }
        LoadError::Version { .. } => JitError::new(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, &error),
        LoadError::Target { .. } => JitError::new(CUDA_ERROR_INVALID_PTX, &error),
        LoadError::Memory { .. } => JitError::new(CUDA_ERROR_OUT_OF_MEMORY, &error),
    })?;
    let excess = module.kernels().filter_map(|name| module.kernel(name)).find_map(|kernel| excess(&kernel));
    match excess {
        Some(error) => Err(error),
        None => Ok(module),
    }
}

/// What a kernel declares too much of.
fn excess(kernel: &Kernel) -> Option<JitError> {
    let too_much = |what: &str, has: u64, most: u64| {
        let name = kernel.name();
        let message = format!("Entry function '{name}' uses too much {what} data ({has:#x} bytes, {most:#x} max)");
        (has > most).then(|| JitError::new(CUDA_ERROR_INVALID_PTX, message))
    };
    too_much("global constant", kernel.constant_bytes(), CONSTANT_MEMORY.into())
        .or_else(|| too_much("local", kernel.local_bytes().into(), LOCAL_MEMORY.into()))
}

/// Refuses PTX that is too new for the driver, or for another GPU.
fn check(text: &str, driver: DriverVersion, target: Target) -> Result<(), JitError> {
    let header =
        Header::read(text).map_err(|NoHeader { line, message }| JitError::at(CUDA_ERROR_INVALID_PTX, line, message))?;
    let ((major, minor), line) = header.version;
    let (newest_major, newest_minor) = driver.newest_ptx();
    if (major, minor) > (newest_major, newest_minor) {
        let message =
            format!("Unsupported .version {major}.{minor}; current version is '{newest_major}.{newest_minor}'");
        return Err(JitError::at(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, line, message));
    }
    let (name, line) = &header.target;
    // A target that is not known here is the parser's to refuse.
    if let Ok(code) = Target::parse(name)
        && !target.runs(code)
    {
        let message =
            format!("the code is for {code}, and the GPU is {target}: SM version of .target is not one that it runs");
        return Err(JitError::at(CUDA_ERROR_INVALID_PTX, *line, message));
    }
    Ok(())
}
