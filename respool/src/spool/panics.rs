//! Panics by their meaning.
//!
//! The host's panic entry points are functions of `core` with names and signatures of their own, which change from one
//! toolchain to the next. Here, and only here, they are recognised by their path and become calls of these functions:
//! * `__gb_panic_text(message, length, location)`
//! * `__gb_panic_format(template, arguments, location)`: `core::fmt::Arguments`, whose second word is odd for plain text
//! * `__gb_panic_unwrap(message, length, value, formatter, location)`: a value's address and what shows it
//! * `__gb_panic_assert(operator, left, formatter, right, formatter, template, arguments, location)`: two such, and an
//!   `Option<core::fmt::Arguments>`, whose first word is null for `None`
//! * `__gb_panic_numbers(kind, a, b, c, location)`: a [`FaultKind`] that has numbers and no message
//!
//! [`messages`](crate::passes::messages) makes one of them for the targets. A panic function that is not known here stays what
//! it is and becomes a build error in the check, not a guess.

use geobacter_spool::{
    fault::FaultKind,
    format::{Formatter, NOT_CARRIED, Style},
};

use super::{formatters, names};
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
    /// The first two arguments are the message, the next two a `&dyn Debug`, the last one is the location.
    Unwrap,
    /// Operator, two `&dyn Debug`, an `Option<core::fmt::Arguments>`, and the location.
    AssertDynamic,
    /// The same with the addresses of two values of known types. The toolchain's library has such functions for some types,
    /// and its bitcode is not at hand.
    Assert([Option<Formatter>; 2]),
    /// The first arguments are numbers, at most three, the last one is the location.
    Numbers(FaultKind),
    /// Always this text; the last argument is the location.
    Text(&'static str),
    /// Always this text, and no location.
    TextNowhere(&'static str),
}

/// What the function with this symbol means, if it is a panic entry point.
pub fn meaning(symbol: &str) -> Option<Meaning> {
    let path = names::path(symbol);
    let path = path.strip_prefix("core::").or_else(|| path.strip_prefix("std::"))?;
    use Meaning::{Assert, AssertDynamic, Format, Message, Numbers, Text, TextNowhere, UndefinedBehaviour, Unwrap};
    Some(match path {
        "panicking::panic" | "panicking::panic_str_2015" | "panicking::panic_str_literal" => Message,
        "option::expect_failed" => Message,
        "result::unwrap_failed" => Unwrap,
        "panicking::panic_fmt" | "rt::panic_fmt" => Format,
        "panicking::panic_bounds_check" => Numbers(FaultKind::Bounds),
        "panicking::panic_explicit" => Text("explicit panic"),
        "panicking::panic_cannot_unwind" => TextNowhere("panic in a function that cannot unwind"),
        "panicking::panic_in_cleanup" => TextNowhere("panic in a destructor during cleanup"),
        "panicking::panic_nounwind"
        | "panicking::panic_nounwind_nobacktrace"
        | "panicking::panic_nounwind_fmt"
        | "panicking::panic_misaligned_pointer_dereference"
        | "panicking::panic_null_pointer_dereference"
        | "panicking::panic_invalid_enum_construction" => UndefinedBehaviour,
        "panicking::assert_failed_inner" => AssertDynamic,
        "panicking::assert_failed" => Assert(asserted(&names::full(symbol))?),
        "option::unwrap_failed" => Text("called `Option::unwrap()` on a `None` value"),
        "slice::index::slice_index_fail" => Numbers(FaultKind::SliceRange),
        "slice::index::slice_start_index_len_fail" => Text("slice range starts after the end of the slice"),
        "slice::index::slice_end_index_len_fail" => Text("slice range ends after the end of the slice"),
        "slice::index::slice_index_order_fail" => Text("slice range starts after its own end"),
        "slice::index::slice_start_index_overflow_fail" | "slice::index::slice_end_index_overflow_fail" => {
            Text("slice range overflows usize")
        }
        "slice::copy_from_slice_impl::len_mismatch_fail" | "slice::<impl [T]>::copy_from_slice::len_mismatch_fail" => {
            Numbers(FaultKind::CopyLengths)
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

/// What shows the values of `core::panicking::assert_failed::<T, U>`. `None` where the mangling does not name the types: then
/// the function is in the program's own bitcode.
fn asserted(full: &str) -> Option<[Option<Formatter>; 2]> {
    let types = full.split_once("assert_failed::<")?.1.strip_suffix('>')?;
    let mut depth = 0;
    let comma = types.char_indices().find(|&(at, c)| {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if !types[..at].ends_with('-') => depth -= 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })?;
    let (left, right) = (&types[..comma.0], types[comma.0 + 1..].trim_start());
    Some([left, right].map(|ty| formatters::shown(ty, Style::Debug)))
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

/// The functions that panics become.
pub struct PanicFunctions {
    text: Value,
    format: Value,
    unwrap: Value,
    assert: Value,
    numbers: Value,
}

impl PanicFunctions {
    pub const TEXT: &str = "__gb_panic_text";
    pub const FORMAT: &str = "__gb_panic_format";
    pub const UNWRAP: &str = "__gb_panic_unwrap";
    pub const ASSERT: &str = "__gb_panic_assert";
    pub const NUMBERS: &str = "__gb_panic_numbers";

    fn declare(program: &Ir<'_>) -> Self {
        let context = program.context();
        let (pointer, word, void) = (context.pointer(0), context.int(64), context.void());
        let declare = |name: &str, params: &[Type]| {
            let function = program.declare(name, context.function(void, params));
            function.add_function_attribute(context.attribute("noreturn", 0));
            function.add_function_attribute(context.attribute("cold", 0));
            function
        };
        let assert = [context.int(8), pointer, pointer, pointer, pointer, pointer, pointer, pointer];
        Self {
            text: declare(Self::TEXT, &[pointer, word, pointer]),
            format: declare(Self::FORMAT, &[pointer, pointer, pointer]),
            unwrap: declare(Self::UNWRAP, &[pointer, word, pointer, pointer, pointer]),
            assert: declare(Self::ASSERT, &assert),
            numbers: declare(Self::NUMBERS, &[context.int(32), word, word, word, pointer]),
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
        // The only method of a `dyn Debug` stands in its table behind destructor, size and alignment.
        let method = |table| builder.load(context.pointer(0), builder.byte_offset(context, table, 24), 8);
        let text =
            |text, location| (functions.text, vec![text_constant(program, text), text_length(program, text), location]);
        let (callee, arguments) = match (meaning, &*arguments) {
            (Meaning::Message, &[message, length, ..]) => (functions.text, vec![message, length, location]),
            (Meaning::UndefinedBehaviour, _) => {
                // What follows is `unreachable`.
                call.erase();
                continue;
            }
            (Meaning::Format, &[template, values, ..]) => (functions.format, vec![template, values, location]),
            (Meaning::Unwrap, &[message, length, value, table, _]) => {
                (functions.unwrap, vec![message, length, value, method(table), location])
            }
            (Meaning::AssertDynamic, &[operator, left, left_table, right, right_table, template, values, _]) => {
                let (left_shown, right_shown) = (method(left_table), method(right_table));
                (functions.assert, vec![operator, left, left_shown, right, right_shown, template, values, location])
            }
            (Meaning::Assert(formatters), &[operator, left, right, template, values, _]) => {
                let [left_shown, right_shown] = formatters.map(|formatter| {
                    context.pointer(0).pointer_at(formatter.map_or(NOT_CARRIED, Formatter::number).into())
                });
                (functions.assert, vec![operator, left, left_shown, right, right_shown, template, values, location])
            }
            (Meaning::Numbers(kind), &[ref numbers @ .., _]) if numbers.len() <= 3 => {
                let mut all = vec![context.int(32).integer(kind as u64)];
                all.extend(numbers);
                all.resize(4, context.int(64).integer(0));
                all.push(location);
                (functions.numbers, all)
            }
            (Meaning::Text(message), _) => text(message, location),
            (Meaning::TextNowhere(message), _) => text(message, nowhere),
            // Another signature than the one that is known: left alone, so that the check reports it.
            _ => continue,
        };
        let types: Vec<_> = callee.value_type().params();
        let fits =
            types.len() == arguments.len() && types.iter().zip(&arguments).all(|(ty, argument)| *ty == argument.ty());
        if !fits || call.has_uses() {
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
    use geobacter_spool::format::Shape;

    use super::*;

    #[test]
    fn panic_functions_are_known_in_both_manglings() {
        assert_eq!(meaning("_RNvNtCsgEmfK2I1SDS_4core9panicking9panic_fmt"), Some(Meaning::Format));
        assert_eq!(
            meaning("_ZN4core9panicking18panic_bounds_check17h0123456789abcdefE"),
            Some(Meaning::Numbers(FaultKind::Bounds))
        );
        let inner = "_RNvNtCsgEmfK2I1SDS_4core9panicking19assert_failed_inner";
        assert_eq!(meaning(inner), Some(Meaning::AssertDynamic));
        let shown = |shape| Some(Formatter { style: Style::Debug, shape, references: 0 });
        let assert_failed = "_RINvNtCsgEmfK2I1SDS_4core9panicking13assert_failedlmECsjrHSEGnQ3l9_3std";
        assert_eq!(meaning(assert_failed), Some(Meaning::Assert([shown(Shape::I32), shown(Shape::U32)])));
        // Its types are not named: it calls the one above.
        assert_eq!(meaning("_ZN4core9panicking13assert_failed17h0123456789abcdefE"), None);
        let nested = "core::panicking::assert_failed::<(u32, demo::A<u8, fn(u8) -> u8>), &u8>";
        let byte = Formatter { style: Style::Debug, shape: Shape::U8, references: 1 };
        assert_eq!(asserted(nested), Some([None, Some(byte)]));
        let add = "_RNvNtNtCsgEmfK2I1SDS_4core9panicking11panic_const24panic_const_add_overflow";
        assert_eq!(meaning(add), Some(Meaning::Text("attempt to add with overflow")));
    }

    #[test]
    fn an_unknown_panic_function_is_not_guessed() {
        assert_eq!(meaning("_ZN4core9panicking13panic_sideways17h0123456789abcdefE"), None);
        assert_eq!(meaning("_ZN4demo9panicking9panic_fmt17h0123456789abcdefE"), None);
    }
}
