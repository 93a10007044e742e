//! Matrix instructions: D = A * B + C, by all lanes of a wave together.
//!
//! MFMA and SMFMAC of CDNA (*CDNA 3 ISA*, chapter 7 "Matrix arithmetic instructions"), WMMA and SWMMAC of RDNA (*RDNA 3
//! ISA*, section 7.9; *RDNA 4 ISA*, section 7.12). The name says the shape and the types ([`name`]), the registers how many
//! blocks there are, and [`layout`] where each element is. EXEC is not looked at: all lanes
//! take part.
//!
//! # Arithmetic
//! The guides say neither in which order products are summed nor where sums are rounded. Here:
//! * Each product is added to C's element in the order of k, one after the other, each sum rounded to the nearest f32 (f64
//!   for f64) with the product itself exact: a chain of fused multiply-adds. The MODE register's rounding is not looked at.
//! * Results of 16 bits are rounded once more, at the end.
//! * Integers are summed exactly and then wrap to 32 bits, or saturate with `clamp`.
//! * Denormal numbers count, whatever MODE says, but for the f16 and bf16 forms of CDNA 2: these take denormals of A, B and
//!   C for zero, and give zero for denormal results (*CDNA 2 ISA*, section 7.1).
//! * NaNs are quiet; which NaN it is is not specified.
//!
//! # Limits
//! Code of RDNA is disassembled for waves of 32. An encoding that means something for waves of 64 only, which is
//! `v_swmmac` with an `index_key` that waves of 32 have not, comes as bytes that are no instruction.

pub mod element;
mod layout;
mod multiply;
mod name;

use element::Element;
use layout::{Layout, Place};
use multiply::{Inputs, Multiply, Sparsity};
use name::{Family, Name};

use super::{
    lane::Lane,
    step::{DecodeError, Flow, Step, step},
    text::Operand,
    valu::Vop,
};
use crate::machine::{
    fault::{FaultKind, Trap},
    wave::Size,
};

/// The step of a matrix instruction; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Result<Step, DecodeError>> {
    let name = Name::of(&v.parsed.mnemonic)?;
    Some(match name.family {
        Family::Cdna => cdna(v, name),
        Family::Rdna => rdna(v, name),
    })
}

/// The registers of operand `index`: the first, and how many.
fn registers(v: &Vop<'_>, index: usize) -> Result<(usize, usize), DecodeError> {
    v.vector(index).map(|(first, count)| (usize::from(first), usize::from(count)))
}

/// Checks that an operand has as many registers as its matrix takes.
fn expect(v: &Vop<'_>, layout: Layout, blocks: usize, count: usize) -> Result<(), DecodeError> {
    if layout.registers(blocks) == count {
        return Ok(());
    }
    Err(DecodeError::new(v.parsed, format!("a matrix of {} registers has {count}", layout.registers(blocks))))
}

/// The value of C where it is a constant: the same for all elements.
fn constant(v: &Vop<'_>, index: usize, element: Element) -> Result<Option<u64>, DecodeError> {
    let arg = v.parsed.args.get(index).ok_or_else(|| DecodeError::new(v.parsed, "an operand is missing"))?;
    Ok(match &arg.operand {
        Operand::Vector(..) | Operand::Accumulation(..) => None,
        operand => {
            let bits = match element {
                Element::F64 => f64::constant(operand).map(f64::to_bits),
                Element::F16 => half::f16::constant(operand).map(|value| u64::from(value.to_bits())),
                Element::Bf16 => f32::constant(operand).map(|value| u64::from(half::bf16::from_f32(value).to_bits())),
                _ => u32::constant(operand).map(u64::from),
            };
            Some(bits.ok_or_else(|| DecodeError::new(v.parsed, "the constant is not understood"))?)
        }
    })
}

/// Places of all elements of a matrix: block by block, line by line, along each line.
fn places(layout: Layout, blocks: usize, lines: usize, length: usize) -> Vec<Place> {
    let lines = (0..blocks).flat_map(|block| (0..lines).map(move |line| (block, line)));
    lines.flat_map(|(block, line)| (0..length).map(move |along| layout.place(block, line, along))).collect()
}

/// Elements of A along a line that are given.
fn given(name: &Name) -> usize {
    if name.sparse { name.depth / 2 } else { name.depth }
}

