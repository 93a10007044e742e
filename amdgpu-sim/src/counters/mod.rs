//! Counters: what each dispatch did, in numbers that hardware has counters for, and what follows from them.
//!
//! They are off unless [`Config::with_counters`](crate::Config::with_counters) or `AMDGPU_SIM_COUNTERS` asks for them. Then
//! each dispatch that ends leaves a [`DispatchCounters`]: the program can take it
//! ([`take_counters`](crate::take_counters)), and it is written to where the variable says:
//!
//! | `AMDGPU_SIM_COUNTERS` | what is written |
//! |---|---|
//! | `-` | a table for each dispatch, to standard error |
//! | `NAME.trace` | a trace for Chrome's `about:tracing` or Perfetto, in JSON |
//! | another name | an array of objects, in JSON |
//! | `1` | nothing: the program takes them |
//!
//! # What is counted
//! * **Instructions** by class, as waves execute them.
//! * **Lane operations**: active lanes, over all vector instructions (arithmetic, memory, LDS).
//! * **Memory**: different bytes that an instruction's lanes access, and cache lines (64 bytes on gfx90a, 128 on others)
//!   that these lie in: *transactions*. Bytes through those lines is the *efficiency*. There are no caches: each
//!   instruction counts by itself.
//! * **LDS**: cycles, with 32 banks of a word each; a word that several lanes want is given to all at once. *Conflict
//!   cycles* are those that would not be there if no two lanes met in a bank.
//! * **Divergence**: average of active lanes, and how often lanes parted: an instruction that leaves some of the active
//!   lanes active, but not all.
//! * **Occupancy**: waves that fit on a SIMD, and what bounds them ([`Occupancy`]).
//!
//! # The estimate
//! [`Estimate`] says in how many cycles a device could have done that. It is an **estimate**, no simulation: it knows
//! no cache, no latency, no dependency between instructions, and no hazard. What it says is which of three things bounds
//! the kernel, and roughly at what time:
//!
//! * **issue**: cycles in which SIMDs issue, for each instruction as many as its class takes (a wave of 64 on CDNA: 4, as
//!   16 lanes work at once; on RDNA 2, and 1 for a wave of 32; matrix instructions 16; others 1), over the SIMDs that have
//!   waves;
//! * **lds**: LDS cycles, over the compute units that have work-groups;
//! * **memory**: bytes in lines, over the bytes that memory moves in a cycle.
//!
//! The kernel takes at least the largest of the three, if all else is hidden behind it, and about their sum, if nothing is.

mod estimate;
mod occupancy;
mod sink;
mod table;

use std::ops::AddAssign;

pub use estimate::{Bound, Estimate};
pub use occupancy::{Limit, Occupancy};
use serde::Serialize;
pub(crate) use sink::Recorder;
pub use sink::{COUNTERS_VARIABLE, CountersOutput};

macro_rules! counts {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$inner])* pub $field: $ty,)*
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

counts! {
    /// Instructions that waves have executed, by class.
    Instructions {
        /// Scalar arithmetic and control of the wave.
        salu: u64,
        /// Vector arithmetic.
        valu: u64,
        /// Matrix arithmetic.
        matrix: u64,
        /// Scalar memory.
        smem: u64,
        /// Loads of vector memory.
        vmem_load: u64,
        /// Stores to vector memory, and writing back caches.
        vmem_store: u64,
        /// Atomic operations on vector memory.
        vmem_atomic: u64,
        /// FLAT.
        flat: u64,
        /// Scratch.
        scratch: u64,
        /// LDS, and exchanges between lanes that go through its hardware.
        lds: u64,
        /// Branches, calls, returns and ends.
        branch: u64,
        /// Barriers.
        barrier: u64,
        /// Waits for counters.
        wait: u64,
    }
}

impl Instructions {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.by_class().iter().map(|(_, count)| count).sum()
    }

    /// Name and number of each class.
    pub fn by_class(&self) -> [(&'static str, u64); 13] {
        [
            ("SALU", self.salu),
            ("VALU", self.valu),
            ("matrix", self.matrix),
            ("SMEM", self.smem),
            ("VMEM load", self.vmem_load),
            ("VMEM store", self.vmem_store),
            ("VMEM atomic", self.vmem_atomic),
            ("FLAT", self.flat),
            ("scratch", self.scratch),
            ("LDS", self.lds),
            ("branch", self.branch),
            ("barrier", self.barrier),
            ("wait", self.wait),
        ]
    }
}

counts! {
    /// Accesses to memory of one sort.
    Traffic {
        /// Accesses of lanes.
        accesses: u64,
        /// Different bytes that they asked for, instruction by instruction.
        bytes: u64,
        /// Cache lines that those bytes lie in.
        transactions: u64,
        /// Bytes of those lines.
        transferred: u64,
    }
}

impl Traffic {
    /// Bytes that were asked for in each byte of the lines, at most 1. `None` if there was no access.
    pub fn efficiency(&self) -> Option<f64> {
        (self.transferred > 0).then(|| self.bytes as f64 / self.transferred as f64)
    }
}

counts! {
    /// Accesses to memory.
    Memory {
        /// Vector loads.
        loads: Traffic,
        /// Vector stores.
        stores: Traffic,
        /// Atomic operations.
        atomics: Traffic,
        /// Scalar loads.
        scalar: Traffic,
    }
}

counts! {
    /// Accesses to LDS.
    Lds {
        /// Accesses of lanes.
        accesses: u64,
        /// Bytes of those.
        bytes: u64,
        /// Cycles that LDS was busy.
        cycles: u64,
        /// Those of them that conflicts of banks have cost.
        conflict_cycles: u64,
    }
}

counts! {
    /// What a dispatch did.
    Counts {
        /// Work-groups.
        work_groups: u64,
        /// Waves.
        waves: u64,
        /// Instructions by class.
        instructions: Instructions,
        /// Vector instructions.
        vector_instructions: u64,
        /// Lanes that were active, over all vector instructions.
        lane_operations: u64,
        /// Lanes that might have been active.
        lanes_possible: u64,
        /// How often some of a wave's active lanes went another way than the others.
        divergences: u64,
        /// Memory.
        memory: Memory,
        /// LDS.
        lds: Lds,
        /// Bytes of scratch that lanes accessed.
        scratch_bytes: u64,
    }
}

impl Counts {
    /// Lanes that were active in a vector instruction, on average. `None` if there was none.
    pub fn average_active_lanes(&self) -> Option<f64> {
        (self.vector_instructions > 0).then(|| self.lane_operations as f64 / self.vector_instructions as f64)
    }
}

/// What is known of a dispatch that has ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DispatchCounters {
    /// The kernel's symbol.
    pub kernel: String,
    /// The device's target, for example `gfx942`.
    pub target: &'static str,
    /// The device's number among the GPUs.
    pub gpu: usize,
    /// Address of the queue.
    pub queue: u64,
    /// Number of the packet in its queue.
    pub dispatch: u64,
    /// Grid size in work-items.
    pub grid: [u32; 3],
    /// Work-group size in work-items.
    pub work_group: [u32; 3],
    /// Work-items of a wave.
    pub wave: usize,
    /// When the simulator began it, in microseconds since it was installed.
    pub start_us: f64,
    /// How long the simulator took, in microseconds: the simulator's time, not the device's.
    pub simulated_in_us: f64,
    /// What it did.
    pub counts: Counts,
    /// How many waves fit on the device.
    pub occupancy: Occupancy,
    /// How long a device may take: an estimate.
    pub estimate: Estimate,
}
