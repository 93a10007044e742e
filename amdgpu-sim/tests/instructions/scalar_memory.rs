//! Scalar loads. The chapter "SMEM" of the guides.

use super::{
    case::{Accuracy, Case, DESTINATION, Destination, Space, WINDOW, WINDOW_OFFSET},
    enumerate::Form,
    inputs::Random,
    operand::{Type, scalar_text},
    wave::Wave,
};

/// First scalar register of the destination.
const TO: usize = 84;

/// A scalar load.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    buffer: bool,
    bytes: usize,
    signed: bool,
}

/// The scalar load of this name.
pub fn row(name: &str) -> Option<Row> {
    let (buffer, rest) = match name.strip_prefix("s_buffer_load_") {
        Some(rest) => (true, rest),
        None => (false, name.strip_prefix("s_load_")?),
    };
    let (bytes, signed) = match rest {
        "dword" | "b32" => (4, false),
        "dwordx2" | "b64" => (8, false),
        "b96" => (12, false),
        "dwordx4" | "b128" => (16, false),
        "dwordx8" | "b256" => (32, false),
        "dwordx16" | "b512" => (64, false),
        "u8" => (1, false),
        "i8" => (1, true),
        "u16" => (2, false),
        "i16" => (2, true),
        _ => return None,
    };
    Some(Row { buffer, bytes, signed })
}

/// A case with a random address.
pub fn case(row: &Row, name: &str, form: &Form, random: &mut Random) -> Case {
    let Row { buffer, bytes, signed } = *row;
    let words = bytes.div_ceil(4);
    // Addresses of words have no lower bits; smaller loads are aligned to their size.
    let alignment = bytes.min(4);
    let at = random.below((WINDOW - bytes) / alignment + 1) * alignment;
    let offset = WINDOW_OFFSET + at;
    let base = if buffer { "s[0:3]" } else { "s[0:1]" };
    let mut before = String::new();
    let place = match random.below(3) {
        0 => format!("{offset:#x}"),
        1 => {
            before = format!("s_mov_b32 s16, {offset:#x}\n");
            "s16".to_owned()
        }
        _ => {
            let part = random.below(offset / 4) * 4;
            before = format!("s_mov_b32 s16, {part:#x}\n");
            format!("s16 offset:{:#x}", offset - part)
        }
    };
    let text = format!("{} {}, {base}, {place}", form.mnemonic, scalar_text(TO, words));
    let model = move |wave: &mut Wave| {
        for word in 0..words {
            let size = bytes.min(4);
            let mut value = (0..size).fold(0, |value, i| value | u32::from(wave.window[at + 4 * word + i]) << (8 * i));
            if signed {
                let shift = 32 - 8 * bytes as u32;
                value = ((value << shift) as i32 >> shift) as u32;
            }
            wave.v[DESTINATION][word] = value;
        }
    };
    let mut case = Case::new(name, form.form, text, random, Box::new(model));
    case.before = before;
    case.after = (0..words).map(|i| format!("v_writelane_b32 v{DESTINATION}, s{}, {i}\n", TO + i)).collect();
    case.space = Some(Space::Global);
    case.vector = Some(Destination { kind: Type::B32, accuracy: Accuracy::Exact });
    case
}
