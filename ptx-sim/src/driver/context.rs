//! Contexts: what a program has of a device, until it is released, reset, or lost to a kernel that faults.

use std::{
    cell::Cell,
    collections::HashMap,
    ffi::{c_int, c_uint},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ThreadId},
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUcontext,
        CUlimit::{self, *},
        CUresult::{self, *},
        CUstream,
    },
};

use super::{
    attributes::LOCAL_MEMORY,
    completion::Completion,
    device::Device,
    operation::{Lost, Operation},
    out::{put, put_if_wanted},
    state::{Failure, Outcome, Simulator, answer, fail, lock, simulator},
    stream::{Kind, Stream},
};
use crate::memory::Memory;

/// The highest priority of a stream; the lowest one is 0. Numbers below 0 are higher.
const HIGHEST_PRIORITY: c_int = -5;
/// `CU_STREAM_LEGACY`, the default stream by its name.
const STREAM_LEGACY: usize = 1;
/// `CU_STREAM_PER_THREAD`, the default stream of the calling thread.
const STREAM_PER_THREAD: usize = 2;

/// The primary context of a device, from the time when it is first retained to its release or reset.
#[derive(Debug)]
pub struct Context {
    /// The device.
    pub device: &'static Device,
    /// The device's memory, and what its kernels may touch of others'.
    pub memory: Arc<Memory>,
    /// Why it was lost. Nothing is done in it any more.
    lost: Mutex<Option<(CUresult, String)>>,
    /// Whether it was released or reset.
    ended: AtomicBool,
    streams: Mutex<Streams>,
}

/// The streams of a context. Their lock orders what is submitted.
#[derive(Debug)]
struct Streams {
    default: Arc<Stream>,
    of_threads: HashMap<ThreadId, Arc<Stream>>,
    /// Those that the program has made.
    made: Vec<Arc<Stream>>,
}

thread_local! {
    /// The handle of the calling thread's current context; 0 for none.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

impl Streams {
    fn all(&self) -> impl Iterator<Item = &Arc<Stream>> {
        [&self.default].into_iter().chain(self.of_threads.values()).chain(&self.made)
    }

    fn blocking(&self) -> impl Iterator<Item = &Arc<Stream>> {
        self.all().filter(|stream| stream.kind == Kind::Blocking)
    }
}

impl Context {
    fn new(device: &'static Device) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            device,
            memory: Arc::new(Memory::new(device.memory)),
            lost: Mutex::default(),
            ended: AtomicBool::new(false),
            streams: Mutex::new(Streams {
                default: Stream::new(this.clone(), Kind::Default),
                of_threads: HashMap::new(),
                made: Vec::new(),
            }),
        })
    }

    /// Makes a stream.
    pub fn make_stream(self: &Arc<Self>, kind: Kind) -> Arc<Stream> {
        let stream = Stream::new(Arc::downgrade(self), kind);
        lock(&self.streams).made.push(Arc::clone(&stream));
        stream
    }

    /// Forgets a stream. What is in it is still done.
    pub fn forget_stream(&self, stream: &Arc<Stream>) {
        stream.close();
        lock(&self.streams).made.retain(|made| !Arc::ptr_eq(made, stream));
    }

    /// Submits work to one of the context's streams. It begins when all of these have ended, what is in the stream, and
    /// what the rules of the default stream say.
    pub fn submit(
        self: &Arc<Self>,
        stream: &Arc<Stream>,
        mut waits: Vec<Arc<Completion>>,
        operation: Operation,
    ) -> Outcome<Arc<Completion>> {
        let streams = lock(&self.streams);
        self.check()?;
        match stream.kind {
            Kind::Default => {
                waits.extend(streams.blocking().map(|stream| stream.last()).filter(|last| last.ended().is_none()));
            }
            Kind::Blocking => waits.push(streams.default.last()),
            Kind::NonBlocking => {}
        }
        stream.push(self, waits, operation)
    }

    /// The ends of all that must have ended for a stream to be done: of the default stream, what is in blocking streams
    /// as well.
    pub fn ends(&self, stream: &Stream) -> Vec<Arc<Completion>> {
        let mut ends = vec![stream.last()];
        if stream.kind == Kind::Default {
            ends.extend(lock(&self.streams).blocking().map(|stream| stream.last()));
        }
        ends
    }

    /// Does a piece of work, if the context is not lost by then.
    pub fn run(&self, operation: &Operation) {
        if lock(&self.lost).is_some() {
            return;
        }
        if let Err(Lost { result, reason, fault }) = operation.run() {
            tracing::debug!(?result, reason, device = self.device.index, "a context is lost");
            if let Some(fault) = fault {
                *lock(&self.device.fault) = Some(*fault);
            }
            lock(&self.lost).get_or_insert((result, reason));
        }
    }

    /// Blocks until all that was submitted has ended.
    pub fn drain(&self) {
        let last: Vec<_> = lock(&self.streams).all().map(|stream| stream.last()).collect();
        for end in last {
            end.wait();
        }
    }

    /// Whether it can be used.
    pub fn check(&self) -> Outcome {
        if self.ended.load(Ordering::Acquire) {
            return Err(ended());
        }
        match &*lock(&self.lost) {
            None => Ok(()),
            Some((result, reason)) => {
                let index = self.device.index;
                Err(fail(*result, format!("the context of device {index} is lost since {reason}")))
            }
        }
    }

    /// The end of the context: waits for its work, and takes away all that is in it.
    fn end(self: &Arc<Self>, simulator: &Simulator) {
        {
            // Whoever submits sees this, or is seen by the wait below.
            let _submissions = lock(&self.streams);
            self.ended.store(true, Ordering::Release);
        }
        self.drain();
        lock(&self.streams).all().for_each(|stream| stream.close());
        let here = Arc::downgrade(self);
        drop(simulator.streams.take(|stream| stream.context.ptr_eq(&here)));
        drop(simulator.events.take(|event| event.context.ptr_eq(&here)));
        drop(simulator.functions.take(|function| function.context.ptr_eq(&here)));
        drop(simulator.modules.take(|module| module.context.ptr_eq(&here)));
        drop(simulator.links.take(|link| link.context.ptr_eq(&here)));
        simulator.allocations.remove_context(&self.memory);
    }
}

