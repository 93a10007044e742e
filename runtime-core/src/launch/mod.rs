//! One launch: every check, in one place, then the kernarg bytes.
//!
//! * `arguments`: what the caller passes for each parameter, gone through in order.
//! * `contract`: the checks.
//! * `error`: what they say.
//!
//! `#[kernel]` writes calls of [`launch`] and [`Arguments::push`]. What is checked is the *launch contract* that item-indexed
//! access in a kernel relies on (see `geobacter_lang`): nothing is enqueued and no buffer changes unless all of it holds.

mod arguments;
mod contract;
mod error;

use geobacter_lang::grid::Grid;

pub use arguments::{Arg, Arguments, Bind, Checks, LaunchKind};
use contract::Contract;
pub use error::{LaunchError, Need};

use crate::{
    device::Device,
    driver::{Dispatch, KernelInstance},
};

/// Checks a launch, collects its arguments with `push_all`, and runs it to its end. `push_all` is called once or twice.
///
/// # Safety
/// `kernel`'s entry function is one for grids of `D` dimensions and takes the arguments that `push_all` pushes, the same each
/// time and in this order, and does with each what its kind says.
///
/// # Errors
/// Any [`LaunchError`].
pub unsafe fn launch<const D: usize>(
    device: &Device,
    grid: impl Into<Grid<D>>,
    kernel: KernelInstance,
    push_all: impl Fn(&mut Arguments<'_, D>) -> Result<(), LaunchError>,
) -> Result<(), LaunchError> {
    let contract = Contract::new(device, kernel.descriptor)?;
    let requested = contract.resolve(grid.into(), || arguments::items(contract, &push_all))?;
    let grid = contract.grid(requested)?;
    let (kernarg, dynamic_lds) = arguments::bind(contract, &grid, &push_all)?;

    let dispatch = Dispatch { kernel, grid: grid.extent, kernarg: kernarg.as_bytes(), dynamic_lds };
    // SAFETY: the bytes are header and arguments in C layout, and the kernel takes these (this function's contract). Every
    // address is that of a buffer which the caller borrows, for reading or for writing as the parameter's kind demands,
    // until this call returns; it was checked that the buffers lie on this device.
    unsafe { device.driver().dispatch(&dispatch) }.map_err(|source| LaunchError::of(&dispatch, device, source))
}
