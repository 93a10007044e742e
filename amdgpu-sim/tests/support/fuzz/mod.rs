//! What fuzzing needs: code objects made of anything, and a program that runs what can be loaded of them. Used by the bounded
//! test and by the targets of cargo-fuzz, and so self-contained.
//!
//! ```text
//!  instructions: likely words --> elf: a code object around them --+
//!                                                                  +--> client: load, freeze, dispatch each kernel
//!  mutate: a valid code object, changed ---------------------------+
//! ```

#![allow(dead_code, reason = "each binary uses a part of this")]

pub mod client;
pub mod elf;
pub mod instructions;
pub mod llvm;
pub mod mutate;

/// The simulated devices, in the order of the agents.
pub const TARGETS: [&str; 5] = ["gfx90a", "gfx942", "gfx1030", "gfx1100", "gfx1201"];

/// A source of choices: pseudo-random numbers, or what a fuzzer says.
pub trait Choices {
    fn word(&mut self) -> u32;

    fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(bound)) >> 32) as u32
    }

    /// Whether something happens that does in one of so many cases.
    fn one_in(&mut self, cases: u32) -> bool {
        self.below(cases) == 0
    }
}

/// Pseudo-random numbers (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
}

impl Choices for Random {
    fn word(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }
}

/// The bytes of a fuzzer's input, and zeros behind them.
pub struct Input<'d>(pub &'d [u8]);

impl Choices for Input<'_> {
    fn word(&mut self) -> u32 {
        let (word, rest) = self.0.split_at(self.0.len().min(4));
        self.0 = rest;
        let mut bytes = [0; 4];
        bytes[..word.len()].copy_from_slice(word);
        u32::from_le_bytes(bytes)
    }

    // The bytes as they are: a fuzzer finds out what they do.
    fn below(&mut self, bound: u32) -> u32 {
        self.word() % bound
    }
}
