//! Panics by their meaning.
//!
//! The host's panic entry points are functions of `core` with names and signatures of their own, which change from one
//! toolchain to the next. Here, and only here, they are recognised by their path and become calls of three functions that
//! every target defines:
//! * `__gb_panic_text(message, length, location)`
//! * `__gb_panic_format(template, arguments, location)`: `core::fmt::Arguments`, whose second word is odd for plain text
//! * `__gb_panic_bounds(index, length, location)`
//!
//! A panic function that is not known here stays what it is and becomes a build error in the check, not a guess.

use super::names;
use crate::ir::{Builder, Ir, Type, Value};

/// What a panic entry point means, and where its arguments are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// The first two arguments are the message, the last one is the location.
    Message,
    /// A debug build's check that `unsafe` code keeps its contract. It is dropped: for a kernel without `unsafe` it cannot
    /// fail, and it would stand before every access to a buffer. The host's code keeps it.
    UndefinedBehaviour,
    /// The first two arguments are `core::fmt::Arguments`, the last one is the location.
    Format,
    /// The first two arguments are index and length, the last one is the location.
    Bounds,
    /// Always this text; the last argument is the location.
    Text(&'static str),
    /// Always this text, and no location.
    TextNowhere(&'static str),
}

/// What the function with this symbol means, if it is a panic entry point.
pub fn meaning(symbol: &str) -> Option<Meaning> {
    let path = names::path(symbol);
    let path = path.strip_prefix("core::").or_else(|| path.strip_prefix("std::"))?;
    use Meaning::{Bounds, Format, Message, Text, TextNowhere, UndefinedBehaviour};
    Some(match path {
        "panicking::panic" | "panicking::panic_str_2015" | "panicking::panic_str_literal" => Message,
        "option::expect_failed" | "result::unwrap_failed" => Message,
        "panicking::panic_fmt" | "rt::panic_fmt" => Format,
        "panicking::panic_bounds_check" => Bounds,
        "panicking::panic_explicit" => Text("explicit panic"),
        "panicking::panic_cannot_unwind" => TextNowhere("panic in a function that cannot unwind"),
        "panicking::panic_in_cleanup" => TextNowhere("panic in a destructor during cleanup"),
        "panicking::panic_nounwind"
        | "panicking::panic_nounwind_nobacktrace"
        | "panicking::panic_nounwind_fmt"
        | "panicking::panic_misaligned_pointer_dereference"
        | "panicking::panic_null_pointer_dereference"
        | "panicking::panic_invalid_enum_construction" => UndefinedBehaviour,
        "panicking::assert_failed" | "panicking::assert_failed_inner" => Text("assertion of two values failed"),
        "panicking::assert_matches_failed" => Text("assertion of a pattern failed"),
        "panicking::panic_display" | "panicking::unreachable_display" => Text("explicit panic with a value"),
        "option::unwrap_failed" => Text("called `Option::unwrap()` on a `None` value"),
        "slice::index::slice_index_fail" => Text("slice range out of bounds"),
        "slice::index::slice_start_index_len_fail" => Text("slice range starts after the end of the slice"),
        "slice::index::slice_end_index_len_fail" => Text("slice range ends after the end of the slice"),
        "slice::index::slice_index_order_fail" => Text("slice range starts after its own end"),
        "slice::index::slice_start_index_overflow_fail" | "slice::index::slice_end_index_overflow_fail" => {
            Text("slice range overflows usize")
        }
        "slice::copy_from_slice_impl::len_mismatch_fail" | "slice::<impl [T]>::copy_from_slice::len_mismatch_fail" => {
            Text("copy_from_slice: source and destination have different lengths")
        }
        "str::slice_error_fail" => Text("string range out of bounds or not at a character boundary"),
        "cell::panic_already_borrowed" => Text("RefCell already borrowed"),
        "cell::panic_already_mutably_borrowed" => Text("RefCell already mutably borrowed"),
        "slice::sort::shared::smallsort::panic_on_ord_violation" => {
            TextNowhere("user-provided comparison function does not correctly implement a total order")
        }
        "num::int_log10::panic_for_nonpositive_argument" => Text("argument of integer logarithm must be positive"),
        "num::from_ascii_radix_panic" => Text("from_ascii_radix: radix must lie in the range `[2, 36]`"),
        _ => Text(arithmetic(path.strip_prefix("panicking::panic_const::panic_const_")?)?),
    })
}

fn arithmetic(what: &str) -> Option<&'static str> {
    Some(match what {
        "add_overflow" => "attempt to add with overflow",
        "sub_overflow" => "attempt to subtract with overflow",
        "mul_overflow" => "attempt to multiply with overflow",
        "div_overflow" => "attempt to divide with overflow",
        "rem_overflow" => "attempt to calculate the remainder with overflow",
        "neg_overflow" => "attempt to negate with overflow",
        "shl_overflow" => "attempt to shift left with overflow",
        "shr_overflow" => "attempt to shift right with overflow",
        "div_by_zero" => "attempt to divide by zero",
        "rem_by_zero" => "attempt to calculate the remainder with a divisor of zero",
        _ => return None,
    })
}

