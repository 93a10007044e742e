//! The launch contract: every check of a launch, before anything is enqueued.
//!
//! Generic code gathers facts about an argument ([`Buffer`], [`Rule`]); what they must be is decided here, once for all
//! types. The order: work-group, grid, each parameter, the kernarg segment, LDS. What code generation finds out (registers,
//! scratch) is the drivers' to check, when they load the code.

use std::alloc::Layout;

use geobacter_lang::{
    descriptor::{LaunchDescriptor, ParamDescriptor, ParamKind},
    grid::Grid,
    param::{BufferRepr, LdsSliceRepr, PartitionedRepr},
    partition::{Assignment, LaunchShape, Length, Owner},
};

use super::error::{LaunchError, Need};
use crate::{device::Device, driver::Memory};

/// Device, kernel, and, once it is known, the grid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contract<'l> {
    device: &'l Device,
    descriptor: &'static LaunchDescriptor,
}

/// What is known of a buffer whatever its elements are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer<'a> {
    pub device: &'a Device,
    pub memory: &'a dyn Memory,
    pub repr: BufferRepr,
    /// Alignment of its elements in bytes.
    pub align: usize,
}

/// What a partition asks of a buffer, for one launch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// `None`: more than 64 bits hold.
    length: Option<Length>,
    need: Need,
}

impl Rule {
    /// One element for each item.
    pub fn one_for_each_item(items: u64) -> Self {
        Self { length: Some(Length::Exactly(items)), need: Need { count: Some(1), owners: items, owner: Owner::Item } }
    }

    /// What a partition says.
    pub fn of<P: Assignment<D>, const D: usize>(shape: &LaunchShape<D>) -> Self {
        let owners = match P::OWNER {
            Owner::Item => shape.extent.iter().product(),
            // There are no more work-groups than items, and those fit.
            Owner::Group => shape.groups().unwrap_or(u64::MAX),
        };
        let need = Need { count: P::COUNT.map(|count| count as u64), owners, owner: P::OWNER };
        Self { length: P::length(shape), need }
    }
}

/// A grid that the device takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedGrid<const D: usize> {
    /// Work-items along x, y and z.
    pub extent: [u32; 3],
    pub shape: LaunchShape<D>,
}

impl<'l> Contract<'l> {
    /// # Errors
    /// The work-group is nothing that the device takes.
    pub fn new(device: &'l Device, descriptor: &'static LaunchDescriptor) -> Result<Self, LaunchError> {
        let this = Self { device, descriptor };
        let limit = device.info().max_workgroup;
        let found = descriptor.workgroup.iter().try_fold(1u64, |items, &along| items.checked_mul(along.into()));
        match found.unwrap_or(u64::MAX) {
            0 => Err(LaunchError::EmptyWorkgroup {
                kernel: this.kernel(),
                device: this.id(),
                found: format!("{:?}", &descriptor.workgroup[..this.dimensions()]),
            }),
            found if found > u64::from(limit) => {
                Err(LaunchError::WorkgroupTooLarge { kernel: this.kernel(), device: this.id(), found, limit })
            }
            _ => Ok(this),
        }
    }

    /// # Errors
    /// The grid has no items, or more than the device takes.
    pub fn grid<const D: usize>(&self, requested: [i128; D]) -> Result<CheckedGrid<D>, LaunchError> {
        let (info, workgroup) = (self.device.info(), self.descriptor.workgroup);
        if requested.contains(&0) {
            let grid = format!("{requested:?}");
            return Err(LaunchError::EmptyGrid { kernel: self.kernel(), device: self.id(), grid });
        }
        let too_large = |axis, found, limit| {
            Err(LaunchError::GridTooLarge { kernel: self.kernel(), device: self.id(), axis, found, limit })
        };
        let mut extent = [1; 3];
        let mut all: i128 = 1;
        for (axis, &items) in requested.iter().enumerate() {
            let size = i128::from(workgroup[axis]);
            // A negative number is as far beyond any limit as a huge one.
            let whole = if items > 0 { (items + size - 1) / size * size } else { items };
            let of_groups = info.max_groups[axis].saturating_mul(workgroup[axis].into());
            let limit = info.max_grid[axis].min(of_groups).min(u64::from(u32::MAX));
            if whole < 0 || whole > i128::from(limit) {
                return too_large(["x", "y", "z"][axis], whole, limit);
            }
            extent[axis] = items as u32;
            all *= whole;
        }
        if all > i128::from(info.max_grid_items) {
            return too_large("all dimensions", all, info.max_grid_items);
        }
        let along = |sizes: [u32; 3]| std::array::from_fn(|axis| u64::from(sizes[axis]));
        Ok(CheckedGrid { extent, shape: LaunchShape { extent: along(extent), workgroup: along(workgroup) } })
    }

