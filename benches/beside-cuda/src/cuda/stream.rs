//! A stream, and marks in it that say when the device got there.

use std::{ptr, rc::Rc, time::Duration};

use geobacter_cuda_driver::sys::{CUevent, CUevent_flags, CUstream, CUstream_flags};

use super::{Context, CudaError, check};

/// A stream of its own.
#[derive(Clone, Debug)]
pub struct Stream(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    context: Context,
    stream: CUstream,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: the stream exists. What is in it runs to its end. A failure leaves nothing to do.
        unsafe { (self.context.api().cuStreamDestroy_v2)(self.stream) };
    }
}

impl Stream {
    /// Opens one that does not wait for the default stream.
    ///
    /// # Errors
    /// What the driver says.
    pub fn open(context: &Context) -> Result<Self, CudaError> {
        let (api, mut stream) = (context.api(), ptr::null_mut());
        // SAFETY: a context is current; the function writes a handle.
        check(api, "cuStreamCreateWithPriority", unsafe {
            (api.cuStreamCreateWithPriority)(&mut stream, CUstream_flags::CU_STREAM_NON_BLOCKING as u32, 0)
        })?;
        Ok(Self(Rc::new(Inner { context: context.clone(), stream })))
    }

    pub(super) fn raw(&self) -> CUstream {
        self.0.stream
    }

    /// Waits until everything in it is done.
    ///
    /// # Errors
    /// What the driver says, also of a kernel that failed.
    pub fn wait(&self) -> Result<(), CudaError> {
        let api = self.0.context.api();
        // SAFETY: the stream exists.
        check(api, "cuStreamSynchronize", unsafe { (api.cuStreamSynchronize)(self.0.stream) })
    }
}

/// A place in a stream, and when the device got there.
#[derive(Debug)]
pub struct Mark {
    context: Context,
    event: CUevent,
}

impl Drop for Mark {
    fn drop(&mut self) {
        // SAFETY: the event exists. A failure leaves nothing to do.
        unsafe { (self.context.api().cuEventDestroy_v2)(self.event) };
    }
}

impl Mark {
    /// A mark that is in no stream yet.
    ///
    /// # Errors
    /// What the driver says.
    pub fn new(context: &Context) -> Result<Self, CudaError> {
        let (api, mut event) = (context.api(), ptr::null_mut());
        // SAFETY: a context is current; the function writes a handle.
        check(api, "cuEventCreate", unsafe {
            (api.cuEventCreate)(&mut event, CUevent_flags::CU_EVENT_DEFAULT as u32)
        })?;
        Ok(Self { context: context.clone(), event })
    }

    /// Puts it behind what is in the stream.
    ///
    /// # Errors
    /// What the driver says.
    pub fn set(&self, stream: &Stream) -> Result<(), CudaError> {
        let api = self.context.api();
        // SAFETY: event and stream exist.
        check(api, "cuEventRecord", unsafe { (api.cuEventRecord)(self.event, stream.raw()) })
    }

    /// The device's time from an earlier mark to this one. Both have been passed.
    ///
    /// # Errors
    /// What the driver says, for one that was not passed.
    pub fn since(&self, earlier: &Self) -> Result<Duration, CudaError> {
        let (api, mut milliseconds) = (self.context.api(), 0.0);
        // SAFETY: both events exist; the function writes a number.
        check(api, "cuEventElapsedTime", unsafe {
            (api.cuEventElapsedTime)(&mut milliseconds, earlier.event, self.event)
        })?;
        Ok(Duration::from_secs_f64(f64::from(milliseconds.max(0.0)) / 1e3))
    }
}
