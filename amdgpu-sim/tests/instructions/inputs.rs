//! What registers hold when an instruction is tested: values at the edges of each type, and random ones.

use super::{
    float::{BF16, F16, F32, F64, Format},
    operand::Type,
    target::Target,
    wave::{Mode, SCALAR, VECTOR, Wave},
};

/// Random numbers that are the same in every run.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that depend on a text.
    pub fn new(seed: &str) -> Self {
        // FNV-1a.
        let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(hash | 1)
    }

    /// Any 64 bits.
    pub fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below this.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Registers that hold values of a type: first, how many values.
#[derive(Clone, Copy)]
pub struct Bank {
    /// First vector register.
    pub vector: usize,
    /// Values in vector registers.
    pub vectors: usize,
    /// First scalar register.
    pub scalar: usize,
    /// Values in scalar registers.
    pub scalars: usize,
}

const fn bank(vector: usize, vectors: usize, scalar: usize, scalars: usize) -> Bank {
    Bank { vector, vectors, scalar, scalars }
}

const INTEGERS: Bank = bank(16, 8, 20, 6);
const SINGLES: Bank = bank(24, 8, 26, 6);
const HALVES: Bank = bank(32, 8, 32, 4);
const SHORTS: Bank = bank(40, 8, 36, 4);
const DOUBLES: Bank = bank(48, 8, 40, 4);
const LONGS: Bank = bank(64, 8, 48, 4);
const BRAINS: Bank = bank(80, 8, 56, 4);
const PAIRS: Bank = bank(88, 6, 60, 3);
/// First vector register of the banks.
pub const FIRST_VECTOR: usize = 16;
/// One behind the last.
pub const LAST_VECTOR: usize = 100;
/// First scalar register of the banks.
pub const FIRST_SCALAR: usize = 20;
/// Scalar registers that hold masks of lanes: random ones, and all lanes.
pub const MASKS: [usize; 5] = [68, 70, 72, 74, 76];
/// The mask of all lanes.
pub const FULL: usize = 76;
/// One behind the last scalar register of the banks.
pub const LAST_SCALAR: usize = 84;

impl Bank {
    /// The bank of a type.
    pub fn of(kind: Type) -> Self {
        match kind {
            Type::B32 => INTEGERS,
            Type::F32 => SINGLES,
            Type::F16 | Type::PkF16 => HALVES,
            Type::B16 | Type::PkB16 => SHORTS,
            Type::F64 => DOUBLES,
            Type::B64 | Type::I64 => LONGS,
            Type::BF16 | Type::PkBF16 => BRAINS,
            Type::PkF32 => PAIRS,
            Type::B128 => bank(64, 4, 48, 2),
        }
    }

    /// A vector register of it.
    pub fn pick_vector(&self, kind: Type, random: &mut Random) -> usize {
        self.vector + kind.words() * random.below(self.vectors)
    }

    /// A scalar register of it.
    pub fn pick_scalar(&self, kind: Type, random: &mut Random) -> usize {
        self.scalar + kind.words() * random.below(self.scalars)
    }
}

/// An integer of this many bits.
pub fn integer(bits: u32, random: &mut Random) -> u64 {
    let mask = u64::MAX >> (64 - bits);
    let value = match random.below(8) {
        0 => random.pick(&[0, 1, u64::MAX, 2, 3, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 31, 32, 33, 63, 64]),
        1 => random.pick(&[1 << (bits - 1), (1 << (bits - 1)) - 1, mask, mask - 1, 1 << (bits - 1) | 1]),
        2 => 1 << random.below(bits as usize),
        3 => (1_u64 << random.below(bits as usize)).wrapping_sub(1),
        4 => random.below(70) as u64,
        5 => (random.below(70) as u64).wrapping_neg(),
        _ => random.next() >> random.below(bits as usize),
    };
    value & mask
}