    /// The grid that was asked for, or, if none was, the one that an output's length gives.
    ///
    /// # Errors
    /// No output says how many items there are.
    pub fn resolve<const D: usize>(
        &self,
        requested: Grid<D>,
        from_output: impl FnOnce() -> Result<Option<u64>, LaunchError>,
    ) -> Result<[i128; D], LaunchError> {
        if let Some(requested) = requested.requested() {
            return Ok(requested);
        }
        let items = from_output()?.ok_or_else(|| LaunchError::NoGrid {
            kernel: self.kernel(),
            device: self.id(),
            outputs: self.outputs(),
        })?;
        // `..` is a grid of one dimension only.
        let mut extent = [1; D];
        extent[0] = items.into();
        Ok(extent)
    }

    /// How many items a launch has whose grid an output decides: one for each share of the buffer, or whole work-groups.
    /// `None` if the partition does not say how many elements an owner has, or none.
    ///
    /// # Errors
    /// The length is no multiple of an owner's share.
    pub fn items_of<P: Assignment<D>, const D: usize>(
        &self,
        param: usize,
        length: u64,
    ) -> Result<Option<u64>, LaunchError> {
        // Owners of nothing may be any number.
        let Some(count) = P::COUNT.filter(|&count| count != 0).map(|count| count as u64) else { return Ok(None) };
        if !length.is_multiple_of(count) {
            let need = Need { count: Some(count), owners: length / count, owner: P::OWNER };
            return Err(self.wrong_length(param, need, Some(Length::MultipleOf(count)), length));
        }
        let owners = length / count;
        Ok(Some(match P::OWNER {
            Owner::Item => owners,
            // As large as it gets: the grid's check then says so.
            Owner::Group => owners.saturating_mul(self.descriptor.workgroup[0].into()),
        }))
    }

    /// # Errors
    /// The buffer lies on another device, whose memory this one does not reach.
    pub fn device(&self, param: usize, found: &Device, memory: &dyn Memory) -> Result<(), LaunchError> {
        if found == self.device || self.device.driver().reaches(memory) {
            return Ok(());
        }
        Err(LaunchError::ForeignBuffer {
            kernel: self.kernel(),
            device: self.id(),
            param: self.param(param).name,
            found: found.id().to_owned(),
        })
    }

    /// # Errors
    /// The buffer is too long or too short.
    pub fn length(&self, param: usize, found: u64, rule: &Rule) -> Result<(), LaunchError> {
        if rule.length.is_some_and(|length| length.allows(found)) {
            return Ok(());
        }
        Err(self.wrong_length(param, rule.need, rule.length, found))
    }

    /// # Errors
    /// The buffer lies on another device, or not where its elements can lie.
    pub fn place(&self, param: usize, buffer: &Buffer<'_>) -> Result<BufferRepr, LaunchError> {
        self.device(param, buffer.device, buffer.memory)?;
        if !buffer.repr.pointer.addr().is_multiple_of(buffer.align) {
            return Err(LaunchError::Misaligned {
                kernel: self.kernel(),
                device: self.id(),
                param: self.param(param).name,
                ty: self.param(param).ty,
                expected: buffer.align,
                found: buffer.repr.pointer.addr(),
            });
        }
        Ok(buffer.repr)
    }

    /// # Errors
    /// As [`place`](Self::place), or the buffer is too long or too short.
    pub fn partitioned(&self, param: usize, buffer: &Buffer<'_>, rule: &Rule) -> Result<PartitionedRepr, LaunchError> {
        let found = buffer.repr.length;
        self.length(param, found, rule)?;
        let count = rule.need.count.unwrap_or_else(|| found / rule.need.owners);
        Ok(PartitionedRepr { buffer: self.place(param, buffer)?, count })
    }

