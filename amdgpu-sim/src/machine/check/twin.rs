//! Values that were never written: found by a twin of each wave.
//!
//! What was never written has one value in the wave and the inverted one in its twin: registers that are not set up at
//! launch, LDS, scratch, and memory ([`Written`](crate::machine::written::Written) knows which). The twin executes every
//! instruction that the wave executes, with its own registers. So wherever the two differ, the value depends on something
//! that was never written, and wherever they agree, it does not matter: no instruction needs a rule of its own.
//!
//! Such values may be moved and computed with: LLVM does so with padding, with what no path has set, and with lanes that
//! are not active. They are an error where they decide something:
//!
//! * the address of an access;
//! * a branch, a jump, the mask of active lanes, the MODE register;
//! * what is stored to memory, if something was computed of it, or if nothing else is stored by that access. Bytes that
//!   were only moved and stand beside others are padding: in memory they count as not written.
//!
//! What is found is always wrong: there are two values for what was never written with which the program does different
//! things. What is not found: a decision that both values lead to. A comparison with a value that nobody wrote is an
//! exception, because it is common that neither value is equal to what is asked for: its result differs by definition.

use crate::{
    isa::{
        registers::{Class, File, Registers, Span},
        step::{Flow, Step},
        text::{EXEC, M0, TTMP},
    },
    machine::{
        fault::{FaultKind, Trap},
        log::Accessed,
        wave::{ActiveLanes, Wave},
        workgroup::Env,
    },
};

/// Scalar registers that programs use.
const SCALARS: usize = EXEC as usize;

/// What fills registers, LDS and scratch that nobody has written.
#[derive(Clone, Copy, Debug)]
pub enum Filling {
    /// Zeros, where nobody looks.
    Zeros,
    /// Values that depend on the place alone, so that a run can be repeated.
    Junk {
        /// What the values are made of.
        seed: u64,
        /// Whether they are the twin's.
        inverted: bool,
    },
}

impl Filling {
    /// Junk for a work-group and its waves.
    pub fn of_group(group: u64, inverted: bool) -> Self {
        Self::Junk { seed: group, inverted }
    }

    /// The word for a place. Every fourth one is small, so that comparisons with small numbers tell the two apart.
    pub fn word(self, place: u64) -> u32 {
        let Self::Junk { seed, inverted } = self else { return 0 };
        // The finaliser of SplitMix64.
        let mut x = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        let word = if x >> 62 == 0 { x as u32 & 7 } else { x as u32 };
        if inverted { !word } else { word }
    }

    /// Fills bytes.
    pub fn bytes(self, memory: &mut [u8]) {
        for (index, word) in memory.chunks_mut(4).enumerate() {
            let value = self.word(1 << 32 | index as u64).to_le_bytes();
            word.copy_from_slice(&value[..word.len()]);
        }
    }

    /// Fills a wave's registers and scratch, before they are set up.
    pub fn wave(self, wave: &mut Wave) {
        if matches!(self, Self::Zeros) {
            return;
        }
        // Trap temporaries are set up by the hardware.
        let temporaries = usize::from(TTMP)..usize::from(M0);
        for (index, register) in wave.scalar.iter_mut().enumerate().take(SCALARS) {
            if !temporaries.contains(&index) {
                *register = self.word(index as u64);
            }
        }
        for (index, register) in wave.vector.iter_mut().enumerate() {
            for (lane, word) in register.iter_mut().enumerate() {
                *word = self.word((index as u64 + 2) << 8 | lane as u64);
            }
        }
        self.bytes(&mut wave.scratch);
        wave.scc = matches!(self, Self::Junk { inverted: true, .. });
    }
}

/// The report of a value that was never written; `what` is continued by "a value that was never written".
pub fn uninitialized(what: &str, lane: Option<usize>) -> Box<Trap> {
    let trap = Trap::new(FaultKind::UninitializedValue, format!("{what} a value that was never written"));
    match lane {
        Some(lane) => trap.in_lane(lane),
        None => trap,
    }
}

/// What is known of a store to memory by one lane, while the twin executes it.
#[derive(Clone, Copy, Debug)]
pub struct StoredValue {
    lane: u32,
    address: u64,
    size: u64,
    /// Bytes that were never written.
    open: u64,
    /// Whether something was computed of what was never written.
    computed: bool,
}

impl StoredValue {
    /// A store begins; `None` if the access is none.
    pub fn begin(access: &Accessed) -> Option<Self> {
        let store = access.access.writes();
        store.then_some(Self { lane: access.lane, address: access.asked, size: access.size, open: 0, computed: false })
    }

    /// A part of the value differs in these bits.
    pub fn add(&mut self, bits: u64, size: u64) {
        for byte in bits.to_le_bytes().into_iter().take(size as usize) {
            self.open += u64::from(byte != 0);
            // What is only moved is inverted as a whole.
            self.computed |= byte != 0 && byte != 0xff;
        }
    }