fn ended() -> Failure {
    let reason = "the current context was released or reset, and not retained again";
    fail(CUDA_ERROR_CONTEXT_IS_DESTROYED, reason)
}

impl Simulator {
    /// The device whose primary context has this handle.
    fn device_of_context(&'static self, handle: usize) -> Outcome<&'static Device> {
        let device = self.devices.iter().find(|device| device.context == handle);
        device.ok_or_else(|| fail(CUDA_ERROR_INVALID_CONTEXT, format!("there is no context {handle:#x}")))
    }

    /// The context of this handle, lost or not.
    pub fn context(&'static self, handle: CUcontext) -> Outcome<Arc<Context>> {
        lock(&self.device_of_context(handle.addr())?.primary).active.clone().ok_or_else(ended)
    }

    /// The stream of this handle, which may be one that stands for a default stream of `context`.
    pub fn stream(&self, context: &Arc<Context>, handle: CUstream) -> Outcome<Arc<Stream>> {
        match handle.addr() {
            0 | STREAM_LEGACY => Ok(Arc::clone(&lock(&context.streams).default)),
            STREAM_PER_THREAD => {
                let mut streams = lock(&context.streams);
                let made = || Stream::new(Arc::downgrade(context), Kind::Blocking);
                Ok(Arc::clone(streams.of_threads.entry(thread::current().id()).or_insert_with(made)))
            }
            _ => self.streams.get(handle),
        }
    }

    /// Blocks until all work has ended in the contexts with these memories.
    pub fn drain(&self, memories: &[Arc<Memory>]) {
        let active = self.devices.iter().filter_map(|device| lock(&device.primary).active.clone());
        let active: Vec<_> =
            active.filter(|context| memories.iter().any(|memory| Arc::ptr_eq(memory, &context.memory))).collect();
        for context in active {
            context.drain();
        }
    }
}

/// The simulator and the calling thread's current context, if it can be used.
pub fn current() -> Outcome<(&'static Simulator, Arc<Context>)> {
    let simulator = simulator()?;
    let handle = CURRENT.get();
    if handle == 0 {
        return Err(fail(CUDA_ERROR_INVALID_CONTEXT, "the calling thread has no current context"));
    }
    let context = simulator.context(core::ptr::without_provenance_mut(handle))?;
    context.check()?;
    Ok((simulator, context))
}

pub unsafe extern "C" fn cuDevicePrimaryCtxRetain(to: *mut CUcontext, device: c_int) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        let device = simulator.device(device)?;
        let handle = core::ptr::without_provenance_mut(device.context);
        // SAFETY: the caller gives room for the context.
        unsafe { put(to, handle, "the place for the context") }?;
        let mut primary = lock(&device.primary);
        primary.references += 1;
        primary.active.get_or_insert_with(|| {
            let context = Context::new(device);
            simulator.allocations.add_context(&context.memory);
            context
        });
        Ok(())
    })
}

