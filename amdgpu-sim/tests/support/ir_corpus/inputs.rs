//! Inputs of a case: values at the edges of their type and random ones, the same in each run.

use super::types::{Scalar, Ty};

/// Which values an argument may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// Any bits.
    Any,
    /// Any bits but those of a signalling NaN: what operations make of one is left open by LLVM.
    Quiet,
    /// An integer other than 0.
    NonZero,
    /// An integer that the signed or unsigned argument before it can be divided by.
    Divisor,
    /// An integer below this.
    Below(u128),
    /// A float between these.
    Within(f64, f64),
}

/// A generator of pseudo-random numbers (xorshift64*).
pub struct Random(u64);

impl Random {
    /// Its sequence depends on this name.
    pub fn named(name: &str) -> Self {
        // FNV-1a
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(hash | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn integer(random: &mut Random, scalar: Scalar) -> u128 {
    let bits = scalar.bits();
    let bits_of = match random.below(8) {
        0 => u128::from(random.below(4)),
        1 => u128::MAX - u128::from(random.below(3)),
        2 => scalar.sign().wrapping_sub(u128::from(random.below(3))),
        3 => scalar.sign().wrapping_add(u128::from(random.below(3))),
        4 => 1 << random.below(u64::from(bits)),
        5 => random.wide(),
        // Small numbers of either sign.
        6 => random.wide() >> (128 - bits) >> random.below(u64::from(bits)),
        _ => (random.wide() >> (128 - bits) >> random.below(u64::from(bits))).wrapping_neg(),
    };
    bits_of & scalar.mask()
}

fn float(random: &mut Random, scalar: Scalar) -> u128 {
    let (infinity, sign, one) = (scalar.infinity(), scalar.sign(), scalar.of_f64(1.0));
    let ulp = u128::from(random.below(3));
    let quiet = 1 << (scalar.mantissa() - 1);
    let magnitude = match random.below(16) {
        0 => 0,
        // The smallest, denormal and normal; the largest; around one.
        1 => 1 + ulp,
        2 => (1 << scalar.mantissa()) - 1 + ulp,
        3 => infinity,
        4 => infinity - 1 - ulp,
        5 => one - 1 + ulp,
        6 => infinity | quiet | u128::from(random.below(quiet as u64)),
        7 => infinity | (1 + u128::from(random.below(quiet as u64 - 1))),
        8 => random.wide() & (quiet | (quiet - 1)),
        9 => scalar.of_f64(random.below(200) as f64 / 2.0),
        10..13 => scalar.of_f64((random.unit() - 0.5) * 64.0),
        13 => scalar.of_f64(2_f64.powi(random.below(80) as i32 - 40)),
        _ => random.wide(),
    };
    (magnitude ^ if random.below(2) == 0 { sign } else { 0 }) & scalar.mask()
}

fn element(random: &mut Random, scalar: Scalar, domain: Domain, earlier: u128) -> u128 {
    let any = |random: &mut Random| if scalar.is_float() { float(random, scalar) } else { integer(random, scalar) };
    match domain {
        Domain::Any => any(random),
        Domain::Quiet => {
            let bits = any(random);
            if scalar.is_nan(bits) { bits | 1 << (scalar.mantissa() - 1) } else { bits }
        }
        Domain::NonZero => any(random).max(1),
        Domain::Divisor => match any(random) {
            0 => 1,
            bits if bits == scalar.mask() && earlier == scalar.sign() => 3,
            bits => bits,
        },
        Domain::Below(bound) => random.wide() % bound,
        Domain::Within(low, high) => loop {
            let bits = if random.below(2) == 0 {
                float(random, scalar)
            } else {
                scalar.of_f64(low + (high - low) * random.unit())
            };
            // False for what is no number.
            if (low..=high).contains(&scalar.to_f64(bits)) {
                return bits;
            }
        },
    }
}

/// Values for the arguments of a case of this name: for each argument an array.
pub fn inputs(name: &str, arguments: &[(Ty, Domain)], count: usize) -> Vec<Vec<Vec<u128>>> {
    let mut random = Random::named(name);
    let mut arrays: Vec<Vec<Vec<u128>>> = Vec::new();
    for (ty, domain) in arguments {
        let earlier = |sample: usize, lane: usize| {
            arrays.last().and_then(|array| array[sample].get(lane)).copied().unwrap_or_default()
        };
        let array = (0..count)
            .map(|sample| {
                (0..ty.lanes as usize)
                    .map(|lane| element(&mut random, ty.scalar, *domain, earlier(sample, lane)))
                    .collect()
            })
            .collect();
        arrays.push(array);
    }
    arrays
}
