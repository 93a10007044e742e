//! The kernarg segment: explicit arguments, then the hidden ones of code object version 5.
//!
//! Kinds, meanings and sizes are those of LLVM's *User Guide for AMDGPU Backend*, "Kernel Argument Metadata" and "AMDHSA
//! Code Object V5 Kernel Argument Metadata". Which of them a kernel has, and where, its metadata say; a kind that this file
//! does not know is an error when the kernel is loaded, never a guess.

use geobacter_spool::job::KernelResources;

/// What does not fit in a kernarg segment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernargError {
    /// The code object wants a hidden argument that is not known here.
    #[error("its code object asks for the hidden argument `{kind}`, which this runtime does not provide")]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// A hidden argument lies outside the segment, or among the explicit arguments.
    #[error(
        "its hidden argument `{kind}` lies at offset {offset} with {size} bytes, outside bytes {explicit}..{total} of its \
         kernarg segment"
    )]
    Misplaced {
        /// The kind.
        kind: String,
        /// Its offset.
        offset: u32,
        /// Its size in bytes.
        size: u32,
        /// Where the explicit arguments end.
        explicit: u32,
        /// Size of the segment in bytes.
        total: u32,
    },
    /// A hidden argument has another size than its kind has.
    #[error("its hidden argument `{kind}` has {size} bytes; the code object ABI gives it {expected}")]
    Size {
        /// The kind.
        kind: String,
        /// Its size in bytes.
        size: u32,
        /// What the ABI says.
        expected: u32,
    },
    /// The explicit arguments have another size than the kernel takes.
    #[error("it takes {expected} bytes of explicit arguments, the launch gives {given}")]
    Explicit {
        /// What the kernel takes, in bytes.
        expected: u32,
        /// What the launch gives, in bytes.
        given: usize,
    },
}

/// A kind of hidden argument. Numbers are dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hidden {
    /// Work-groups along a dimension.
    BlockCount(usize),
    /// Work-items of a whole work-group along a dimension.
    GroupSize(usize),
    /// Address of the queue.
    QueuePointer,
    /// Number of dimensions of the grid.
    GridDimensions,
    /// The device-to-host record: Geobacter's fault record.
    PrintfBuffer,
    /// A service of the host: Geobacter's buffer for printed lines.
    HostcallBuffer,
    /// Upper half of the base of the private aperture.
    PrivateBase,
    /// Upper half of the base of the LDS aperture.
    SharedBase,
    /// What Geobacter's kernels do not use or what is zero in all its launches; with its size.
    Zero(u32),
}

impl Hidden {
    fn of(kind: &str) -> Option<Self> {
        let dimension = |prefix: &str| ["x", "y", "z"].iter().position(|axis| kind.strip_prefix(prefix) == Some(axis));
        if let Some(dimension) = dimension("hidden_block_count_") {
            return Some(Self::BlockCount(dimension));
        }
        if let Some(dimension) = dimension("hidden_group_size_") {
            return Some(Self::GroupSize(dimension));
        }
        // Only whole work-groups are launched: nothing remains.
        if dimension("hidden_remainder_").is_some() {
            return Some(Self::Zero(2));
        }
        if dimension("hidden_global_offset_").is_some() {
            return Some(Self::Zero(8));
        }
        Some(match kind {
            "hidden_queue_ptr" => Self::QueuePointer,
            "hidden_grid_dims" => Self::GridDimensions,
            "hidden_printf_buffer" => Self::PrintfBuffer,
            "hidden_hostcall_buffer" => Self::HostcallBuffer,
            "hidden_private_base" => Self::PrivateBase,
            "hidden_shared_base" => Self::SharedBase,
            // No LDS beyond what the kernel declares.
            "hidden_dynamic_lds_size" => Self::Zero(4),
            // Services of other runtimes: a null pointer says that they are not there.
            "hidden_none"
            | "hidden_multigrid_sync_arg"
            | "hidden_heap_v1"
            | "hidden_default_queue"
            | "hidden_completion_action" => Self::Zero(8),
            _ => return None,
        })
    }

    fn size(self) -> u32 {
        match self {
            Self::BlockCount(_) | Self::PrivateBase | Self::SharedBase => 4,
            Self::GroupSize(_) | Self::GridDimensions => 2,
            Self::QueuePointer | Self::PrintfBuffer | Self::HostcallBuffer => 8,
            Self::Zero(size) => size,
        }
    }

    fn value(self, values: &HiddenValues) -> u64 {
        match self {
            Self::BlockCount(dimension) => values.groups[dimension].into(),
            Self::GroupSize(dimension) => values.workgroup[dimension].into(),
            Self::QueuePointer => values.queue,
            Self::GridDimensions => values.dimensions.into(),
            Self::PrintfBuffer => values.fault_record,
            Self::HostcallBuffer => values.output_buffer,
            Self::PrivateBase => values.private_base.into(),
            Self::SharedBase => values.shared_base.into(),
            Self::Zero(_) => 0,
        }
    }
}

