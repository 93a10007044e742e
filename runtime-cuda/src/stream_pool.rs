//! Streams for work that somebody waits for at once.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};

use geobacter_runtime_core::driver::Priority;

use crate::{context::Context, cuda_stream::CudaStream, error::Error};

/// Streams of one context in which nothing is in flight.
#[derive(Debug, Default)]
pub(crate) struct StreamPool(Mutex<Vec<Arc<CudaStream>>>);

/// The use of a stream; it goes back to its pool when dropped.
pub(crate) struct StreamUse<'p> {
    stream: Arc<CudaStream>,
    pool: &'p StreamPool,
}

impl StreamPool {
    /// A stream that nobody else uses.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn take(&self, context: &Arc<Context>) -> Result<StreamUse<'_>, Error> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let stream = match idle {
            Some(stream) => stream,
            None => CudaStream::new(context, Priority::Normal)?,
        };
        Ok(StreamUse { stream, pool: self })
    }
}

impl Deref for StreamUse<'_> {
    type Target = Arc<CudaStream>;

    fn deref(&self) -> &Arc<CudaStream> {
        &self.stream
    }
}

impl Drop for StreamUse<'_> {
    fn drop(&mut self) {
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&self.stream));
    }
}
