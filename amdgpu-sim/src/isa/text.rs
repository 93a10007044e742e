//! Reads one instruction in LLVM's assembler syntax: mnemonic, operands, modifiers.
//!
//! Nothing here knows what an instruction does. Numbers stay as they were written, because what `0.5` or `0xff` means
//! depends on the type of the operand (*CDNA 3 ISA*, section 6.1.2 "Instruction operands").

/// Index of VCC's low half among the scalar registers.
pub const VCC: u8 = 106;
/// Index of FLAT_SCRATCH's low half among the scalar registers.
pub const FLAT_SCRATCH: u8 = 102;
/// Index of the first trap temporary among the scalar registers.
pub const TTMP: u8 = 108;
/// Index of M0 among the scalar registers.
pub const M0: u8 = 124;
/// Index of EXEC's low half among the scalar registers.
pub const EXEC: u8 = 126;
/// Where what is written to `null` goes; nobody reads it. The encoding's number differs between generations.
pub const NULL: u8 = 254;
/// Scalar registers with numbers. On CDNA the last four have names instead.
const NUMBERED_SCALARS: u16 = 106;

/// Operands that name no register and no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// High half of the LDS aperture.
    SharedBase,
    /// Last address of the LDS aperture.
    SharedLimit,
    /// High half of the scratch aperture.
    PrivateBase,
    /// Last address of the scratch aperture.
    PrivateLimit,
    /// The scalar condition code.
    Scc,
    /// Whether VCC is zero.
    Vccz,
    /// Whether EXEC is zero.
    Execz,
}

/// One operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// Scalar registers: index of the first, how many.
    Scalar(u8, u8),
    /// Architectural vector registers.
    Vector(u16, u16),
    /// Accumulation vector registers.
    Accumulation(u16, u16),
    /// Half of a vector register: which one, and whether it is the high half.
    Half(u16, bool),
    /// A decimal number: an inline constant, or an immediate field.
    Int(i64),
    /// A number with a point: an inline constant.
    Float(f64),
    /// A hexadecimal literal.
    Bits(u32),
    /// `off`: no register.
    Off,
    /// `null`: zero as a source, nothing as a result.
    Null,
    /// A named source.
    Special(Special),
    /// A hardware register, or part of it: name, offset, width.
    Hwreg(String, u32, u32),
    /// Anything else, as written.
    Other(String),
}

/// An operand with its modifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// The operand.
    pub operand: Operand,
    /// Sign flipped.
    pub neg: bool,
    /// Sign removed, before `neg`.
    pub abs: bool,
    /// Sign-extended from the selected part.
    pub sext: bool,
}

/// An instruction, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The mnemonic without its encoding's suffix.
    pub mnemonic: String,
    /// Operands in the order written.
    pub args: Vec<Arg>,
    /// What follows the operands: `offset:4` as `("offset", "4")`, `glc` as `("glc", "")`.
    pub modifiers: Vec<(String, String)>,
    /// The text.
    pub text: String,
}

impl Parsed {
    /// Whether the modifier is there.
    pub fn flag(&self, name: &str) -> bool {
        self.modifiers.iter().any(|(key, _)| key == name)
    }

    /// The modifier's value.
    pub fn modifier(&self, name: &str) -> Option<&str> {
        self.modifiers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The modifier's value as a number; 0 if it is not there; `None` if it is no number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.modifier(name).map_or(Some(0), integer)
    }

    /// The modifier's value as a list of bits, `[1,0,1]`.
    pub fn bits(&self, name: &str) -> Option<Vec<bool>> {
        let list = self.modifier(name)?.strip_prefix('[')?.strip_suffix(']')?;
        Some(list.split(',').map(|bit| bit.trim() == "1").collect())
    }
}

/// Takes apart what one encoding holds: an instruction, or the two of a VOPD encoding. `None` if the text is empty or an
/// operand makes no sense.
pub fn parse_all(text: &str) -> Option<Vec<Parsed>> {
    text.split("::").map(parse).collect()
}

