//! From PTX to the card's own code: the driver's compiler, and the disk cache of what it makes.

use std::{
    ffi::{CString, c_void},
    ptr, slice,
    sync::LazyLock,
};

use geobacter_codegen_client::{CacheKey, DiskCache};
use geobacter_cuda_driver::sys::{CUjit_option, CUjitInputType, CUlinkState, CUresult};

use crate::{
    context::Context,
    error::{CudaError, Error, call},
    ptx::PtxVersion,
};

/// Room for what the driver's compiler says.
const LOG: usize = 16 * 1024;

/// The file with the version of the kernel driver, which the compiler comes with.
const KERNEL_DRIVER: &str = "/proc/driver/nvidia/version";

/// A kernel's PTX, to be compiled for one card.
pub(crate) struct Link<'a> {
    context: &'a Context,
    /// Symbol of the kernel.
    kernel: &'a str,
    ptx: &'a str,
    key: CacheKey,
    cache: Option<&'static DiskCache>,
}

/// The card's own code.
pub(crate) struct Cubin {
    pub(crate) bytes: Vec<u8>,
    /// Whether it was in the disk cache.
    pub(crate) cached: bool,
}

impl<'a> Link<'a> {
    /// `cached`: with the user's disk cache, if there is one.
    pub(crate) fn new(context: &'a Context, kernel: &'a str, ptx: &'a str, cached: bool) -> Self {
        let (session, capability) = (context.session(), context.card().capability());
        let target = capability.to_string();
        // The options are those of `compile`.
        let question = (ptx, &target, "default options");
        let compiler = format!("{}, {}", session.driver(), *KERNEL_DRIVER_VERSION);
        let key = CacheKey::of("cubin", &compiler, &question, format!("{kernel} for compute capability {target}"));
        Self { context, kernel, ptx, key, cache: CACHE.as_ref().filter(|_| cached) }
    }

    /// The code, from the disk cache or the driver's compiler.
    ///
    /// # Errors
    /// [`Error::Jit`], [`Error::PtxVersion`], or what the driver says.
    pub(crate) fn cubin(&self) -> Result<Cubin, Error> {
        match self.cache.and_then(|cache| cache.get(&self.key)) {
            Some(bytes) => Ok(Cubin { bytes, cached: true }),
            None => self.compiled(),
        }
    }

    /// The code from the driver's compiler, which the disk cache keeps.
    ///
    /// # Errors
    /// As [`cubin`](Self::cubin).
    pub(crate) fn compiled(&self) -> Result<Cubin, Error> {
        let bytes = self.compile()?;
        if let Some(cache) = self.cache {
            cache.put(&self.key, &bytes);
        }
        Ok(Cubin { bytes, cached: false })
    }

    fn compile(&self) -> Result<Vec<u8>, Error> {
        let api = self.context.enter()?;
        let mut log = vec![0_u8; LOG];
        let mut options = [CUjit_option::CU_JIT_ERROR_LOG_BUFFER, CUjit_option::CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
        // The size stands in the place of an address, as the manual has it, and so does what the driver writes there.
        let mut values = [log.as_mut_ptr().cast::<c_void>(), ptr::without_provenance_mut(LOG)];
        let mut state: CUlinkState = ptr::null_mut();
        // SAFETY: the context is current; options and values have so many entries of the kinds that belong together, and they and
        // the log live until the linker is destroyed, below.
        let created = unsafe {
            let count = options.len() as u32;
            call!(api, cuLinkCreate_v2(count, options.as_mut_ptr(), values.as_mut_ptr(), &mut state))
        };
        self.context.check(created)?;
        let linked = self.link(state);
        // SAFETY: created above, destroyed once; the code is copied.
        let destroyed = unsafe { call!(api, cuLinkDestroy(state)) };
        match linked {
            Ok(code) => self.context.check(destroyed).map(|()| code),
            Err(error) => {
                let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
                Err(self.explained(error, &String::from_utf8_lossy(&log[..end])))
            }
        }
    }

    fn link(&self, state: CUlinkState) -> Result<Vec<u8>, CudaError> {
        let api = self.context.api();
        // A zero byte in a text ends it, for the driver.
        let text = CString::new(self.ptx.split('\0').next().unwrap_or_default()).unwrap_or_default();
        let name = CString::new(self.kernel).unwrap_or_default();
        let bytes = text.as_bytes_with_nul();
        let (mut code, mut size) = (ptr::null_mut(), 0);
        // SAFETY: the linker lives; the text ends with a zero byte, which its size counts, and is only read; no options are given;
        // the addresses to write to are valid.
        unsafe {
            let (kind, nothing) = (CUjitInputType::CU_JIT_INPUT_PTX.into(), ptr::null_mut());
            let data = bytes.as_ptr().cast_mut().cast();
            call!(api, cuLinkAddData_v2(state, kind, data, bytes.len(), name.as_ptr(), 0, nothing, ptr::null_mut()))?;
            call!(api, cuLinkComplete(state, &mut code, &mut size))?;
        }
        if code.is_null() || size == 0 {
            let result = CUresult::CUDA_ERROR_UNKNOWN.into();
            return Err(CudaError { function: "cuLinkComplete", result, text: "it succeeded and gave no code".into() });
        }
        // SAFETY: the linker has made so many bytes there, and keeps them until it is destroyed.
        Ok(unsafe { slice::from_raw_parts(code.cast::<u8>(), size) }.to_vec())
    }

    /// The error with what the compiler says.
    fn explained(&self, source: CudaError, log: &str) -> Error {
        if source.loses_context() {
            return Error::Lost(self.context.lose(&source).clone());
        }
        let (kernel, device) = (self.kernel.to_owned(), self.context.id().clone());
        match PtxVersion::of(self.ptx) {
            Some(version) if source.result == CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION => {
                Error::PtxVersion { kernel, device, version, driver: self.context.session().version() }
            }
            _ => Error::Jit { kernel, device, source: Box::new(source), log: log.trim().into() },
        }
    }
}

static CACHE: LazyLock<Option<DiskCache>> = LazyLock::new(DiskCache::from_environment);

/// What the kernel driver says of its version; empty where there is none.
static KERNEL_DRIVER_VERSION: LazyLock<String> = LazyLock::new(|| {
    let text = std::fs::read_to_string(KERNEL_DRIVER).unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
});
