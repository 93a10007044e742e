//! Vector instructions: rows of the tables, operands and modifiers of their forms, and what a lane does with them.

use super::{
    case::{Accuracy, Case, DESTINATION, Destination, SCALAR_DESTINATION},
    dpp::Dpp,
    enumerate::Form,
    float::{Format, Number, Round},
    inputs::{Bank, Random},
    operand::{INVERSE_TAU, Source, Type, scalar_text, vcc_text, vector_text},
    sdwa::Sdwa,
    target::{Generation, Target},
    wave::{Mode, Wave},
};

/// What a lane computes with.
pub struct Lane {
    /// The GPU.
    pub target: Target,
    /// The MODE register.
    pub mode: Mode,
    /// The lane's number.
    pub lane: usize,
    /// The carry, before and after.
    pub carry: bool,
    /// Whether integers saturate.
    pub clamp: bool,
    /// Set where the guide does not say what comes out.
    pub unspecified: bool,
}

/// What a vector instruction computes from its sources.
pub type Operation = fn(&mut Lane, [u64; 3]) -> u64;

/// The bit that has the result in the upper half of its register, sometimes.
fn upper(row: &Row, random: &mut Random) -> u8 {
    // What comes near to the model is compared as a number, in the low half.
    let exact = row.to.is_half() && row.accuracy == Accuracy::Exact;
    if exact { (random.below(2) as u8) << 3 } else { 0 }
}

/// Whether the assembler names halves of registers: `v0.l`.
fn names_halves(form: &Form) -> bool {
    form.texts.iter().any(|text| text.contains(".l"))
}

/// What an instruction reads and writes beside its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// A carry into a mask.
    CarryOut,
    /// A carry from a mask, another one into one.
    CarryInOut,
    /// A bit of a mask that is an operand.
    Select,
    /// A bit of VCC.
    ReadsVcc,
    /// A bit of a mask is all that is written.
    Compare,
    /// The same, into EXEC; before RDNA into the mask too.
    CompareExec,
    /// Two halves of registers, each computed by itself.
    Packed,
    /// Two registers, each computed by itself.
    PackedWide,
}

/// One instruction of a table.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its names in the generations.
    pub names: &'static [&'static str],
    /// What it is besides.
    pub kind: Kind,
    /// What it writes.
    pub to: Type,
    /// What it reads.
    pub from: &'static [Type],
    /// What it computes.
    pub operation: Operation,
    /// How exact it is.
    pub accuracy: Accuracy,
    /// Whether the destination is its last source.
    pub reads_destination: bool,
    /// Whether CDNA leaves the upper half of the destination as it is where the result is 16 bits.
    pub keeps_upper_half: bool,
    /// Whether `clamp` has its integers saturate.
    pub clamps: bool,
    /// Where a literal is written between the sources, and which source it is.
    pub literal: Option<usize>,
}

/// A row of a table.
pub const fn row(names: &'static [&'static str], to: Type, from: &'static [Type], operation: Operation) -> Row {
    Row {
        names,
        kind: Kind::Plain,
        to,
        from,
        operation,
        accuracy: Accuracy::Exact,
        reads_destination: false,
        keeps_upper_half: false,
        clamps: false,
        literal: None,
    }
}

impl Row {
    /// The row with another kind.
    pub const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The row with results that may be off.
    pub const fn within(mut self, accuracy: Accuracy) -> Self {
        self.accuracy = accuracy;
        self
    }

    /// The row with the destination as its last source.
    pub const fn accumulates(mut self) -> Self {
        self.reads_destination = true;
        self
    }

    /// The row with an upper half that stays on CDNA.
    pub const fn keeps(mut self) -> Self {
        self.keeps_upper_half = true;
        self
    }

    /// The row with integers that `clamp` saturates.
    pub const fn clamps(mut self) -> Self {
        self.clamps = true;
        self
    }

    /// The row with a source that is always a literal.
    pub const fn literal(mut self, source: usize) -> Self {
        self.literal = Some(source);
        self
    }
}

/// How an instruction changes operands and result.
#[derive(Clone, Debug, Default)]
struct Modifiers {
    negative: u8,
    absolute: u8,
    clamp: bool,
    /// 1 doubles, 2 quadruples, 3 halves.
    output: u8,
    /// Which sources are upper halves; bit 3 is the destination.
    select: u8,
    /// For the upper half of packed instructions.
    select_high: u8,
    negative_high: u8,
    dpp: Option<Dpp>,
    sdwa: Option<Sdwa>,
}

fn format_of(kind: Type) -> Format {
    kind.format().expect("a floating point type")
}

