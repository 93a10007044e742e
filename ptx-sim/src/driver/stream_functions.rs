//! What programs do with streams.

use std::{
    ffi::{c_int, c_uint, c_void},
    sync::Arc,
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUevent, CUhostFn,
        CUresult::{self, *},
        CUstream,
        CUstream_flags::CU_STREAM_NON_BLOCKING,
    },
};

use super::{
    context::{Context, current},
    operation::{HostCall, Operation},
    out::{null, put},
    state::{Failure, Outcome, Simulator, answer, fail},
    stream::{Kind, Stream},
};

impl Stream {
    /// Its context, if that can be used.
    pub fn usable_context(&self) -> Outcome<Arc<Context>> {
        let context = self.context.upgrade();
        let context = context.ok_or_else(|| fail(CUDA_ERROR_INVALID_HANDLE, "the stream's context has ended"))?;
        context.check()?;
        Ok(context)
    }
}

/// A stream and its context, which both can be used.
fn usable(handle: CUstream) -> Outcome<(&'static Simulator, Arc<Stream>, Arc<Context>)> {
    let (simulator, current) = current()?;
    let stream = simulator.stream(&current, handle)?;
    let context = stream.usable_context()?;
    Ok((simulator, stream, context))
}

pub unsafe extern "C" fn cuStreamCreateWithPriority(
    stream: *mut CUstream,
    flags: c_uint,
    _priority: c_int,
) -> Raw<CUresult> {
    // A priority outside of the range is cut to it. The simulator has no use for one: it starts work as soon as that
    // may start.
    answer(|| {
        let (simulator, context) = current()?;
        if stream.is_null() {
            return Err(null("the place for the stream"));
        }
        let kind = match flags {
            0 => Kind::Blocking,
            flags if flags == CU_STREAM_NON_BLOCKING as c_uint => Kind::NonBlocking,
            _ => return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("no stream has these flags: {flags:#x}"))),
        };
        let handle = simulator.streams.add(context.make_stream(kind));
        // SAFETY: the caller gives room for the stream.
        unsafe { put(stream, handle, "the place for the stream") }
    })
}

pub unsafe extern "C" fn cuStreamDestroy_v2(stream: CUstream) -> Raw<CUresult> {
    answer(|| {
        let (simulator, _) = current()?;
        let stream = simulator.streams.remove(stream)?;
        if let Some(context) = stream.context.upgrade() {
            context.forget_stream(&stream);
        }
        Ok(())
    })
}

pub unsafe extern "C" fn cuStreamSynchronize(stream: CUstream) -> Raw<CUresult> {
    answer(|| {
        let (_, stream, context) = usable(stream)?;
        context.ends(&stream).iter().for_each(|end| end.wait());
        context.check()
    })
}

pub unsafe extern "C" fn cuStreamQuery(stream: CUstream) -> Raw<CUresult> {
    answer(|| {
        let (_, stream, context) = usable(stream)?;
        let ended = context.ends(&stream).iter().all(|end| end.ended().is_some());
        // A context is lost before the work that lost it has ended.
        context.check()?;
        if ended { Ok(()) } else { Err(Failure(CUDA_ERROR_NOT_READY)) }
    })
}

pub unsafe extern "C" fn cuStreamWaitEvent(stream: CUstream, event: CUevent, flags: c_uint) -> Raw<CUresult> {
    answer(|| {
        let (simulator, stream, context) = usable(stream)?;
        let event = simulator.events.get(event)?;
        if flags != 0 {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("there are no such flags: {flags:#x}")));
        }
        if let Some(recorded) = event.recorded() {
            context.submit(&stream, vec![recorded], Operation::Nothing)?;
        }
        Ok(())
    })
}

pub unsafe extern "C" fn cuLaunchHostFunc(stream: CUstream, function: CUhostFn, data: *mut c_void) -> Raw<CUresult> {
    answer(|| {
        let (_, stream, context) = usable(stream)?;
        let function = function.ok_or_else(|| null("the function"))?;
        context.submit(&stream, Vec::new(), Operation::Call(HostCall { function, data }))?;
        Ok(())
    })
}
