//! The state of one wave: registers, EXEC, scratch, program counter.

use super::fault::{FaultKind, Trap};
use crate::isa::text::{EXEC, VCC};

/// Work-items in a wave.
pub const LANES: usize = 64;

/// One vector register: a word for each lane.
pub type VectorRegister = [u32; LANES];

/// The MODE register (*CDNA 3 ISA*, section 3.4 "Mode register").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Mode {
    /// Whether f32 operations take denormal inputs as zero.
    #[inline]
    pub fn flush_f32_in(self) -> bool {
        self.0 & 0x10 == 0
    }
    /// Whether f32 operations give zero for denormal results.
    #[inline]
    pub fn flush_f32_out(self) -> bool {
        self.0 & 0x20 == 0
    }
    /// Whether f16 and f64 operations take denormal inputs as zero.
    #[inline]
    pub fn flush_f64_in(self) -> bool {
        self.0 & 0x40 == 0
    }
    /// Whether f16 and f64 operations give zero for denormal results.
    #[inline]
    pub fn flush_f64_out(self) -> bool {
        self.0 & 0x80 == 0
    }
    /// Whether clamping makes zero of NaN.
    #[inline]
    pub fn dx10_clamp(self) -> bool {
        self.0 & 0x100 != 0
    }
    /// Whether minimum and maximum make signalling NaNs quiet.
    #[inline]
    pub fn ieee(self) -> bool {
        self.0 & 0x200 != 0
    }

    /// Whether results of 8 and 16 bits that are too large become the largest number (FP16_OVFL).
    #[inline]
    pub fn saturates(self) -> bool {
        self.0 & 1 << 23 != 0
    }

    /// Refuses the rounding modes that the simulator has not.
    ///
    /// # Errors
    /// If f32, f64 or f16 operations shall round otherwise than to nearest even.
    pub fn check(self) -> Result<(), Box<Trap>> {
        if self.0 & 0xf == 0 {
            return Ok(());
        }
        let detail = format!("MODE {:#x} asks for a rounding mode other than to nearest even", self.0);
        Err(Trap::new(FaultKind::UnsupportedInstruction, detail))
    }
}

/// What a wave is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has instructions to execute.
    Running,
    /// It waits for the other waves of its work-group.
    AtBarrier,
    /// It has ended.
    Ended,
}

/// One wave.
#[derive(Debug)]
pub struct Wave {
    /// Index of the next instruction.
    pub ip: u32,
    /// What it is doing.
    pub state: State,
    /// Scalar registers, by the number that the instruction encoding has for them: VCC, M0 and EXEC are among them.
    pub scalar: [u32; 128],
    /// The scalar condition code.
    pub scc: bool,
    /// Rounding, denormals, NaN handling.
    pub mode: Mode,
    /// Vector registers: architectural, then accumulation.
    pub vector: Vec<VectorRegister>,
    /// Scratch memory of all lanes, one lane after the other.
    pub scratch: Vec<u8>,
    /// Scratch memory of one lane in bytes.
    pub scratch_size: u64,
    /// Number in the work-group of the item in lane 0.
    pub first_item: u32,
}

impl Wave {
    /// A wave with clear registers.
    pub fn new(vector_registers: usize) -> Self {
        Self {
            ip: 0,
            state: State::Running,
            scalar: [0; 128],
            scc: false,
            mode: Mode::default(),
            vector: vec![[0; LANES]; vector_registers],
            scratch: Vec::new(),
            scratch_size: 0,
            first_item: 0,
        }
    }

    /// Two scalar registers, `index` the low half.
    #[inline]
    pub fn scalar_u64(&self, index: u8) -> u64 {
        let index = usize::from(index & 127);
        u64::from(self.scalar[index]) | u64::from(self.scalar[(index + 1) & 127]) << 32
    }

    /// Sets two scalar registers.
    #[inline]
    pub fn set_scalar_u64(&mut self, index: u8, value: u64) {
        let index = usize::from(index & 127);
        self.scalar[index] = value as u32;
        self.scalar[(index + 1) & 127] = (value >> 32) as u32;
    }

    /// Which lanes are active.
    #[inline]
    pub fn exec(&self) -> u64 {
        self.scalar_u64(EXEC)
    }

    /// The vector condition code.
    #[inline]
    pub fn vcc(&self) -> u64 {
        self.scalar_u64(VCC)
    }

    /// The active lanes, lowest first.
    #[inline]
    pub fn active(&self) -> ActiveLanes {
        ActiveLanes(self.exec())
    }
}

/// Iterator over the set bits of a lane mask.
#[derive(Clone, Copy, Debug)]
pub struct ActiveLanes(pub u64);

impl Iterator for ActiveLanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lane = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(lane)
    }
}
