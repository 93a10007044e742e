//! Copies that the driver does.

use std::{any::Any, sync::Arc};

use geobacter_cuda_driver::sys::{CUDA_MEMCPY2D, CUdevice_attribute, CUdeviceptr, CUmemorytype};
use geobacter_runtime_core::driver::{CopyWork, Memory, Place};

use crate::{
    context::Context,
    cuda_stream::CudaStream,
    error::{Error, call},
    memory::DeviceMemory,
};

/// A copy between two memories of one driver.
#[derive(Debug)]
pub(crate) struct DeviceCopy {
    pub(crate) source: Side,
    pub(crate) destination: Side,
    pub(crate) row_bytes: usize,
    pub(crate) rows: usize,
}

/// One side of a copy.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) address: CUdeviceptr,
    /// From the beginning of a row to that of the next, in bytes.
    pub(crate) pitch: usize,
    /// Whose memory it is.
    context: Arc<Context>,
    /// Whether every device reaches it.
    is_everyones: bool,
    memory: Arc<dyn Memory>,
}

impl Side {
    fn of(place: &Place, user: &Context) -> Option<Self> {
        let memory: &dyn Any = place.memory.as_ref();
        let memory = memory.downcast_ref::<DeviceMemory>().filter(|memory| !memory.is_empty())?;
        let context = Arc::clone(memory.context());
        Arc::ptr_eq(context.session(), user.session()).then(|| Self {
            address: memory.address() + place.offset,
            pitch: place.pitch as usize,
            context,
            is_everyones: memory.is_everyones(),
            memory: Arc::clone(&place.memory),
        })
    }

    fn at(&self, row: usize) -> CUdeviceptr {
        self.address + (row * self.pitch) as u64
    }
}

impl DeviceCopy {
    /// This copy in one of `user`'s streams; `None` if it is none between two memories of this driver.
    pub(crate) fn of(copy: &CopyWork, user: &Context) -> Option<Self> {
        let (source, destination) = (Side::of(&copy.source, user)?, Side::of(&copy.destination, user)?);
        // Rows that lie side by side are one.
        let dense = copy.source.pitch == copy.row_bytes && copy.destination.pitch == copy.row_bytes;
        let (rows, row_bytes) = if dense { (1, copy.rows * copy.row_bytes) } else { (copy.rows, copy.row_bytes) };
        Some(Self { source, destination, row_bytes: row_bytes as usize, rows: rows as usize })
    }

    /// Whether one context reaches both sides.
    pub(crate) fn is_within(&self, user: &Context) -> bool {
        [&self.source, &self.destination].iter().all(|side| side.is_everyones || std::ptr::eq(&*side.context, user))
    }

    /// Whether it goes from the own memory of one device to that of another.
    fn is_between_devices(&self) -> bool {
        let (source, destination) = (&self.source, &self.destination);
        !source.is_everyones && !destination.is_everyones && !Arc::ptr_eq(&source.context, &destination.context)
    }

    /// The memory that it uses.
    pub(crate) fn memory(&self) -> Vec<Arc<dyn Memory>> {
        vec![Arc::clone(&self.source.memory), Arc::clone(&self.destination.memory)]
    }

    /// Puts it into a stream.
    ///
    /// # Safety
    /// Until it has ended, the memory lives, nobody else writes the source, and nobody touches the destination.
    ///
    /// # Errors
    /// [`Error::Lost`] if the context of one side is; what the driver says.
    pub(crate) unsafe fn enqueue(&self, stream: &CudaStream) -> Result<(), Error> {
        for side in [&self.source, &self.destination] {
            // Its addresses may be another memory's by now.
            if let Some(loss) = side.context.loss() {
                return Err(Error::Lost(Arc::clone(loss)));
            }
        }
        let user = stream.context();
        let attribute = CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_PITCH;
        let max_pitch = user.check(user.card().attribute(attribute))? as usize;
        let has_pitch = |side: &Side| side.pitch <= max_pitch;
        let rectangle = self.rows > 1 && has_pitch(&self.source) && has_pitch(&self.destination);
        if rectangle && self.is_within(user) {
            let api = user.enter()?;
            let copy = self.rectangle();
            // SAFETY: this function's contract.
            return user.check(unsafe { call!(api, cuMemcpy2DAsync_v2(&copy, stream.handle())) });
        }
        (0..self.rows).try_for_each(|row| {
            let api = user.enter()?;
            let (from, to, bytes) = (self.source.at(row), self.destination.at(row), self.row_bytes);
            // SAFETY: this function's contract; the row lies in both memories.
            user.check(unsafe {
                if self.is_between_devices() {
                    let (of_source, of_destination) = (self.source.context.handle(), self.destination.context.handle());
                    call!(api, cuMemcpyPeerAsync(to, of_destination, from, of_source, bytes, stream.handle()))
                } else {
                    call!(api, cuMemcpyAsync(to, from, bytes, stream.handle()))
                }
            })
        })
    }

    fn rectangle(&self) -> CUDA_MEMCPY2D {
        let unified = CUmemorytype::CU_MEMORYTYPE_UNIFIED;
        CUDA_MEMCPY2D {
            srcXInBytes: 0,
            srcY: 0,
            srcMemoryType: unified,
            srcHost: std::ptr::null(),
            srcDevice: self.source.address,
            srcArray: std::ptr::null_mut(),
            srcPitch: self.source.pitch,
            dstXInBytes: 0,
            dstY: 0,
            dstMemoryType: unified,
            dstHost: std::ptr::null_mut(),
            dstDevice: self.destination.address,
            dstArray: std::ptr::null_mut(),
            dstPitch: self.destination.pitch,
            WidthInBytes: self.row_bytes,
            Height: self.rows,
        }
    }
}
