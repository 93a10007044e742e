//! LDS instructions with two offsets. The chapter "LDS" of the guides.

use super::{
    case::{Accuracy, Case, DESTINATION, Destination, Space, WINDOW, WINDOW_OFFSET},
    enumerate::Form,
    inputs::{Bank, Random},
    operand::{Type, vector_text},
    target::Target,
    wave::Wave,
};

/// An instruction with two offsets.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    reads: bool,
    writes: bool,
    /// Words of each value.
    words: usize,
    /// Bytes that an offset counts.
    stride: usize,
}

/// The instruction of this name.
pub fn row(name: &str) -> Option<Row> {
    let rest = name.strip_prefix("ds_")?;
    let (operation, kind) = rest.rsplit_once('_')?;
    let words = match kind {
        "b32" => 1,
        "b64" => 2,
        _ => return None,
    };
    let (reads, writes, far) = match operation {
        "read2" | "load_2addr" => (true, false, false),
        "read2st64" | "load_2addr_stride64" => (true, false, true),
        "write2" | "store_2addr" => (false, true, false),
        "write2st64" | "store_2addr_stride64" => (false, true, true),
        "wrxchg2_rtn" | "storexchg_2addr_rtn" => (true, true, false),
        "wrxchg2st64_rtn" | "storexchg_2addr_stride64_rtn" => (true, true, true),
        _ => return None,
    };
    Some(Row { reads, writes, words, stride: 4 * words * if far { 64 } else { 1 } })
}

/// A case with random offsets.
pub fn case(row: &Row, name: &str, form: &Form, target: &Target, random: &mut Random) -> Case {
    let Row { reads, writes, words, stride } = *row;
    let size = 4 * words;
    // Each lane has a place of its own for both values.
    let far = stride > size;
    let span = if far { size } else { 2 * size };
    let flip = random.below(target.lanes);
    let [first, second] = if random.one_in(2) { [0, 1] } else { [1, 0] };
    let low = random.below(20);
    // Two values at one stride apart, or neighbours.
    let fits = |offset: usize| offset * stride + span * target.lanes <= WINDOW;
    let (first, second) = if far && !fits(1) { (0, 0) } else { (first, second) };
    let both = if writes && first == second { None } else { Some(()) };
    let shift = span.trailing_zeros();
    let base = WINDOW_OFFSET as i32 - (low * stride) as i32;
    let add = if target.generation == super::target::Generation::Gfx9 { "v_add_u32" } else { "v_add_nc_u32" };
    let mut before = format!("v_xor_b32 v12, {flip}, v3\nv_lshlrev_b32 v12, {shift}, v12\n{add} v12, {base:#x}, v12\n");
    let kind = if words == 1 { Type::B32 } else { Type::B64 };
    let data = [0; 2].map(|_| Bank::of(kind).pick_vector(kind, random));
    let mut parts = Vec::new();
    if reads {
        parts.push(vector_text(DESTINATION, 2 * words));
    }
    parts.push("v12".to_owned());
    if writes {
        parts.extend(data.map(|register| vector_text(register, words)));
    }
    let mut text = format!("{} {}", form.mnemonic, parts.join(", "));
    for (i, offset) in [first + low, second + low].into_iter().enumerate() {
        if offset != 0 {
            text += &format!(" offset{i}:{offset}");
        }
    }
    if base < 0 || both.is_none() {
        // No such address: the assembler refuses this.
        before.clear();
        text = "no address".to_owned();
    }
    let model = move |wave: &mut Wave| {
        for lane in wave.active() {
            for (i, offset) in [first, second].into_iter().enumerate() {
                let at = (lane ^ flip) * span + offset * stride;
                let old = (0..size).fold(0_u128, |value, i| value | u128::from(wave.window[at + i]) << (8 * i));
                if writes {
                    let value = wave.vector(data[i], words, lane).to_le_bytes();
                    wave.window[at..at + size].copy_from_slice(&value[..size]);
                }
                if reads {
                    wave.set_vector(DESTINATION + i * words, words, lane, old);
                }
            }
        }
    };
    let mut case = Case::new(name, form.form, text, random, Box::new(model));
    case.before = before;
    case.space = Some(Space::Lds);
    if reads {
        let kind = if words == 1 { Type::B64 } else { Type::B128 };
        case.vector = Some(Destination { kind, accuracy: Accuracy::Exact });
    }
    case
}
