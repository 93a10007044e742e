//! Single instructions against models of them.

use std::fmt::Write as _;

use super::{Gpu, Random, bytes, numbers};

/// What a register of an instruction holds, which says which inputs are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Predicate,
    Integer(u32),
    Half,
    Brain,
    Single,
    Double,
    /// Two halves.
    Halves,
    /// An integer from 0 to this one.
    Small(u32),
}

use Kind::*;

impl Kind {
    pub fn bits(self) -> u32 {
        match self {
            Predicate => 1,
            Integer(bits) => bits,
            Half | Brain => 16,
            Single | Halves | Small(_) => 32,
            Double => 64,
        }
    }

    /// Bytes in memory: a predicate is a word.
    fn bytes(self) -> usize {
        (self.bits().max(32) / 8).min(if self.bits() == 16 { 2 } else { 8 }) as usize
    }

    fn register(self) -> String {
        format!(".b{}", self.bits().max(16))
    }

    /// A value at an edge, or any.
    pub fn value(self, random: &mut Random) -> u64 {
        let float = |random: &mut Random, bits: u32, mantissa: u32| {
            let infinity = ((1_u64 << (bits - 1 - mantissa)) - 1) << mantissa;
            let one = (infinity >> (mantissa + 1)) << mantissa;
            let ulp = random.below(3);
            let magnitude = match random.below(14) {
                0 => 0,
                1 => 1 + ulp,
                2 => (1 << mantissa) - 1 + ulp,
                3 => infinity,
                4 => infinity - 1 - ulp,
                5 => one - 1 + ulp,
                6 => infinity | 1 << (mantissa - 1) | random.below(1 << (mantissa - 1)),
                7 => random.below(1 << mantissa),
                8 => one + (random.below(2 * mantissa as u64) << mantissa) + random.below(1 << mantissa),
                9 => (one >> mantissa).wrapping_add(random.below(12)).wrapping_sub(6) << mantissa,
                10 | 11 => {
                    let exponent = (one >> mantissa) + random.below(8) - 4;
                    exponent << mantissa | random.below(1 << mantissa)
                }
                _ => random.next() & (u64::MAX >> (65 - bits)),
            };
            magnitude | random.below(2) << (bits - 1)
        };
        match self {
            Predicate => random.below(2),
            Small(most) => random.below(u64::from(most) + 1),
            Half => float(random, 16, 10),
            Brain => float(random, 16, 7),
            Single => float(random, 32, 23),
            Double => float(random, 64, 52),
            Halves => float(random, 16, 10) << 16 | float(random, 16, 10),
            Integer(bits) => {
                let sign = 1_u64 << (bits - 1);
                let value = match random.below(8) {
                    0 => random.below(4),
                    1 => u64::MAX - random.below(3),
                    2 => sign.wrapping_sub(random.below(3)),
                    3 => sign.wrapping_add(random.below(3)),
                    4 => 1 << random.below(u64::from(bits)),
                    5 => random.next() >> random.below(64),
                    _ => random.next(),
                };
                value & (u64::MAX >> (64 - bits))
            }
        }
    }
}

/// What an instruction makes of its operands.
pub type Model = Box<dyn Fn(&[u64]) -> u64>;

/// An instruction, and what it should do.
pub struct Case {
    /// `$r` stands for the result; `$a`, `$b`, `$c` and `$e` stand for what it is made of.
    pub text: String,
    pub to: Kind,
    pub from: Vec<Kind>,
    pub model: Model,
}

/// An instruction with the result `$r` and operands `$a`, `$b`, `$c`, `$e`.
pub fn case(text: impl Into<String>, to: Kind, from: &[Kind], model: impl Fn(&[u64]) -> u64 + 'static) -> Case {
    Case { text: text.into(), to, from: from.to_vec(), model: Box::new(model) }
}

const LETTERS: [&str; 4] = ["$a", "$b", "$c", "$e"];
/// Inputs of each case.
const INPUTS: usize = 512;