    /// Whether it may be stored.
    ///
    /// # Errors
    /// If not.
    pub fn check(self) -> Result<(), Box<Trap>> {
        if !self.computed && self.open < self.size {
            return Ok(());
        }
        let what = if self.computed { "what is stored was computed of" } else { "what is stored is" };
        let mut trap = uninitialized(what, Some(self.lane as usize));
        trap.address = Some(self.address);
        Err(trap)
    }
}

/// A wave's twin.
#[derive(Debug)]
pub struct Twin {
    wave: Wave,
    /// Lanes in which the instruction compares with what was never written.
    undecided: u64,
}

impl Twin {
    /// The twin of a wave that was started with junk: this one was started with the same, inverted.
    pub fn new(wave: Wave) -> Self {
        Self { wave, undecided: 0 }
    }

    /// The wave is about to execute an instruction.
    #[inline]
    pub fn before(&mut self, registers: &Registers, wave: &Wave) {
        self.wave.ip = wave.ip;
        self.undecided = if registers.compares { self.never_written(registers, wave) } else { 0 };
    }

    /// Executes what the wave has just executed; `flow` is where that led, `None` for a fault.
    ///
    /// # Errors
    /// What depends on something that was never written.
    pub fn follow(
        &mut self,
        step: &Step,
        registers: &Registers,
        wave: &Wave,
        flow: Option<Flow>,
        env: &mut Env<'_>,
    ) -> Result<(), Box<Trap>> {
        let exec = self.wave.exec();
        let other = step(&mut self.wave, env)?;
        let Some(flow) = flow else { return Ok(()) };
        let undecided = registers.class == Class::Branch && self.undecided != 0;
        self.differ(registers, wave, self.undecided & exec);
        if other != flow || undecided {
            let what = if registers.class == Class::Branch { "a branch depends on" } else { "the way on depends on" };
            return Err(uninitialized(what, None));
        }
        let mask = self.wave.exec() ^ wave.exec();
        if mask != 0 {
            let lane = mask.trailing_zeros() as usize;
            return Err(uninitialized("which work-items go on depends on", Some(lane)));
        }
        if self.wave.mode != wave.mode {
            return Err(uninitialized("the MODE register depends on", None));
        }
        Ok(())
    }

    /// Lanes in which one of the sources as a whole was never written.
    fn never_written(&self, registers: &Registers, wave: &Wave) -> u64 {
        let twin = &self.wave;
        let scalar = |index: u16| {
            let index = usize::from(index & 255);
            wave.scalar[index] == !twin.scalar[index]
        };
        let lanes = |span: &Span| match span.file {
            File::Scalar => {
                if (span.first..span.first + span.count).all(scalar) {
                    u64::MAX
                } else {
                    0
                }
            }
            File::Vector => ActiveLanes(wave.exec())
                .filter(|&lane| {
                    (span.first..span.first + span.count)
                        .map(usize::from)
                        .all(|register| wave.vector[register][lane] == !twin.vector[register][lane])
                })
                .fold(0, |mask, lane| mask | 1 << lane),
        };
        registers.reads.iter().map(lanes).fold(0, |mask, lanes| mask | lanes)
    }

    /// Makes the result of a comparison differ in these lanes.
    fn differ(&mut self, registers: &Registers, wave: &Wave, lanes: u64) {
        if lanes == 0 {
            return;
        }
        if registers.class == Class::Salu {
            self.wave.scc = !wave.scc;
            return;
        }
        for span in registers.writes.iter().filter(|span| span.file == File::Scalar) {
            for (word, index) in (span.first..span.first + span.count).enumerate() {
                let (index, lanes) = (usize::from(index & 255), (lanes >> (32 * word)) as u32);
                let (value, twin) = (wave.scalar[index], &mut self.wave.scalar[index]);
                *twin = *twin & !lanes | !value & lanes;
            }
        }
    }

    /// The registers among these that differ from the wave's, in the assembler's words.
    pub fn differing(&self, registers: &Registers, wave: &Wave, lane: Option<u32>) -> Vec<String> {
        let twin = &self.wave;
        let mut names = Vec::new();
        for span in &registers.reads {
            for index in span.first..span.first + span.count {
                let differs = match (span.file, lane) {
                    (File::Scalar, _) => {
                        let index = usize::from(index & 255);
                        wave.scalar[index] != twin.scalar[index]
                    }
                    (File::Vector, Some(lane)) => {
                        let (index, lane) = (usize::from(index), lane as usize);
                        wave.vector[index][lane] != twin.vector[index][lane]
                    }
                    (File::Vector, None) => wave.vector[usize::from(index)] != twin.vector[usize::from(index)],
                };
                if differs {
                    names.push(span.file.name(index));
                }
            }
        }
        names
    }
}