fn cdna(v: &Vop<'_>, name: Name) -> Result<Step, DecodeError> {
    let error = |why: &str| Err(DecodeError::new(v.parsed, why));
    let ((d, d_count), (a, a_count), (b, b_count)) = (registers(v, 0)?, registers(v, 1)?, registers(v, 2)?);
    if name.rows != name.columns || !matches!(name.rows, 4 | 16 | 32) || name.sparse && !name.depth.is_multiple_of(4) {
        return error("no semantics for this shape");
    }
    // What the registers of A hold is what the shape says, times the number of blocks.
    let blocks = 64 * a_count * 32 / (name.a.bits() * name.rows * given(&name));
    if blocks == 0 || !matches!(name.rows * blocks, 4 | 16 | 32 | 64) {
        return error("no semantics for this shape");
    }
    let a_layout = Layout::cdna_input(name.rows, given(&name), blocks, name.a.bits());
    let b_layout = Layout::cdna_input(name.columns, name.depth, blocks, name.b.bits());
    let d_layout = Layout::cdna_result(name.rows, name.columns, name.result.bits());
    expect(v, a_layout, blocks, a_count)?;
    expect(v, b_layout, blocks, b_count)?;
    expect(v, d_layout, blocks, d_count)?;
    let number = |key: &str| v.parsed.number(key).and_then(|value| usize::try_from(value).ok()).unwrap_or(usize::MAX);
    let (cbsz, abid, blgp) = (number("cbsz"), number("abid"), number("blgp"));

    let mut a_places = places(a_layout, blocks, name.rows, given(&name));
    let mut b_places = places(b_layout, blocks, name.columns, name.depth);
    let mut negate = [false; 3];
    let (c, sparsity);
    if name.sparse {
        // CBSZ other than 0 is for the first set, whatever ABID says (*CDNA 3 ISA*, section 7.1.5).
        let set = if cbsz == 0 { abid } else { 0 };
        (c, sparsity) = (None, Some(Sparsity::new(registers(v, 3)?.0, a_layout.depth(), set)));
        if cbsz > 7 || abid > 15 || blgp != 0 {
            return error("a modifier is not understood");
        }
    } else {
        (c, sparsity) = (constant(v, 3, name.result)?, None);
        // CBSZ and ABID: block ABID of each 2^CBSZ blocks stands for all of them.
        if cbsz > 4 || 1 << cbsz > blocks || abid >= 1 << cbsz || blgp > 7 {
            return error("cbsz, abid and blgp name no blocks of this shape");
        }
        let size = name.rows * name.depth;
        let from = |block: usize| (block >> cbsz << cbsz) + abid;
        a_places = (0..blocks).flat_map(|block| a_places[from(block) * size..][..size].to_vec()).collect();
        if blgp != 0 && name.result == Element::F64 {
            return error("blgp has no meaning for f64");
        }
        for place in &mut b_places {
            place.lane = lane_group(place.lane, blgp);
        }
        if let Some(bits) = v.parsed.bits("neg") {
            negate = std::array::from_fn(|i| bits.get(i).copied().unwrap_or(false));
        }
    }
    if v.parsed.flag("clamp") {
        return error("clamp has no meaning here");
    }
    // C is D for sparse matrices.
    let c_register = if sparsity.is_some() {
        d
    } else if c.is_none() {
        registers(v, 3)?.0
    } else {
        0
    };
    if sparsity.is_none() && c.is_none() {
        expect(v, d_layout, blocks, registers(v, 3)?.1)?;
    }
    let half = matches!(name.a, Element::F16 | Element::Bf16);
    let multiply = Multiply {
        blocks,
        a: Inputs { register: a, element: name.a, places: a_places, flip: [negate[0]; 2] },
        b: Inputs { register: b, element: name.b, places: b_places, flip: [negate[1]; 2] },
        depth: name.depth,
        rows: name.rows,
        columns: name.columns,
        sparsity,
        result: name.result,
        result_places: by_row(d_layout, blocks, name.rows, name.columns),
        c,
        c_register,
        c_negate: negate[2],
        c_absolute: false,
        d,
        saturate: false,
        flush: v.gpu.flushes_products() && half,
    };
    Ok(step(move |wave, _| {
        multiply.execute(wave);
        Ok(Flow::Next)
    }))
}

/// Places of C and D, row by row: there a line is a column.
fn by_row(layout: Layout, blocks: usize, rows: usize, columns: usize) -> Vec<Place> {
    let rows = (0..blocks).flat_map(|block| (0..rows).map(move |row| (block, row)));
    rows.flat_map(|(block, row)| (0..columns).map(move |column| layout.place(block, column, row))).collect()
}

/// The lane that B is read from instead, by the pattern BLGP (*CDNA 3 ISA*, section 7.1.3 "Broadcasting").
fn lane_group(lane: u16, pattern: usize) -> u16 {
    match pattern {
        1 => lane % 32,
        2 => lane % 32 + 32,
        3 => (lane + 16) % 64,
        4..=7 => lane % 16 + 16 * (pattern as u16 - 4),
        _ => lane,
    }
}

