//! Buffer memory: MUBUF with linear buffers, and the cache instructions (*CDNA 3 ISA*, chapter 8 "Vector memory
//! operations").

use super::{
    decode::nothing,
    step::{DecodeError, Step},
    text::Operand,
    transfer::{Transfer, load, store},
    valu::Vop,
};
use crate::machine::{space::Space, wave::Wave};

/// The step of a buffer instruction; `None` if it is none.
pub fn lookup(v: &Vop<'_>) -> Option<Result<Step, DecodeError>> {
    let name = v.parsed.mnemonic.strip_prefix("buffer_")?;
    match name {
        // Memory is coherent here.
        "wbl2" | "inv" | "wbinvl1" | "wbinvl1_vol" | "invl2" => return Some(Ok(nothing())),
        _ => {}
    }
    if let Some(kind) = name.strip_prefix("load_").and_then(Transfer::load) {
        return Some(address(v).and_then(|address| load(v, 0, kind, address)));
    }
    let kind = name.strip_prefix("store_").and_then(Transfer::store)?;
    Some(address(v).and_then(|address| store(v, 0, kind, address)))
}

/// Operands: data, vector address, resource, scalar offset.
fn address(v: &Vop<'_>) -> Result<impl Fn(&Wave, usize) -> (Space, u64) + Send + Sync + use<>, DecodeError> {
    let error = || DecodeError::new(v.parsed, "the address is not understood");
    let operand = |index: usize| v.parsed.args.get(index).map(|arg| &arg.operand);
    if v.parsed.flag("idxen") {
        return Err(DecodeError::new(v.parsed, "no semantics for indexed buffers"));
    }
    let vector = match (operand(1), v.parsed.flag("offen")) {
        (Some(_), true) => Some(usize::from(v.vector(1)?.0)),
        (Some(Operand::Off), false) => None,
        _ => return Err(error()),
    };
    let Some(Operand::Scalar(resource, 4)) = operand(2) else { return Err(error()) };
    let resource = *resource;
    let (scalar, constant) = match operand(3) {
        Some(Operand::Scalar(index, 1)) => (Some(*index), 0),
        Some(Operand::Int(value)) => (None, *value as u64),
        _ => return Err(error()),
    };
    let offset = v.parsed.number("offset").and_then(|n| u64::try_from(n).ok()).ok_or_else(error)?;
    Ok(move |wave: &Wave, lane: usize| {
        let base = wave.scalar_u64(resource) & 0xffff_ffff_ffff;
        let scalar = scalar.map_or(constant, |index| u64::from(wave.scalar[usize::from(index & 127)]));
        let vector = vector.map_or(0, |register| u64::from(wave.vector[register][lane]));
        // The hardware gives 0 beyond `num_records`; here the check against live memory says more.
        (Space::Global, base.wrapping_add(scalar).wrapping_add(vector).wrapping_add(offset))
    })
}
