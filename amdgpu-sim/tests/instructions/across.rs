//! Instructions that move values between lanes, and between vector, scalar and accumulation registers. The chapters
//! "VOP1", "VOP3A" and "LDS" of the guides.

use super::{
    case::{Accuracy, Case, DESTINATION, Destination, SCALAR_DESTINATION},
    enumerate::Form,
    inputs::{Bank, FIRST_SCALAR, Random},
    operand::Type::{self, B32, B64, PkF32},
    target::{Generation, Target},
    wave::Wave,
};

/// What is moved where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    ReadFirst,
    Read,
    Write,
    Swap,
    /// To the lanes that an address says; from them; from them, active or not.
    Permute,
    BackwardPermute,
    BackwardPermuteAny,
    Swizzle,
    /// Within rows of 16, from the other row of two, with the lanes in scalars or in a register.
    Rows {
        /// From the other row.
        other: bool,
        /// The lanes are in a vector register.
        variable: bool,
    },
    /// Between the halves of a wave of 64.
    Halves,
    FromAccumulation,
    ToAccumulation,
    BetweenAccumulation,
    /// Of two pairs, one register each.
    Pair,
}

/// What an instruction of this name moves.
pub fn movement(name: &str) -> Option<Move> {
    let rows = |other, variable| Move::Rows { other, variable };
    Some(match name {
        "v_readfirstlane_b32" => Move::ReadFirst,
        "v_readlane_b32" => Move::Read,
        "v_writelane_b32" => Move::Write,
        "v_swap_b32" => Move::Swap,
        "ds_permute_b32" => Move::Permute,
        "ds_bpermute_b32" => Move::BackwardPermute,
        "ds_bpermute_fi_b32" => Move::BackwardPermuteAny,
        "ds_swizzle_b32" => Move::Swizzle,
        "v_permlane16_b32" => rows(false, false),
        "v_permlanex16_b32" => rows(true, false),
        "v_permlane16_var_b32" => rows(false, true),
        "v_permlanex16_var_b32" => rows(true, true),
        "v_permlane64_b32" => Move::Halves,
        "v_accvgpr_read_b32" => Move::FromAccumulation,
        "v_accvgpr_write_b32" => Move::ToAccumulation,
        "v_accvgpr_mov_b32" => Move::BetweenAccumulation,
        "v_pk_mov_b32" => Move::Pair,
        _ => return None,
    })
}

struct Operands {
    a: usize,
    b: usize,
    /// A lane or an offset.
    number: usize,
    scalar: usize,
    selector: usize,
    bits: [bool; 2],
}

/// A case with random operands.
pub fn case(movement: Move, name: &str, form: &Form, target: &Target, random: &mut Random) -> Case {
    let kind = if movement == Move::Pair { PkF32 } else { B32 };
    let bank = Bank::of(kind);
    let operands = Operands {
        a: bank.pick_vector(kind, random),
        b: bank.pick_vector(kind, random),
        number: random.below(target.lanes),
        scalar: FIRST_SCALAR + random.below(6),
        selector: FIRST_SCALAR + random.below(6),
        bits: [random.one_in(2), random.one_in(2)],
    };
    let Operands { a, b, number, scalar, selector, bits } = operands;
    let mnemonic = &form.mnemonic;
    let [first, second] = bits.map(u8::from);
    let selection = if bits == [false; 2] { String::new() } else { format!(" op_sel:[{first},{second}]") };
    let (mut before, mut after) = (String::new(), String::new());
    let mut offset = 0;
    let text = match movement {
        Move::ReadFirst => format!("{mnemonic} s{SCALAR_DESTINATION}, v{a}"),
        Move::Read if bits[0] => format!("{mnemonic} s{SCALAR_DESTINATION}, v{a}, {number}"),
        Move::Read => format!("{mnemonic} s{SCALAR_DESTINATION}, v{a}, s{scalar}"),
        Move::Write if bits[0] => format!("{mnemonic} v{DESTINATION}, s{scalar}, {number}"),
        Move::Write => format!("{mnemonic} v{DESTINATION}, s{scalar}, m0"),
        Move::Swap => format!("{mnemonic} v{DESTINATION}, v{}", DESTINATION + 1),
        Move::Permute | Move::BackwardPermute | Move::BackwardPermuteAny => {
            offset = random.pick(&[0, 4, 8, 252, 1000]);
            let suffix = if offset == 0 { String::new() } else { format!(" offset:{offset}") };
            format!("{mnemonic} v{DESTINATION}, v{a}, v{b}{suffix}")
        }
        Move::Swizzle => {
            // Four lanes of each four; or bits of the lane's number.
            offset = if bits[0] { 0x8000 | random.below(256) } else { random.below(0x8000) };
            format!("{mnemonic} v{DESTINATION}, v{a} offset:{offset}")
        }
        Move::Rows { variable: false, .. } => {
            format!("{mnemonic} v{DESTINATION}, v{a}, s{scalar}, s{selector}{selection}")
        }
        Move::Rows { variable: true, .. } => format!("{mnemonic} v{DESTINATION}, v{a}, v{b}{selection}"),
        Move::Halves => format!("{mnemonic} v{DESTINATION}, v{a}"),
        Move::FromAccumulation => {
            before = format!("v_accvgpr_write_b32 a0, v{a}\n");
            format!("{mnemonic} v{DESTINATION}, a0")
        }
        Move::ToAccumulation => {
            before = format!("v_accvgpr_write_b32 a0, v{b}\n");
            after = format!("v_accvgpr_read_b32 v{DESTINATION}, a0\n");
            format!("{mnemonic} a0, v{a}")
        }
        Move::BetweenAccumulation => {
            before = format!("v_accvgpr_write_b32 a0, v{b}\nv_accvgpr_write_b32 a1, v{a}\n");
            after = format!("v_accvgpr_read_b32 v{DESTINATION}, a0\n");
            format!("{mnemonic} a0, a1")
        }
        Move::Pair => {
            let destination = DESTINATION + 1;
            format!("{mnemonic} v[{DESTINATION}:{destination}], v[{a}:{}], v[{b}:{}]{selection}", a + 1, b + 1)
        }
    };
    let model = move |wave: &mut Wave| execute(movement, &operands, offset, wave);
    let mut case = Case::new(name, form.form, text, random, Box::new(model));
    (case.before, case.after) = (before, after);
    case.m0 = Some(selector);
    let kind: Type = if matches!(movement, Move::Swap | Move::Pair) { B64 } else { B32 };
    if matches!(movement, Move::ReadFirst | Move::Read) {
        case.scalars = true;
    } else {
        case.vector = Some(Destination { kind, accuracy: Accuracy::Exact });
    }
    case
}

