//! Code, kernels in it, and their arguments.

use std::{
    ffi::{CString, c_void},
    ptr,
    rc::Rc,
};

use bytemuck::Pod;
use geobacter_cuda_driver::sys::{CUfunction, CUmodule};

use super::{Buffer, Context, CudaError, Stream, buffer::Allocation, check};

/// Code that the driver has loaded.
#[derive(Clone, Debug)]
pub struct Module(Rc<Loaded>);

#[derive(Debug)]
struct Loaded {
    context: Context,
    module: CUmodule,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: the module was loaded, and no launch that uses it is in flight: streams are waited for before. A failure leaves
        // nothing to do.
        unsafe { (self.context.api().cuModuleUnload)(self.module) };
    }
}

impl Module {
    /// Loads PTX or a cubin.
    ///
    /// # Safety
    /// Bytes that are not text are a cubin as NVIDIA's tools make them.
    ///
    /// # Errors
    /// What the driver says.
    pub unsafe fn load(context: &Context, image: &[u8]) -> Result<Self, CudaError> {
        // A text ends with a zero; behind a cubin it does no harm.
        let image = [image, &[0]].concat();
        let (api, mut module) = (context.api(), ptr::null_mut());
        // SAFETY: a context is current, and the image is whole: this function's contract.
        check(api, "cuModuleLoadDataEx", unsafe {
            (api.cuModuleLoadDataEx)(&mut module, image.as_ptr().cast(), 0, ptr::null_mut(), ptr::null_mut())
        })?;
        Ok(Self(Rc::new(Loaded { context: context.clone(), module })))
    }

    /// A kernel.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn function(&self, name: &str) -> Result<Function, CudaError> {
        let symbol = CString::new(name).map_err(|_| CudaError::Name(name.to_owned()))?;
        let (api, mut function) = (self.0.context.api(), ptr::null_mut());
        // SAFETY: the module is loaded, and the name ends with a zero.
        check(api, "cuModuleGetFunction", unsafe {
            (api.cuModuleGetFunction)(&mut function, self.0.module, symbol.as_ptr())
        })?;
        Ok(Function { module: self.clone(), function })
    }
}

/// A kernel, and the code that it is in.
#[derive(Clone, Debug)]
pub struct Function {
    module: Module,
    function: CUfunction,
}

/// A value that a kernel takes.
pub trait Argument: Pod {}
impl Argument for u32 {}
impl Argument for u64 {}
impl Argument for f32 {}

/// What a kernel is launched with. It keeps the buffers.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Each value in the first bytes of its word.
    words: Vec<u64>,
    memory: Vec<Rc<Allocation>>,
}

impl Arguments {
    /// Adds a value.
    pub fn value<T: Argument>(mut self, value: T) -> Self {
        let mut word = [0; size_of::<u64>()];
        word[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&value));
        self.words.push(u64::from_ne_bytes(word));
        self
    }

    /// Adds a buffer.
    pub fn buffer<T: Pod>(mut self, buffer: &Buffer<T>) -> Self {
        self.words.push(buffer.memory().address());
        self.memory.push(Rc::clone(buffer.memory()));
        self
    }
}

/// A kernel with its grid and arguments.
#[derive(Debug)]
pub struct Launch {
    function: Function,
    /// Blocks along x and y.
    blocks: [u32; 2],
    /// Threads of a block along x and y.
    threads: [u32; 2],
    arguments: Arguments,
}

impl Launch {
    /// Puts them together.
    ///
    /// # Safety
    /// The kernel takes these arguments, and with them and this grid it stays within their buffers.
    pub unsafe fn new(function: Function, blocks: [u32; 2], threads: [u32; 2], arguments: Arguments) -> Self {
        Self { function, blocks, threads, arguments }
    }

    /// Puts the launch into a stream.
    ///
    /// # Errors
    /// What the driver says.
    pub fn enqueue(&self, stream: &Stream) -> Result<(), CudaError> {
        let api = self.function.module.0.context.api();
        // The driver reads the values before it returns.
        let mut addresses = [ptr::null_mut::<c_void>(); 16];
        for (address, word) in addresses.iter_mut().zip(&self.arguments.words) {
            *address = ptr::from_ref(word).cast_mut().cast();
        }
        let ([x, y], [threads_x, threads_y]) = (self.blocks, self.threads);
        // SAFETY: the kernel takes these arguments, which `new` asks for; the addresses are those of live values, which the driver does not write.
        let result = unsafe {
            let (kernel, stream, values) = (self.function.function, stream.raw(), addresses.as_mut_ptr());
            (api.cuLaunchKernel)(kernel, x, y, 1, threads_x, threads_y, 1, 0, stream, values, ptr::null_mut())
        };
        check(api, "cuLaunchKernel", result)
    }
}
