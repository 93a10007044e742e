//! Functions: kernels of a loaded module, and what can be asked and said of them.

use std::{
    ffi::c_int,
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUfunction,
        CUfunction_attribute::{self, *},
        CUresult::{self, *},
    },
};

use super::{
    attributes::{REGISTERS, SHARED_BY_DEFAULT, WARP},
    card::Card,
    context::{Context, current},
    module::{Loaded, Module},
    occupancy::REGISTER_UNIT,
    out::put,
    registers,
    state::{Outcome, answer, fail},
};
use crate::module::Kernel;

/// A kernel that a program has asked for.
#[derive(Debug)]
pub struct Function {
    /// Its module.
    pub module: Arc<Module>,
    /// The context that the module is loaded into.
    pub context: Weak<Context>,
    /// What runs.
    pub kernel: Kernel,
    /// The number of the GPU that its PTX is for.
    virtual_architecture: u32,
    /// Registers of a thread: an estimate.
    registers: u32,
    /// Most dynamic shared memory that a launch may ask for, in bytes.
    max_dynamic_shared: AtomicU32,
    /// How the program would like the L1 cache to be divided, in percent, or -1.
    carveout: AtomicU32,
}

impl Function {
    /// A function as it is before anything is set.
    pub fn new(module: &Arc<Module>, kernel: Kernel, loaded: &Loaded) -> Self {
        let max_dynamic_shared = SHARED_BY_DEFAULT.saturating_sub(kernel.shared_bytes());
        Self {
            module: Arc::clone(module),
            context: module.context.clone(),
            virtual_architecture: loaded.code.target().number(),
            registers: registers::estimate(&loaded.text, kernel.name()),
            max_dynamic_shared: AtomicU32::new(max_dynamic_shared),
            carveout: AtomicU32::new(u32::MAX),
            kernel,
        }
    }

    /// Most dynamic shared memory that a launch may ask for, in bytes.
    pub fn max_dynamic_shared(&self) -> u32 {
        self.max_dynamic_shared.load(Ordering::Acquire)
    }

    /// Its context, if that can be used.
    pub fn usable_context(&self) -> Outcome<Arc<Context>> {
        let context = self.context.upgrade();
        let context = context.ok_or_else(|| fail(CUDA_ERROR_INVALID_HANDLE, "the function's context has ended"))?;
        context.check()?;
        Ok(context)
    }

    /// The value of an attribute; none if there is no such attribute.
    fn attribute(&self, attribute: Raw<CUfunction_attribute>, card: &Card) -> Option<u32> {
        let values = [
            (CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, self.max_threads()),
            (CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, self.kernel.shared_bytes()),
            (CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES, u32::try_from(self.kernel.constant_bytes()).unwrap_or(u32::MAX)),
            (CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, self.kernel.local_bytes()),
            (CU_FUNC_ATTRIBUTE_NUM_REGS, self.registers()),
            (CU_FUNC_ATTRIBUTE_PTX_VERSION, self.virtual_architecture),
            (CU_FUNC_ATTRIBUTE_BINARY_VERSION, card.number()),
            (CU_FUNC_ATTRIBUTE_CACHE_MODE_CA, 0),
            (CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, self.max_dynamic_shared()),
            (CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, self.carveout.load(Ordering::Acquire)),
            // Clusters are not simulated.
            (CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET, 0),
            (CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH, 0),
            (CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT, 0),
            (CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH, 0),
            (CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 0),
            (CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE, 0),
        ];
        values.iter().find(|(known, _)| attribute == *known).map(|(_, value)| *value)
    }

    /// Most threads of a block: what the kernel allows, and what its registers leave room for.
    fn max_threads(&self) -> u32 {
        let warps = REGISTERS / (self.registers * WARP).next_multiple_of(REGISTER_UNIT);
        self.kernel.max_threads().min(warps * WARP)
    }

    /// Registers of a thread.
    pub fn registers(&self) -> u32 {
        self.registers
    }
}

pub unsafe extern "C" fn cuFuncGetAttribute(
    to: *mut c_int,
    attribute: Raw<CUfunction_attribute>,
    function: CUfunction,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        let function = simulator.functions.get(function)?;
        let card = function.usable_context()?.device.card;
        let value = function.attribute(attribute, card).ok_or_else(|| {
            fail(CUDA_ERROR_INVALID_VALUE, format!("functions have no attribute {}", attribute.number()))
        })?;
        // SAFETY: the caller gives room for the number.
        unsafe { put(to, value as c_int, "the place for the value") }
    })
}

pub unsafe extern "C" fn cuFuncSetAttribute(
    function: CUfunction,
    attribute: Raw<CUfunction_attribute>,
    value: c_int,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        let function = simulator.functions.get(function)?;
        let card = function.usable_context()?.device.card;
        if attribute == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES {
            let fixed = function.kernel.shared_bytes();
            let asked = u32::try_from(value)
                .ok()
                .filter(|asked| asked.checked_add(fixed).is_some_and(|sum| sum <= card.max_shared()));
            let asked = asked.ok_or_else(|| {
                let reason = format!(
                    "{value} bytes of dynamic shared memory, beside {fixed} bytes that {} declares, are more than \
                     the {} bytes of a {}",
                    function.kernel.name(),
                    card.max_shared(),
                    card.name
                );
                fail(CUDA_ERROR_INVALID_VALUE, reason)
            })?;
            function.max_dynamic_shared.store(asked, Ordering::Release);
            Ok(())
        } else if attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT {
            if !(-1..=100).contains(&value) {
                return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("{value} is no percentage")));
            }
            function.carveout.store(value as u32, Ordering::Release);
            Ok(())
        } else {
            let reason = format!("attribute {} of functions cannot be set", attribute.number());
            Err(fail(CUDA_ERROR_INVALID_VALUE, reason))
        }
    })
}
