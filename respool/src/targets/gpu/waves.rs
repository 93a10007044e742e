//! What the lanes of a wave do together, on GPUs.
//!
//! Values have any type. A call moves a variable's bytes in words of 32 bits; what a family has to say is how one word moves:
//! [`Words`]. Bytes that are not initialised (padding) are frozen, each for itself, so that they make nothing else of a word any
//! value. What an operation gives for a lane that is missing is frozen, too.

use std::{collections::BTreeMap, fmt::Write};

use llvm_sys::{LLVMOpcode, LLVMTypeKind};

use super::{Gpu, KernelLowering, definitions};
use crate::{
    error::Error,
    ir::{Builder, Ir, Type, Value},
    passes::group_scope::{
        WAVE_BALLOT, WAVE_OF_ALL, WAVE_READ, WAVE_READ_FIRST, WAVE_SHUFFLE, WAVE_SHUFFLE_XOR, WAVE_UNIFORM,
    },
};

/// `i32 (i32 value)`: the first lane's.
pub const WORD_READ_FIRST: &str = "__gb_word_read_first";
/// `i32 (i32 value, i32 lane)`: that of a lane, the same for all.
pub const WORD_READ: &str = "__gb_word_read";
/// `i32 (i32 value, i32 lane)`: that of a lane.
pub const WORD_SHUFFLE: &str = "__gb_word_shuffle";
/// `i32 (i32 value, i32 mask)`: that of the lane whose number differs in these bits.
pub const WORD_SHUFFLE_XOR: &str = "__gb_word_shuffle_xor";
/// The names of functions of [`Words::constant_xor`] begin with this.
const WORD_CONSTANT_XOR: &str = "__gb_word_xor_";

/// What a family says of waves, in LLVM's assembly language. All functions are `alwaysinline convergent nounwind`.
pub trait Words {
    /// Definitions of [`WAVE_UNIFORM`] (`i32 (i32 value)`), [`WAVE_BALLOT`] (`i64 (i1 condition)`), [`WORD_READ_FIRST`],
    /// [`WORD_READ`], [`WORD_SHUFFLE`] and [`WORD_SHUFFLE_XOR`], and declarations of what they call.
    fn definitions(&self) -> String;

    /// The definition of the function `name`, as [`WORD_SHUFFLE_XOR`] without its second parameter, for a mask that is a constant and
    /// less than the wave's size; and declarations of what it calls and [`definitions`](Self::definitions) does not. `None`: there
    /// is nothing better than that.
    fn constant_xor(&self, name: &str, mask: u64) -> Option<String>;
}

/// Gives the operations of waves their meaning.
pub fn lower(lowering: &KernelLowering<'_, '_>, kernel: Value, gpu: Gpu<'_>, words: &impl Words) -> Result<(), Error> {
    let module = lowering.module;
    let unsupported = |reason: &str| Error::Unsupported {
        kernel: lowering.descriptor.name.clone(),
        target: gpu.name.to_owned(),
        reason: reason.to_owned(),
    };
    // Functions by name, so that those of equal calls are one; and calls with what they become.
    let (mut functions, mut moves) = (BTreeMap::new(), Vec::new());
    for (intrinsic, word) in [
        (WAVE_READ_FIRST, WORD_READ_FIRST),
        (WAVE_READ, WORD_READ),
        (WAVE_SHUFFLE, WORD_SHUFFLE),
        (WAVE_SHUFFLE_XOR, WORD_SHUFFLE_XOR),
    ] {
        for call in module.function(intrinsic).map(Value::users).unwrap_or_default() {
            let arguments = call.arguments();
            let size = arguments.get(2).and_then(|size| size.const_u64()).ok_or_else(|| {
                unsupported("the size of what its lanes exchange is not a constant; this is a gap in Geobacter, please report it")
            })?;
            let mask = arguments.get(3).and_then(|mask| mask.const_u64()).filter(|_| intrinsic == WAVE_SHUFFLE_XOR);
            let constant = mask.and_then(|mask| {
                let word = format!("{WORD_CONSTANT_XOR}{mask}");
                let text = words.constant_xor(&word, mask)?;
                functions.insert(word.clone(), text);
                Some((word, mask))
            });
            let whole = arguments.first().is_some_and(|&from| holds_whole_words(module, from));
            let what = if whole { "words" } else { "bytes" };
            let (name, text) = match constant {
                Some((word, mask)) => {
                    let name = format!("{intrinsic}_{mask}_of_{size}_{what}");
                    let text = move_words(&name, size, &word, false, whole);
                    (name, text)
                }
                None => {
                    let name = format!("{intrinsic}_of_{size}_{what}");
                    let text = move_words(&name, size, word, intrinsic != WAVE_READ_FIRST, whole);
                    (name, text)
                }
            };
            functions.insert(name.clone(), text);
            moves.push((call, name));
        }
    }
    let complete = module.function(WAVE_OF_ALL).map(Value::users).unwrap_or_default();
    if complete.iter().any(|call| call.function() != kernel) {
        return Err(unsupported(
            "a recursive function exchanges values of a type like `bool`, `char` or an enum between the lanes of a wave, and the \
             kernel can panic; use numbers there",
        ));
    }
    if functions.is_empty()
        && [WAVE_UNIFORM, WAVE_BALLOT, WAVE_OF_ALL].iter().all(|name| module.function(name).is_none())
    {
        return Ok(());
    }
    let text = words.definitions() + &functions.into_values().collect::<String>() + IS_COMPLETE;
    let is_theirs = |name: &str| name.starts_with("__gb_wave_") || name.starts_with("__gb_word_");
    definitions::add(lowering, gpu, "defining the operations of waves", &text, is_theirs)?;

    let (context, defined) = (module.context(), |name: &str| module.function(name).expect("was just defined"));
    for (call, name) in moves {
        let arguments = call.arguments();
        let parameters = defined(&name).params().len();
        // Without the size.
        let arguments = [&arguments[..2], &arguments[3..]].concat();
        Builder::before(context, call).call(defined(&name), &arguments[..parameters]);
        call.erase();
    }
    let mut end = None;
    for call in complete {
        let lanes = call.arguments()[0];
        let all = Builder::before(context, call).call(defined(IS_COMPLETE_NAME), &[lanes]);
        let (head, rest) = (call.block().split_before(context, call), call.block());
        let end = *end.get_or_insert_with(|| {
            let end = kernel.append_block(context, "incomplete_wave");
            Builder::at_end(context, end).return_void();
            end
        });
        Builder::at_end(context, head).branch_if(all, rest, end);
        call.erase();
    }
    for name in [WAVE_OF_ALL, WAVE_READ_FIRST, WAVE_READ, WAVE_SHUFFLE, WAVE_SHUFFLE_XOR] {
        if let Some(function) = module.function(name) {
            function.delete_function();
        }
    }
    Ok(())
}

