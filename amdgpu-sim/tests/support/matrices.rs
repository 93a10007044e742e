//! Matrices in registers: elements of every type, and kernels with what they shall store.

use half::{bf16, f16};

use super::lanes::{Case, Machine, Registers};

/// What elements are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Type {
    F64,
    F32,
    Xf32,
    F16,
    Bf16,
    /// With this many bits of mantissa and this bias.
    F8(u32, i32),
    I32,
    /// With a sign or without.
    I8,
    /// With a sign or without.
    I4,
}

/// FP8 of CDNA 3.
pub const FP8_FNUZ: Type = Type::F8(3, 8);
/// BF8 of CDNA 3.
pub const BF8_FNUZ: Type = Type::F8(2, 16);
/// FP8 of RDNA 4.
pub const FP8_OCP: Type = Type::F8(3, 7);
/// BF8 of RDNA 4.
pub const BF8_OCP: Type = Type::F8(2, 15);

impl Type {
    /// Bits of an element.
    pub fn bits(self) -> usize {
        match self {
            Self::F64 => 64,
            Self::F32 | Self::Xf32 | Self::I32 => 32,
            Self::F16 | Self::Bf16 => 16,
            Self::F8(..) | Self::I8 => 8,
            Self::I4 => 4,
        }
    }

    /// The bits of a number that the type has.
    pub fn encode(self, x: f64) -> u64 {
        match self {
            Self::F64 => x.to_bits(),
            Self::F32 | Self::Xf32 => u64::from((x as f32).to_bits()),
            Self::F16 => u64::from(f16::from_f64(x).to_bits()),
            Self::Bf16 => u64::from(bf16::from_f64(x).to_bits()),
            Self::F8(_, _) if x == 0.0 => 0,
            Self::F8(mantissa, bias) => {
                let exponent = x.abs().log2().floor() as i32;
                let fraction = x.abs() / 2_f64.powi(exponent) - 1.0;
                let magnitude = ((exponent + bias) as u64) << mantissa | (fraction * f64::from(1 << mantissa)) as u64;
                magnitude | u64::from(x < 0.0) << 7
            }
            Self::I32 => u64::from(x as i32 as u32),
            Self::I8 => u64::from(x as i32 as u8),
            Self::I4 => u64::from(x as i32 as u8 & 15),
        }
    }
}

/// Small whole numbers, different everywhere.
pub fn whole(seed: usize) -> f64 {
    f64::from(((seed.wrapping_mul(2_654_435_761) >> 13) % 9) as i32 - 4)
}

/// Kernels, and what each shall store.
#[derive(Default)]
pub struct Batch {
    cases: Vec<Case>,
    expected: Vec<Registers>,
}

impl Batch {
    /// Adds a kernel that shall leave D in registers from 24 on.
    pub fn add(
        &mut self,
        text: String,
        inputs: Vec<(&'static str, usize, Registers)>,
        file: &'static str,
        d: Registers,
    ) {
        self.cases.push(Case { text, inputs, output: (file, 24, d.words.len() / 64) });
        self.expected.push(d);
    }

    /// Runs them all.
    pub fn check(self, machine: Machine) {
        for ((case, expected), got) in self.cases.iter().zip(&self.expected).zip(machine.run(&self.cases)) {
            let got = got.unwrap_or_else(|report| panic!("{report}"));
            let differs = got.words.iter().zip(&expected.words).position(|(a, b)| a != b);
            if let Some(at) = differs {
                let (is, should) = (got.words[at], expected.words[at]);
                panic!("{}: register {} of lane {} is {is:#x}, not {should:#x}", case.text, at / 64, at % 64);
            }
        }
    }
}