pub unsafe extern "C" fn cuDevicePrimaryCtxRelease_v2(device: c_int) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        let device = simulator.device(device)?;
        let mut primary = lock(&device.primary);
        let Some(left) = primary.references.checked_sub(1) else {
            let reason = format!("the context of device {} is released more often than it was retained", device.index);
            return Err(fail(CUDA_ERROR_INVALID_CONTEXT, reason));
        };
        primary.references = left;
        if left == 0 {
            let active = primary.active.take();
            drop(primary);
            if let Some(context) = active {
                context.end(simulator);
            }
        }
        Ok(())
    })
}

pub unsafe extern "C" fn cuDevicePrimaryCtxReset_v2(device: c_int) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        let active = lock(&simulator.device(device)?.primary).active.take();
        if let Some(context) = active {
            context.end(simulator);
        }
        Ok(())
    })
}

pub unsafe extern "C" fn cuCtxSetCurrent(context: CUcontext) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        if !context.is_null() {
            simulator.device_of_context(context.addr())?;
        }
        CURRENT.set(context.addr());
        Ok(())
    })
}

pub unsafe extern "C" fn cuCtxGetCurrent(to: *mut CUcontext) -> Raw<CUresult> {
    answer(|| {
        simulator()?;
        let handle = core::ptr::without_provenance_mut(CURRENT.get());
        // SAFETY: the caller gives room for the context.
        unsafe { put(to, handle, "the place for the context") }
    })
}

pub unsafe extern "C" fn cuCtxSynchronize() -> Raw<CUresult> {
    answer(|| {
        let (_, context) = current()?;
        context.drain();
        context.check()
    })
}

pub unsafe extern "C" fn cuCtxEnablePeerAccess(peer: CUcontext, flags: c_uint) -> Raw<CUresult> {
    answer(|| {
        let (simulator, context) = current()?;
        if flags != 0 {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("there are no such flags: {flags:#x}")));
        }
        let peer = simulator.context(peer)?;
        let (from, to) = (context.device, peer.device);
        if from.index == to.index {
            return Err(fail(CUDA_ERROR_INVALID_DEVICE, format!("device {} is no peer of itself", from.index)));
        }
        if !from.can_access(to) {
            let reason = format!("device {} ({}) cannot access device {}", from.index, from.card.name, to.index);
            return Err(fail(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, reason));
        }
        simulator.allocations.let_at(&context.memory, &peer.memory)
    })
}

pub unsafe extern "C" fn cuCtxGetStreamPriorityRange(least: *mut c_int, greatest: *mut c_int) -> Raw<CUresult> {
    answer(|| {
        current()?;
        // SAFETY: the caller gives room for each that it wants.
        unsafe {
            put_if_wanted(least, 0);
            put_if_wanted(greatest, HIGHEST_PRIORITY);
        }
        Ok(())
    })
}

pub unsafe extern "C" fn cuCtxSetLimit(limit: Raw<CUlimit>, value: usize) -> Raw<CUresult> {
    answer(|| {
        current()?;
        // Kernels of the simulator have all the stack that the machine gives, and neither device-side printf nor
        // malloc; the sizes may be set as on the device, and change nothing.
        let known = [
            CU_LIMIT_STACK_SIZE,
            CU_LIMIT_PRINTF_FIFO_SIZE,
            CU_LIMIT_MALLOC_HEAP_SIZE,
            CU_LIMIT_MAX_L2_FETCH_GRANULARITY,
        ];
        if !known.iter().any(|known| limit == *known) {
            let reason = format!("there is no limit {} that can be set here", limit.number());
            return Err(fail(CUDA_ERROR_UNSUPPORTED_LIMIT, reason));
        }
        if limit == CU_LIMIT_STACK_SIZE && value > LOCAL_MEMORY as usize {
            let reason = format!("a stack of {value} bytes is more than the {LOCAL_MEMORY} bytes of a thread");
            return Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
        }
        Ok(())
    })
}