/// The kernel of a case.
fn kernel(number: usize, case: &Case) -> String {
    let mut text = format!(".visible .entry c{number}(.param .u64 out");
    for n in 0..case.from.len() {
        let _ = write!(text, ", .param .u64 in{n}");
    }
    text += ")\n{\n.reg .pred %p<9>; .reg .b32 %t<5>; .reg .b64 %x<9>; .reg .pred %result_p;\n";
    text += "mov.u32 %t1, %ctaid.x; mov.u32 %t2, %ntid.x; mov.u32 %t3, %tid.x; mad.lo.u32 %t0, %t1, %t2, %t3;\n";
    let mut body = case.text.clone();
    for (n, kind) in case.from.iter().enumerate() {
        let (register, bytes) = (kind.register(), kind.bytes());
        if *kind == Predicate {
            let _ = writeln!(text, ".reg .b32 %in{n}; .reg .pred %inp{n};");
            body = body.replace(LETTERS[n], &format!("%inp{n}"));
        } else {
            let _ = writeln!(text, ".reg {register} %in{n};");
            body = body.replace(LETTERS[n], &format!("%in{n}"));
        }
        let _ = writeln!(
            text,
            "ld.param.u64 %x1, [in{n}]; mul.wide.u32 %x2, %t0, {bytes}; add.u64 %x1, %x1, %x2; \
             ld.global.b{} %in{n}, [%x1];",
            8 * bytes
        );
        if *kind == Predicate {
            let _ = writeln!(text, "setp.ne.u32 %inp{n}, %in{n}, 0;");
        }
    }
    let (register, bytes) = (case.to.register(), case.to.bytes());
    let is_predicate = case.to == Predicate;
    body = body.replace("$r", if is_predicate { "%result_p" } else { "%result" });
    let _ = writeln!(text, ".reg {} %result;\n{body}", if is_predicate { ".b32" } else { &register });
    if is_predicate {
        text += "selp.u32 %result, 1, 0, %result_p;\n";
    }
    let _ = writeln!(
        text,
        "ld.param.u64 %x1, [out]; mul.wide.u32 %x2, %t0, {bytes}; add.u64 %x1, %x1, %x2; st.global.b{} [%x1], %result;\nret;\n}}",
        8 * bytes
    );
    text
}

/// The text of a module with all of these.
pub fn text(target: &str, cases: &[Case]) -> String {
    let kernels: String = cases.iter().enumerate().map(|(number, case)| kernel(number, case)).collect();
    super::module(target, &kernels)
}

/// Runs all cases, and holds them against their models.
pub fn check(target: &str, cases: &[Case]) {
    super::accepted_by_ptxas(target, &text(target, cases));
    let gpu = match Gpu::load(target, &text(target, cases)) {
        Ok(gpu) => gpu,
        Err(error) => panic!("{error}"),
    };
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let mut random = Random::new(number as u64 + 1);
        let inputs: Vec<Vec<u64>> =
            case.from.iter().map(|kind| (0..INPUTS).map(|_| kind.value(&mut random)).collect()).collect();
        let size = case.to.bytes();
        let out = gpu.buffer(&vec![0; INPUTS * size]);
        let mut params = vec![out];
        for (kind, values) in case.from.iter().zip(&inputs) {
            params.push(gpu.buffer(&bytes(values, kind.bytes())));
        }
        if let Err(fault) = gpu.launch(&format!("c{number}"), INPUTS as u32 / 64, 64, &params) {
            wrong.push(format!("{}: {fault}", case.text));
            continue;
        }
        let results = numbers(&gpu.read(out, INPUTS * size), size);
        for n in 0..INPUTS {
            let values: Vec<u64> = inputs.iter().map(|values| values[n]).collect();
            let expected = (case.model)(&values);
            if results[n] != expected {
                wrong.push(format!("{}: of {values:x?} {:x}, where {expected:x} is right", case.text, results[n]));
                break;
            }
        }
        params.iter().for_each(|address| gpu.memory.free(*address).unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