fn sources(row: &Row, form: &Form, plain: bool, random: &mut Random) -> Vec<Source> {
    let count = row.from.len() - usize::from(row.reads_destination);
    let short = matches!(form.form, "e32" | "sdwa" | "dpp" | "dpp8");
    let lanes = matches!(form.form, "dpp" | "dpp8" | "e64_dpp" | "e64_dpp8");
    let partial = lanes || form.form == "sdwa";
    // CDNA has one scalar a VALU instruction; RDNA two, of which this asks for one, too.
    let scalar = (!plain).then(|| random.below(count.max(1)));
    let mut sources = Vec::new();
    for (i, &kind) in row.from[..count].iter().enumerate() {
        let bank = Bank::of(kind);
        let vector = Source::Vector(bank.pick_vector(kind, random));
        if row.literal == Some(i) {
            sources.push(Source::Literal(super::inputs::literal(kind, random)));
            continue;
        }
        let only_vector = plain || short && i > 0 && form.form != "sdwa" || lanes && i == 0;
        if only_vector {
            sources.push(vector);
            continue;
        }
        sources.push(match random.below(8) {
            0..=2 if scalar == Some(i) => Source::Scalar(bank.pick_scalar(kind, random)),
            3 if scalar == Some(i) && !partial && kind != Type::PkF32 => {
                Source::Literal(super::inputs::literal(kind, random))
            }
            4 if scalar == Some(i) && kind.words() == 1 => random.pick(&[Source::Vcc, Source::M0, Source::Exec]),
            // What constants are for two numbers of single precision, the guides do not say.
            // LLVM 22's disassembler prints the code of a constant in `v_fmac_f32_e64_dpp` as if it were a number.
            5 if !(partial && row.reads_destination) && form.form != "sdwa" && kind != Type::PkF32 => {
                Source::Integer(random.below(81) as i32 - 16)
            }
            6 if !partial && kind.is_float() => {
                Source::Float(random.pick(&[0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 4.0, -4.0, INVERSE_TAU]))
            }
            _ => vector,
        });
    }
    sources
}

fn modifiers(
    row: &Row,
    form: &Form,
    target: &Target,
    sources: &[Source],
    plain: bool,
    random: &mut Random,
) -> Modifiers {
    let mut modifiers = Modifiers { select_high: 7, ..Modifiers::default() };
    let packed = matches!(row.kind, Kind::Packed | Kind::PackedWide);
    match form.form {
        "sdwa" => modifiers.sdwa = Some(Sdwa::random(row, target, plain, random)),
        "dpp" | "e64_dpp" => modifiers.dpp = Some(Dpp::random(row, target, plain, random)),
        "dpp8" | "e64_dpp8" => modifiers.dpp = Some(Dpp::random_eight(random)),
        _ => {}
    }
    let halves = names_halves(form) && !packed;
    if !plain && halves {
        // Registers of halves are the first 128, and none of the banks is beyond.
        let vectors = sources.iter().zip(row.from).enumerate();
        for (i, (source, kind)) in vectors {
            if kind.is_half() && matches!(source, Source::Vector(_)) && random.one_in(2) {
                modifiers.select |= 1 << i;
            }
        }
        modifiers.select |= upper(row, random);
    }
    if plain || form.form == "e32" || form.form == "dpp8" {
        return modifiers;
    }
    let count = row.from.len() - usize::from(row.reads_destination);
    let any = |random: &mut Random| random.below(1 << count) as u8;
    let float = row.from[..count].iter().any(|kind| kind.format().is_some());
    if float && random.one_in(2) {
        modifiers.negative = any(random);
        if row.kind == Kind::CarryOut {
            // The mask's place is where others have this modifier.
        } else if packed {
            modifiers.negative_high = any(random);
        } else {
            modifiers.absolute = any(random);
        }
    }
    // Only operands that are floating point numbers have a sign to change.
    for (i, kind) in row.from[..count].iter().enumerate() {
        if kind.format().is_none() || !packed && matches!(kind, Type::PkF16 | Type::PkBF16) {
            modifiers.negative &= !(1 << i);
            modifiers.absolute &= !(1 << i);
            modifiers.negative_high &= !(1 << i);
        }
    }
    // Compilers never limit what these give.
    let scale = row.kind == Kind::CarryOut && row.to.is_float();
    if form.form != "dpp" && !scale {
        modifiers.clamp = (row.clamps || row.to.is_float() || packed && float) && random.one_in(3);
        if row.to.is_float() && random.one_in(3) {
            modifiers.output = random.below(4) as u8;
        }
    }
    if packed && random.one_in(2) {
        modifiers.select = any(random);
        modifiers.select_high = any(random);
    } else if !halves && (form.form.starts_with("e64") || form.form.is_empty()) {
        let halves = row.from.iter().any(|kind| kind.is_half()) || row.to.is_half();
        if halves && random.one_in(2) {
            modifiers.select = any(random) | upper(row, random);
        }
        for (i, (kind, source)) in row.from.iter().zip(sources).enumerate() {
            // What the upper half of a constant is, the guides do not say.
            if !kind.is_half() || !matches!(source, Source::Vector(_) | Source::Scalar(_)) {
                modifiers.select &= !(1 << i);
            }
        }
    }
    modifiers
}

