//! From the syntax tree to code: names get their meaning, and each instruction becomes a step.
//!
//! One file for each class of instructions. A function in it takes the modifiers in their order, then the operands; what is
//! left over is an error.

/// An expression for the Rust type of a PTX type, or the error that the instruction is not there for it.
macro_rules! with_type {
    ($decoder:expr, $ty:expr, [$( $variant:ident => $rust:ty ),* $(,)?], $name:ident => $body:expr) => {
        match $ty {
            $( $crate::ptx::types::Type::$variant => {
                type $name = $rust;
                $body
            } )*
            other => return Err($decoder.bad_type(other)),
        }
    };
}

mod access;
mod atomic;
mod compare;
mod convert;
mod decoder;
mod exchange;
mod float;
mod flow;
mod integer;
mod lanes;
pub mod load;
mod moves;
mod names;

use decoder::{Decoder, Result};
use flow::Signatures;

use crate::machine::code::Op;

/// Whether an instruction is one of floating-point numbers.
fn is_float(d: &Decoder<'_, '_>) -> bool {
    let types = [".f16", ".f16x2", ".bf16", ".bf16x2", ".f32", ".f64", ".f32x2"];
    d.instruction.modifiers.last().is_some_and(|word| types.contains(word))
}

/// What an instruction does.
fn operation(d: &mut Decoder<'_, '_>, signatures: &Signatures) -> Result<Op> {
    let float = is_float(d);
    let is_double_approximation = d.instruction.modifiers == [".approx", ".ftz", ".f64"];
    match d.instruction.opcode {
        "add" | "sub" if float => float::arithmetic(d),
        "mul" if float => float::arithmetic(d),
        "mul" => integer::multiply(d),
        "mad" | "fma" if float => float::multiply_add(d),
        "mad" => integer::multiply_add(d),
        "div" if float => float::divide(d),
        "min" | "max" if float => float::minimum(d),
        "add" | "sub" | "div" | "rem" | "min" | "max" => integer::arithmetic(d),
        "abs" | "neg" if float => float::sign(d),
        "abs" | "neg" => integer::sign(d),
        "addc" | "subc" => integer::carry_in(d),
        "madc" => integer::multiply_carry(d),
        "mul24" | "mad24" => integer::multiply_24(d),
        "sad" => integer::absolute_difference(d),
        "popc" | "clz" | "bfind" | "brev" => integer::count(d),
        "fns" => integer::nth_bit(d),
        "bfe" => integer::extract_field(d),
        "bfi" => integer::insert_field(d),
        "bmsk" | "szext" => integer::mask(d),
        "dp4a" | "dp2a" => integer::dot(d),
        "prmt" => integer::permute_bytes(d),
        "and" | "or" | "xor" | "not" | "cnot" => integer::logic(d),
        "lop3" => integer::look_up_table(d),
        "shl" | "shr" => integer::shift(d),
        "shf" => integer::funnel(d),
        "copysign" => float::copy_sign(d),
        "testp" => float::test(d),
        "rcp" | "rsqrt" if is_double_approximation => float::approximate_double(d),
        "rcp" | "sqrt" => float::reciprocal(d),
        "rsqrt" | "sin" | "cos" | "lg2" | "ex2" | "tanh" => float::approximate(d),
        "setp" => compare::set_predicate(d),
        "set" => compare::set(d),
        "selp" => compare::select(d),
        "slct" => compare::select_by_sign(d),
        "cvt" => convert::convert(d),
        "mov" => moves::mov(d),
        "cvta" => moves::convert_address(d),
        "isspacep" => moves::is_in_space(d),
        "alloca" | "stacksave" | "stackrestore" => moves::stack(d),
        "ld" | "ldu" => access::load(d),
        "st" => access::store(d),
        "prefetch" | "prefetchu" => access::prefetch(d),
        "membar" | "fence" => access::fence(d),
        "cp" => access::copy(d),
        "atom" | "red" => atomic::atomic(d),
        "shfl" => exchange::shuffle(d),
        "vote" => exchange::vote(d),
        "match" => exchange::find_equal(d),
        "redux" => exchange::reduce(d),
        "elect" => exchange::elect(d),
        "activemask" => exchange::active_mask(d),
        "nanosleep" | "pmevent" | "griddepcontrol" => exchange::pause(d),
        "bar" | "barrier" => flow::barrier(d),
        "bra" => flow::branch(d),
        "brx" => flow::branch_indexed(d),
        "call" => flow::call(d, signatures),
        "ret" => {
            d.eat(".uni");
            Ok(Op::Return)
        }
        "exit" => Ok(Op::Exit),
        "trap" => Ok(Op::Trap("the kernel executed `trap`")),
        "brkpt" => Ok(Op::Trap("the kernel executed `brkpt`")),
        _ => Err(d.unknown()),
    }
}