/// What the hidden arguments of one launch are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HiddenValues {
    /// 1, 2 or 3.
    pub(crate) dimensions: u16,
    /// Work-groups along x, y and z.
    pub(crate) groups: [u32; 3],
    /// Work-items of a work-group along x, y and z.
    pub(crate) workgroup: [u16; 3],
    /// Address of the queue.
    pub(crate) queue: u64,
    /// Address of the launch's fault record.
    pub(crate) fault_record: u64,
    /// Address of the launch's buffer for printed lines; 0 for a kernel that does not print. (To code that is not Geobacter's,
    /// 0 says that there is no such service.)
    pub(crate) output_buffer: u64,
    /// Upper half of the base of the private aperture.
    pub(crate) private_base: u32,
    /// Upper half of the base of the LDS aperture.
    pub(crate) shared_base: u32,
}

/// How the kernarg segment of one kernel is filled.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    explicit: u32,
    total: u32,
    hidden: Vec<(Hidden, usize)>,
}

impl Layout {
    /// The layout that a kernel's metadata ask for.
    pub(crate) fn of(resources: &KernelResources) -> Result<Self, KernargError> {
        let (explicit, total) = (resources.explicit_kernarg_size, resources.kernarg_size);
        let mut hidden = Vec::with_capacity(resources.hidden_args.len());
        for argument in &resources.hidden_args {
            let known =
                Hidden::of(&argument.kind).ok_or_else(|| KernargError::UnknownKind { kind: argument.kind.clone() })?;
            if argument.size != known.size() {
                return Err(KernargError::Size {
                    kind: argument.kind.clone(),
                    size: argument.size,
                    expected: known.size(),
                });
            }
            let end = argument.offset.checked_add(argument.size);
            if argument.offset < explicit || end.is_none_or(|end| end > total) {
                return Err(KernargError::Misplaced {
                    kind: argument.kind.clone(),
                    offset: argument.offset,
                    size: argument.size,
                    explicit,
                    total,
                });
            }
            hidden.push((known, argument.offset as usize));
        }
        Ok(Self { explicit, total, hidden })
    }

    /// Size of the segment in bytes.
    pub(crate) fn size(&self) -> usize {
        self.total as usize
    }

    /// Whether the kernel asks for the bases of the private or the LDS aperture.
    pub(crate) fn asks_for_apertures(&self) -> bool {
        self.hidden.iter().any(|(hidden, _)| matches!(hidden, Hidden::PrivateBase | Hidden::SharedBase))
    }

