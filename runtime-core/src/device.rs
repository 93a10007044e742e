//! A device as a program holds it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use geobacter_lang::{Element, StructOfArrays};

use crate::{
    allocation::Allocation,
    buffer::DeviceBuffer,
    device_box::DeviceBox,
    device_vec::DeviceVec,
    driver::{DeviceInfo, Driver, DriverError, MemoryKind, OutOfMemory, Priority},
    fork,
    graph::GraphBuilder,
    host_buffer::HostBuffer,
    launch::LaunchError,
    memory_pool::MemoryPool,
    output::OutputLine,
    soa::SoaBuffer,
    stream::{InFlight, Stream},
};

/// One device. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Device(Arc<Inner>);

struct Inner {
    driver: Arc<dyn Driver>,
    id: Arc<str>,
    memory: MemoryPool,
    /// The process that opened it, among forked ones.
    generation: u32,
    /// Streams that may have work in flight.
    streams: Mutex<Vec<Weak<InFlight>>>,
}

impl Device {
    /// The device behind this driver. A program has one for each driver: two would count memory apart.
    pub fn new(driver: Arc<dyn Driver>) -> Self {
        let (id, memory) = (driver.info().id.as_str().into(), MemoryPool::new(driver.info()));
        Self(Arc::new(Inner { driver, id, memory, generation: fork::generation(), streams: Mutex::default() }))
    }

    /// What it is and what it can take.
    pub fn info(&self) -> &DeviceInfo {
        self.0.driver.info()
    }

    /// How a user names it: `host`, `sim:gfx942`, `amd:0`.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn shared_id(&self) -> &Arc<str> {
        &self.0.id
    }

    /// The driver behind it.
    pub fn driver(&self) -> &dyn Driver {
        &*self.0.driver
    }

    /// # Errors
    /// [`DriverError::Forked`] in a child of the process that opened the device.
    pub(crate) fn check_process(&self) -> Result<(), DriverError> {
        if self.0.generation == fork::generation() { Ok(()) } else { Err(DriverError::Forked) }
    }

    /// What this program takes of its memory: statistics, and a limit.
    pub fn memory(&self) -> &MemoryPool {
        &self.0.memory
    }

    /// A stream: work on this device that runs in order, beside the work of other streams.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn stream(&self) -> Result<Stream, Error> {
        self.stream_with_priority(Priority::Normal)
    }

    /// A stream that the device prefers to others, or others to it, where it can.
    ///
    /// # Errors
    /// [`Error::Transfer`] if the device refuses.
    pub fn stream_with_priority(&self, priority: Priority) -> Result<Stream, Error> {
        Stream::new(self, priority)
    }

    /// A graph for this device, with nothing in it yet.
    pub fn graph(&self) -> GraphBuilder {
        GraphBuilder::new(self)
    }

    /// Has kernels of this device reach buffers of another one, over whatever connects the two. Without it such a
    /// buffer is refused at launch ([`LaunchError::ForeignBuffer`]), and has to be copied. Pinned memory is reached
    /// without it.
    ///
    /// # Errors
    /// [`Error::Transfer`] if nothing connects the two.
    pub fn enable_peer_access(&self, peer: &Self) -> Result<(), Error> {
        if self == peer {
            return Ok(());
        }
        self.driver().enable_peer_access(peer.driver()).map_err(|source| self.error(source))
    }

    /// Waits until nothing is in flight on this device, of any stream. Failures are told to who waits for their events,
    /// streams or buffers.
    pub fn wait(&self) {
        for stream in self.streams() {
            stream.wait();
        }
    }

    fn streams(&self) -> Vec<Arc<InFlight>> {
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn add_stream(&self, stream: &Arc<InFlight>) {
        let mut streams = self.0.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|other| other.strong_count() > 0);
        streams.push(Arc::downgrade(stream));
    }

    pub(crate) fn allocate(&self, bytes: u64, kind: MemoryKind, zeroed: bool) -> Result<Allocation, Error> {
        if bytes > isize::MAX as u64 {
            let failure = OutOfMemory::new(bytes, kind, self.info().memory);
            return Err(self.error(DriverError::OutOfMemory(failure)));
        }
        self.check_process().map_err(|source| self.error(source))?;
        // Not 0: a kernel's empty slice wants an aligned address that is not null, too.
        let size = bytes.max(1);
        let block = self.0.memory.allocate(self.driver(), size, kind, zeroed, || self.wait());
        Ok(Allocation::new(block.map_err(|source| self.error(source))?, size, kind))
    }

    /// Gives the lines that kernels on this device print to `handler`, in place of standard output: one call for each
    /// line, on any thread. It is for all handles to the device, and stays until another one is set.
    pub fn on_output(&self, handler: impl Fn(OutputLine) + Send + Sync + 'static) {
        self.driver().output().set(handler);
    }

    /// A buffer on this device with these elements.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn upload<T: Element>(&self, elements: &[T]) -> Result<DeviceBuffer<T>, Error> {
        let mut buffer = DeviceBuffer::stale(self, elements.len(), MemoryKind::Device)?;
        buffer.upload(elements)?;
        Ok(buffer)
    }

    /// A buffer on this device with `length` elements, all of whose bytes are zero.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn zeroed<T: Element>(&self, length: usize) -> Result<DeviceBuffer<T>, Error> {
        self.zeroed_in(length, MemoryKind::Device)
    }

    /// The same in memory of some kind.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::Transfer`] if the device has no such memory, or refuses.
    pub fn zeroed_in<T: Element>(&self, length: usize, kind: MemoryKind) -> Result<DeviceBuffer<T>, Error> {
        DeviceBuffer::zeroed(self, length, kind)
    }

    /// Memory of the host that this device reaches, with these elements.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn host_buffer<T: Element>(&self, elements: &[T]) -> Result<HostBuffer<T>, Error> {
        HostBuffer::new(self, elements)
    }

    /// The same with `length` elements, all of whose bytes are zero.
    ///
    /// # Errors
    /// As [`host_buffer`](Self::host_buffer).
    pub fn zeroed_host_buffer<T: Element>(&self, length: usize) -> Result<HostBuffer<T>, Error> {
        HostBuffer::zeroed(self, length)
    }

    /// An allocator for collections in pinned memory that this device reaches.
    #[cfg(feature = "allocator-api2")]
    pub fn host_allocator(&self) -> crate::HostAllocator {
        crate::HostAllocator::new(self)
    }

    /// A vector on this device, with nothing in it.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn vec<T: Element>(&self, capacity: usize) -> Result<DeviceVec<T>, Error> {
        DeviceVec::with_capacity(self, capacity)
    }

    /// One value on this device.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn boxed<T: Element>(&self, value: T) -> Result<DeviceBox<T>, Error> {
        DeviceBox::new(self, value)
    }

    /// Structs on this device, stored as one array for each field.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn upload_soa<T: StructOfArrays>(&self, elements: &[T]) -> Result<SoaBuffer<T>, Error> {
        let mut buffer = self.zeroed_soa(elements.len())?;
        buffer.upload(elements)?;
        Ok(buffer)
    }

    /// `length` structs on this device, stored as one array for each field, all of whose bytes are zero.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::Transfer`] if the device refuses.
    pub fn zeroed_soa<T: StructOfArrays>(&self, length: usize) -> Result<SoaBuffer<T>, Error> {
        SoaBuffer::zeroed(self, length)
    }

    pub(crate) fn error(&self, source: DriverError) -> Error {
        let device = self.id().to_owned();
        match source {
            DriverError::OutOfMemory(memory) => Error::OutOfMemory { device, memory },
            source => Error::Transfer { device, source },
        }
    }
}

