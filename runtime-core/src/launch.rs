//! One launch: every check, in one place, then the kernarg bytes.
//!
//! `#[kernel]` writes calls of [`launch`] and [`Arguments::push`]. What they check is the *launch contract* that item-indexed
//! access in a kernel relies on (see `geobacter_lang`): nothing is enqueued and no buffer changes unless all of it holds.

use geobacter_lang::{
    Element,
    descriptor::LaunchDescriptor,
    entry::KernargHeader,
    grid::Grid,
    param::{BufferRepr, KernelParam, kind},
};

use crate::{
    buffer::DeviceBuffer,
    device::Device,
    driver::{Dispatch, DriverError, KernelInstance, KernelPanic, PanicLocation},
};

/// Why a launch failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The grid has no items.
    #[error(
        "kernel `{kernel}` on device {device}: the grid {grid} has no items; skip the launch when there is nothing to do"
    )]
    EmptyGrid {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// The grid, as it was asked for.
        grid: String,
    },
    /// The grid is larger than the device takes.
    #[error(
        "kernel `{kernel}` on device {device}: a grid of {found} items along {axis}, in whole work-groups, is over the device's limit of {limit}; launch it in pieces"
    )]
    GridTooLarge {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// `x`, `y`, `z`, or `all dimensions`.
        axis: &'static str,
        /// Items, rounded up to whole work-groups.
        found: i128,
        /// The device's limit.
        limit: u64,
    },
    /// The kernel's work-groups are larger than the device takes.
    #[error(
        "kernel `{kernel}` on device {device}: its work-groups have {found} items, the device takes at most {limit}; make `workgroup` smaller"
    )]
    WorkgroupTooLarge {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// Items of a work-group.
        found: u64,
        /// The device's limit.
        limit: u32,
    },
    /// A buffer does not have one element for each item.
    #[error(
        "kernel `{kernel}` on device {device}: parameter `{param}: {ty}` needs one element for each of the grid's {expected} items, the buffer has {found}"
    )]
    Length {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// The parameter.
        param: &'static str,
        /// Its type, as written.
        ty: &'static str,
        /// Items of the grid.
        expected: u64,
        /// Elements of the buffer.
        found: u64,
    },
    /// A buffer lies on another device.
    #[error(
        "kernel `{kernel}` on device {device}: the buffer for parameter `{param}` lies on device {found}; upload it to {device}, or launch on {found}"
    )]
    ForeignBuffer {
        /// The kernel.
        kernel: &'static str,
        /// The device that the launch is for.
        device: String,
        /// The parameter.
        param: &'static str,
        /// The device that the buffer lies on.
        found: String,
    },
    /// The kernel panicked. Buffers that it writes are partly written.
    #[error("kernel `{kernel}` panicked on device {device}{at}, in work-item {item:?} of work-group {group:?}: {message}",
        at = location(&.panic.location), item = .panic.item, group = .panic.group, message = .panic.message)]
    Panicked {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// Where and why.
        panic: Box<KernelPanic>,
    },
    /// There is no code for the device, or the device says no.
    #[error("kernel `{kernel}` on device {device}: {source}")]
    Driver {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// What it says.
        source: Box<DriverError>,
    },
}

fn location(location: &Option<PanicLocation>) -> String {
    match location {
        Some(PanicLocation { file, line, column }) => format!(" at {file}:{line}:{column}"),
        None => String::new(),
    }
}

/// What a launch passes for a kernel parameter of type `P`: a reference to a buffer, or a value.
pub type Arg<'a, P> = <<P as KernelParam>::Kind as LaunchKind>::Arg<'a>;

/// What a launch passes for a kind of parameter. The kinds are `geobacter_lang::param::kind`'s.
pub trait LaunchKind {
    /// What the caller passes.
    type Arg<'a>;
    /// Its bytes in the kernarg segment.
    type Repr;

    /// Checks an argument against the launch and gives its bytes.
    ///
    /// # Errors
    /// Any [`LaunchError`] about a buffer.
    fn bind(argument: Self::Arg<'_>, context: &Context<'_>) -> Result<Self::Repr, LaunchError>;
}

impl<T: Element> LaunchKind for kind::Scalar<T> {
    type Arg<'a> = T;
    type Repr = T;