fn bits(mask: u8, count: usize) -> String {
    let bits: Vec<String> = (0..count).map(|i| (mask >> i & 1).to_string()).collect();
    format!("[{}]", bits.join(","))
}

struct Operands {
    sources: Vec<Source>,
    modifiers: Modifiers,
    mask_out: Source,
    mask_in: Source,
}

fn text(row: &Row, form: &Form, target: &Target, operands: &Operands) -> String {
    let Operands { sources, modifiers, mask_out, mask_in } = operands;
    let wave32 = target.is_wave32();
    let mask_words = target.lanes / 32;
    let mask = |source: &Source| match source {
        Source::Vcc => vcc_text(wave32).to_owned(),
        Source::Scalar(register) => scalar_text(*register, mask_words),
        other => other.text(mask_words),
    };
    let packed = matches!(row.kind, Kind::Packed | Kind::PackedWide);
    let halves = names_halves(form) && !packed;
    let half = |i: usize| if modifiers.select >> i & 1 == 1 { "h" } else { "l" };
    let mut parts = Vec::new();
    match row.kind {
        Kind::Compare => parts.push(mask(mask_out)),
        Kind::CompareExec if target.generation == Generation::Gfx9 => parts.push(mask(mask_out)),
        Kind::CompareExec => {}
        _ if row.to.is_half() && halves => parts.push(format!("v{DESTINATION}.{}", half(3))),
        _ => parts.push(vector_text(DESTINATION, row.to.words())),
    }
    if matches!(row.kind, Kind::CarryOut | Kind::CarryInOut) {
        parts.push(mask(mask_out));
    }
    for (i, (source, kind)) in sources.iter().zip(row.from).enumerate() {
        let mut part = source.text(kind.words());
        if halves && kind.is_half() && matches!(source, Source::Vector(_)) {
            part = format!("{part}.{}", half(i));
        }
        if modifiers.sdwa.as_ref().is_some_and(|sdwa| sdwa.extends(i)) {
            part = format!("sext({part})");
        }
        if modifiers.absolute >> i & 1 == 1 {
            part = format!("|{part}|");
        }
        if modifiers.negative >> i & 1 == 1 && !packed {
            // A minus before a constant would be a part of it.
            part = format!("neg({part})");
        }
        parts.push(part);
    }
    if matches!(row.kind, Kind::CarryInOut | Kind::Select) {
        parts.push(mask(mask_in));
    }
    let mut text = format!("{} {}", form.mnemonic, parts.join(", "));
    let count = sources.len();
    if packed {
        if modifiers.select != 0 {
            text += &format!(" op_sel:{}", bits(modifiers.select, count));
        }
        if modifiers.select_high & ((1 << count) - 1) != (1 << count) - 1 {
            text += &format!(" op_sel_hi:{}", bits(modifiers.select_high, count));
        }
        if modifiers.negative != 0 {
            text += &format!(" neg_lo:{}", bits(modifiers.negative, count));
        }
        if modifiers.negative_high != 0 {
            text += &format!(" neg_hi:{}", bits(modifiers.negative_high, count));
        }
    } else if modifiers.select != 0 && !halves {
        let of_destination = modifiers.select >> 3 & 1;
        let mask = modifiers.select & ((1 << count) - 1) | of_destination << count;
        text += &format!(" op_sel:{}", bits(mask, count + 1));
    }
    if modifiers.clamp {
        text += " clamp";
    }
    text += ["", " mul:2", " mul:4", " div:2"][usize::from(modifiers.output)];
    if let Some(dpp) = &modifiers.dpp {
        text += &dpp.text();
    }
    if let Some(sdwa) = &modifiers.sdwa {
        text += &sdwa.text(row);
    }
    text
}