/// WMMA and SWMMAC. Both wave sizes have the same encoding, which the disassembler prints with the registers of waves of 32:
/// the wave that executes it says how its matrices lie.
fn rdna(v: &Vop<'_>, name: Name) -> Result<Step, DecodeError> {
    let copies = v.gpu.copies_matrices();
    if (name.rows, name.columns) != (16, 16)
        || ![16, 32, 64].contains(&name.depth)
        || name.a.bits() > 16
        || name.b.bits() > 16
        || copies && (name.sparse || name.depth != 16)
    {
        return Err(DecodeError::new(v.parsed, "no semantics for this shape"));
    }
    let sizes = [Size::W32, Size::W64].map(|size| rdna_layouts(v, name, size.lanes()));
    let counts = [registers(v, 0)?.1, registers(v, 1)?.1, registers(v, 2)?.1];
    let plan = |layouts: [Layout; 3]| {
        let fit = layouts.iter().zip(counts).all(|(layout, count)| layout.registers(1) <= count);
        if fit { multiply_rdna(v, name, layouts).map(Some) } else { Ok(None) }
    };
    let [narrow, wide] = sizes;
    let (narrow, wide) = (plan(narrow)?, plan(wide)?);
    Ok(step(move |wave, _| {
        let plan = match wave.size {
            Size::W32 => &narrow,
            Size::W64 => &wide,
        };
        let Some(plan) = plan else {
            let detail = "the matrices have fewer registers than waves of this size need";
            return Err(Trap::new(FaultKind::UnsupportedInstruction, detail));
        };
        plan.execute(wave);
        Ok(Flow::Next)
    }))
}

/// How D, A and B of an instruction of RDNA lie in a wave of so many lanes.
fn rdna_layouts(v: &Vop<'_>, name: Name, lanes: usize) -> [Layout; 3] {
    if v.gpu.copies_matrices() {
        let high = v.parsed.bits("op_sel").and_then(|bits| bits.get(2).copied()).unwrap_or(false);
        return [
            Layout::rdna3_result(lanes, high && name.result.bits() == 16),
            Layout::rdna3_input(name.depth, name.a.bits()),
            Layout::rdna3_input(name.depth, name.b.bits()),
        ];
    }
    let run = match (name.sparse, name.a.bits()) {
        (false, _) => [8, 8],
        (true, 16) => [4, 8],
        (true, _) => [8, 16],
    };
    let input = |length: usize, bits: usize, run: usize| {
        // Where that is less than a register, part of the lanes hold nothing.
        let depth = (16 * length / lanes).max(32 / bits);
        Layout::rdna4_input(length, bits, depth, run, name.sparse)
    };
    [
        Layout::rdna4_result(lanes, name.result.bits()),
        input(given(&name), name.a.bits(), run[0]),
        input(name.depth, name.b.bits(), run[1]),
    ]
}

fn multiply_rdna(v: &Vop<'_>, name: Name, layouts: [Layout; 3]) -> Result<Multiply, DecodeError> {
    let error = |why: &str| Err(DecodeError::new(v.parsed, why));
    let [d_layout, a_layout, b_layout] = layouts;
    let flags = |key: &str| {
        let bits = v.parsed.bits(key).unwrap_or_default();
        std::array::from_fn::<bool, 3, _>(|i| bits.get(i).copied().unwrap_or(false))
    };
    let (low, high) = (flags("neg_lo"), flags("neg_hi"));
    let integer = name.a.is_integer();
    // For integers the modifier says that they have a sign.
    let signed = |element: Element, signed: bool| match (element, signed) {
        (Element::U8, true) => Element::I8,
        (Element::U4, true) => Element::I4,
        (element, _) => element,
    };
    let inputs = |source: usize, element: Element, layout: Layout, length: usize| {
        Ok(Inputs {
            register: registers(v, source + 1)?.0,
            element: signed(element, low[source]),
            places: places(layout, 1, 16, length),
            flip: if integer { [false; 2] } else { [low[source], high[source]] },
        })
    };
    let d = registers(v, 0)?.0;
    let (c, c_register, sparsity) = if name.sparse {
        let set = v.parsed.number("index_key").and_then(|key| usize::try_from(key).ok()).filter(|key| *key < 4);
        let Some(set) = set else { return error("the index key is not understood") };
        (None, d, Some(Sparsity::new(registers(v, 3)?.0, a_layout.depth(), set)))
    } else {
        match constant(v, 3, name.result)? {
            Some(bits) => (Some(bits), 0, None),
            None => {
                let (register, count) = registers(v, 3)?;
                if count < d_layout.registers(1) {
                    return error("C has fewer registers than D");
                }
                (None, register, None)
            }
        }
    };
    let saturate = v.parsed.flag("clamp");
    if saturate && !integer {
        return error("clamp has no meaning here");
    }
    Ok(Multiply {
        blocks: 1,
        a: inputs(0, name.a, a_layout, given(&name))?,
        b: inputs(1, name.b, b_layout, name.depth)?,
        depth: name.depth,
        rows: 16,
        columns: 16,
        sparsity,
        result: name.result,
        result_places: by_row(d_layout, 1, 16, 16),
        c,
        c_register,
        c_negate: low[2] && !integer && !name.sparse,
        c_absolute: high[2] && !integer && !name.sparse,
        d,
        saturate,
        flush: false,
    })
}
