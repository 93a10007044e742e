//! Work in order, beside other work.
//!
//! What is enqueued on a stream runs one after the other. Streams run beside each other, except where they touch the
//! same memory: that is found out (`allocation`), and the later one waits, on the device if it
//! can.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use geobacter_lang::Element;

use crate::{
    allocation::{Access, Allocation, Dependencies, Mode, submitting},
    device::{Device, Error},
    driver::{Call, CopyWork, Dispatch, DriverError, DriverStream, Priority, Work, WorkError},
    event::{Event, What},
    launch::LaunchError,
    slice::{DeviceSlice, Rect, rect_copy},
};

/// Work on one device, in order.
///
/// Every method that enqueues returns at once, with an [`Event`] for the work, unless the stream is full; then it waits
/// until there is room. Arguments may be dropped, or used elsewhere, as soon as it has returned: work holds the memory
/// that it touches, and whatever else touches it waits as long as it must.
///
/// Dropping a stream lets its work run to the end. A stream may be shared by threads; what one thread enqueues stays in
/// order.
pub struct Stream {
    device: Device,
    driver: Box<dyn DriverStream>,
    id: u64,
    shared: Arc<InFlight>,
    /// To be done before the next work begins. Held while work is submitted, so that what is in flight is listed in
    /// the order in which it runs.
    after: Mutex<Vec<Event>>,
}

/// Work of a stream that is not settled, oldest first.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// The first that failed and that nobody has heard of.
    failed: Option<Event>,
}

impl InFlight {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settles what is done.
    pub(crate) fn settle(&self) {
        self.lock().settle();
    }

    /// Waits for everything.
    pub(crate) fn wait(&self) {
        // Not under the lock: others may enqueue meanwhile. In order, as what they print is.
        let events = self.lock().events.clone();
        for event in &events {
            let _outcome = event.wait_unreported();
        }
        self.settle();
    }
}

impl Queue {
    fn settle(&mut self) {
        while let Some(event) = self.events.front() {
            let Some(outcome) = event.settle() else { return };
            let is_news = self.failed.as_ref().is_none_or(Event::is_reported);
            if outcome.is_err() && is_news && !event.is_reported() {
                self.failed = Some(event.clone());
            }
            self.events.pop_front();
        }
    }
}