    /// Fills a segment of [`Layout::size`] bytes. The explicit bytes may have padding at their end, up to their alignment.
    pub(crate) fn fill(&self, segment: &mut [u8], explicit: &[u8], values: &HiddenValues) -> Result<(), KernargError> {
        /// The alignment of the explicit bytes, to which the caller may pad them.
        const PADDING: usize = 16;
        let wrong = || KernargError::Explicit { expected: self.explicit, given: explicit.len() };
        let size = self.explicit as usize;
        let arguments = explicit.get(..size).filter(|_| explicit.len() - size < PADDING).ok_or_else(wrong)?;
        let (head, tail) = segment.split_at_mut_checked(size).ok_or_else(wrong)?;
        head.copy_from_slice(arguments);
        tail.fill(0);
        for (hidden, offset) in &self.hidden {
            let bytes = hidden.value(values).to_le_bytes();
            let length = hidden.size() as usize;
            if let Some(place) = segment.get_mut(*offset..offset + length) {
                place.copy_from_slice(&bytes[..length]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use geobacter_spool::job::HiddenArg;
    use proptest::prelude::*;

    use super::*;

    /// Kinds of code object version 5 with their sizes, from LLVM's guide.
    const KINDS: [(&str, u32); 27] = [
        ("hidden_block_count_x", 4),
        ("hidden_block_count_y", 4),
        ("hidden_block_count_z", 4),
        ("hidden_group_size_x", 2),
        ("hidden_group_size_y", 2),
        ("hidden_group_size_z", 2),
        ("hidden_remainder_x", 2),
        ("hidden_remainder_y", 2),
        ("hidden_remainder_z", 2),
        ("hidden_global_offset_x", 8),
        ("hidden_global_offset_y", 8),
        ("hidden_global_offset_z", 8),
        ("hidden_grid_dims", 2),
        ("hidden_printf_buffer", 8),
        ("hidden_hostcall_buffer", 8),
        ("hidden_multigrid_sync_arg", 8),
        ("hidden_heap_v1", 8),
        ("hidden_default_queue", 8),
        ("hidden_completion_action", 8),
        ("hidden_dynamic_lds_size", 4),
        ("hidden_private_base", 4),
        ("hidden_shared_base", 4),
        ("hidden_queue_ptr", 8),
        ("hidden_none", 8),
        ("hidden_none", 8),
        ("hidden_none", 8),
        ("hidden_none", 8),
    ];

    const VALUES: HiddenValues = HiddenValues {
        dimensions: 3,
        groups: [0x0101_0101, 0x0202_0202, 0x0303_0303],
        workgroup: [0x1111, 0x1212, 0x1313],
        queue: 0x2121_2121_2121_2121,
        fault_record: 0x3131_3131_3131_3131,
        output_buffer: 0x6161_6161_6161_6161,
        private_base: 0x4141_4141,
        shared_base: 0x5151_5151,
    };

    /// What must stand there, said a second time.
    fn expected(kind: &str) -> u64 {
        match kind {
            "hidden_block_count_x" => 0x0101_0101,
            "hidden_block_count_y" => 0x0202_0202,
            "hidden_block_count_z" => 0x0303_0303,
            "hidden_group_size_x" => 0x1111,
            "hidden_group_size_y" => 0x1212,
            "hidden_group_size_z" => 0x1313,
            "hidden_grid_dims" => 3,
            "hidden_printf_buffer" => 0x3131_3131_3131_3131,
            "hidden_hostcall_buffer" => 0x6161_6161_6161_6161,
            "hidden_private_base" => 0x4141_4141,
            "hidden_shared_base" => 0x5151_5151,
            "hidden_queue_ptr" => 0x2121_2121_2121_2121,
            _ => 0,
        }
    }

    fn resources(explicit: u32, total: u32, hidden_args: Vec<HiddenArg>) -> KernelResources {
        KernelResources {
            symbol: "k".into(),
            kernarg_size: total,
            kernarg_align: 8,
            explicit_kernarg_size: explicit,
            hidden_args,
            lds: 0,
            scratch: 0,
            dynamic_stack: false,
            vgprs: 0,
            agprs: 0,
            sgprs: 0,
            vgpr_spills: 0,
            sgpr_spills: 0,
            wave_size: 64,
            max_workgroup: 1024,
            occupancy: 1,
            code_size: 4,
        }
    }

    fn hidden(kind: &str, offset: u32, size: u32) -> HiddenArg {
        HiddenArg { kind: kind.into(), offset, size }
    }

    proptest! {
        #[test]
        fn every_byte_of_a_segment_is_what_its_place_says(
            explicit in prop::collection::vec(any::<u8>(), 0..100),
            padding in 0..16_usize,
            picks in prop::collection::vec((0..KINDS.len(), 0..12_u32), 0..30),
        ) {
            let mut at = explicit.len() as u32;
            let mut arguments = Vec::new();
            for (pick, gap) in picks {
                let (kind, size) = KINDS[pick];
                arguments.push(hidden(kind, at + gap, size));
                at += gap + size;
            }
            let resources = resources(explicit.len() as u32, at, arguments);
            let layout = Layout::of(&resources).unwrap();
            // What an older launch left must not shine through.
            let mut segment = vec![0xee; layout.size()];
            let given: Vec<u8> = explicit.iter().copied().chain(std::iter::repeat_n(0x77, padding)).collect();
            layout.fill(&mut segment, &given, &VALUES).unwrap();

            let mut model = vec![0; layout.size()];
            model[..explicit.len()].copy_from_slice(&explicit);
            for argument in &resources.hidden_args {
                let (offset, size) = (argument.offset as usize, argument.size as usize);
                model[offset..offset + size].copy_from_slice(&expected(&argument.kind).to_le_bytes()[..size]);
            }
            prop_assert_eq!(segment, model);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error = |resources: KernelResources| Layout::of(&resources).unwrap_err().to_string();
        assert!(error(resources(8, 16, vec![hidden("hidden_teapot", 8, 8)])).contains("`hidden_teapot`"));
        assert!(error(resources(8, 16, vec![hidden("hidden_block_count_w", 8, 4)])).contains("hidden_block_count_w"));
        assert!(error(resources(8, 16, vec![hidden("hidden_queue_ptr", 4, 8)])).contains("offset 4"));
        assert!(error(resources(8, 16, vec![hidden("hidden_queue_ptr", 12, 8)])).contains("8..16"));
        assert!(error(resources(8, 16, vec![hidden("hidden_queue_ptr", u32::MAX, 8)])).contains("outside"));
        assert!(error(resources(8, 16, vec![hidden("hidden_grid_dims", 8, 4)])).contains("gives it 2"));
    }

    #[test]
    fn explicit_arguments_must_have_the_kernels_size() {
        let layout = Layout::of(&resources(20, 24, Vec::new())).unwrap();
        let mut segment = vec![0; 24];
        let mut fill = |bytes: usize| layout.fill(&mut segment, &vec![1; bytes], &VALUES);
        assert_eq!(fill(19), Err(KernargError::Explicit { expected: 20, given: 19 }));
        assert_eq!(fill(20), Ok(()));
        assert_eq!(fill(32), Ok(()));
        assert_eq!(fill(36), Err(KernargError::Explicit { expected: 20, given: 36 }));
    }
}
