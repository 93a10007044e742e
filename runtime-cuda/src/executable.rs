//! Loaded kernels.

use std::{
    ffi::CString,
    fmt, ptr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use geobacter_cuda_driver::sys::{CUfunction, CUfunction_attribute, CUmodule};
use geobacter_runtime_core::{
    code::DeviceCode,
    image::{ConstantMemory, Constants, HasConstants},
};

use geobacter_spool::job::HIDDEN_BLOCK;

use crate::{
    error::{CudaError, Error, call},
    gpu::Options,
    link::{Cubin, Link},
    pools::Pools,
    ptx,
};

/// The dynamic shared memory that a kernel may have without asking for more, in bytes, with its own static one.
const WITHOUT_ASKING: u32 = 48 * 1024;

/// One kernel of a PTX module, loaded on one card.
pub struct Executable {
    loaded: Loaded,
    function: Function,
    code: DeviceCode,
    /// Bytes of the explicit arguments.
    explicit: usize,
    hidden: bool,
    prints: bool,
    /// LDS that the kernel's code declares, in bytes, which the driver does not count: it is dynamic for the driver.
    uncounted: u32,
    /// LDS that the driver counts, in bytes.
    counted: u32,
    max_workgroup: u32,
    /// Dynamic shared memory that the kernel may have, in bytes.
    dynamic: AtomicU32,
    /// The same, held while it is raised.
    raising: Mutex<u32>,
}

struct Function(CUfunction);

// SAFETY: the handle may be used from any thread.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

impl Executable {
    /// Has the driver compile PTX, or takes what it made earlier out of the disk cache, loads it, and finds the kernel that its
    /// description names.
    ///
    /// # Errors
    /// What the driver says; [`Error::UnknownArgument`] if the kernel takes what this runtime does not know.
    pub(crate) fn load(pools: &Arc<Pools>, code: DeviceCode, options: &Options) -> Result<Self, Error> {
        let resources = &code.resources;
        let kernel = &resources.symbol;
        let hidden = match &*resources.hidden_args {
            [] => false,
            [block] if block.kind == HIDDEN_BLOCK => true,
            [other, ..] => {
                return Err(Error::UnknownArgument { kernel: kernel.clone(), kind: other.kind.clone() });
            }
        };
        let text = String::from_utf8_lossy(&code.code_object);
        let link = Link::new(pools.context(), kernel, &text, options.disk_cache);
        let loaded = match link.cubin()? {
            // What was kept may be damaged, or another driver's in spite of everything: it is made again.
            cubin @ Cubin { cached: true, .. } => match Loaded::new(pools, &cubin.bytes) {
                Err(Error::Cuda(error)) => {
                    tracing::warn!(kernel, %error, "code in the disk cache does not load; it is compiled again");
                    Loaded::new(pools, &link.compiled()?.bytes)
                }
                other => other,
            },
            cubin => Loaded::new(pools, &cubin.bytes),
        }?;
        let function = loaded.function(kernel)?;
        let attribute = |attribute| loaded.attribute(&function, attribute);
        let counted = attribute(CUfunction_attribute::CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES)?;
        let max_workgroup = attribute(CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)?;
        // Of more than 48 KiB nothing is static, and all of it has to be asked for. What is static the driver lays out: it may need
        // more than its variables have, for their alignment, and less where it drops some.
        let uncounted = if counted == 0 { resources.lds } else { 0 };
        if resources.dynamic_stack {
            pools.context().grow_stack(resources.scratch.saturating_add(options.dynamic_stack) as usize)?;
        }
        let prints = ptx::prints(&text);
        let explicit = resources.explicit_kernarg_size as usize;
        let dynamic = WITHOUT_ASKING.saturating_sub(counted);
        Ok(Self {
            loaded,
            function,
            explicit,
            hidden,
            prints,
            uncounted,
            counted,
            max_workgroup,
            dynamic: AtomicU32::new(dynamic),
            raising: Mutex::new(dynamic),
            code,
        })
    }

    /// The PTX and what it takes.
    pub fn code(&self) -> &DeviceCode {
        &self.code
    }

    pub(crate) fn function(&self) -> CUfunction {
        self.function.0
    }

    /// Bytes of the explicit arguments: the kernel's first parameter.
    pub(crate) fn explicit(&self) -> usize {
        self.explicit
    }

    /// Whether it has a second parameter, the address of a hidden block.
    pub(crate) fn has_hidden_block(&self) -> bool {
        self.hidden
    }

    /// Whether the kernel prints, and wants a buffer for it.
    pub(crate) fn prints(&self) -> bool {
        self.prints
    }

    /// The largest work-group that it can have on this card, in work-items.
    pub(crate) fn max_workgroup(&self) -> u32 {
        self.max_workgroup
    }

    /// LDS of a work-group in all, and the part of it that the launch has to ask for, in bytes. `sized_at_launch` stands behind
    /// what the kernel declares, aligned to 16 bytes.
    pub(crate) fn lds(&self, sized_at_launch: u32) -> (u64, u64) {
        let uncounted = match (self.uncounted, sized_at_launch) {
            (0, _) | (_, 0) => self.uncounted.into(),
            (uncounted, _) => u64::from(uncounted).next_multiple_of(16),
        };
        let asked = uncounted + u64::from(sized_at_launch);
        (u64::from(self.counted) + asked, asked)
    }

    /// Has the driver allow launches with so much dynamic shared memory, in bytes.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn allow_dynamic(&self, bytes: u32) -> Result<(), Error> {
        if bytes <= self.dynamic.load(Ordering::Relaxed) {
            return Ok(());
        }
        let context = self.loaded.pools.context();
        let api = context.enter()?;
        let attribute = CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        // One thread at a time, or the lower of two values could be set last.
        let mut allowed = self.raising.lock().unwrap_or_else(PoisonError::into_inner);
        if *allowed < bytes {
            // SAFETY: the function lives as long as its module.
            let set = unsafe { call!(api, cuFuncSetAttribute(self.function.0, attribute.into(), bytes as i32)) };
            context.check(set)?;
            *allowed = bytes;
            self.dynamic.store(bytes, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl HasConstants for Executable {
    fn constants(&self) -> Constants<'_> {
        Constants::Memory(self)
    }
}

/// What panics and printed lines refer to are constants in the module's memory.
impl ConstantMemory for Executable {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        // SAFETY: the driver checks whether the addresses are a device's; who writes to constants has other troubles.
        unsafe { self.loaded.pools.transfers().read(address, bytes) }.is_ok()
    }
}

impl fmt::Debug for Executable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = self.loaded.pools.context();
        f.debug_struct("Executable").field("kernel", &self.code.resources.symbol).field("context", context).finish()
    }
}

