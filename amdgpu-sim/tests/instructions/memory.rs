//! Memory instructions: where their addresses come from, and what they change.
//!
//! Each lane has sixteen bytes of a window of memory: those of the lane with some bits of its number flipped. Base,
//! register and offset add up to a place in them.

use super::{
    access::{Access, Atomic, access},
    case::{Accuracy, Case, DESTINATION, Destination, SCRATCH_OFFSET, Space, WINDOW_OFFSET},
    enumerate::Form,
    inputs::{Bank, Random},
    operand::{Type, scalar_text, vector_text},
    target::{Generation, Target},
    wave::Wave,
};

/// The way to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Flat,
    Global,
    Buffer,
    Scratch,
    Lds,
}

/// What makes cases of a memory instruction.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    path: Path,
    access: Access,
}

/// The memory instruction of this name, if it has a model.
pub fn row(name: &str, target: &Target) -> Option<Row> {
    let paths = [
        ("flat_", Path::Flat),
        ("global_", Path::Global),
        ("buffer_", Path::Buffer),
        ("scratch_", Path::Scratch),
        ("ds_", Path::Lds),
    ];
    let (rest, path) = paths.iter().find_map(|(prefix, path)| Some((name.strip_prefix(prefix)?, *path)))?;
    if path == Path::Scratch && !target.has_architected_scratch() {
        return None;
    }
    Some(Row { path, access: access(rest, path == Path::Lds)? })
}

/// How a lane's address is made.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The bits of the lane's number that are flipped.
    flip: usize,
    /// Where in the sixteen bytes.
    at: usize,
}

impl Place {
    /// Where the lane's bytes are in the window.
    fn of(&self, lane: usize, scratch: bool) -> usize {
        if scratch { 16 * lane + self.at } else { 16 * (lane ^ self.flip) + self.at }
    }
}

fn words(access: &Access) -> usize {
    match access {
        Access::Load { bytes, .. } | Access::Store { bytes, .. } => bytes.div_ceil(4),
        Access::Atomic(atomic) => atomic.kind.words(),
    }
}

/// The type of the registers that are written to memory.
fn data_type(access: &Access) -> Type {
    match access {
        Access::Atomic(atomic) => atomic.kind,
        _ => Type::B128,
    }
}

/// Keeps the words of a type beside each other.
const DATA: usize = 100;

/// A case with a random address.
pub fn case(row: &Row, name: &str, form: &Form, target: &Target, random: &mut Random) -> Case {
    let Row { path, access } = *row;
    let bytes = match access {
        Access::Load { bytes, .. } | Access::Store { bytes, .. } => bytes,
        Access::Atomic(atomic) => atomic.bytes(),
    };
    // LDS and atomic operations need their natural alignment; others work at any address.
    let natural = path == Path::Lds || matches!(access, Access::Atomic(_));
    let alignment = if natural { bytes.next_power_of_two().min(16) } else { random.pick(&[1, 2, 4, 4, 4]) };
    let at = random.below((16 - bytes) / alignment + 1) * alignment;
    let limit = match (path, target.generation) {
        (Path::Lds, _) => 65536,
        _ => 2048,
    };
    let signed = matches!(path, Path::Global | Path::Scratch) && random.one_in(2);
    let offset = match random.below(3) {
        0 => 0,
        _ if signed => -(random.below(2048) as i32),
        _ => random.below(limit.min(WINDOW_OFFSET)) as i32,
    };
    let place = Place { flip: random.below(target.lanes), at };
    let mut before = String::new();
    let scratch = path == Path::Scratch;
    // The register's part of the address.
    let rest = |base: usize| (base + at) as i32 - offset;
    let base = if scratch { SCRATCH_OFFSET } else { WINDOW_OFFSET };
    if scratch {
        before += &format!("v_mov_b32 v12, {:#x}\n", rest(base));
    } else {
        let add = if target.generation == Generation::Gfx9 { "v_add_u32" } else { "v_add_nc_u32" };
        before += &format!("v_xor_b32 v12, {}, v3\nv_lshlrev_b32 v12, 4, v12\n", place.flip);
        before += &format!("{add} v12, {:#x}, v12\n", rest(base));
    }
    let wide = path == Path::Flat || path == Path::Global && random.one_in(2);
    if wide {
        let add = if target.generation == Generation::Gfx9 { "v_add_u32" } else { "v_add_nc_u32" };
        before += &format!("{add} v12, s0, v12\nv_mov_b32 v13, s1\n");
    }
    let address = if wide { "v[12:13]" } else { "v12" };
    // Data are in registers of their own, so that those of both operands are beside each other.
    let kind = data_type(&access);
    let count = match access {
        Access::Load { .. } => 0,
        Access::Store { .. } => words(&access),
        Access::Atomic(atomic) => atomic.data() * atomic.kind.words(),
    };
    let data: Vec<usize> = match access {
        Access::Atomic(atomic) => data_registers(&atomic, at, place.flip == 0 || random.one_in(2), random),
        _ => {
            let first = Bank::of(kind).pick_vector(kind, random);
            (first..first + count).collect()
        }
    };
    for (i, register) in data.iter().enumerate() {
        before += &format!("v_mov_b32 v{}, v{register}\n", DATA + i);
    }
    let returns = match access {
        Access::Load { .. } => true,
        Access::Store { .. } => false,
        Access::Atomic(atomic) => atomic.returns.unwrap_or_else(|| random.one_in(2)),
    };
    let text = text(form, row, target, address, wide, returns, count, offset);
    let model = move |wave: &mut Wave| execute(&access, &place, scratch, returns, &data, wave);
    let mut case = Case::new(name, form.form, text, random, Box::new(model));
    case.before = before;
    case.space = Some(match path {
        Path::Lds => Space::Lds,
        Path::Scratch => Space::Scratch,
        _ => Space::Global,
    });
    if returns && path == Path::Buffer && matches!(access, Access::Atomic(_)) {
        // What was there comes to where the data were, in the lanes that are active.
        let (mov, exec, count) =
            if target.lanes == 32 { ("s_mov_b32", "exec_lo", 1) } else { ("s_mov_b64", "exec", 2) };
        case.after = format!("{mov} {exec}, {}\n", scalar_text(case.exec, count));
        for i in 0..words(&access) {
            case.after += &format!("v_mov_b32 v{}, v{}\n", DESTINATION + i, DATA + i);
        }
        case.after += &format!("{mov} {exec}, -1\n");
    }
    if returns {
        let kind = match words(&access) {
            1 => Type::B32,
            2 => Type::B64,
            // Three words are a part of four.
            _ => Type::B128,
        };
        case.vector = Some(Destination { kind, accuracy: Accuracy::Exact });
    }
    case
}