fn execute(movement: Move, operands: &Operands, offset: usize, wave: &mut Wave) {
    let Operands { a, b, number, scalar, selector, bits } = *operands;
    let lanes = wave.target.lanes;
    // On RDNA 2 and 3, the halves of a wave of 64 do so apart.
    let apart = matches!(wave.target.generation, Generation::Gfx10 | Generation::Gfx11);
    let group = if apart { 32 } else { lanes };
    let (from, other) = (wave.v[a], wave.v[b]);
    let active: Vec<usize> = wave.active().collect();
    let is_active = |lane: usize| active.contains(&lane);
    match movement {
        Move::ReadFirst => wave.s[SCALAR_DESTINATION] = from[active.first().copied().unwrap_or(0)],
        Move::Read => {
            let lane = if bits[0] { number } else { wave.s[scalar] as usize % lanes };
            wave.s[SCALAR_DESTINATION] = from[lane];
        }
        Move::Write => {
            let lane = if bits[0] { number } else { wave.m0 as usize % lanes };
            wave.v[DESTINATION][lane] = wave.s[scalar];
        }
        Move::Swap => {
            for lane in active {
                let value = wave.v[DESTINATION][lane];
                wave.v[DESTINATION][lane] = wave.v[DESTINATION + 1][lane];
                wave.v[DESTINATION + 1][lane] = value;
            }
        }
        Move::Permute => {
            let mut to = [0; 64];
            for lane in &active {
                to[lane / group * group + (from[*lane] as usize + offset) / 4 % group] = other[*lane];
            }
            active.iter().for_each(|lane| wave.v[DESTINATION][*lane] = to[*lane]);
        }
        Move::BackwardPermute | Move::BackwardPermuteAny => {
            for lane in &active {
                let source = lane / group * group + (from[*lane] as usize + offset) / 4 % group;
                let read = is_active(source) || movement == Move::BackwardPermuteAny;
                wave.v[DESTINATION][*lane] = if read { other[source] } else { 0 };
            }
        }
        Move::Swizzle => {
            for lane in &active {
                let source = if offset & 0x8000 != 0 {
                    lane & !3 | offset >> (2 * (lane & 3)) & 3
                } else {
                    let [and, or, xor] = [0, 5, 10].map(|at| offset >> at & 31);
                    lane & 32 | (lane & and | or) ^ xor
                };
                wave.v[DESTINATION][*lane] = if is_active(source) { from[source] } else { 0 };
            }
        }
        Move::Rows { other: crossed, variable } => {
            let scalars = u64::from(wave.s[scalar]) | u64::from(wave.s[selector]) << 32;
            for lane in &active {
                let at =
                    if variable { other[*lane] as usize & 15 } else { (scalars >> (4 * (lane & 15)) & 15) as usize };
                let source = lane & !15 ^ if crossed { 16 } else { 0 } | at;
                // The bits of `op_sel`: read lanes that are not active; or have zero of them.
                if bits[0] || is_active(source) {
                    wave.v[DESTINATION][*lane] = from[source];
                } else if bits[1] {
                    wave.v[DESTINATION][*lane] = 0;
                }
            }
        }
        Move::Halves => {
            if lanes == 64 {
                active.iter().for_each(|lane| wave.v[DESTINATION][*lane] = from[lane ^ 32]);
            }
        }
        Move::FromAccumulation => active.iter().for_each(|lane| wave.v[DESTINATION][*lane] = from[*lane]),
        Move::ToAccumulation | Move::BetweenAccumulation => {
            wave.v[DESTINATION] = other;
            active.iter().for_each(|lane| wave.v[DESTINATION][*lane] = from[*lane]);
        }
        Move::Pair => {
            for lane in active {
                wave.v[DESTINATION][lane] = wave.v[a + usize::from(bits[0])][lane];
                wave.v[DESTINATION + 1][lane] = wave.v[b + usize::from(bits[1])][lane];
            }
        }
    }
}