impl PartialEq for Device {
    /// Whether both are handles to one device.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.driver, &other.0.driver)
    }
}

impl Eq for Device {}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Device").field(&self.id()).finish()
    }
}

/// What can go wrong with devices and buffers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is not that much memory left.
    #[error("device {device} is out of memory: {memory}; drop buffers that are no longer needed, or work in pieces")]
    OutOfMemory {
        /// The device.
        device: String,
        /// What was asked for, what is in use, and what there is.
        memory: OutOfMemory,
    },
    /// Elements and buffer differ in number.
    #[error("{found} elements for a buffer of {expected} on device {device}")]
    Length {
        /// The device.
        device: String,
        /// Elements of the buffer.
        expected: usize,
        /// Elements that were given.
        found: usize,
    },
    /// A part of a buffer that is not there.
    #[error("elements {start}..{end} of a buffer of {length} on device {device}")]
    Range {
        /// The device.
        device: String,
        /// Where the part begins.
        start: usize,
        /// Where it ends.
        end: usize,
        /// Elements of the buffer.
        length: usize,
    },
    /// A rectangle that does not lie in its buffer.
    #[error(
        "{columns} columns in {rows} rows, from element {start} on and {pitch} apart, in a buffer of {length} elements on device {device}"
    )]
    Rect {
        /// The device.
        device: String,
        /// Elements of a row.
        columns: usize,
        /// Number of rows.
        rows: usize,
        /// Where the first row begins.
        start: usize,
        /// Elements from the beginning of one row to that of the next.
        pitch: usize,
        /// Elements of the buffer.
        length: usize,
    },
    /// The device, or the library that drives it, says no.
    #[error("device {device}: {source}")]
    Transfer {
        /// The device.
        device: String,
        /// What it says.
        source: DriverError,
    },
    /// Work was submitted that needs what other work writes, and that has failed. It ran nonetheless; what it has
    /// written is not to be used.
    #[error("{what} on device {device} has worked on what failed work left{}", cause.as_ref().map_or(String::new(), |cause| format!(": {cause}")))]
    Dependency {
        /// The device.
        device: String,
        /// What was submitted.
        what: String,
        /// The failure.
        cause: Option<Box<Error>>,
    },
    /// The host uses a buffer that a graph uses.
    #[error(
        "a graph on device {device} uses a buffer that the host reads or writes at this time; drop the view, or wait for the call, first"
    )]
    HostUses {
        /// The device.
        device: String,
    },
    /// A graph and a stream belong to different devices.
    #[error("a graph of device {device} was launched on a stream of device {found}; launch it on one of {device}")]
    ForeignStream {
        /// The graph's device.
        device: String,
        /// The stream's.
        found: String,
    },
    /// A launch failed.
    #[error(transparent)]
    Launch(#[from] LaunchError),
}
