//! The cards that simulated GPUs say they are: what a program asks a device for, as the real card and its driver
//! answer.

use crate::target::Target;

/// A card. Clocks are in MHz, widths in bits; sizes are in the unit that their name says.
///
/// The figures are those of NVIDIA's data sheets and architecture white papers, and of the tables *Technical
/// specifications per compute capability* in the CUDA documentation. Sizes of memory are what is left for programs, to
/// within a few MiB.
#[derive(Debug, PartialEq, Eq)]
pub struct Card {
    /// The name by which it is asked for: its compute capability, as PTX says it.
    pub target: &'static str,
    /// What it is sold as, in the driver's words.
    pub name: &'static str,
    /// Major and minor compute capability.
    pub capability: (u32, u32),
    /// The oldest driver that knows it, as CUDA version.
    pub driver: (u32, u32),
    /// Streaming multiprocessors.
    pub multiprocessors: u32,
    /// Most threads that a multiprocessor has at once.
    pub threads: u32,
    /// Most blocks that a multiprocessor has at once.
    pub blocks: u32,
    /// Shared memory of a multiprocessor in KiB.
    pub shared: u32,
    /// The most of it that a block can ask for, in KiB.
    pub shared_of_block: u32,
    /// What the driver takes of it for each block, in bytes.
    pub shared_reserved: u32,
    /// L2 cache in KiB.
    pub l2: u32,
    /// Memory in MiB.
    pub memory: u64,
    /// Boost clock of the multiprocessors.
    pub clock: u32,
    /// Clock of the memory.
    pub memory_clock: u32,
    /// Width of the memory's bus.
    pub memory_width: u32,
    /// `f32` operations for each `f64` operation.
    pub single_to_double: u32,
    /// Copy engines.
    pub copy_engines: u32,
    /// Whether several of them reach each other's memory. NVIDIA's driver has that off for GeForce cards.
    pub peers: bool,
    /// Whether its memory has error correction, and that is on.
    pub ecc: bool,
    /// Whether it has no display, and the driver needs not answer one.
    pub tesla: bool,
}