/// A floating point number.
pub fn float(format: Format, random: &mut Random) -> u64 {
    let sign = if random.one_in(2) { format.sign() } else { 0 };
    let fraction = (1_u64 << format.fraction) - 1;
    let one = format.one();
    let unit = 1_u64 << format.fraction;
    sign | match random.below(12) {
        0 => 0,
        1 => random.pick(&[1, 2, 3, fraction, fraction - 1, unit, unit + 1, unit >> 1]),
        2 => random.next() & fraction,
        3 => format.infinity(),
        4 => random.pick(&[format.nan(), format.infinity() | 1, format.infinity() | fraction, format.nan() | 1]),
        5 => random.pick(&[format.largest(), format.largest() - 1, format.largest() - fraction]),
        6 => (one + unit * random.below(4) as u64).wrapping_add(random.pick(&[0, 1, 2, u64::MAX, u64::MAX - 1])),
        // Whole and half numbers.
        7 => {
            let bits = random.below(12);
            let whole = super::float::Number::integer(random.below(1 << bits) as i128);
            whole.scaled(-(random.below(3) as i32)).bits(format, super::float::Round::Even)
        }
        // About one.
        8 | 9 => {
            let exponent = (format.bias() as u64 + 8).wrapping_sub(random.below(16) as u64);
            let short = fraction & !(fraction >> random.below(format.fraction as usize));
            exponent << format.fraction | random.next() & random.pick(&[fraction, short])
        }
        _ => random.next() & (format.sign() - 1),
    }
}

fn value(kind: Type, random: &mut Random) -> u64 {
    let two = |random: &mut Random, f: &dyn Fn(&mut Random) -> u64, width: u32| f(random) | f(random) << width;
    match kind {
        Type::B32 | Type::B128 => integer(32, random),
        Type::B64 | Type::I64 => match random.below(3) {
            0 => integer(32, random) | integer(32, random) << 32,
            _ => integer(64, random),
        },
        Type::F32 => float(F32, random),
        Type::F64 => float(F64, random),
        Type::F16 | Type::PkF16 => two(random, &|random| float(F16, random), 16),
        Type::BF16 | Type::PkBF16 => two(random, &|random| float(BF16, random), 16),
        Type::B16 | Type::PkB16 => two(random, &|random| integer(16, random), 16),
        Type::PkF32 => two(random, &|random| float(F32, random), 32),
    }
}

/// A literal for a type.
pub fn literal(kind: Type, random: &mut Random) -> u32 {
    match kind {
        Type::F64 => (value(kind, random) >> 32) as u32,
        Type::F16 | Type::BF16 | Type::B16 => value(kind, random) as u32 & 0xffff,
        _ => value(kind, random) as u32,
    }
}

const BANKS: [Type; 8] = [Type::B32, Type::F32, Type::F16, Type::B16, Type::F64, Type::B64, Type::BF16, Type::PkF32];

/// A wave whose banks are filled. Waves of other numbers have other values.
pub fn wave(target: &Target, mode: Mode, number: usize) -> Wave {
    let mut random = Random::new(&format!("wave {number}"));
    let mut wave = Wave {
        target: *target,
        v: vec![[0; 64]; VECTOR],
        s: vec![0; SCALAR],
        exec: 0,
        vcc: 0,
        scc: false,
        m0: 0,
        mode,
        window: vec![0; super::case::WINDOW],
        open: vec![false; super::case::WINDOW],
        unspecified: 0,
        scalar_unspecified: false,
    };
    for kind in BANKS {
        let bank = Bank::of(kind);
        for i in 0..bank.vectors {
            for lane in 0..64 {
                let value = value(kind, &mut random);
                wave.set_vector(bank.vector + i * kind.words(), kind.words(), lane, u128::from(value));
            }
        }
        for i in 0..bank.scalars {
            let value = value(kind, &mut random);
            wave.set_scalar(bank.scalar + i * kind.words(), kind.words(), value);
        }
    }
    for (i, register) in MASKS.into_iter().enumerate() {
        let mask = match i {
            0 => random.next(),
            1 => random.next() & random.next() & random.next(),
            2 => random.next() | random.next(),
            3 if number % 4 == 3 => 0,
            3 => 1 << random.below(target.lanes),
            _ => u64::MAX,
        };
        wave.set_scalar(register, 2, mask);
    }
    wave
}
