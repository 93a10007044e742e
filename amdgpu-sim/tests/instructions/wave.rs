//! What an instruction of the model sees and changes: the registers of one wave.

use super::{
    float::{F16, F64, Format, Number, Round},
    operand::INVERSE_TAU,
    target::{Generation, Target},
};

/// The MODE register's floating point part.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// What it is called in messages.
    pub name: &'static str,
    /// How single precision is rounded.
    pub round_32: Round,
    /// How half and double precision are rounded.
    pub round_16_64: Round,
    /// Whether denormals of single precision are taken and given.
    pub denormals_32: [bool; 2],
    /// Whether denormals of half and double precision are taken and given.
    pub denormals_16_64: [bool; 2],
    /// Whether minimum and maximum make signalling NaNs quiet, and output modifiers are ignored.
    pub ieee: bool,
    /// Whether clamping makes NaN zero.
    pub dx10_clamp: bool,
}

impl Mode {
    /// What LLVM gives to compute kernels.
    pub const DEFAULT: Self = Self {
        name: "the default mode",
        round_32: Round::Even,
        round_16_64: Round::Even,
        denormals_32: [true; 2],
        denormals_16_64: [true; 2],
        ieee: true,
        dx10_clamp: true,
    };

    /// Without denormals and IEEE's rules for NaNs.
    pub const FAST: Self = Self {
        name: "the mode without denormals",
        denormals_32: [false; 2],
        denormals_16_64: [false; 2],
        ieee: false,
        dx10_clamp: false,
        ..Self::DEFAULT
    };

    /// Single precision rounded up, the others down.
    pub const UP_DOWN: Self = Self {
        name: "the mode that rounds single precision up, others down",
        round_32: Round::Up,
        round_16_64: Round::Down,
        ..Self::DEFAULT
    };

    /// Single precision rounded towards zero, the others up.
    pub const ZERO_UP: Self = Self {
        name: "the mode that cuts single precision off, and rounds others up",
        round_32: Round::Zero,
        round_16_64: Round::Up,
        ..Self::DEFAULT
    };

    /// The modes that instructions are tested in.
    pub fn tested(target: &Target) -> Vec<Self> {
        [Self::DEFAULT, Self::FAST, Self::UP_DOWN, Self::ZERO_UP].map(|mode| mode.on(target)).to_vec()
    }

    /// The default mode of a GPU.
    pub fn of(target: &Target) -> Self {
        Self::DEFAULT.on(target)
    }

    fn on(mut self, target: &Target) -> Self {
        if target.generation == Generation::Gfx12 {
            // RDNA 4 has no such bits: clamping always makes NaN zero, and no operation prefers a signalling NaN.
            (self.ieee, self.dx10_clamp) = (false, true);
        }
        self
    }

    /// Whether it is what LLVM gives to compute kernels.
    pub fn is_default(&self) -> bool {
        self.denormals_32[0] && self.round_32 == Round::Even
    }

    /// How a format is rounded.
    pub fn round(&self, format: Format) -> Round {
        if format == F16 || format == F64 { self.round_16_64 } else { self.round_32 }
    }

    /// Whether denormals of a format are taken and given.
    pub fn denormals(&self, format: Format) -> [bool; 2] {
        if format == F16 || format == F64 { self.denormals_16_64 } else { self.denormals_32 }
    }

    /// The number of these bits, as an operand: zero for a denormal where those are not taken.
    pub fn number(&self, bits: u64, format: Format) -> Number {
        let number = Number::of(bits, format);
        if format.is_denormal(bits) && !self.denormals(format)[0] {
            return Number::Zero(number.is_negative());
        }
        number
    }

    /// The bits of a result: zero for a denormal where those are not given.
    pub fn bits(&self, number: Number, format: Format) -> u64 {
        let bits = number.bits(format, self.round(format));
        if format.is_denormal(bits) && !self.denormals(format)[1] { bits & format.sign() } else { bits }
    }
}

/// Vector registers of the model.
pub const VECTOR: usize = 112;
/// Scalar registers of the model.
pub const SCALAR: usize = 100;

/// One wave.
#[derive(Clone, Debug)]
pub struct Wave {
    /// The GPU.
    pub target: Target,
    /// Vector registers, by register and lane.
    pub v: Vec<[u32; 64]>,
    /// Scalar registers.
    pub s: Vec<u32>,
    /// Which lanes are active.
    pub exec: u64,
    /// The vector condition code.
    pub vcc: u64,
    /// The scalar condition code.
    pub scc: bool,
    /// The M0 register.
    pub m0: u32,
    /// The MODE register.
    pub mode: Mode,
    /// The memory that the case can read and write.
    pub window: Vec<u8>,
    /// Which bytes of it the guides leave open.
    pub open: Vec<bool>,
    /// Lanes whose result the guides leave open.
    pub unspecified: u64,
    /// Whether the guides leave the first scalar register of the destination open.
    pub scalar_unspecified: bool,
}

impl Wave {
    /// Whether a lane is active.
    pub fn is_active(&self, lane: usize) -> bool {
        self.exec >> lane & 1 == 1
    }

    /// Says that the guides leave bytes of the window open.
    pub fn open_bytes(&mut self, at: usize, bytes: usize) {
        self.open[at..at + bytes].fill(true);
    }

    /// The active lanes.
    pub fn active(&self) -> impl Iterator<Item = usize> + use<> {
        let (exec, lanes) = (self.exec, self.target.lanes);
        (0..lanes).filter(move |lane| exec >> lane & 1 == 1)
    }

    /// Consecutive vector registers of a lane, at most four.
    pub fn vector(&self, register: usize, words: usize, lane: usize) -> u128 {
        (0..words).fold(0, |value, i| value | u128::from(self.v[register + i][lane]) << (32 * i))
    }

    /// Sets consecutive vector registers of a lane.
    pub fn set_vector(&mut self, register: usize, words: usize, lane: usize, value: u128) {
        for i in 0..words {
            self.v[register + i][lane] = (value >> (32 * i)) as u32;
        }
    }

    /// One or two scalar registers.
    pub fn scalar(&self, register: usize, words: usize) -> u64 {
        let low = u64::from(self.s[register]);
        if words > 1 { low | u64::from(self.s[register + 1]) << 32 } else { low }
    }

    /// Sets one or two scalar registers.
    pub fn set_scalar(&mut self, register: usize, words: usize, value: u64) {
        self.s[register] = value as u32;
        if words > 1 {
            self.s[register + 1] = (value >> 32) as u32;
        }
    }

    /// A mask in scalar registers: as many words as lanes need.
    pub fn mask(&self, register: usize) -> u64 {
        self.scalar(register, self.target.lanes / 32)
    }

    /// Sets a mask in scalar registers.
    pub fn set_mask(&mut self, register: usize, value: u64) {
        self.set_scalar(register, self.target.lanes / 32, value);
    }
}

/// A format's number as a constant of an instruction.
pub fn float_constant(value: f64, format: Format) -> u64 {
    // 1 / (2 pi) is cut off, not rounded, in double precision.
    if value == INVERSE_TAU && format == F64 {
        return 0x3fc4_5f30_6dc9_c882;
    }
    Number::from_f64(value).bits(format, Round::Even)
}