/// All cards, oldest first.
pub static CARDS: [Card; 9] = [
    // Too old for the code that is simulated: what a program does with such a card can be tried.
    Card {
        target: "sm_61",
        name: "NVIDIA GeForce GTX 1080",
        capability: (6, 1),
        driver: (8, 0),
        multiprocessors: 20,
        threads: 2048,
        blocks: 32,
        shared: 96,
        shared_of_block: 48,
        shared_reserved: 0,
        l2: 2048,
        memory: 8111,
        clock: 1733,
        memory_clock: 5005,
        memory_width: 256,
        single_to_double: 32,
        copy_engines: 2,
        peers: false,
        ecc: false,
        tesla: false,
    },
    Card {
        target: "sm_70",
        name: "Tesla V100-SXM2-16GB",
        capability: (7, 0),
        driver: (9, 0),
        multiprocessors: 80,
        threads: 2048,
        blocks: 32,
        shared: 96,
        shared_of_block: 96,
        shared_reserved: 0,
        l2: 6144,
        memory: 16151,
        clock: 1530,
        memory_clock: 877,
        memory_width: 4096,
        single_to_double: 2,
        copy_engines: 5,
        peers: true,
        ecc: true,
        tesla: true,
    },
    Card {
        target: "sm_75",
        name: "Tesla T4",
        capability: (7, 5),
        driver: (10, 0),
        multiprocessors: 40,
        threads: 1024,
        blocks: 16,
        shared: 64,
        shared_of_block: 64,
        shared_reserved: 0,
        l2: 4096,
        memory: 15102,
        clock: 1590,
        memory_clock: 5001,
        memory_width: 256,
        single_to_double: 32,
        copy_engines: 3,
        peers: true,
        ecc: true,
        tesla: true,
    },
    Card {
        target: "sm_80",
        name: "NVIDIA A100-SXM4-40GB",
        capability: (8, 0),
        driver: (11, 0),
        multiprocessors: 108,
        threads: 2048,
        blocks: 32,
        shared: 164,
        shared_of_block: 163,
        shared_reserved: 1024,
        l2: 40960,
        memory: 40339,
        clock: 1410,
        memory_clock: 1215,
        memory_width: 5120,
        single_to_double: 2,
        copy_engines: 3,
        peers: true,
        ecc: true,
        tesla: true,
    },
    Card {
        target: "sm_86",
        name: "NVIDIA GeForce RTX 3080",
        capability: (8, 6),
        driver: (11, 1),
        multiprocessors: 68,
        threads: 1536,
        blocks: 16,
        shared: 100,
        shared_of_block: 99,
        shared_reserved: 1024,
        l2: 5120,
        memory: 10009,
        clock: 1710,
        memory_clock: 9501,
        memory_width: 320,
        single_to_double: 64,
        copy_engines: 2,
        peers: false,
        ecc: false,
        tesla: false,
    },
    Card {
        target: "sm_89",
        name: "NVIDIA GeForce RTX 4090",
        capability: (8, 9),
        driver: (11, 8),
        multiprocessors: 128,
        threads: 1536,
        blocks: 24,
        shared: 100,
        shared_of_block: 99,
        shared_reserved: 1024,
        l2: 73728,
        memory: 24217,
        clock: 2520,
        memory_clock: 10501,
        memory_width: 384,
        single_to_double: 64,
        copy_engines: 2,
        peers: false,
        ecc: false,
        tesla: false,
    },
    Card {
        target: "sm_90",
        name: "NVIDIA H100 80GB HBM3",
        capability: (9, 0),
        driver: (11, 8),
        multiprocessors: 132,
        threads: 2048,
        blocks: 32,
        shared: 228,
        shared_of_block: 227,
        shared_reserved: 1024,
        l2: 51200,
        memory: 81090,
        clock: 1980,
        memory_clock: 2619,
        memory_width: 5120,
        single_to_double: 2,
        copy_engines: 3,
        peers: true,
        ecc: true,
        tesla: true,
    },
    Card {
        target: "sm_100",
        name: "NVIDIA B200",
        capability: (10, 0),
        driver: (12, 8),
        multiprocessors: 148,
        threads: 2048,
        blocks: 32,
        shared: 228,
        shared_of_block: 227,
        shared_reserved: 1024,
        l2: 129_536,
        memory: 182_642,
        clock: 1965,
        memory_clock: 3996,
        memory_width: 7680,
        single_to_double: 2,
        copy_engines: 4,
        peers: true,
        ecc: true,
        tesla: true,
    },
    Card {
        target: "sm_120",
        name: "NVIDIA GeForce RTX 5090",
        capability: (12, 0),
        driver: (12, 8),
        multiprocessors: 170,
        threads: 1536,
        blocks: 24,
        shared: 100,
        shared_of_block: 99,
        shared_reserved: 1024,
        l2: 98304,
        memory: 32109,
        clock: 2407,
        memory_clock: 14001,
        memory_width: 512,
        single_to_double: 64,
        copy_engines: 2,
        peers: false,
        ecc: false,
        tesla: false,
    },
];

impl Card {
    /// The card of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CARDS.iter().find(|card| card.target == name)
    }

    /// The names of all cards.
    pub fn names() -> String {
        CARDS.each_ref().map(|card| card.target).join(", ")
    }

    /// What is executed on it; none for one that is too old.
    pub fn machine(&self) -> Option<Target> {
        Target::parse(self.target).ok()
    }

    /// Ten times the major compute capability and the minor one.
    pub fn number(&self) -> u32 {
        self.capability.0 * 10 + self.capability.1
    }

    /// The most shared memory of a block in bytes that a kernel can ask for.
    pub fn max_shared(&self) -> u32 {
        self.shared_of_block << 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_agrees_with_the_cards() {
        let executed = CARDS.iter().filter_map(|card| Some((card, card.machine()?))).collect::<Vec<_>>();
        assert_eq!(executed.len(), CARDS.len() - 1, "all but the one that is too old");
        for (card, machine) in executed {
            assert_eq!(machine.capability(), card.capability, "{}", card.name);
            assert_eq!(machine.max_shared(), card.max_shared(), "{}", card.name);
        }
    }

    #[test]
    fn a_card_is_found_by_its_target() {
        for card in &CARDS {
            assert_eq!(Card::named(card.target), Some(card));
            assert_eq!(card.target, format!("sm_{}", card.number()));
            assert!(card.shared_of_block <= card.shared);
        }
        assert_eq!(Card::named("sm_42"), None);
    }
}
