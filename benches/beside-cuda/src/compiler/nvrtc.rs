//! NVRTC, CUDA's compiler as a library, loaded at run time.
//!
//! Meaning and contract of its functions: *NVRTC* in NVIDIA's CUDA documentation.

use std::{
    env,
    ffi::{CStr, CString, c_char, c_int, c_void},
    path::{Path, PathBuf},
    ptr,
};

use libloading::Library;

use super::{Contraction, Output};

/// The environment variable that names the library; otherwise it is looked for as [`NAMES`], by the dynamic linker and then in CUDA's
/// toolkit.
pub const VARIABLE: &str = "CUDA_NVRTC_LIBRARY";

/// Its names.
pub const NAMES: [&str; 4] = ["libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"];

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub enum NvrtcError {
    /// No such library, or it cannot be loaded.
    #[error("cannot load NVRTC ({source}); install CUDA, or name its library in {VARIABLE}")]
    Library {
        /// What the dynamic linker says.
        source: libloading::Error,
    },
    /// The library lacks a function.
    #[error("the library that was loaded as NVRTC lacks a function: {source}")]
    Function {
        /// What the dynamic linker says.
        source: libloading::Error,
    },
    /// The compiler refuses the source.
    #[error("NVRTC refuses {file} for {architecture} ({result}):\n{log}")]
    Refused {
        /// The file.
        file: String,
        /// What it was compiled for.
        architecture: String,
        /// The result's name.
        result: String,
        /// What the compiler says.
        log: String,
    },
    /// A function failed that should not.
    #[error("NVRTC: {function} failed: {result}")]
    Call {
        /// The function.
        function: &'static str,
        /// The result's name.
        result: String,
    },
    /// A name or a source with a zero byte in it.
    #[error("{0} holds a zero byte")]
    ZeroByte(&'static str),
}

type RawProgram = *mut c_void;

macro_rules! functions {
    ($($name:ident: fn($($arg:ty),*) -> $result:ty;)*) => {
        /// The library's functions.
        #[allow(non_snake_case, reason = "each field is the library's function of that name")]
        struct Functions { $($name: unsafe extern "C" fn($($arg),*) -> $result,)* }

        impl Functions {
            fn from_library(library: &Library) -> Result<Self, libloading::Error> {
                Ok(Self { $(
                    // SAFETY: NVRTC exports a function of this signature under this name.
                    $name: *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }?,
                )* })
            }
        }
    };
}
functions! {
    nvrtcVersion: fn(*mut c_int, *mut c_int) -> c_int;
    nvrtcGetErrorString: fn(c_int) -> *const c_char;
    nvrtcCreateProgram: fn(
        *mut RawProgram, *const c_char, *const c_char, c_int, *const *const c_char, *const *const c_char
    ) -> c_int;
    nvrtcDestroyProgram: fn(*mut RawProgram) -> c_int;
    nvrtcCompileProgram: fn(RawProgram, c_int, *const *const c_char) -> c_int;
    nvrtcGetProgramLogSize: fn(RawProgram, *mut usize) -> c_int;
    nvrtcGetProgramLog: fn(RawProgram, *mut c_char) -> c_int;
    nvrtcGetPTXSize: fn(RawProgram, *mut usize) -> c_int;
    nvrtcGetPTX: fn(RawProgram, *mut c_char) -> c_int;
    nvrtcGetCUBINSize: fn(RawProgram, *mut usize) -> c_int;
    nvrtcGetCUBIN: fn(RawProgram, *mut c_char) -> c_int;
}

/// The library.
pub struct Nvrtc {
    functions: Functions,
    /// The functions are in it.
    _library: Library,
    version: [c_int; 2],
}

impl std::fmt::Debug for Nvrtc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nvrtc").field("version", &self.version).finish_non_exhaustive()
    }
}

/// A program of the library's, which is destroyed when dropped.
struct Compilation<'a> {
    nvrtc: &'a Nvrtc,
    program: RawProgram,
}

impl Drop for Compilation<'_> {
    fn drop(&mut self) {
        // SAFETY: `nvrtcCreateProgram` made the program, and nobody uses it any more. A failure leaves nothing to do.
        unsafe { (self.nvrtc.functions.nvrtcDestroyProgram)(&mut self.program) };
    }
}