/// A module, unloaded when dropped. No kernel of it may be in flight then: launches hold the [`Executable`].
struct Loaded {
    pools: Arc<Pools>,
    module: CUmodule,
}

// SAFETY: the handle may be used from any thread.
unsafe impl Send for Loaded {}
// SAFETY: as above.
unsafe impl Sync for Loaded {}

impl Loaded {
    fn new(pools: &Arc<Pools>, cubin: &[u8]) -> Result<Self, Error> {
        let context = pools.context();
        let api = context.enter()?;
        let mut module = ptr::null_mut();
        // SAFETY: the context is current, the image is whole (it has a header that says how large it is, and the cache's entries
        // have a hash), no options are given, and the address to write to is valid.
        let loaded = unsafe {
            let nothing = ptr::null_mut();
            call!(api, cuModuleLoadDataEx(&mut module, cubin.as_ptr().cast(), 0, nothing, ptr::null_mut()))
        };
        context.check(loaded)?;
        Ok(Self { pools: Arc::clone(pools), module })
    }

    fn function(&self, name: &str) -> Result<Function, Error> {
        let context = self.pools.context();
        let api = context.enter()?;
        let symbol = CString::new(name).unwrap_or_default();
        let mut function = ptr::null_mut();
        // SAFETY: the module lives, the name ends with a zero byte, and the address to write to is valid.
        let found = unsafe { call!(api, cuModuleGetFunction(&mut function, self.module, symbol.as_ptr())) };
        context.check(found.map_err(|error| CudaError {
            text: format!("{}: the module has no kernel {name}", error.text),
            ..error
        }))?;
        Ok(Function(function))
    }

    fn attribute(&self, function: &Function, attribute: CUfunction_attribute) -> Result<u32, Error> {
        let context = self.pools.context();
        let api = context.enter()?;
        let mut value = 0;
        // SAFETY: the function lives as long as the module, and the address to write to is valid.
        context.check(unsafe { call!(api, cuFuncGetAttribute(&mut value, attribute.into(), function.0)) })?;
        Ok(u32::try_from(value).unwrap_or(0))
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // That of a lost context is gone.
        let Ok(api) = self.pools.context().enter() else { return };
        // SAFETY: loaded by `cuModuleLoadDataEx`, unloaded once.
        if let Err(error) = unsafe { call!(api, cuModuleUnload(self.module)) } {
            tracing::warn!(%error, "a module cannot be unloaded");
        }
    }
}