    #[inline]
    fn bind(value: T, _: &Context<'_>) -> Result<T, LaunchError> {
        Ok(value)
    }
}

impl LaunchKind for kind::Bool {
    type Arg<'a> = bool;
    type Repr = u8;

    #[inline]
    fn bind(value: bool, _: &Context<'_>) -> Result<u8, LaunchError> {
        Ok(value.into())
    }
}

impl<F: Copy + Send + Sync + 'static> LaunchKind for kind::Function<F> {
    type Arg<'a> = F;
    type Repr = [u8; 0];

    #[inline]
    fn bind(_: F, _: &Context<'_>) -> Result<[u8; 0], LaunchError> {
        // That it captures nothing is checked by `KernelParam::load` and by what `#[kernel]` writes.
        Ok([])
    }
}

impl<T: Element> LaunchKind for kind::In<T> {
    type Arg<'a> = &'a DeviceBuffer<T>;
    type Repr = BufferRepr;

    fn bind(buffer: &DeviceBuffer<T>, context: &Context<'_>) -> Result<BufferRepr, LaunchError> {
        context.one_for_each_item(buffer)
    }
}

impl<T: Element> LaunchKind for kind::Out<T> {
    type Arg<'a> = &'a mut DeviceBuffer<T>;
    type Repr = BufferRepr;

    fn bind(buffer: &mut DeviceBuffer<T>, context: &Context<'_>) -> Result<BufferRepr, LaunchError> {
        context.one_for_each_item(buffer)
    }
}

impl<T: Element> LaunchKind for kind::InOut<T> {
    type Arg<'a> = &'a mut DeviceBuffer<T>;
    type Repr = BufferRepr;

    fn bind(buffer: &mut DeviceBuffer<T>, context: &Context<'_>) -> Result<BufferRepr, LaunchError> {
        context.one_for_each_item(buffer)
    }
}

impl<T: Element> LaunchKind for kind::Slice<T> {
    type Arg<'a> = &'a DeviceBuffer<T>;
    type Repr = BufferRepr;

    fn bind(buffer: &DeviceBuffer<T>, context: &Context<'_>) -> Result<BufferRepr, LaunchError> {
        context.on_this_device(buffer)
    }
}

/// What an argument is checked against.
#[derive(Debug)]
pub struct Context<'l> {
    device: &'l Device,
    descriptor: &'static LaunchDescriptor,
    items: u64,
    /// Index of the parameter that is being bound.
    param: usize,
}

impl Context<'_> {
    fn one_for_each_item<T: Element>(&self, buffer: &DeviceBuffer<T>) -> Result<BufferRepr, LaunchError> {
        let found = buffer.len() as u64;
        if found != self.items {
            let param = &self.descriptor.params[self.param];
            return Err(LaunchError::Length {
                kernel: self.descriptor.name,
                device: self.device.id().to_owned(),
                param: param.name,
                ty: param.ty,
                expected: self.items,
                found,
            });
        }
        self.on_this_device(buffer)
    }

    fn on_this_device<T: Element>(&self, buffer: &DeviceBuffer<T>) -> Result<BufferRepr, LaunchError> {
        if buffer.device() != self.device {
            return Err(LaunchError::ForeignBuffer {
                kernel: self.descriptor.name,
                device: self.device.id().to_owned(),
                param: self.descriptor.params[self.param].name,
                found: buffer.device().id().to_owned(),
            });
        }
        Ok(buffer.repr())
    }
}

/// The kernarg segment in the making.
#[derive(Debug)]
pub struct Arguments<'l> {
    context: Context<'l>,
    bytes: KernargBytes,
}

impl Arguments<'_> {
    /// Checks and adds the argument for the next parameter, whose type is `P`.
    ///
    /// # Errors
    /// Any [`LaunchError`] about a buffer.
    #[inline]
    pub fn push<P>(&mut self, argument: Arg<'_, P>) -> Result<(), LaunchError>
    where
        P: KernelParam<Kind: LaunchKind<Repr = P::Repr>>,
    {
        let repr = <P::Kind as LaunchKind>::bind(argument, &self.context)?;
        self.bytes.push(repr);
        self.context.param += 1;
        Ok(())
    }
}

/// Values in C layout, zero between them, aligned to 16 bytes.
#[derive(Debug, Default)]
struct KernargBytes {
    words: Vec<u128>,
    length: usize,
}