const IS_COMPLETE_NAME: &str = "__gb_wave_is_complete";
/// Whether as many lanes are here.
const IS_COMPLETE: &str = "
define i1 @__gb_wave_is_complete(i32 %lanes) alwaysinline convergent nounwind {
  %here = call i64 @__gb_wave_ballot(i1 true)
  %count = call i64 @llvm.ctpop.i64(i64 %here)
  %expected = zext i32 %lanes to i64
  %complete = icmp eq i64 %count, %expected
  ret i1 %complete
}
declare i64 @llvm.ctpop.i64(i64)
";

/// Whether a variable, which is a stack slot, is written as whole words only, so that each of them has a value or has none. To freeze
/// those would make zeros of what lanes have that nobody asks for theirs, and a selection of each step of a reduction.
fn holds_whole_words(module: &Ir<'_>, variable: Value) -> bool {
    let mut slot = variable;
    while slot.is_instruction() && slot.opcode() == LLVMOpcode::LLVMAddrSpaceCast {
        slot = slot.operand(0);
    }
    if !slot.is_instruction() || slot.opcode() != LLVMOpcode::LLVMAlloca {
        return false;
    }
    let mut pointers = vec![slot];
    while let Some(pointer) = pointers.pop() {
        for user in pointer.users() {
            match user.opcode() {
                LLVMOpcode::LLVMAddrSpaceCast => pointers.push(user),
                LLVMOpcode::LLVMLoad => {}
                LLVMOpcode::LLVMStore => {
                    let value = user.operand(0);
                    if value == pointer || !module.size_of(value.ty()).is_multiple_of(4) || !is_scalar(value.ty()) {
                        return false;
                    }
                }
                LLVMOpcode::LLVMCall => {
                    let callee = user.callee();
                    let name = if callee.is_function() { callee.name() } else { String::new() };
                    // What another lane had is frozen.
                    if !name.starts_with("__gb_wave_") && !name.starts_with("llvm.lifetime.") {
                        return false;
                    }
                }
                _ => return false,
            }
        }
    }
    true
}

fn is_scalar(ty: Type) -> bool {
    let kinds = [LLVMTypeKind::LLVMFloatTypeKind, LLVMTypeKind::LLVMDoubleTypeKind, LLVMTypeKind::LLVMIntegerTypeKind];
    kinds.contains(&ty.kind())
}

/// A function that moves `size` bytes with the function `word`, which takes a second argument or not. `whole`: each word has a value
/// or has none.
fn move_words(name: &str, size: u64, word: &str, has_argument: bool, whole: bool) -> String {
    let argument = if has_argument { ", i32 %argument" } else { "" };
    let mut text = format!("\ndefine void @{name}(ptr %from, ptr %to{argument}) alwaysinline convergent nounwind {{\n");
    for at in (0..size).step_by(4) {
        let bytes = (size - at).min(4);
        let bits = 8 * bytes;
        let (widen, narrow) = match bytes {
            4 => (format!("add i32 %bits{at}, 0"), format!("add i32 %fixed{at}, 0")),
            _ => (format!("zext i{bits} %bits{at} to i32"), format!("trunc i32 %fixed{at} to i{bits}")),
        };
        let load = if whole {
            format!("  %bits{at} = load i{bits}, ptr %from{at}, align 1")
        } else {
            format!(
                "  %loaded{at} = load <{bytes} x i8>, ptr %from{at}, align 1
  %frozen{at} = freeze <{bytes} x i8> %loaded{at}
  %bits{at} = bitcast <{bytes} x i8> %frozen{at} to i{bits}"
            )
        };
        write!(
            text,
            "  %from{at} = getelementptr i8, ptr %from, i64 {at}
{load}
  %word{at} = {widen}
  %moved{at} = call i32 @{word}(i32 %word{at}{argument})
  %fixed{at} = freeze i32 %moved{at}
  %narrow{at} = {narrow}
  %to{at} = getelementptr i8, ptr %to, i64 {at}
  store i{bits} %narrow{at}, ptr %to{at}, align 1
"
        )
        .expect("a string takes all");
    }
    text + "  ret void\n}\n"
}
