//! Work that is recorded once and launched many times.
//!
//! Recording checks each launch, compiles its kernel and makes its packets; launching the graph then costs little more
//! than ringing a bell. Steps run one after the other, in the order in which they were recorded.
//!
//! A graph keeps the memory of its buffers, but does not borrow them: they can be used between its launches as ever,
//! and what is in flight waits as it must. While the host looks into a buffer (a [`HostView`](crate::HostView), a
//! download on another thread) a graph that would disturb it is refused.

use std::{fmt, ops::Range, sync::Arc};

use geobacter_lang::Element;

use crate::{
    allocation::{Access, Mode, submitting_a_graph},
    device::{Device, Error},
    driver::{Dispatch, DriverGraph, GraphStep, Work},
    event::{Event, What},
    slice::{DeviceSlice, Rect, rect_copy},
    stream::Stream,
};

/// A graph in the making. Kernels are added by their `record`.
pub struct GraphBuilder {
    device: Device,
    steps: Vec<GraphStep>,
    names: Vec<What>,
    accesses: Vec<Access>,
}

impl GraphBuilder {
    pub(crate) fn new(device: &Device) -> Self {
        Self { device: device.clone(), steps: Vec::new(), names: Vec::new(), accesses: Vec::new() }
    }

    /// The device that the graph will run on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// # Safety
    /// The dispatch's kernarg bytes are what its kernel takes, and these all the accesses that it makes.
    pub(crate) unsafe fn add_launch(&mut self, dispatch: Dispatch, accesses: Vec<Access>) {
        self.names.push(What::Kernel(dispatch.clone()));
        self.steps.push(GraphStep::Kernel(dispatch));
        self.accesses.extend(accesses);
    }

    /// Adds a copy of all elements of one slice to another, which may lie on another device.
    ///
    /// # Errors
    /// [`Error::Length`] if they differ in length.
    pub fn copy<T: Element>(
        &mut self,
        source: &DeviceSlice<T, impl ?Sized>,
        destination: &mut DeviceSlice<T, impl ?Sized>,
    ) -> Result<(), Error> {
        destination.check_length(source.len())?;
        let columns = source.len();
        let plain = Rect { start: 0, pitch: columns };
        self.copy_rect((source, plain), (destination, plain), [columns, 1])
    }

    /// Adds a copy of a rectangle of `[columns, rows]` elements from one matrix to another.
    ///
    /// # Errors
    /// [`Error::Rect`] if a rectangle does not lie in its slice.
    pub fn copy_rect<T: Element>(
        &mut self,
        source: (&DeviceSlice<T, impl ?Sized>, Rect),
        destination: (&mut DeviceSlice<T, impl ?Sized>, Rect),
        size: [usize; 2],
    ) -> Result<(), Error> {
        let (to, to_rect) = destination;
        self.steps.push(GraphStep::Copy(rect_copy(source, (to, to_rect), size)?));
        self.names.push(What::Other("a copy"));
        self.accesses.extend([source.0.access(Mode::Read), to.access(Mode::Write)]);
        Ok(())
    }

    /// Adds a fill: all elements are set to one value.
    pub fn fill<T: Element>(&mut self, slice: &mut DeviceSlice<T, impl ?Sized>, value: T) {
        self.steps.push(GraphStep::Fill(slice.fill_work(value)));
        self.names.push(What::Other("a fill"));
        self.accesses.push(slice.access(Mode::Write));
    }

    /// Makes the graph ready: compiles and loads its kernels, and makes what is submitted.
    ///
    /// # Errors
    /// [`Error::Transfer`] with what code generation or the device says.
    pub fn build(self) -> Result<Graph, Error> {
        let Self { device, steps, names, accesses } = self;
        device.check_process().map_err(|source| device.error(source))?;
        let driver = device.driver().build_graph(steps).map_err(|source| device.error(source))?;
        Ok(Graph { driver, names: names.into(), accesses: merged(accesses), device })
    }
}

/// The same accesses, each range once.
fn merged(accesses: Vec<Access>) -> Vec<Access> {
    let mut merged: Vec<Access> = Vec::new();
    for access in accesses {
        let same = |other: &&mut Access| {
            let (a, b): (&Range<u64>, &Range<u64>) = (&other.range, &access.range);
            Arc::ptr_eq(&other.allocation, &access.allocation) && a == b
        };
        match merged.iter_mut().find(same) {
            Some(other) if access.mode == Mode::Write => other.mode = Mode::Write,
            Some(_) => {}
            None => merged.push(access),
        }
    }
    merged
}

/// Work that was recorded, to be launched any number of times.
pub struct Graph {
    device: Device,
    driver: Arc<dyn DriverGraph>,
    names: Arc<[What]>,
    accesses: Vec<Access>,
}

impl Graph {
    /// Runs all steps on a stream, in its order, and does not wait for that.
    ///
    /// # Errors
    /// [`Error::ForeignStream`] if the stream is one of another device; [`Error::HostUses`] if the host reads or writes
    /// a buffer of the graph at this time; [`Error::Transfer`] if the device refuses. What goes wrong in a step is the
    /// event's to say.
    pub fn launch(&self, stream: &Stream) -> Result<Event, Error> {
        if *stream.device() != self.device {
            let (device, found) = (self.device.id().to_owned(), stream.device().id().to_owned());
            return Err(Error::ForeignStream { device, found });
        }
        self.device.check_process().map_err(|source| self.device.error(source))?;
        let _submitting = submitting_a_graph();
        if self.accesses.iter().any(Access::disturbs_host) {
            return Err(Error::HostUses { device: self.device.id().to_owned() });
        }
        let (work, what) = (Work::Graph(Arc::clone(&self.driver)), What::Graph(Arc::clone(&self.names)));
        // SAFETY: the steps were checked when they were recorded, and these are their accesses. Nobody else uses the
        // memory: the host does not, as was just seen, and what is in flight is waited for, as is this by what comes
        // later.
        unsafe { stream.submit_exclusively(work, what, &self.accesses) }.map_err(|source| self.device.error(source))
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it has no steps.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

impl fmt::Debug for GraphBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphBuilder").field("device", &self.device.id()).field("steps", &self.steps.len()).finish()
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("device", &self.device.id()).field("steps", &self.len()).finish_non_exhaustive()
    }
}
