//! One launch: every check, in one place, then the kernarg bytes.
//!
//! * `arguments`: what the caller passes for each parameter, gone through in order.
//! * `contract`: the checks.
//! * `error`: what they say.
//!
//! `#[kernel]` writes calls of [`launch`] and [`Arguments::push`]. What is checked is the *launch contract* that
//! item-indexed access in a kernel relies on (see `geobacter_lang`): nothing is enqueued and no buffer changes unless
//! all of it holds.

mod arguments;
mod contract;
mod error;

use std::time::Instant;

use geobacter_lang::grid::Grid;

pub use arguments::{Arg, Arguments, Bind, Checks, LaunchKind};
use contract::Contract;
pub use error::{LaunchError, Need};

use crate::{
    allocation::{Access, Dependencies},
    device::Device,
    driver::{Dispatch, KernelInstance},
    event::Event,
    graph::GraphBuilder,
    stream::Stream,
    trace,
};

/// What a kernel can be launched on: a device, which waits for its end; a stream, which does not; a graph in the
/// making, which only notes it.
pub trait Target: sealed::Sealed {
    /// What the launch gives.
    type Launched;

    /// Where it runs.
    fn device(&self) -> &Device;

    /// Launches what was checked.
    ///
    /// # Safety
    /// The dispatch's kernarg bytes are what its kernel takes, and these all the accesses that it makes; all of them
    /// are allowed now.
    ///
    /// # Errors
    /// Any [`LaunchError`].
    unsafe fn run(self, launch: CheckedLaunch) -> Result<Self::Launched, LaunchError>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for &super::Device {}
    impl Sealed for &super::Stream {}
    impl Sealed for &mut super::GraphBuilder {}
}

impl Target for &Device {
    type Launched = ();

    fn device(&self) -> &Device {
        self
    }

    unsafe fn run(self, launch: CheckedLaunch) -> Result<(), LaunchError> {
        let CheckedLaunch { dispatch, accesses } = launch;
        let (kernel, device) = (dispatch.kernel.descriptor.name, self.id());
        self.check_process().map_err(|source| LaunchError::of(&dispatch, device, source))?;
        let _uses: Vec<_> = accesses.iter().map(|access| access.clone().enter()).collect();
        let mut dependencies = Dependencies::default();
        accesses.iter().for_each(|access| access.dependencies(&mut dependencies));
        dependencies.wait().map_err(|cause| LaunchError::Dependency {
            kernel,
            device: device.to_owned(),
            cause: Box::new(cause),
        })?;
        let start = Instant::now();
        // SAFETY: the kernel takes these bytes (this function's contract). Every address in them is that of a buffer
        // which the caller borrows, for reading or for writing as the parameter's kind demands, until this call
        // returns; work in flight that touches them has been waited for; it was checked that this device reaches them.
        let outcome = unsafe { self.driver().dispatch(&dispatch) };
        if trace::is_on() {
            let what = format!("kernel `{kernel}`");
            let span = trace::Span { what: &what, device, stream: 0, enqueued: start, start, end: Instant::now() };
            trace::write(&span);
        }
        outcome.map_err(|source| LaunchError::of(&dispatch, device, source))
    }
}

impl Target for &Stream {
    type Launched = Event;

    fn device(&self) -> &Device {
        Stream::device(self)
    }

    unsafe fn run(self, launch: CheckedLaunch) -> Result<Event, LaunchError> {
        // SAFETY: this function's contract.
        unsafe { self.submit_launch(launch.dispatch, &launch.accesses) }
    }
}

impl Target for &mut GraphBuilder {
    type Launched = ();

    fn device(&self) -> &Device {
        GraphBuilder::device(self)
    }

    unsafe fn run(self, launch: CheckedLaunch) -> Result<(), LaunchError> {
        // SAFETY: this function's contract.
        unsafe { self.add_launch(launch.dispatch, launch.accesses) };
        Ok(())
    }
}

/// Checks a launch, collects its arguments with `push_all`, and hands it over. `push_all` is called once or twice.
///
/// # Safety
/// `kernel`'s entry function is one for grids of `D` dimensions and takes the arguments that `push_all` pushes, the
/// same each time and in this order, and does with each what its kind says.
///
/// # Errors
/// Any [`LaunchError`].
pub unsafe fn launch<const D: usize, On: Target>(
    on: On,
    grid: impl Into<Grid<D>>,
    kernel: KernelInstance,
    push_all: impl Fn(&mut Arguments<'_, D>) -> Result<(), LaunchError>,
) -> Result<On::Launched, LaunchError> {
    let _span = tracing::debug_span!("launch", kernel = kernel.descriptor.name, device = on.device().id()).entered();
    let contract = Contract::new(on.device(), kernel.descriptor)?;
    let requested = contract.resolve(grid.into(), || arguments::items(contract, &push_all))?;
    let grid = contract.grid(requested)?;
    let arguments::Bound { kernarg, dynamic_lds, accesses } = arguments::bind(contract, &grid, &push_all)?;
    let dispatch = Dispatch { kernel, grid: grid.extent, kernarg, dynamic_lds };
    // SAFETY: the bytes are header and arguments in C layout, and the kernel takes these (this function's contract).
    // The accesses are those of the buffers among them, which the caller borrows now, for reading or for writing as the
    // parameter's kind demands; it was checked that the device reaches them.
    unsafe { on.run(CheckedLaunch { dispatch, accesses }) }
}

/// A launch that keeps to the contract.
#[derive(Debug)]
pub struct CheckedLaunch {
    dispatch: Dispatch,
    accesses: Vec<Access>,
}
