//! Launches of kernels.

use std::{
    ffi::{c_uint, c_void},
    sync::Arc,
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CU_LAUNCH_PARAM_BUFFER_POINTER_AS_INT, CU_LAUNCH_PARAM_BUFFER_SIZE_AS_INT, CU_LAUNCH_PARAM_END_AS_INT,
        CUDA_KERNEL_NODE_PARAMS, CUfunction,
        CUresult::{self, *},
        CUstream,
    },
};

use super::{
    attributes::{MAX_BLOCK, MAX_GRID, MAX_THREADS, REGISTERS},
    context::{Context, current},
    function::Function,
    occupancy::Block,
    operation::{Lost, Operation},
    out::null,
    state::{Outcome, Simulator, answer, fail, installed},
    watchdog::watch,
};
use crate::module::Launch;

/// A launch that was found to be possible.
#[derive(Clone, Debug)]
pub struct KernelLaunch {
    function: Arc<Function>,
    grid: [u32; 3],
    block: [u32; 3],
    dynamic_shared: u32,
    params: Arc<[u8]>,
}

/// What a program asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The kernel.
    pub function: CUfunction,
    /// Blocks along each axis.
    pub grid: [u32; 3],
    /// Threads of a block along each axis.
    pub block: [u32; 3],
    /// Dynamic shared memory in bytes.
    pub dynamic_shared: u32,
    /// A pointer to each parameter, or null.
    pub params: *mut *mut c_void,
    /// What else there is: the parameters in one buffer, or null.
    pub extra: *mut *mut c_void,
}

impl KernelLaunch {
    /// Runs the kernel to its end.
    pub fn run(&self) -> Result<(), Lost> {
        let Ok(simulator) = installed() else { return Ok(()) };
        let kernel = || {
            watch(simulator.config.watchdog(), |stop| {
                self.function.kernel.launch(&Launch {
                    grid: self.grid,
                    block: self.block,
                    dynamic_shared: self.dynamic_shared,
                    params: &self.params,
                    stop,
                })
            })
        };
        // The time begins when there is a thread: kernels of other streams may have them all. One block takes none.
        let end = if self.grid == [1; 3] { kernel() } else { simulator.pool.install(kernel) };
        Ok(end?)
    }

    /// The context that the kernel is loaded into.
    pub fn context(&self) -> Outcome<Arc<Context>> {
        self.function.usable_context()
    }
}

impl Simulator {
    /// Checks a launch, and reads its parameters.
    ///
    /// # Safety
    /// The parameters are what the documentation of `cuLaunchKernel` says.
    pub unsafe fn launch(&self, asked: &Asked) -> Outcome<KernelLaunch> {
        let function = self.functions.get(asked.function)?;
        let card = function.usable_context()?.device.card;
        let (kernel, name) = (&function.kernel, function.kernel.name());
        let invalid = |reason: String| Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
        let Asked { grid, block, dynamic_shared, .. } = *asked;
        let fits = |sizes: [u32; 3], limits: [u32; 3]| {
            sizes.iter().zip(limits).all(|(size, limit)| (1..=limit).contains(size))
        };
        if !fits(grid, MAX_GRID) {
            return invalid(format!("{name}: a grid of {grid:?} blocks; the limits are {MAX_GRID:?}"));
        }
        let threads: u64 = block.iter().map(|size| u64::from(*size)).product();
        if !fits(block, MAX_BLOCK) || threads > u64::from(MAX_THREADS) {
            return invalid(format!(
                "{name}: blocks of {block:?} threads; the limits are {MAX_BLOCK:?}, and {MAX_THREADS} in all"
            ));
        }
        let threads = threads as u32;
        if let Some(required) = kernel.required_threads().filter(|required| *required != block) {
            return invalid(format!("{name}: blocks of {block:?} threads, where .reqntid says {required:?}"));
        }
        if threads > kernel.max_threads() {
            let most = kernel.max_threads();
            return invalid(format!("{name}: blocks of {threads} threads, of which the kernel takes {most}"));
        }
        let (most, fixed) = (function.max_dynamic_shared(), kernel.shared_bytes());
        if dynamic_shared > most || dynamic_shared.saturating_add(fixed) > card.max_shared() {
            return invalid(format!(
                "{name}: {dynamic_shared} bytes of dynamic shared memory; \
                 CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES is {most}"
            ));
        }
        let needs = Block { threads, registers: function.registers(), shared: dynamic_shared + fixed };
        if needs.all_registers() > REGISTERS {
            let reason = format!("{name}: {threads} threads of {} registers each", function.registers());
            return Err(fail(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, reason));
        }
        // SAFETY: by this function's contract.
        let params = unsafe { read_params(&function, asked.params, asked.extra) }?;
        Ok(KernelLaunch { function, grid, block, dynamic_shared, params })
    }

