//! Why a launch fails.

use std::fmt;

use geobacter_lang::partition::Owner;

use crate::{
    check::CheckFailure,
    device::Error,
    driver::{Dispatch, DriverError, KernelPanic, PanicLocation, WorkError},
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
    /// The kernel's work-groups have no items.
    #[error("kernel `{kernel}` on device {device}: its work-groups of {found} have no items; make `workgroup` larger")]
    EmptyWorkgroup {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// The work-group's size.
        found: String,
    },
    /// The grid was to be taken from an output, and there is none that says how large it is.
    #[error(
        "kernel `{kernel}` on device {device}: no output decides the grid `..`: {outputs}; give the number of items instead"
    )]
    NoGrid {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// What is wrong with the outputs.
        outputs: String,
    },
    /// A buffer has more or fewer elements than the grid has owners for.
    #[error(
        "kernel `{kernel}` on device {device}: parameter `{param}: {ty}` needs {need}{total}, the buffer has {found}",
        total = if .need.count == Some(1) && .need.owners == *.expected { String::new() } else { format!(", {expected} in all") }
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
        /// What for.
        need: Box<Need>,
        /// Elements that the buffer must have.
        expected: u64,
        /// Elements of the buffer.
        found: u64,
    },
    /// A buffer cannot be shared out evenly.
    #[error(
        "kernel `{kernel}` on device {device}: parameter `{param}: {ty}` needs a multiple of {divisor} elements, {share}, the buffer has {found}",
        share = .need.share()
    )]
    Divisibility {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// The parameter.
        param: &'static str,
        /// Its type, as written.
        ty: &'static str,
        /// What for.
        need: Box<Need>,
        /// What the length must be a multiple of.
        divisor: u64,
        /// Elements of the buffer.
        found: u64,
    },
    /// Grid times elements is more than 64 bits hold.
    #[error(
        "kernel `{kernel}` on device {device}: parameter `{param}: {ty}` needs {need}, which are more elements than any buffer can have; the buffer has {found}"
    )]
    LengthOverflow {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// The parameter.
        param: &'static str,
        /// Its type, as written.
        ty: &'static str,
        /// What for.
        need: Box<Need>,
        /// Elements of the buffer.
        found: u64,
    },
    /// A buffer begins where its elements cannot.
    #[error(
        "kernel `{kernel}` on device {device}: the buffer for parameter `{param}: {ty}` begins at address {found:#x}, its elements are aligned to {expected} bytes"
    )]
    Misaligned {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// The parameter.
        param: &'static str,
        /// Its type, as written.
        ty: &'static str,
        /// Alignment of an element in bytes.
        expected: usize,
        /// The buffer's address on the device.
        found: usize,
    },
    /// The arguments are larger than the device takes.
    #[error(
        "kernel `{kernel}` on device {device}: its arguments take {found} bytes with the launch's header, the device takes at most {limit}; pass the largest, `{param}` with {bytes} bytes, in a buffer"
    )]
    KernargTooLarge {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// Bytes of header and arguments.
        found: u64,
        /// The device's limit in bytes.
        limit: u32,
        /// The largest parameter.
        param: &'static str,
        /// Its size in bytes.
        bytes: u32,
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
    #[error("kernel `{kernel}` panicked on device {device}{at}, in work-item {item:?} of work-group {group:?}{others}: {message}",
        at = location(&.panic.location), item = .panic.item, group = .panic.group, others = others(.panic.items),
        message = .panic.message)]
    Panicked {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// Where and why.
        panic: Box<KernelPanic>,
    },
    /// The kernel asks for more LDS than a work-group of the device has.
    #[error(
        "kernel `{kernel}` on device {device}: {what} take {found} bytes of LDS, a work-group of the device has {limit}"
    )]
    LdsTooLarge {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// The parameters and variables, with their types.
        what: String,
        /// What they take together, in bytes.
        found: u64,
        /// The device's limit, in bytes.
        limit: u32,
    },
    /// Checked mode found that the kernel breaks a promise that it made with `unsafe`. Buffers that it writes are partly
    /// written.
    #[error("kernel `{kernel}` on device {device}{of}: {failure}",
        of = .param.map_or(String::new(), |(name, ty)| format!(", parameter `{name}: {ty}`")))]
    Check {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// The output that it is about, by its name and its type as written; `None` if it is about something else.
        param: Option<(&'static str, &'static str)>,
        /// Which promise, where and by whom.
        failure: Box<CheckFailure>,
    },
    /// Work in flight failed that should have written what the kernel was to read. The kernel has not run.
    #[error("kernel `{kernel}` on device {device} has not run, for what it reads was not written: {cause}")]
    Dependency {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// The failure.
        cause: Box<Error>,
    },
    /// There is no code for the device, or the device says no.
    #[error("kernel `{kernel}` on device {device}: {error}")]
    Driver {
        /// The kernel.
        kernel: &'static str,
        /// The device.
        device: String,
        /// What it says.
        error: Box<DriverError>,
    },
}

impl LaunchError {
    /// What a driver reports of this dispatch.
    pub(crate) fn of(dispatch: &Dispatch, device: &str, error: DriverError) -> Self {
        let (kernel, device) = (dispatch.kernel.descriptor.name, device.to_owned());
        match error {
            DriverError::Work(WorkError::Panicked(panic)) => Self::Panicked { kernel, device, panic },
            DriverError::Work(WorkError::Check(failure)) => {
                let param = failure.place.buffer().and_then(|address| dispatch.output_at(address));
                Self::Check { kernel, device, param: param.map(|param| (param.name, param.ty)), failure }
            }
            error => Self::Driver { kernel, device, error: Box::new(error) },
        }
    }
}

/// The items that panicked beside the one that is named.
fn others(items: u64) -> String {
    match items {
        0 | 1 => String::new(),
        2 => " and in one more".to_owned(),
        _ => format!(" and in {} more", items - 1),
    }
}

/// What the elements of a partitioned buffer are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Need {
    /// Elements of each owner; `None`: an equal share.
    pub count: Option<u64>,
    /// How many owners the grid has.
    pub owners: u64,
    /// Whether those are items or work-groups.
    pub owner: Owner,
}

impl Need {
    /// What one owner gets.
    fn share(&self) -> String {
        let owner = match self.owner {
            Owner::Item => "item",
            Owner::Group => "work-group",
        };
        match self.count {
            Some(count) => format!("{count} for each {owner}"),
            None => format!("an equal share for each of the grid's {} {owner}s", self.owners),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owners = match self.owner {
            Owner::Item => "items",
            Owner::Group => "work-groups",
        };
        match self.count {
            Some(1) => write!(f, "one element"),
            Some(count) => write!(f, "{count} elements"),
            None => write!(f, "an equal share"),
        }?;
        write!(f, " for each of the grid's {} {owners}", self.owners)
    }
}

fn location(location: &Option<PanicLocation>) -> String {
    match location {
        Some(PanicLocation { file, line, column }) => format!(" at {file}:{line}:{column}"),
        None => String::new(),
    }
}