/// A case of a form with random operands; with registers and no modifiers if it is to be plain.
pub fn case(row: &'static Row, name: &str, form: &Form, target: &Target, plain: bool, random: &mut Random) -> Case {
    let sources = sources(row, form, plain, random);
    let mut modifiers = modifiers(row, form, target, &sources, plain, random);
    let long = matches!(form.form, "e64" | "" | "e64_dpp" | "e64_dpp8");
    let compares = matches!(row.kind, Kind::Compare | Kind::CompareExec);
    let any_mask = long || form.form == "sdwa" && compares && target.generation == Generation::Gfx9;
    let scalar = Source::Scalar(SCALAR_DESTINATION);
    let mask_out = if any_mask && (plain || !random.one_in(4)) { scalar } else { Source::Vcc };
    let mask_in = if long { Source::Scalar(random.pick(&super::inputs::MASKS[..4])) } else { Source::Vcc };
    if !matches!(row.kind, Kind::Plain | Kind::Select) {
        // What a mask has of a lane that DPP leaves out, the guides do not say.
        if let Some(dpp) = &mut modifiers.dpp {
            dpp.write_all();
        }
    }
    let operands = Operands { sources, modifiers, mask_out, mask_in };
    let text = text(row, form, target, &operands);
    let model = move |wave: &mut Wave| execute(row, &operands, wave);
    let mut case = Case::new(name, form.form, text, random, Box::new(model));
    if !compares {
        case.vector = Some(Destination { kind: row.to, accuracy: row.accuracy });
    }
    case.scalars = compares || matches!(row.kind, Kind::CarryOut | Kind::CarryInOut);
    case.floats = row.to.format().is_some() || row.from.iter().any(|kind| kind.format().is_some());
    case.m0 = Some(super::inputs::FIRST_SCALAR + random.below(6));
    case
}

/// A source of a lane, with everything done to it.
fn fetch(row: &Row, operands: &Operands, wave: &Wave, i: usize, lane: usize) -> u64 {
    let Operands { sources, modifiers, .. } = operands;
    let kind = row.from[i];
    let from = match &modifiers.dpp {
        // Without a source there is a zero, which has the modifiers of the source.
        Some(dpp) if i == 0 => dpp.source(wave, lane),
        _ => Some(lane),
    };
    let mut value = from.map_or(0, |from| sources[i].fetch(wave, kind, from) as u64);
    if let Some(sdwa) = &modifiers.sdwa {
        value = sdwa.select(i, value);
        if kind.is_half() {
            value &= 0xffff;
        }
    } else if kind.is_half() {
        // Constants have no upper half.
        value = if modifiers.select >> i & 1 == 1 { value >> 16 } else { value } & 0xffff;
    }
    if let Some(format) = kind.format().filter(|_| !matches!(row.kind, Kind::Packed | Kind::PackedWide)) {
        if modifiers.absolute >> i & 1 == 1 {
            value &= !format.sign();
        }
        if modifiers.negative >> i & 1 == 1 {
            value ^= format.sign();
        }
    }
    value
}

fn finish(row: &Row, lane: &Lane, modifiers: &Modifiers, value: u64) -> u64 {
    match row.to.format() {
        Some(format) => lane.finish(format, modifiers.output, modifiers.clamp, value),
        None => value,
    }
}

fn compute(row: &Row, operands: &Operands, lane: &mut Lane, values: [u64; 3]) -> u64 {
    let modifiers = &operands.modifiers;
    let (width, mask) = match row.kind {
        Kind::Packed => (16, 0xffff),
        Kind::PackedWide => (32, 0xffff_ffff),
        _ => {
            let value = (row.operation)(lane, values);
            return finish(row, lane, modifiers, value);
        }
    };
    let mut result = 0;
    for part in 0..2 {
        let (select, negative) = if part == 0 {
            (modifiers.select, modifiers.negative)
        } else {
            (modifiers.select_high, modifiers.negative_high)
        };
        let mut parts = [0; 3];
        for (i, kind) in row.from.iter().enumerate() {
            // The destination as a source has its own half.
            let high = if i >= operands.sources.len() { part } else { usize::from(select >> i & 1) };
            parts[i] = values[i] >> (high * width) & mask;
            if let Some(format) = kind.format().filter(|_| negative >> i & 1 == 1) {
                parts[i] ^= format.sign();
            }
        }
        let value = (row.operation)(lane, parts);
        result |= (finish(row, lane, modifiers, value) & mask) << (part * width);
    }
    result
}