/// Takes an instruction apart. `None` if the text is empty or an operand makes no sense.
pub fn parse(text: &str) -> Option<Parsed> {
    let text = text.trim();
    let (mnemonic, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if mnemonic.is_empty() {
        return None;
    }
    // `v_add_f32_e64_dpp` has two.
    let suffixes = ["_dpp", "_sdwa", "_e32", "_e64"];
    let base = suffixes.iter().fold(mnemonic, |base, suffix| base.strip_suffix(suffix).unwrap_or(base));
    let mut args = Vec::new();
    let mut modifiers = Vec::new();
    for (index, piece) in split(rest, |c| c == ',').into_iter().enumerate() {
        let tokens = split(piece.trim(), char::is_whitespace);
        let mut tokens = tokens.into_iter().map(str::trim).filter(|token| !token.is_empty()).peekable();
        if let Some(first) = tokens.peek() {
            // An instruction without operands may still have modifiers.
            if !(index == 0 && is_modifier(first)) {
                args.push(arg(first)?);
                tokens.next();
            }
        }
        for token in tokens {
            let (key, value) = token.split_once(':').unwrap_or((token, ""));
            modifiers.push((key.to_owned(), value.to_owned()));
        }
    }
    Some(Parsed { mnemonic: base.to_owned(), args, modifiers, text: text.to_owned() })
}

fn is_modifier(token: &str) -> bool {
    matches!(token, "sc0" | "sc1" | "nt" | "glc" | "slc" | "dlc" | "gds")
        || ["offset:", "scope:", "th:"].iter().any(|prefix| token.starts_with(prefix))
}

/// Splits where the separator stands outside of brackets.
fn split(text: &str, separator: impl Fn(char) -> bool) -> Vec<&str> {
    let (mut pieces, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            c if depth == 0 && separator(c) => {
                pieces.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

/// Reads a decimal or hexadecimal number.
pub fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { value.wrapping_neg() } else { value })
}

fn arg(text: &str) -> Option<Arg> {
    let (mut text, mut neg, mut abs, mut sext) = (text, false, false, false);
    if let Some(inner) = text.strip_prefix("neg(").and_then(|t| t.strip_suffix(')')) {
        (text, neg) = (inner, true);
    }
    if let Some(inner) = text.strip_prefix("sext(").and_then(|t| t.strip_suffix(')')) {
        (text, sext) = (inner, true);
    }
    if let Some(inner) = text.strip_prefix('-').filter(|t| t.starts_with(['v', 's', 'a', '|', 't', 'e', 'm', 'f', 'x']))
    {
        (text, neg) = (inner, true);
    }
    if let Some(inner) = text.strip_prefix('|').and_then(|t| t.strip_suffix('|')) {
        (text, abs) = (inner, true);
    }
    Some(Arg { operand: operand(text)?, neg, abs, sext })
}

fn operand(text: &str) -> Option<Operand> {
    let text =
        text.strip_prefix("lit(").or_else(|| text.strip_prefix("lit64(")).map_or(text, |t| t.trim_end_matches(')'));
    let named = |index, count| Some(Operand::Scalar(index, count));
    match text {
        "off" => return Some(Operand::Off),
        "null" => return Some(Operand::Null),
        "vcc" => return named(VCC, 2),
        "vcc_lo" => return named(VCC, 1),
        "vcc_hi" => return named(VCC + 1, 1),
        "exec" => return named(EXEC, 2),
        "exec_lo" => return named(EXEC, 1),
        "exec_hi" => return named(EXEC + 1, 1),
        "m0" => return named(M0, 1),
        "flat_scratch" => return named(FLAT_SCRATCH, 2),
        "flat_scratch_lo" => return named(FLAT_SCRATCH, 1),
        "flat_scratch_hi" => return named(FLAT_SCRATCH + 1, 1),
        "xnack_mask" => return named(104, 2),
        "xnack_mask_lo" => return named(104, 1),
        "xnack_mask_hi" => return named(105, 1),
        "src_shared_base" => return Some(Operand::Special(Special::SharedBase)),
        "src_shared_limit" => return Some(Operand::Special(Special::SharedLimit)),
        "src_private_base" => return Some(Operand::Special(Special::PrivateBase)),
        "src_private_limit" => return Some(Operand::Special(Special::PrivateLimit)),
        "src_scc" | "scc" => return Some(Operand::Special(Special::Scc)),
        "src_vccz" | "vccz" => return Some(Operand::Special(Special::Vccz)),
        "src_execz" | "execz" => return Some(Operand::Special(Special::Execz)),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix("hwreg(").and_then(|t| t.strip_suffix(')')) {
        let mut parts = inner.split(',').map(str::trim);
        let name = parts.next()?.to_owned();
        let offset = parts.next().map_or(Some(0), |t| t.parse().ok())?;
        let width = parts.next().map_or(Some(32), |t| t.parse().ok())?;
        return Some(Operand::Hwreg(name, offset, width));
    }
    if let Some((first, count)) = text.strip_prefix("ttmp").and_then(range) {
        return (first + count <= 16).then(|| Operand::Scalar(TTMP + first as u8, count as u8));
    }
    if let Some((register, high)) =
        text.strip_suffix(".l").map(|t| (t, false)).or(text.strip_suffix(".h").map(|t| (t, true)))
    {
        return match operand(register)? {
            Operand::Vector(first, 1) => Some(Operand::Half(first, high)),
            _ => None,
        };
    }
    for (prefix, limit) in [('s', NUMBERED_SCALARS), ('v', 256), ('a', 256)] {
        let Some((first, count)) = text.strip_prefix(prefix).and_then(range) else { continue };
        if count == 0 || first + count > limit {
            return None;
        }
        return Some(match prefix {
            's' => Operand::Scalar(first as u8, count as u8),
            'v' => Operand::Vector(first, count),
            _ => Operand::Accumulation(first, count),
        });
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(|bits| Operand::Bits(bits as u32));
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(Operand::Int(value));
    }
    match text.parse::<f64>() {
        Ok(value) => Some(Operand::Float(value)),
        Err(_) => Some(Operand::Other(text.to_owned())),
    }
}

/// `5` is register 5, `[4:7]` are four from 4 on.
fn range(text: &str) -> Option<(u16, u16)> {
    match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        Some(inner) => {
            let (first, last) = inner.split_once(':').unwrap_or((inner, inner));
            let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last && last < 512).then(|| (first, last - first + 1))
        }
        None => text.parse().ok().filter(|index: &u16| *index < 512).map(|index| (index, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_and_modifiers_come_apart() {
        let parsed = parse("v_pk_fma_f32 v[0:1], -|v[2:3]|, s[0:1], 0.5 op_sel_hi:[1,0,1] neg_lo:[1,0,0]").unwrap();
        assert_eq!(parsed.mnemonic, "v_pk_fma_f32");
        assert_eq!(parsed.args.len(), 4);
        assert_eq!(parsed.args[0].operand, Operand::Vector(0, 2));
        assert_eq!(parsed.args[1], Arg { operand: Operand::Vector(2, 2), neg: true, abs: true, sext: false });
        assert_eq!(parsed.args[2].operand, Operand::Scalar(0, 2));
        assert_eq!(parsed.args[3].operand, Operand::Float(0.5));
        assert_eq!(parsed.bits("op_sel_hi"), Some(vec![true, false, true]));
        assert_eq!(parsed.bits("neg_hi"), None);
    }

    #[test]
    fn an_instruction_without_operands_keeps_its_modifiers() {
        let parsed = parse("buffer_wbl2 sc0 sc1").unwrap();
        assert!(parsed.args.is_empty() && parsed.flag("sc0") && parsed.flag("sc1"));
        assert_eq!(parse("s_setreg_imm32_b32 hwreg(HW_REG_MODE, 4, 2), 3").unwrap().args.len(), 2);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn halves_of_registers_and_pairs_of_instructions_come_apart() {
        let parsed = parse("v_add_f16_e32 v3.l, -v4.h, v5.l").unwrap();
        assert_eq!(parsed.args[0].operand, Operand::Half(3, false));
        assert_eq!((&parsed.args[1].operand, parsed.args[1].neg), (&Operand::Half(4, true), true));
        assert_eq!(parse("v_add_f32_e32 s3.l, v4, v5"), None);
        assert_eq!(parse("v_add_f32_e64_dpp v0, v1, v2 row_share:1").unwrap().mnemonic, "v_add_f32");
        let pair = parse_all("v_dual_mov_b32 v0, s2 :: v_dual_add_f32 v1, v2, v3").unwrap();
        assert_eq!(pair.len(), 2);
        assert_eq!((pair[1].mnemonic.as_str(), pair[1].args.len()), ("v_dual_add_f32", 3));
    }

    #[test]
    fn registers_beyond_the_file_are_refused() {
        assert_eq!(parse("v_mov_b32_e32 v256, 0"), None);
        assert_eq!(parse("s_mov_b64 s[105:106], 0"), None);
        assert_eq!(parse("s_mov_b64 ttmp[15:16], 0"), None);
    }
}
