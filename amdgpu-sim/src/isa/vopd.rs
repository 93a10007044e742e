//! Two vector instructions in one encoding: VOPD (*RDNA 3 ISA*, section 7.6 "Dual Issue VALU").
//!
//! Both read their sources before either writes its result.

use super::{
    decode::{Context, decode},
    step::{DecodeError, Flow, Step, step},
    text::{Operand, Parsed},
};

/// The step of a pair.
///
/// # Errors
/// If one of the two has no semantics, or ends elsewhere than in a vector register.
pub fn pair(x: &Parsed, y: &Parsed, context: &Context<'_>) -> Result<Step, DecodeError> {
    let (first, second) = (decode(x, context)?, decode(y, context)?);
    let result = |parsed: &Parsed| match parsed.args.first().map(|arg| &arg.operand) {
        Some(Operand::Vector(register, 1)) => Ok(*register),
        _ => Err(DecodeError::new(parsed, "a vector register is expected")),
    };
    let (written, _) = (result(x)?, result(y)?);
    if !y.args.iter().any(|arg| matches!(arg.operand, Operand::Vector(register, _) if register == written)) {
        return Ok(step(move |wave, env| {
            first(wave, env)?;
            second(wave, env)
        }));
    }
    let written = usize::from(written);
    Ok(step(move |wave, env| {
        let old = wave.vector[written];
        first(wave, env)?;
        let new = std::mem::replace(&mut wave.vector[written], old);
        second(wave, env)?;
        wave.vector[written] = new;
        Ok(Flow::Next)
    }))
}