fn execute(row: &Row, operands: &Operands, wave: &mut Wave) {
    let before = wave.clone();
    let modifiers = &operands.modifiers;
    let mask_in = match operands.mask_in {
        Source::Scalar(register) => before.mask(register),
        _ => before.vcc,
    };
    let mut mask_out = 0;
    for number in before.active() {
        if modifiers.dpp.as_ref().is_some_and(|dpp| !dpp.writes(&before, number)) {
            continue;
        }
        let old = before.vector(DESTINATION, row.to.words(), number) as u64;
        let mut values = [0; 3];
        for (i, value) in values.iter_mut().enumerate().take(operands.sources.len()) {
            *value = fetch(row, operands, &before, i, number);
        }
        if row.reads_destination {
            let last = row.from.len() - 1;
            let shift = if modifiers.select >> 3 & 1 == 1 { 16 } else { 0 };
            values[last] = if row.from[last].is_half() { old >> shift & 0xffff } else { old };
        }
        let carry = if row.kind == Kind::ReadsVcc { before.vcc } else { mask_in } >> number & 1 == 1;
        let mut lane = Lane {
            target: before.target,
            mode: before.mode,
            lane: number,
            carry,
            clamp: modifiers.clamp,
            unspecified: false,
        };
        let value = compute(row, operands, &mut lane, values);
        if lane.unspecified {
            wave.unspecified |= 1 << number;
        }
        if matches!(row.kind, Kind::Compare | Kind::CompareExec) {
            mask_out |= (value & 1) << number;
            continue;
        }
        mask_out |= u64::from(lane.carry) << number;
        let merged = if let Some(sdwa) = &modifiers.sdwa {
            // Which NaN it is shows in its parts.
            if row.to.format().is_some_and(|format| format.is_nan(value)) {
                wave.unspecified |= 1 << number;
            }
            sdwa.merge(value, old)
        } else if row.to.is_half() {
            if modifiers.select >> 3 & 1 == 1 && row.to.format().is_some_and(|format| format.is_nan(value)) {
                wave.unspecified |= 1 << number;
            }
            let keeps = row.keeps_upper_half || before.target.generation >= Generation::Gfx10;
            match (modifiers.select >> 3 & 1, keeps) {
                (1, _) => value << 16 & 0xffff_0000 | old & 0xffff,
                (_, true) => value & 0xffff | old & 0xffff_0000,
                _ => value & 0xffff,
            }
        } else {
            value
        };
        wave.set_vector(DESTINATION, row.to.words(), number, u128::from(merged));
    }
    let writes_mask = matches!(row.kind, Kind::CarryOut | Kind::CarryInOut | Kind::Compare)
        || row.kind == Kind::CompareExec && before.target.generation == Generation::Gfx9;
    if writes_mask {
        match operands.mask_out {
            Source::Scalar(register) => wave.set_mask(register, mask_out),
            _ => wave.vcc = mask_out,
        }
    }
    if row.kind == Kind::CompareExec {
        wave.exec = mask_out;
    }
}

impl Lane {
    /// The number of these bits.
    pub fn number(&self, kind: Type, bits: u64) -> Number {
        self.mode.number(bits, format_of(kind))
    }

    /// The bits of a number.
    pub fn bits(&self, kind: Type, number: Number) -> u64 {
        self.mode.bits(number, format_of(kind))
    }

    /// How a type is rounded.
    pub fn round(&self, kind: Type) -> Round {
        self.mode.round(format_of(kind))
    }

    /// Output modifier and clamp.
    fn finish(&self, format: Format, output: u8, clamp: bool, value: u64) -> u64 {
        let mut value = value;
        let ignored = self.mode.denormals(format)[1] || self.mode.ieee;
        if output != 0 && !ignored {
            let scale = [0, 1, 2, -1][usize::from(output)];
            value = self.mode.bits(Number::of(value, format).scaled(scale), format);
            // Minus zero becomes zero.
            if value == format.sign() {
                value = 0;
            }
        }
        if clamp {
            let number = Number::of(value, format);
            if format.is_nan(value) {
                return if self.mode.dx10_clamp { 0 } else { value };
            }
            if number.is_negative() {
                return 0;
            }
            if number.compare(Number::integer(1)) == Some(std::cmp::Ordering::Greater) {
                return format.one();
            }
        }
        value
    }

    /// An integer in so many bits: saturated where the instruction says so, cut off otherwise.
    pub fn unsigned(&self, bits: u32, value: i128) -> u64 {
        let largest = (1_i128 << bits) - 1;
        (if self.clamp { value.clamp(0, largest) } else { value & largest }) as u64
    }

    /// The same for integers with a sign.
    pub fn signed(&self, bits: u32, value: i128) -> u64 {
        let half = 1_i128 << (bits - 1);
        let value = if self.clamp { value.clamp(-half, half - 1) } else { value };
        (value & ((1_i128 << bits) - 1)) as u64
    }
}
