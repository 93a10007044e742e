//! Events: places in streams, to wait for and to measure between.

use std::{
    ffi::c_uint,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUevent,
        CUevent_flags::*,
        CUresult::{self, *},
        CUstream,
    },
};

use super::{
    completion::Completion,
    context::{Context, current},
    operation::Operation,
    out::{null, put},
    state::{Failure, Outcome, answer, fail, lock, simulator},
};

/// An event.
#[derive(Debug)]
pub struct Event {
    /// The context that it belongs to.
    pub context: Weak<Context>,
    has_time: bool,
    /// The end of what was in the stream when it was last recorded.
    recorded: Mutex<Option<Arc<Completion>>>,
}

impl Event {
    /// The end of what it stands for; none if it was never recorded.
    pub fn recorded(&self) -> Option<Arc<Completion>> {
        lock(&self.recorded).clone()
    }

    /// Its context, if that can be used.
    fn usable_context(&self) -> Outcome<Arc<Context>> {
        let context = self.context.upgrade();
        let context = context.ok_or_else(|| fail(CUDA_ERROR_INVALID_HANDLE, "the event's context has ended"))?;
        context.check()?;
        Ok(context)
    }

    /// When what it stands for ended.
    fn time(&self, which: &str) -> Outcome<Instant> {
        if !self.has_time {
            let reason = format!("the {which} event was made with CU_EVENT_DISABLE_TIMING");
            return Err(fail(CUDA_ERROR_INVALID_HANDLE, reason));
        }
        let recorded = self.recorded();
        let recorded =
            recorded.ok_or_else(|| fail(CUDA_ERROR_INVALID_HANDLE, format!("the {which} event was never recorded")))?;
        recorded.ended().ok_or(Failure(CUDA_ERROR_NOT_READY))
    }
}

pub unsafe extern "C" fn cuEventCreate(event: *mut CUevent, flags: c_uint) -> Raw<CUresult> {
    answer(|| {
        let (simulator, context) = current()?;
        if event.is_null() {
            return Err(null("the place for the event"));
        }
        let has = |flag: u32| flags & flag != 0;
        let between_processes = has(CU_EVENT_INTERPROCESS as u32);
        let known = CU_EVENT_BLOCKING_SYNC as u32 | CU_EVENT_DISABLE_TIMING as u32 | CU_EVENT_INTERPROCESS as u32;
        let has_time = !has(CU_EVENT_DISABLE_TIMING as u32);
        if flags & !known != 0 || (between_processes && has_time) {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("no event has these flags: {flags:#x}")));
        }
        if between_processes {
            return Err(fail(CUDA_ERROR_NOT_SUPPORTED, "events that processes share are not simulated"));
        }
        let made = Event { context: Arc::downgrade(&context), has_time, recorded: Mutex::default() };
        // SAFETY: the caller gives room for the event.
        unsafe { put(event, simulator.events.add(Arc::new(made)), "the place for the event") }
    })
}

pub unsafe extern "C" fn cuEventDestroy_v2(event: CUevent) -> Raw<CUresult> {
    answer(|| simulator()?.events.remove(event)?.usable_context().map(drop))
}

pub unsafe extern "C" fn cuEventRecord(event: CUevent, stream: CUstream) -> Raw<CUresult> {
    answer(|| {
        let (simulator, current) = current()?;
        let event = simulator.events.get(event)?;
        let context = event.usable_context()?;
        let stream = simulator.stream(&current, stream)?;
        if !stream.context.ptr_eq(&Arc::downgrade(&context)) {
            return Err(fail(CUDA_ERROR_INVALID_HANDLE, "event and stream are of different contexts"));
        }
        let end = context.submit(&stream, Vec::new(), Operation::Nothing)?;
        *lock(&event.recorded) = Some(end);
        Ok(())
    })
}

pub unsafe extern "C" fn cuEventQuery(event: CUevent) -> Raw<CUresult> {
    answer(|| {
        let event = simulator()?.events.get(event)?;
        let ended = event.recorded().is_none_or(|recorded| recorded.ended().is_some());
        // A context is lost before the work that lost it has ended.
        event.usable_context()?;
        if ended { Ok(()) } else { Err(Failure(CUDA_ERROR_NOT_READY)) }
    })
}

pub unsafe extern "C" fn cuEventSynchronize(event: CUevent) -> Raw<CUresult> {
    answer(|| {
        let event = simulator()?.events.get(event)?;
        event.usable_context()?;
        if let Some(recorded) = event.recorded() {
            recorded.wait();
        }
        event.usable_context().map(drop)
    })
}

pub unsafe extern "C" fn cuEventElapsedTime(to: *mut f32, start: CUevent, end: CUevent) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        let (start, end) = (simulator.events.get(start)?, simulator.events.get(end)?);
        let context = start.usable_context()?;
        end.usable_context()?;
        if !end.context.ptr_eq(&Arc::downgrade(&context)) {
            return Err(fail(CUDA_ERROR_INVALID_HANDLE, "the two events are of different contexts"));
        }
        let (start, end) = (start.time("first")?, end.time("second")?);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let elapsed = match end.checked_duration_since(start) {
            Some(elapsed) => milliseconds(elapsed),
            None => -milliseconds(start - end),
        };
        // SAFETY: the caller gives room for the number.
        unsafe { put(to, elapsed as f32, "the place for the time") }
    })
}