/// The three functions that targets define, with their types.
pub struct PanicFunctions {
    text: Value,
    format: Value,
    bounds: Value,
}

impl PanicFunctions {
    pub const TEXT: &str = "__gb_panic_text";
    pub const FORMAT: &str = "__gb_panic_format";
    pub const BOUNDS: &str = "__gb_panic_bounds";

    fn declare(program: &Ir<'_>) -> Self {
        let context = program.context();
        let (pointer, word, void) = (context.pointer(0), context.int(64), context.void());
        let declare = |name: &str, params: &[Type]| {
            let function = program.declare(name, context.function(void, params));
            function.add_function_attribute(context.attribute("noreturn", 0));
            function.add_function_attribute(context.attribute("cold", 0));
            function
        };
        Self {
            text: declare(Self::TEXT, &[pointer, word, pointer]),
            format: declare(Self::FORMAT, &[pointer, pointer, pointer]),
            bounds: declare(Self::BOUNDS, &[word, word, pointer]),
        }
    }
}

/// Rewrites the panics of one function.
pub fn rewrite(program: &Ir<'_>, function: Value) {
    for call in function.instructions() {
        if !call.is_call() || !call.callee().is_function() {
            continue;
        }
        let Some(meaning) = meaning(&call.callee().name()) else { continue };
        let arguments = call.arguments();
        let context = program.context();
        let builder = Builder::before(context, call);
        let nowhere = context.pointer(0).zero();
        let location = arguments.last().copied().filter(|last| last.ty().is_pointer()).unwrap_or(nowhere);
        let functions = PanicFunctions::declare(program);
        let (callee, arguments) = match (meaning, &*arguments) {
            (Meaning::Message, &[message, length, ..]) => (functions.text, [message, length, location]),
            (Meaning::UndefinedBehaviour, _) => {
                // What follows is `unreachable`.
                call.erase();
                continue;
            }
            (Meaning::Format, &[template, values, ..]) => (functions.format, [template, values, location]),
            (Meaning::Bounds, &[index, length, ..]) => (functions.bounds, [index, length, location]),
            (Meaning::Text(text), _) => {
                (functions.text, [text_constant(program, text), text_length(program, text), location])
            }
            (Meaning::TextNowhere(text), _) => {
                (functions.text, [text_constant(program, text), text_length(program, text), nowhere])
            }
            // Another signature than the one that is known: left alone, so that the check reports it.
            _ => continue,
        };
        let types: Vec<_> = callee.value_type().params();
        if types.iter().zip(&arguments).any(|(ty, argument)| *ty != argument.ty()) || call.has_uses() {
            continue;
        }
        builder.call(callee, &arguments).set_debug_location_of(call);
        call.erase();
    }
}

fn text_length(program: &Ir<'_>, text: &str) -> Value {
    program.context().int(64).integer(text.len() as u64)
}

fn text_constant(program: &Ir<'_>, text: &str) -> Value {
    let context = program.context();
    let name = format!("geobacter.panic.{}", blake3::hash(text.as_bytes()).to_hex());
    program.global(&name).unwrap_or_else(|| {
        let constant = program.add_global(&name, context.bytes(text.len() as u64), 0);
        constant.set_initializer(context.byte_string(text.as_bytes()));
        constant.set_global_constant(true);
        constant.set_linkage(llvm_sys::LLVMLinkage::LLVMLinkOnceODRLinkage);
        constant.set_unnamed_address();
        constant.set_alignment(1);
        constant
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_functions_are_known_in_both_manglings() {
        assert_eq!(meaning("_RNvNtCsgEmfK2I1SDS_4core9panicking9panic_fmt"), Some(Meaning::Format));
        assert_eq!(meaning("_ZN4core9panicking18panic_bounds_check17h0123456789abcdefE"), Some(Meaning::Bounds));
        let assert_failed = "_RINvNtCsgEmfK2I1SDS_4core9panicking13assert_failedllECsjrHSEGnQ3l9_3std";
        assert!(matches!(meaning(assert_failed), Some(Meaning::Text(_))));
        let add = "_RNvNtNtCsgEmfK2I1SDS_4core9panicking11panic_const24panic_const_add_overflow";
        assert_eq!(meaning(add), Some(Meaning::Text("attempt to add with overflow")));
    }

    #[test]
    fn an_unknown_panic_function_is_not_guessed() {
        assert_eq!(meaning("_ZN4core9panicking13panic_sideways17h0123456789abcdefE"), None);
        assert_eq!(meaning("_ZN4demo9panicking9panic_fmt17h0123456789abcdefE"), None);
    }
}