impl KernargBytes {
    fn push<R: Copy>(&mut self, value: R) {
        const { assert!(align_of::<R>() <= align_of::<u128>(), "kernel arguments are aligned to at most 16 bytes") }
        let at = self.length.next_multiple_of(align_of::<R>());
        self.length = at + size_of::<R>();
        self.words.resize(self.length.div_ceil(size_of::<u128>()), 0);
        // SAFETY: `at + size_of::<R>()` lies in the words, which `resize` has just made long enough. The types that implement
        // `KernelParam` have no padding in their `Repr`, so that all bytes stay initialised.
        unsafe { self.words.as_mut_ptr().byte_add(at).cast::<R>().write(value) }
    }

    /// The bytes, to a multiple of 16.
    fn as_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words)
    }
}

/// Checks a launch, collects its arguments with `push_all`, and runs it to its end.
///
/// # Safety
/// `kernel`'s entry function takes the arguments that `push_all` pushes, in this order, and does with each what its kind
/// says.
///
/// # Errors
/// Any [`LaunchError`].
pub unsafe fn launch<const D: usize>(
    device: &Device,
    grid: impl Into<Grid<D>>,
    kernel: KernelInstance,
    push_all: impl FnOnce(&mut Arguments<'_>) -> Result<(), LaunchError>,
) -> Result<(), LaunchError> {
    let descriptor = kernel.descriptor;
    let grid = check_grid(device, descriptor, grid.into().requested())?;
    let items = grid.iter().map(|&n| u64::from(n)).product();
    let mut bytes = KernargBytes { words: Vec::with_capacity(8), length: 0 };
    bytes.push(KernargHeader { extent: grid, reserved: 0 });
    let mut arguments = Arguments { context: Context { device, descriptor, items, param: 0 }, bytes };
    push_all(&mut arguments)?;

    let dispatch = Dispatch { kernel, grid, kernarg: arguments.bytes.as_bytes() };
    // SAFETY: the bytes are header and arguments in C layout, and the kernel takes these (this function's contract). Every
    // address is that of a buffer which the caller borrows, for reading or for writing as the parameter's kind demands,
    // until this call returns; it was checked above that the buffers lie on this device.
    unsafe { device.driver().dispatch(&dispatch) }.map_err(|source| {
        let (kernel, device) = (descriptor.name, device.id().to_owned());
        match source {
            DriverError::Panicked(panic) => LaunchError::Panicked { kernel, device, panic: Box::new(panic) },
            source => LaunchError::Driver { kernel, device, source: Box::new(source) },
        }
    })
}

fn check_grid(device: &Device, descriptor: &LaunchDescriptor, grid: [i128; 3]) -> Result<[u32; 3], LaunchError> {
    let info = device.info();
    let kernel = descriptor.name;
    let id = || info.id.clone();
    let dimensions = descriptor.dimensions as usize;

    if grid.contains(&0) {
        let grid = format!("{:?}", &grid[..dimensions]);
        return Err(LaunchError::EmptyGrid { kernel, device: id(), grid });
    }
    let workgroup_items: u64 = descriptor.workgroup.iter().map(|&n| u64::from(n)).product();
    if workgroup_items > u64::from(info.max_workgroup) {
        let limit = info.max_workgroup;
        return Err(LaunchError::WorkgroupTooLarge { kernel, device: id(), found: workgroup_items, limit });
    }
    let mut checked = [1; 3];
    let mut all: i128 = 1;
    for axis in 0..3 {
        let size = i128::from(descriptor.workgroup[axis]);
        // A negative number is as far beyond any limit as a huge one.
        let whole = if grid[axis] > 0 { (grid[axis] + size - 1) / size * size } else { grid[axis] };
        let limit = info.max_grid[axis].min(u64::from(u32::MAX));
        if whole < 0 || whole > i128::from(limit) {
            let axis = ["x", "y", "z"][axis];
            return Err(LaunchError::GridTooLarge { kernel, device: id(), axis, found: whole, limit });
        }
        checked[axis] = grid[axis] as u32;
        all *= whole;
    }
    if all > i128::from(info.max_grid_items) {
        let (axis, limit) = ("all dimensions", info.max_grid_items);
        return Err(LaunchError::GridTooLarge { kernel, device: id(), axis, found: all, limit });
    }
    Ok(checked)
}
