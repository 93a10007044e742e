//! The names of matrix instructions, which say what they multiply.

use super::element::Element;

/// Families of matrix instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Of CDNA: `v_mfma`, and `v_smfmac` for a sparse A.
    Cdna,
    /// Of RDNA: `v_wmma`, and `v_swmmac` for a sparse A.
    Rdna,
}

/// What the name of a matrix instruction says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// Which family it is of.
    pub family: Family,
    /// Whether two of four elements of A are given, with an index that says which.
    pub sparse: bool,
    /// Rows of A and D.
    pub rows: usize,
    /// Columns of B and D.
    pub columns: usize,
    /// Columns of A and rows of B.
    pub depth: usize,
    /// Elements of A.
    pub a: Element,
    /// Elements of B.
    pub b: Element,
    /// Elements of C and D.
    pub result: Element,
}

impl Name {
    /// Takes a mnemonic apart. `None` if it is none of a matrix instruction.
    pub fn of(mnemonic: &str) -> Option<Self> {
        let families = [
            ("v_mfma_", Family::Cdna, false),
            ("v_smfmac_", Family::Cdna, true),
            ("v_wmma_", Family::Rdna, false),
            ("v_swmmac_", Family::Rdna, true),
        ];
        let (rest, family, sparse) = families
            .into_iter()
            .find_map(|(prefix, family, sparse)| Some((mnemonic.strip_prefix(prefix)?, family, sparse)))?;
        let (result, rest) = rest.split_once('_')?;
        let (rows, rest) = number(rest)?;
        let (columns, rest) = number(rest.strip_prefix('x')?)?;
        let (depth, rest) = number(rest.strip_prefix('x')?)?;
        // CDNA 1 and 2 have no `_` between shape and type.
        let rest = rest.strip_prefix('_').unwrap_or(rest);
        // `_4b_`: how many blocks there are, which the registers say too; `_1k`: another shape of the same name.
        let rest = match number(rest).and_then(|(_, rest)| rest.strip_prefix("b_")) {
            Some(rest) => rest,
            None => rest.strip_suffix("_1k").unwrap_or(rest),
        };
        let (a, b) = rest.split_once('_').unwrap_or((rest, rest));
        let (a, b) = (element(a, family)?, element(b, family)?);
        Some(Self { family, sparse, rows, columns, depth, a, b, result: element(result, family)? })
    }
}

fn number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let value = text[..end].parse().ok().filter(|value: &usize| (1..=256).contains(value))?;
    Some((value, &text[end..]))
}

fn element(name: &str, family: Family) -> Option<Element> {
    Some(match (name, family) {
        ("f64", _) => Element::F64,
        ("f32", _) => Element::F32,
        ("xf32", _) => Element::Xf32,
        ("f16", _) => Element::F16,
        ("bf16", _) => Element::Bf16,
        ("i32", _) => Element::I32,
        ("i8", _) => Element::I8,
        // Whether they have a sign is a modifier's business.
        ("iu8", _) => Element::U8,
        ("iu4", _) => Element::U4,
        ("fp8", Family::Cdna) => Element::Fp8Fnuz,
        ("bf8", Family::Cdna) => Element::Bf8Fnuz,
        ("fp8", Family::Rdna) => Element::Fp8Ocp,
        ("bf8", Family::Rdna) => Element::Bf8Ocp,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart() {
        let shape = |mnemonic| Name::of(mnemonic).map(|n| (n.rows, n.columns, n.depth, n.a, n.b, n.result));
        let (f32, f16, bf16) = (Element::F32, Element::F16, Element::Bf16);
        assert_eq!(shape("v_mfma_f32_32x32x8_f16"), Some((32, 32, 8, f16, f16, f32)));
        assert_eq!(shape("v_mfma_f32_4x4x4_16b_bf16"), Some((4, 4, 4, bf16, bf16, f32)));
        assert_eq!(shape("v_mfma_f32_32x32x4bf16_1k"), Some((32, 32, 4, bf16, bf16, f32)));
        assert_eq!(shape("v_mfma_f32_16x16x4f32"), Some((16, 16, 4, f32, f32, f32)));
        let (fp8, bf8) = (Element::Fp8Fnuz, Element::Bf8Fnuz);
        assert_eq!(shape("v_smfmac_f32_16x16x64_bf8_fp8"), Some((16, 16, 64, bf8, fp8, f32)));
        assert_eq!(shape("v_wmma_bf16_16x16x16_bf16"), Some((16, 16, 16, bf16, bf16, bf16)));
        assert_eq!(shape("v_swmmac_i32_16x16x64_iu4").map(|s| s.3), Some(Element::U4));
        assert_eq!(shape("v_mfma_f32_16x16x128_f8f6f4"), None);
        assert_eq!(shape("v_mfma_f32_x16x1f32"), None);
        assert_eq!(shape("v_mul_f32"), None);
    }
}
