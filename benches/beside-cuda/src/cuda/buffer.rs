//! Memory of the device.

use std::{marker::PhantomData, rc::Rc};

use bytemuck::Pod;
use geobacter_cuda_driver::sys::CUdeviceptr;

use super::{Context, CudaError, Stream, check};

/// Elements in the device's memory, which is freed with the last clone.
#[derive(Debug)]
pub struct Buffer<T> {
    memory: Rc<Allocation>,
    length: usize,
    elements: PhantomData<T>,
}

impl<T> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self { memory: Rc::clone(&self.memory), length: self.length, elements: PhantomData }
    }
}

/// A piece of the device's memory.
#[derive(Debug)]
pub(super) struct Allocation {
    context: Context,
    address: CUdeviceptr,
}

impl Allocation {
    pub(super) fn address(&self) -> CUdeviceptr {
        self.address
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: `cuMemAlloc` gave the address. The function waits for kernels that use the memory. A failure leaves
        // nothing to do.
        unsafe { (self.context.api().cuMemFree_v2)(self.address) };
    }
}

impl<T: Pod> Buffer<T> {
    /// Memory of which every byte is zero.
    ///
    /// # Errors
    /// What the driver says, out of memory for instance.
    pub fn zeroed(context: &Context, length: usize) -> Result<Self, CudaError> {
        let (api, mut address, bytes) = (context.api(), 0, (length * size_of::<T>()).max(1));
        // SAFETY: a context is current; the function writes an address.
        check(api, "cuMemAlloc", unsafe { (api.cuMemAlloc_v2)(&mut address, bytes) })?;
        let memory = Rc::new(Allocation { context: context.clone(), address });
        // SAFETY: so many bytes were allocated. The null stream is the default one.
        check(api, "cuMemsetD8Async", unsafe { (api.cuMemsetD8Async)(address, 0, bytes, std::ptr::null_mut()) })?;
        // SAFETY: a context is current.
        check(api, "cuCtxSynchronize", unsafe { (api.cuCtxSynchronize)() })?;
        Ok(Self { memory, length, elements: PhantomData })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) fn memory(&self) -> &Rc<Allocation> {
        &self.memory
    }

    /// Copies elements from the host to those from `first` on.
    ///
    /// # Errors
    /// If they reach beyond the buffer, or what the driver says.
    pub fn upload(&self, first: usize, elements: &[T]) -> Result<(), CudaError> {
        let address = self.part(first, elements.len())?;
        let api = self.memory.context.api();
        // SAFETY: the part lies in the buffer, and the function waits until the elements are read.
        check(api, "cuMemcpyHtoD", unsafe {
            (api.cuMemcpyHtoD_v2)(address, elements.as_ptr().cast(), size_of_val(elements))
        })
    }

    /// Copies elements from `first` on to the host.
    ///
    /// # Errors
    /// As [`upload`](Self::upload).
    pub fn download(&self, first: usize, length: usize) -> Result<Vec<T>, CudaError> {
        let address = self.part(first, length)?;
        let api = self.memory.context.api();
        let mut elements = vec![T::zeroed(); length];
        // SAFETY: the part lies in the buffer, and as many bytes can be written.
        check(api, "cuMemcpyDtoH", unsafe {
            (api.cuMemcpyDtoH_v2)(elements.as_mut_ptr().cast(), address, size_of_val(&*elements))
        })?;
        Ok(elements)
    }

    /// Has the device copy all elements of another buffer of the same length, on a stream.
    ///
    /// # Errors
    /// If the lengths differ, or what the driver says.
    pub fn enqueue_copy(&self, from: &Self, stream: &Stream) -> Result<(), CudaError> {
        let (to, from) = (self.part(0, from.length)?, from.part(0, self.length)?);
        let api = self.memory.context.api();
        // SAFETY: both buffers have as many bytes, and are of two allocations.
        check(api, "cuMemcpyAsync", unsafe {
            (api.cuMemcpyAsync)(to, from, self.length * size_of::<T>(), stream.raw())
        })
    }

    fn part(&self, first: usize, length: usize) -> Result<CUdeviceptr, CudaError> {
        let expected = self.length.saturating_sub(first);
        if length > expected {
            return Err(CudaError::Length { found: length, expected });
        }
        Ok(self.memory.address + (first * size_of::<T>()) as u64)
    }
}