    /// # Errors
    /// The arguments are more than the device takes.
    pub fn kernarg(&self, found: usize) -> Result<(), LaunchError> {
        let limit = self.device.info().max_kernarg;
        if found as u64 > u64::from(limit) {
            let (param, bytes) = self
                .descriptor
                .params
                .iter()
                .max_by_key(|param| param.size)
                .map_or(("", 0), |param| (param.name, param.size));
            return Err(LaunchError::KernargTooLarge {
                kernel: self.kernel(),
                device: self.id(),
                found: found as u64,
                limit,
                param,
                bytes,
            });
        }
        Ok(())
    }

    /// LDS of `length` elements behind `taken` bytes, for one parameter, and where it ends.
    ///
    /// # Errors
    /// It is more than the device has.
    pub fn lds_slice(
        &self,
        param: usize,
        taken: u64,
        length: usize,
        element: Layout,
    ) -> Result<(LdsSliceRepr, u64), LaunchError> {
        let limit = self.device.info().lds;
        let offset = taken.next_multiple_of(element.align() as u64);
        let end = (length as u64).checked_mul(element.size() as u64).and_then(|bytes| bytes.checked_add(offset));
        let within = end.filter(|&end| end <= u64::from(limit)).zip(u32::try_from(length).ok());
        let Some((end, length)) = within else {
            let ParamDescriptor { name, ty, .. } = self.param(param);
            return Err(LaunchError::LdsTooLarge {
                kernel: self.kernel(),
                device: self.id(),
                what: format!("`{name}: {ty}` of length {length}"),
                found: end.unwrap_or(u64::MAX),
                limit,
            });
        };
        Ok((LdsSliceRepr { offset: offset as u32, length }, end))
    }

    /// The LDS that is sized at launch, if all of the kernel's fits into the device's.
    ///
    /// # Errors
    /// It does not.
    pub fn lds(&self, dynamic: u64) -> Result<u32, LaunchError> {
        let limit = self.device.info().lds;
        let declared = self.descriptor.lds;
        let end = declared
            .iter()
            .fold(0, |end: u64, lds| end.next_multiple_of(u64::from(lds.align.max(1))) + u64::from(lds.size));
        let found = if dynamic == 0 { end } else { end.next_multiple_of(16) + dynamic };
        if found <= u64::from(limit) {
            // No more than `limit`, which has 32 bits.
            return Ok(dynamic as u32);
        }
        let mut what: Vec<_> = declared.iter().map(|lds| format!("`{}: {}`", lds.name, lds.ty)).collect();
        if dynamic > 0 {
            what.push(format!("{dynamic} bytes sized at launch"));
        }
        Err(LaunchError::LdsTooLarge { kernel: self.kernel(), device: self.id(), what: what.join(", "), found, limit })
    }

    fn wrong_length(&self, param: usize, need: Need, expected: Option<Length>, found: u64) -> LaunchError {
        let (kernel, device, ParamDescriptor { name: param, ty, .. }) = (self.kernel(), self.id(), self.param(param));
        let need = Box::new(need);
        match expected {
            Some(Length::Exactly(expected)) => LaunchError::Length { kernel, device, param, ty, need, expected, found },
            Some(Length::MultipleOf(divisor)) => {
                LaunchError::Divisibility { kernel, device, param, ty, need, divisor, found }
            }
            None => LaunchError::LengthOverflow { kernel, device, param, ty, need, found },
        }
    }

    fn outputs(&self) -> String {
        let outputs: Vec<_> = self
            .descriptor
            .params
            .iter()
            .filter(|param| matches!(param.kind, ParamKind::Out | ParamKind::InOut))
            .map(|param| format!("`{}: {}`", param.name, param.ty))
            .collect();
        match outputs.as_slice() {
            [] => "the kernel has no output".to_owned(),
            _ => format!("{} shares out whatever there is among any number of items", outputs.join(", ")),
        }
    }

    fn kernel(&self) -> &'static str {
        self.descriptor.name
    }

    fn id(&self) -> String {
        self.device.id().to_owned()
    }

    fn dimensions(&self) -> usize {
        (self.descriptor.dimensions as usize).clamp(1, 3)
    }

    fn param(&self, param: usize) -> &'static ParamDescriptor {
        &self.descriptor.params[param]
    }
}
