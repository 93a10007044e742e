//! The multiplication itself: elements out of registers, sums, results into registers.

use super::{element::Element, layout::Place};
use crate::{
    isa::lane::Lane,
    machine::wave::{VectorRegister, Wave},
};

/// A or B.
#[derive(Debug)]
pub struct Inputs {
    /// First register.
    pub register: usize,
    /// Type of its elements.
    pub element: Element,
    /// Where they are: block by block, line by line, in the order of k.
    pub places: Vec<Place>,
    /// Whether signs are flipped, of elements in the low and in the high half of a register.
    pub flip: [bool; 2],
}

/// Which two elements of each four of A are given.
#[derive(Debug)]
pub struct Sparsity {
    /// The register with the indices: two bits for each element, for those that the same lane holds of A.
    register: usize,
    /// Where in the register they begin.
    shift: usize,
}

impl Sparsity {
    /// Indices in this register, of which there are several sets if a lane holds only so few elements.
    pub fn new(register: usize, depth: usize, set: usize) -> Self {
        Self { register, shift: 2 * depth * set % 32 }
    }

    /// The k of the element that is given as number `along`, and is at this place.
    fn dense(&self, along: usize, place: Place, vector: &[VectorRegister]) -> usize {
        let indices = vector[self.register][usize::from(place.lane)] >> self.shift;
        along / 2 * 4 + (indices >> (2 * place.slot) & 3) as usize
    }
}

/// A matrix instruction, decoded.
#[derive(Debug)]
pub struct Multiply {
    /// How many independent products.
    pub blocks: usize,
    pub a: Inputs,
    pub b: Inputs,
    /// Columns of A, with those that are not given, and rows of B.
    pub depth: usize,
    pub rows: usize,
    pub columns: usize,
    /// Which columns of A are given; all if `None`.
    pub sparsity: Option<Sparsity>,
    /// Type of C's and D's elements.
    pub result: Element,
    /// Where they are: block by block, row by row.
    pub result_places: Vec<Place>,
    /// Bits of all elements of C, if it is a constant.
    pub c: Option<u64>,
    /// First register of C, if it is none.
    pub c_register: usize,
    /// Whether C's signs are flipped, after `c_absolute`.
    pub c_negate: bool,
    /// Whether C's signs are cleared.
    pub c_absolute: bool,
    /// First register of D.
    pub d: usize,
    /// Whether integers saturate.
    pub saturate: bool,
    /// Whether denormal numbers are zero.
    pub flush: bool,
}

/// How products are summed.
trait Sum: Copy {
    /// Elements of A and B.
    type Input: Copy;
    /// `a * b + c`.
    fn add(a: Self::Input, b: Self::Input, c: Self) -> Self;
}

/// The sum of products of numbers with at most 11 bits, which f64 holds exactly.
#[derive(Clone, Copy)]
struct Narrow(f32);

impl Sum for Narrow {
    type Input = f32;
    fn add(a: f32, b: f32, c: Self) -> Self {
        // Rounding to f64 first is innocuous: what it drops is too far from both ends of f32's mantissa to make or break a
        // tie, because the product has 22 bits at most and the sum 24.
        Self((f64::from(a) * f64::from(b) + f64::from(c.0)) as f32)
    }
}

impl Sum for f32 {
    type Input = f32;
    fn add(a: f32, b: f32, c: Self) -> Self {
        a.mul_add(b, c)
    }
}

impl Sum for f64 {
    type Input = f64;
    fn add(a: f64, b: f64, c: Self) -> Self {
        a.mul_add(b, c)
    }
}

impl Sum for i64 {
    type Input = i32;
    fn add(a: i32, b: i32, c: Self) -> Self {
        c + i64::from(a) * i64::from(b)
    }
}

impl Multiply {
    /// Executes it, in all lanes.
    pub fn execute(&self, wave: &mut Wave) {
        match self.result {
            Element::F64 => self.double(wave),
            Element::I32 => self.integer(wave),
            _ => self.single(wave),
        }
    }