/// Registers of the data: those with what is in memory as the second operand, sometimes.
fn data_registers(atomic: &Atomic, at: usize, like_memory: bool, random: &mut Random) -> Vec<usize> {
    let words = atomic.kind.words();
    let mut registers = Vec::new();
    for operand in 0..atomic.data() {
        let first = if operand == atomic.data() - 1 && like_memory && random.one_in(2) {
            super::case::VECTOR_BEFORE + at / 4
        } else {
            Bank::of(atomic.kind).pick_vector(atomic.kind, random)
        };
        registers.extend(first..first + words);
    }
    registers
}

#[expect(clippy::too_many_arguments, reason = "the parts of one line")]
fn text(
    form: &Form,
    row: &Row,
    target: &Target,
    address: &str,
    wide: bool,
    returns: bool,
    count: usize,
    offset: i32,
) -> String {
    let Row { path, access } = row;
    let mut parts = Vec::new();
    let destination = vector_text(DESTINATION, words(access));
    let atomic = matches!(access, Access::Atomic(_));
    let data = vector_text(DATA, count.max(1));
    match path {
        Path::Lds => {
            if returns {
                parts.push(destination);
            }
            parts.push(address.to_owned());
            if let Access::Atomic(atomic) = access {
                let words = atomic.kind.words();
                parts.extend((0..atomic.data()).map(|i| vector_text(DATA + i * words, words)));
            } else if count > 0 {
                parts.push(data);
            }
        }
        Path::Buffer => {
            let register = if count > 0 { data } else { destination };
            parts.extend([register, address.to_owned(), "s[0:3]".to_owned()]);
            parts.push(if target.generation == Generation::Gfx12 { "null offen" } else { "0 offen" }.to_owned());
        }
        _ => {
            if returns {
                parts.push(destination);
            }
            parts.push(address.to_owned());
            if count > 0 {
                parts.push(data);
            }
            if *path != Path::Flat {
                parts.push(if wide || *path == Path::Scratch { "off" } else { "s[0:1]" }.to_owned());
            }
        }
    }
    let mut text = format!("{} {}", form.mnemonic, parts.join(", "));
    if offset != 0 {
        text += &format!(" offset:{offset}");
    }
    if atomic && returns && *path != Path::Lds {
        text += match target.generation {
            Generation::Gfx12 => " th:TH_ATOMIC_RETURN",
            _ if target.is_gfx940() => " sc0",
            _ => " glc",
        };
    }
    text
}

fn read(window: &[u8], at: usize, bytes: usize) -> u128 {
    (0..bytes).fold(0, |value, i| value | u128::from(window[at + i]) << (8 * i))
}

fn write(window: &mut [u8], at: usize, bytes: usize, value: u128) {
    for i in 0..bytes {
        window[at + i] = (value >> (8 * i)) as u8;
    }
}

fn execute(access: &Access, place: &Place, scratch: bool, returns: bool, data: &[usize], wave: &mut Wave) {
    let words = words(access);
    for lane in wave.active() {
        let at = place.of(lane, scratch);
        let gathered = |from: usize, words: usize| {
            (0..words).fold(0, |value, i| value | u128::from(wave.v[data[from + i]][lane]) << (32 * i))
        };
        match *access {
            Access::Load { bytes, signed, half } => {
                let mut value = read(&wave.window, at, bytes);
                let bits = 8 * bytes as u32;
                if signed {
                    value = ((value << (128 - bits)) as i128 >> (128 - bits)) as u128 & 0xffff_ffff;
                }
                if let Some(half) = half {
                    let old = wave.vector(DESTINATION, 1, lane);
                    let mask = 0xffff_u128 << (16 * half);
                    value = old & !mask | value << (16 * half) & mask;
                }
                wave.set_vector(DESTINATION, words, lane, value);
            }
            Access::Store { bytes, high } => {
                let value = gathered(0, words) >> if high { 16 } else { 0 };
                write(&mut wave.window, at, bytes, value);
            }
            Access::Atomic(atomic) => {
                let old = read(&wave.window, at, atomic.bytes()) as u64;
                let mut values = [0; 2];
                for (operand, value) in values.iter_mut().enumerate().take(atomic.data()) {
                    *value = gathered(operand * words, words) as u64;
                }
                match atomic.apply(old, values) {
                    Some(new) => write(&mut wave.window, at, atomic.bytes(), u128::from(new)),
                    None => wave.open_bytes(at, atomic.bytes()),
                }
                if returns {
                    wave.set_vector(DESTINATION, words, lane, u128::from(old));
                }
            }
        }
    }
}