impl Stream {
    pub(crate) fn new(device: &Device, priority: Priority) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let driver = device.driver().open_stream(priority).map_err(|source| device.error(source))?;
        let shared = Arc::new(InFlight::default());
        device.add_stream(&shared);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { device: device.clone(), driver, id, shared, after: Mutex::default() })
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Waits until everything that was enqueued so far is done.
    ///
    /// # Errors
    /// The first failure since the last call that nobody has been told of.
    pub fn wait(&self) -> Result<(), Error> {
        self.shared.wait();
        let failed = self.shared.lock().failed.take().filter(|event| !event.is_reported());
        match failed.as_ref().and_then(|event| Some((event, event.settle()?.err()?))) {
            Some((event, failure)) => Err(event.report(failure)),
            None => Ok(()),
        }
    }

    /// Whether nothing is in flight.
    pub fn is_idle(&self) -> bool {
        let mut queue = self.shared.lock();
        queue.settle();
        queue.events.is_empty()
    }

    /// Has everything that is enqueued from now on begin after this event, of whatever stream and device. Does not
    /// block.
    ///
    /// There is no need to, for the sake of buffers: those wait by themselves. If the event's work fails, what comes
    /// after it runs nonetheless.
    pub fn wait_for(&self, event: &Event) {
        self.after.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }

    /// An event that is done when everything that was enqueued so far is.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn marker(&self) -> Result<Event, Error> {
        // SAFETY: a marker touches nothing.
        unsafe { self.submit(Work::Marker, What::Other("a marker"), &[]) }
    }

    /// Copies all elements of one slice to another, which may lie on another device.
    ///
    /// # Errors
    /// [`Error::Length`] if they differ in length; [`Error::Transfer`] if the device refuses.
    pub fn copy<T: Element>(
        &self,
        source: &DeviceSlice<T, impl ?Sized>,
        destination: &mut DeviceSlice<T, impl ?Sized>,
    ) -> Result<Event, Error> {
        destination.check_length(source.len())?;
        let columns = source.len();
        let plain = Rect { start: 0, pitch: columns };
        self.copy_rect((source, plain), (destination, plain), [columns, 1])
    }

    /// Copies a rectangle of `[columns, rows]` elements from one matrix to another; each is stored row by row in its
    /// slice. The slices may lie on different devices.
    ///
    /// # Errors
    /// [`Error::Rect`] if a rectangle does not lie in its slice; [`Error::Transfer`] if the device refuses.
    pub fn copy_rect<T: Element>(
        &self,
        source: (&DeviceSlice<T, impl ?Sized>, Rect),
        destination: (&mut DeviceSlice<T, impl ?Sized>, Rect),
        size: [usize; 2],
    ) -> Result<Event, Error> {
        let (to, to_rect) = destination;
        let work = rect_copy(source, (to, to_rect), size)?;
        let accesses = [source.0.access(Mode::Read), to.access(Mode::Write)];
        // SAFETY: the source is borrowed and the destination mutably so, now; from then on the recorded accesses keep
        // others away until the copy is done. Both lie in their memories, as `rect_copy` has checked, and do not
        // overlap, for they are borrowed differently.
        unsafe { self.submit_copy(work, &accesses) }
    }

    /// Sets all elements to one value.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn fill<T: Element>(&self, slice: &mut DeviceSlice<T, impl ?Sized>, value: T) -> Result<Event, Error> {
        let accesses = [slice.access(Mode::Write)];
        // SAFETY: the slice is borrowed mutably now, and later the recorded access keeps others away.
        unsafe { self.submit(Work::Fill(slice.fill_work(value)), What::Other("a fill"), &accesses) }
    }

    /// Replaces all elements of a slice by these, which the stream keeps until then. From a
    /// [`HostBuffer`](crate::HostBuffer), [`copy`](Self::copy) does the same without the processor's help.
    ///
    /// # Errors
    /// [`Error::Length`] if there are more or fewer than the slice has; [`Error::Transfer`] if the device refuses.
    pub fn upload<T: Element>(
        &self,
        elements: impl Into<Arc<[T]>>,
        slice: &mut DeviceSlice<T, impl ?Sized>,
    ) -> Result<Event, Error> {
        let elements = elements.into();
        slice.check_length(elements.len())?;
        let (offset, memory) = (slice.range().start, Arc::clone(slice.allocation().memory()));
        let call: Call = Box::new(move || {
            memory.write(offset, bytemuck::cast_slice(&elements)).map_err(DriverError::into_work_error)
        });
        // SAFETY: as in `fill`.
        unsafe { self.submit(Work::Call(call), What::Other("an upload"), &[slice.access(Mode::Write)]) }
    }

    /// All elements of a slice, when everything that writes them is done.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn download<T: Element>(&self, slice: &DeviceSlice<T, impl ?Sized>) -> Result<Download<T>, Error> {
        let (offset, memory, length) = (slice.range().start, Arc::clone(slice.allocation().memory()), slice.len());
        let elements = Arc::new(Mutex::new(Vec::new()));
        let result = Arc::clone(&elements);
        let call: Call = Box::new(move || {
            let mut elements = vec![T::zeroed(); length];
            memory.read(offset, bytemuck::cast_slice_mut(&mut elements)).map_err(DriverError::into_work_error)?;
            *result.lock().unwrap_or_else(PoisonError::into_inner) = elements;
            Ok(())
        });
        // SAFETY: the slice is borrowed now, and later the recorded access keeps writers away.
        let event = unsafe { self.submit(Work::Call(call), What::Other("a download"), &[slice.access(Mode::Read)]) }?;
        Ok(Download { event, elements })
    }

    /// Runs a function of the host in the stream's order. It must not use devices: what it would wait for may wait for
    /// it. If it panics, its event fails.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn call(&self, function: impl FnOnce() + Send + 'static) -> Result<Event, Error> {
        let call: Call = Box::new(move || {
            catch_unwind(AssertUnwindSafe(function)).map_err(|payload| {
                let text = payload.downcast_ref::<&str>().copied();
                let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
                WorkError::Device(format!("a call panicked: {}", text.unwrap_or("a panic without a message")))
            })
        });
        // SAFETY: a function of the host touches no device memory.
        unsafe { self.submit(Work::Call(call), What::Other("a call"), &[]) }
    }

    /// # Safety
    /// The dispatch's kernarg bytes must be what its kernel takes, and these all the accesses that it makes; all of
    /// them are allowed now.
    pub(crate) unsafe fn submit_launch(&self, dispatch: Dispatch, accesses: &[Access]) -> Result<Event, LaunchError> {
        // SAFETY: as this function's contract.
        unsafe { self.try_submit(Work::Kernel(dispatch.clone()), What::Kernel(dispatch.clone()), accesses) }
            .map_err(|source| LaunchError::of(&dispatch, self.device.id(), source))
    }

    /// # Safety
    /// As [`submit`](Self::submit).
    unsafe fn submit_copy(&self, copy: CopyWork, accesses: &[Access]) -> Result<Event, Error> {
        // SAFETY: this function's contract.
        unsafe { self.submit(Work::Copy(copy), What::Other("a copy"), accesses) }
    }

    /// # Safety
    /// These are all accesses that the work makes, and all of them are allowed now.
    unsafe fn submit(&self, work: Work, what: What, accesses: &[Access]) -> Result<Event, Error> {
        // SAFETY: this function's contract.
        unsafe { self.try_submit(work, what, accesses) }.map_err(|source| self.device.error(source))
    }

    /// # Safety
    /// As [`submit`](Self::submit).
    unsafe fn try_submit(&self, work: Work, what: What, accesses: &[Access]) -> Result<Event, DriverError> {
        // Before the lock: in a forked child it may be held by a thread that is not there.
        self.device.check_process()?;
        let _submitting = submitting();
        // SAFETY: this function's contract.
        unsafe { self.submit_exclusively(work, what, accesses) }
    }

    /// # Safety
    /// As [`submit`](Self::submit); and [`submitting`], or
    /// [`submitting_a_graph`](crate::allocation::submitting_a_graph), is held.
    pub(crate) unsafe fn submit_exclusively(
        &self,
        work: Work,
        what: What,
        accesses: &[Access],
    ) -> Result<Event, DriverError> {
        let mut dependencies = Dependencies::default();
        accesses.iter().for_each(|access| access.dependencies(&mut dependencies));
        let mut explicit = self.after.lock().unwrap_or_else(PoisonError::into_inner);
        explicit.retain(|event| !event.is_done());
        // Own work is in order by itself.
        let pending = dependencies.pending.iter().filter(|event| event.stream() != self.id);
        let after: Vec<_> = pending.chain(&*explicit).map(|event| Arc::clone(event.completion())).collect();
        let enqueued = Instant::now();
        // SAFETY: everything that touches the same memory, in flight, is waited for (`after`, and the stream's order);
        // until the work is done, the event that is recorded below has others wait, and holds the memory.
        let completion = unsafe { self.driver.submit(work, &after) }?;
        explicit.clear();
        let memory: Vec<Arc<Allocation>> = accesses.iter().map(|access| Arc::clone(&access.allocation)).collect();
        let device = Arc::clone(self.device.shared_id());
        let event = Event::new(completion, what, device, self.id, enqueued, memory, dependencies.writers);
        accesses.iter().for_each(|access| access.record(&event));
        let mut queue = self.shared.lock();
        queue.events.push_back(event.clone());
        queue.settle();
        Ok(event)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let last = {
            let mut queue = self.shared.lock();
            queue.settle();
            queue.events.back().cloned()
        };
        // What is in flight is settled when it is done, so that its memory is freed without anybody looking.
        if let Some(last) = last {
            let in_flight = Arc::clone(&self.shared);
            last.when_done(move || in_flight.settle());
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("device", &self.device.id()).field("id", &self.id).finish_non_exhaustive()
    }
}

/// Elements on their way to the host. A [`Future`], too.
#[must_use = "elements that nobody waits for are dropped"]
pub struct Download<T> {
    event: Event,
    elements: Arc<Mutex<Vec<T>>>,
}

impl<T> Download<T> {
    /// Waits for the elements.
    ///
    /// # Errors
    /// As [`Event::wait`].
    pub fn wait(self) -> Result<Vec<T>, Error> {
        self.event.wait()?;
        Ok(self.take())
    }

    /// Whether the elements are there. Never blocks.
    pub fn is_done(&self) -> bool {
        self.event.is_done()
    }

    /// The copy's event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.elements.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Future for Download<T> {
    type Output = Result<Vec<T>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.event).poll(context) {
            Poll::Ready(outcome) => Poll::Ready(outcome.map(|()| self.take())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> fmt::Debug for Download<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Download").field(&self.event).finish()
    }
}