    /// Adds the products to `sums`, which are row by row.
    fn sum<T: Sum>(&self, a: &[T::Input], b: &[T::Input], sums: &mut [T], vector: &[VectorRegister]) {
        let length = self.a.places.len() / (self.blocks * self.rows);
        // B with its rows in one piece each: the inner loop goes along them.
        let mut rows = b.to_vec();
        for (block, column, k) in (0..self.blocks).flat_map(|block| {
            (0..self.columns).flat_map(move |column| (0..self.depth).map(move |k| (block, column, k)))
        }) {
            rows[(block * self.depth + k) * self.columns + column] =
                b[(block * self.columns + column) * self.depth + k];
        }
        for (line, sums) in sums.chunks_exact_mut(self.columns).enumerate() {
            let block = line / self.rows;
            for along in 0..length {
                let at = line * length + along;
                let k = match &self.sparsity {
                    Some(sparsity) => sparsity.dense(along, self.a.places[at], vector),
                    None => along,
                };
                let b = &rows[(block * self.depth + k) * self.columns..][..self.columns];
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = T::add(a[at], *b, *sum);
                }
            }
        }
    }

    fn single(&self, wave: &mut Wave) {
        let c: Vec<f32> = self.c_bits(wave).map(|bits| self.result.to_f32(bits as u32)).collect();
        let mut c: Vec<f32> = c.into_iter().map(|c| if self.flush { c.flush() } else { c }).collect();
        for value in &mut c {
            *value = if self.c_absolute { value.abs() } else { *value };
            *value = if self.c_negate { -*value } else { *value };
        }
        let (a, b) = (self.a.floats(wave, self.flush), self.b.floats(wave, self.flush));
        let sums = if self.a.element == Element::F32 {
            self.sum::<f32>(&a, &b, &mut c, &wave.vector);
            c
        } else {
            let mut sums: Vec<Narrow> = c.into_iter().map(Narrow).collect();
            self.sum::<Narrow>(&a, &b, &mut sums, &wave.vector);
            sums.into_iter().map(|sum| sum.0).collect()
        };
        self.put(
            wave,
            sums.into_iter().map(|sum| {
                let sum = if self.flush { sum.flush() } else { sum };
                u64::from(self.result.round(if sum.is_nan() { f32::NAN } else { sum }))
            }),
        );
    }

    fn double(&self, wave: &mut Wave) {
        let flip = |flip: bool, x: u64| f64::from_bits(x ^ u64::from(flip) << 63);
        let inputs = |inputs: &Inputs| -> Vec<f64> {
            let bits = inputs.places.iter().map(|place| word64(&wave.vector, inputs.register, *place));
            bits.map(|bits| flip(inputs.flip[0], bits)).collect()
        };
        let (a, b) = (inputs(&self.a), inputs(&self.b));
        let mut sums: Vec<f64> = self.c_bits(wave).map(|bits| flip(self.c_negate, bits)).collect();
        self.sum::<f64>(&a, &b, &mut sums, &wave.vector);
        self.put(wave, sums.into_iter().map(|sum| if sum.is_nan() { f64::NAN } else { sum }.to_bits()));
    }

    fn integer(&self, wave: &mut Wave) {
        let inputs =
            |inputs: &Inputs| -> Vec<i32> { inputs.words(wave).map(|bits| inputs.element.to_i32(bits)).collect() };
        let (a, b) = (inputs(&self.a), inputs(&self.b));
        let mut sums: Vec<i64> = self.c_bits(wave).map(|bits| i64::from(bits as i32)).collect();
        self.sum::<i64>(&a, &b, &mut sums, &wave.vector);
        self.put(
            wave,
            sums.into_iter().map(|sum| {
                let sum = if self.saturate { sum.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) } else { sum };
                u64::from(sum as u32)
            }),
        );
    }

    /// The bits of C's elements, row by row.
    fn c_bits(&self, wave: &Wave) -> impl Iterator<Item = u64> {
        self.result_places.iter().map(|place| match self.c {
            Some(bits) => bits,
            None if self.result == Element::F64 => word64(&wave.vector, self.c_register, *place),
            None => u64::from(word(&wave.vector, self.c_register, *place)),
        })
    }

    /// Puts the bits of D's elements, row by row.
    fn put(&self, wave: &mut Wave, values: impl Iterator<Item = u64>) {
        for (place, bits) in self.result_places.iter().zip(values) {
            let (register, lane) = (self.d + usize::from(place.register), usize::from(place.lane));
            match self.result {
                Element::F64 => {
                    wave.vector[register][lane] = bits as u32;
                    wave.vector[register + 1][lane] = (bits >> 32) as u32;
                }
                Element::F16 | Element::Bf16 => {
                    let word = &mut wave.vector[register][lane];
                    *word = *word & !(0xffff << place.bit) | (bits as u32) << place.bit;
                }
                _ => wave.vector[register][lane] = bits as u32,
            }
        }
    }
}

impl Inputs {
    /// The bits of its elements, and what is above them in the register.
    fn words(&self, wave: &Wave) -> impl Iterator<Item = u32> {
        self.places.iter().map(|place| word(&wave.vector, self.register, *place))
    }

    fn floats(&self, wave: &Wave, flush: bool) -> Vec<f32> {
        let values = self.words(wave).zip(&self.places).map(|(bits, place)| {
            let bits = if flush { self.element.flushed(bits) } else { bits };
            let value = self.element.to_f32(bits);
            if self.flip[usize::from(place.bit >= 16)] { -value } else { value }
        });
        values.collect()
    }
}

/// The bits from a place on.
fn word(vector: &[VectorRegister], register: usize, place: Place) -> u32 {
    vector[register + usize::from(place.register)][usize::from(place.lane)] >> place.bit
}

/// The two words at a place.
fn word64(vector: &[VectorRegister], register: usize, place: Place) -> u64 {
    let (register, lane) = (register + usize::from(place.register), usize::from(place.lane));
    u64::from(vector[register][lane]) | u64::from(vector[register + 1][lane]) << 32
}