impl Nvrtc {
    /// Loads the library.
    ///
    /// # Errors
    /// If there is none, or it is something else.
    pub fn load() -> Result<Self, NvrtcError> {
        let named = env::var(VARIABLE).ok().filter(|name| !name.is_empty());
        // SAFETY: the initialisers of NVRTC run on load; it is made for being loaded by any program.
        let load = |name: &Path| unsafe { Library::new(name) };
        let library = match &named {
            Some(name) => load(Path::new(name)),
            None => {
                let folders = geobacter_cuda_toolkit::folders()
                    .flat_map(|toolkit| ["lib64", "lib"].map(|folder| toolkit.join(folder)));
                let paths = [PathBuf::new()].into_iter().chain(folders);
                let paths = paths.flat_map(|folder| NAMES.map(|name| folder.join(name)));
                // What the linker says of the first name says best what is missing.
                paths
                    .fold(None, |found: Option<Result<_, _>>, path| match found {
                        Some(Ok(library)) => Some(Ok(library)),
                        Some(Err(error)) => Some(load(&path).map_err(|_| error)),
                        None => Some(load(&path)),
                    })
                    .unwrap_or_else(|| load(Path::new(NAMES[0])))
            }
        };
        let library = library.map_err(|source| NvrtcError::Library { source })?;
        let functions = Functions::from_library(&library).map_err(|source| NvrtcError::Function { source })?;
        let mut nvrtc = Self { functions, _library: library, version: [0; 2] };
        let mut version = [0; 2];
        let [major, minor] = &mut version;
        // SAFETY: it writes two numbers.
        nvrtc.check("nvrtcVersion", unsafe { (nvrtc.functions.nvrtcVersion)(major, minor) })?;
        nvrtc.version = version;
        Ok(nvrtc)
    }

    /// Major and minor version.
    pub fn version(&self) -> String {
        format!("NVRTC {}.{}", self.version[0], self.version[1])
    }

    /// Compiles a source for a compute capability: 90 stands for 9.0. `file` is its name in messages.
    ///
    /// # Errors
    /// If the compiler refuses it, with what it says.
    pub fn compile(
        &self,
        file: &str,
        source: &str,
        capability: u32,
        contraction: Contraction,
        output: Output,
    ) -> Result<Vec<u8>, NvrtcError> {
        let functions = &self.functions;
        let name = CString::new(file).map_err(|_| NvrtcError::ZeroByte("the file's name"))?;
        let text = CString::new(source).map_err(|_| NvrtcError::ZeroByte("the source"))?;
        let mut compilation = Compilation { nvrtc: self, program: ptr::null_mut() };
        // SAFETY: both strings end with a zero and live until the call returns; there are no headers.
        self.check("nvrtcCreateProgram", unsafe {
            (functions.nvrtcCreateProgram)(
                &mut compilation.program,
                text.as_ptr(),
                name.as_ptr(),
                0,
                ptr::null(),
                ptr::null(),
            )
        })?;
        let architecture = output.architecture(capability);
        let architecture_option = CString::new(format!("--gpu-architecture={architecture}"))
            .map_err(|_| NvrtcError::ZeroByte("the architecture"))?;
        let fmad = match contraction {
            Contraction::Joined => c"--fmad=true",
            Contraction::Separate => c"--fmad=false",
        };
        let options = [architecture_option.as_ptr(), fmad.as_ptr(), c"--std=c++17".as_ptr()];
        // SAFETY: the options are strings that end with a zero, and live until the call returns.
        let result =
            unsafe { (functions.nvrtcCompileProgram)(compilation.program, options.len() as c_int, options.as_ptr()) };
        if result != 0 {
            let log = self.bytes(
                &compilation,
                ("nvrtcGetProgramLog", functions.nvrtcGetProgramLogSize, functions.nvrtcGetProgramLog),
            )?;
            let log = String::from_utf8_lossy(&log).trim_end_matches('\0').to_owned();
            return Err(NvrtcError::Refused { file: file.to_owned(), architecture, result: self.name(result), log });
        }
        match output {
            Output::Cubin => {
                self.bytes(&compilation, ("nvrtcGetCUBIN", functions.nvrtcGetCUBINSize, functions.nvrtcGetCUBIN))
            }
            Output::Ptx => {
                let mut text =
                    self.bytes(&compilation, ("nvrtcGetPTX", functions.nvrtcGetPTXSize, functions.nvrtcGetPTX))?;
                // C's end of a string.
                text.pop_if(|byte| *byte == 0);
                Ok(text)
            }
        }
    }

    /// What a pair of functions gives, of which one says how long it is, and the other writes it.
    fn bytes(
        &self,
        compilation: &Compilation<'_>,
        (function, size, write): (
            &'static str,
            unsafe extern "C" fn(RawProgram, *mut usize) -> c_int,
            unsafe extern "C" fn(RawProgram, *mut c_char) -> c_int,
        ),
    ) -> Result<Vec<u8>, NvrtcError> {
        let mut length = 0;
        // SAFETY: the program exists; the function writes one number.
        self.check(function, unsafe { size(compilation.program, &mut length) })?;
        let mut bytes = vec![0_u8; length];
        // SAFETY: the program exists; the function writes as many bytes as the other one said.
        self.check(function, unsafe { write(compilation.program, bytes.as_mut_ptr().cast()) })?;
        Ok(bytes)
    }

    fn check(&self, function: &'static str, result: c_int) -> Result<(), NvrtcError> {
        if result == 0 { Ok(()) } else { Err(NvrtcError::Call { function, result: self.name(result) }) }
    }

    /// A result's name.
    fn name(&self, result: c_int) -> String {
        // SAFETY: it gives a constant text for every number.
        unsafe { CStr::from_ptr((self.functions.nvrtcGetErrorString)(result)) }.to_string_lossy().into_owned()
    }
}