    /// The same, as a graph's node describes it.
    ///
    /// # Safety
    /// `description` is null or points to a description, whose parameters are what the documentation says.
    pub unsafe fn described_launch(&self, description: *const CUDA_KERNEL_NODE_PARAMS) -> Outcome<KernelLaunch> {
        if description.is_null() {
            return Err(null("the description of the launch"));
        }
        // SAFETY: not null, and a description by this function's contract.
        let described = unsafe { description.read() };
        if described.func.is_null() {
            let reason = "a launch needs a function of a module; kernels of libraries are not simulated";
            return Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
        }
        let asked = Asked {
            function: described.func,
            grid: [described.gridDimX, described.gridDimY, described.gridDimZ],
            block: [described.blockDimX, described.blockDimY, described.blockDimZ],
            dynamic_shared: described.sharedMemBytes,
            params: described.kernelParams,
            extra: described.extra,
        };
        // SAFETY: by this function's contract.
        unsafe { self.launch(&asked) }
    }
}

/// Reads the parameters of a launch.
///
/// # Safety
/// `params` is null or points to a pointer to each parameter; `extra` is null or points to a list that ends with
/// `CU_LAUNCH_PARAM_END`.
unsafe fn read_params(function: &Function, params: *mut *mut c_void, extra: *mut *mut c_void) -> Outcome<Arc<[u8]>> {
    let kernel = &function.kernel;
    let (name, size) = (kernel.name(), kernel.param_bytes() as usize);
    let invalid = |reason: String| Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
    match (params.is_null(), extra.is_null()) {
        (false, false) => invalid(format!("{name}: parameters are given twice, as pointers and as a buffer")),
        (true, true) if size > 0 => invalid(format!("{name} has {size} bytes of parameters, and none are given")),
        (true, true) => Ok(Arc::default()),
        (false, true) => {
            let mut bytes = vec![0; size];
            for (index, param) in kernel.params().iter().enumerate() {
                // SAFETY: by this function's contract there is a pointer for each parameter.
                let from = unsafe { params.add(index).read() };
                if from.is_null() {
                    return invalid(format!("{name}: the pointer to parameter {index} is null"));
                }
                let into = &mut bytes[param.offset as usize..][..param.size as usize];
                // SAFETY: it points to the parameter, which has its size.
                unsafe { from.cast::<u8>().copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) };
            }
            Ok(bytes.into())
        }
        (true, false) => {
            // SAFETY: by this function's contract.
            let (buffer, given) = unsafe { read_extra(extra) }?;
            if given < size {
                return invalid(format!("{name} has {size} bytes of parameters, and {given} are given"));
            }
            // SAFETY: the list says that there are so many.
            Ok(unsafe { core::slice::from_raw_parts(buffer, size) }.into())
        }
    }
}

/// Reads the list of extra arguments: where the parameters' bytes are, and how many.
///
/// # Safety
/// `extra` points to a list that ends with `CU_LAUNCH_PARAM_END`.
unsafe fn read_extra(extra: *mut *mut c_void) -> Outcome<(*const u8, usize)> {
    let (mut buffer, mut size) = (None, None);
    let mut at = extra;
    loop {
        // SAFETY: the list has not ended.
        match unsafe { at.read() }.addr() as u32 {
            CU_LAUNCH_PARAM_END_AS_INT => break,
            // SAFETY: a name is followed by its value.
            CU_LAUNCH_PARAM_BUFFER_POINTER_AS_INT => buffer = Some(unsafe { at.add(1).read() }.cast::<u8>()),
            CU_LAUNCH_PARAM_BUFFER_SIZE_AS_INT => {
                // SAFETY: the same; the value points to a size.
                size = unsafe { at.add(1).read().cast::<usize>().as_ref() }.copied();
            }
            other => return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("there is no extra argument {other}"))),
        }
        // SAFETY: the list goes on behind the value.
        at = unsafe { at.add(2) };
    }
    match (buffer, size) {
        (Some(buffer), Some(size)) if !buffer.is_null() => Ok((buffer.cast_const(), size)),
        _ => Err(fail(CUDA_ERROR_INVALID_VALUE, "the extra arguments lack the parameters' buffer or its size")),
    }
}

pub unsafe extern "C" fn cuLaunchKernel(
    function: CUfunction,
    grid_dim_x: c_uint,
    grid_dim_y: c_uint,
    grid_dim_z: c_uint,
    block_dim_x: c_uint,
    block_dim_y: c_uint,
    block_dim_z: c_uint,
    dynamic_shared: c_uint,
    stream: CUstream,
    params: *mut *mut c_void,
    extra: *mut *mut c_void,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, current) = current()?;
        let asked = Asked {
            function,
            grid: [grid_dim_x, grid_dim_y, grid_dim_z],
            block: [block_dim_x, block_dim_y, block_dim_z],
            dynamic_shared,
            params,
            extra,
        };
        // SAFETY: the caller's contract.
        let launch = unsafe { simulator.launch(&asked) }?;
        let stream = simulator.stream(&current, stream)?;
        let context = stream.usable_context()?;
        if !Arc::ptr_eq(&context, &launch.context()?) {
            return Err(fail(CUDA_ERROR_INVALID_HANDLE, "kernel and stream are of different contexts"));
        }
        context.submit(&stream, Vec::new(), Operation::Kernel(launch))?;
        Ok(())
    })
}
