//! Takes the values of messages out of memory.
//!
//! In the host's code a message is a `core::fmt::Arguments`: a template, and the address of a list of `core::fmt::Argument`,
//! each with a value's address and the number that stands for its formatter
//! ([`formatters`](crate::spool::formatters)). Here each of the panic functions of [`panics`](crate::spool::panics) becomes a call of
//!
//! `__gb_panic.N(kind, message, length, location, N times: formatter, low half, high half)`
//!
//! and each `__gb_print(x, y, z, template, arguments)`, with which the device language prints a line, one of
//!
//! `__gb_print.N(message, length, x, y, z, N times: formatter, low half, high half)`
//!
//! which targets define for every N up to [`MAX_VALUES`]: see [`FaultRecord`](geobacter_spool::fault::FaultRecord) and
//! [`OutputRecord`](geobacter_spool::output::OutputRecord) for what they are given. Behind it nothing refers to the list or to addresses of values, so that values stay in registers.
//!
//! How many arguments a list has, its template says. It is a constant, which is seen when everything is inlined; where it is
//! not seen, as for a message that is chosen at run time, the values stay behind.

use geobacter_spool::{
    fault::{FaultKind, TEMPLATE},
    format::{COUNT, Count, MAX_VALUES, NOT_CARRIED, Piece, Template},
};
use llvm_sys::{LLVMLinkage, LLVMOpcode};

use super::group_scope;
use crate::{
    ir::{Builder, Context, Ir, Type, Value},
    spool::panics::PanicFunctions,
};

/// What the functions that targets define are called, without the number of values.
pub const PANIC: &str = "__gb_panic.";
/// The same for lines that are printed.
pub const PRINT: &str = "__gb_print.";

/// What prints a line in the device language.
const LANGUAGE_PRINT: &str = "__gb_print";

/// Reads a value by its address and the number of its formatter.
const CAPTURE: &str = "__gb_capture";
const CAPTURE_DEFINITION: &str = include_str!("capture.ll");

/// Size of a `core::fmt::Argument`.
const ARGUMENT: u64 = 16;

/// Rewrites all messages of the module. If there are values in them, everything is inlined into `entry` for it.
pub fn run(module: &Ir<'_>, entry: Value) -> Result<(), String> {
    use PanicFunctions as F;
    let is_called = |name: &&str| module.function(name).is_some_and(Value::has_uses);
    let with_values = [F::FORMAT, F::UNWRAP, F::ASSERT, LANGUAGE_PRINT].iter().any(is_called);
    let linkage = entry.linkage();
    if with_values {
        // Nothing calls it yet.
        entry.set_linkage(LLVMLinkage::LLVMExternalLinkage);
        group_scope::inline(module)?;
        let definition = Ir::parse_text(module.context(), CAPTURE_DEFINITION)?;
        definition.set_target_of(module);
        module.link(definition)?;
    }
    let capture = module.function(CAPTURE);
    capture.into_iter().for_each(|capture| capture.set_linkage(LLVMLinkage::LLVMInternalLinkage));
    for name in [F::TEXT, F::FORMAT, F::UNWRAP, F::ASSERT, F::NUMBERS, LANGUAGE_PRINT] {
        let Some(function) = module.function(name).filter(|function| function.is_declaration()) else { continue };
        for call in function.users() {
            let builder = Builder::before(module.context(), call);
            let messages = Messages { module, context: module.context(), builder: &builder, capture };
            let arguments = call.arguments();
            if let (LANGUAGE_PRINT, &[x, y, z, template, values]) = (name, &*arguments) {
                messages.print(messages.format(template, values), [x, y, z]).set_debug_location_of(call);
                call.erase();
                continue;
            }
            let message = match (name, &*arguments) {
                (F::TEXT, &[text, length, _]) => messages.text(text, length),
                (F::FORMAT, &[template, arguments, _]) => messages.format(template, arguments),
                (F::UNWRAP, &[text, length, value, formatter, _]) => {
                    let value = messages.capture(value, formatter);
                    Message { values: vec![value], ..messages.text(text, length).of(messages.kind(FaultKind::Unwrap)) }
                }
                (F::ASSERT, &[operator, left, left_shown, right, right_shown, template, arguments, _]) => {
                    let values = [messages.capture(left, left_shown), messages.capture(right, right_shown)];
                    let added = messages.format(template, arguments);
                    let operator = builder.resize(operator, module.context().int(32));
                    let kind = builder.add(operator, messages.kind(FaultKind::AssertEqual));
                    Message { values: values.into_iter().chain(added.values.iter().copied()).collect(), ..added }
                        .of(kind)
                }
                (F::NUMBERS, &[kind, a, b, c, _]) => messages.numbers(kind, [a, b, c]),
                _ => return Err(format!("`{name}` is called with other arguments than this version knows")),
            };
            messages.panic(message, arguments[arguments.len() - 1]).set_debug_location_of(call);
            call.erase();
        }
        function.delete_function();
    }
    if with_values {
        group_scope::inline(module)?;
        entry.set_linkage(linkage);
    }
    Ok(())
}

/// A value that is carried: formatter, and both halves of its bytes.
type Captured = [Value; 3];

struct Message {
    kind: Value,
    text: Value,
    length: Value,
    values: Vec<Captured>,
}

impl Message {
    fn of(self, kind: Value) -> Self {
        Self { kind, ..self }
    }
}

/// Writes what reads a message, before the panic.
struct Messages<'a, 'c> {
    module: &'a Ir<'c>,
    context: &'c Context,
    builder: &'a Builder<'c>,
    /// [`CAPTURE`], where there are messages with values.
    capture: Option<Value>,
}

impl Messages<'_, '_> {
    fn word(&self) -> Type {
        self.context.int(64)
    }

    fn kind(&self, kind: FaultKind) -> Value {
        self.context.int(32).integer(kind as u64)
    }

    fn text(&self, text: Value, length: Value) -> Message {
        Message { kind: self.kind(FaultKind::Message), text, length, values: Vec::new() }
    }

    /// A `core::fmt::Arguments`: an odd second word is twice the length of plain text, plus one.
    fn format(&self, template: Value, arguments: Value) -> Message {
        let builder = self.builder;
        let word = builder.pointer_to_integer(arguments, self.word());
        let length = builder.shift_right(word, 1);
        match template_bytes(template) {
            // Text may look like a template, but it has no list of arguments.
            Some(bytes) if !is_integer(arguments) => {
                let values = slots(&bytes).into_iter().enumerate();
                let values = values.map(|(index, slot)| self.argument(arguments, index as u64, slot)).collect();
                Message { values, ..self.text(template, self.word().integer(TEMPLATE)) }
            }
            _ => {
                let is_template = builder.is_zero(builder.and(word, self.word().integer(1)));
                let length = builder.select(is_template, self.word().integer(TEMPLATE), length);
                self.text(template, length)
            }
        }
    }

    fn numbers(&self, kind: Value, numbers: [Value; 3]) -> Message {
        // Their formatters are known by the kind, and they are words.
        let (half, word) = (self.context.int(32).poison(), self.word().poison());
        let values = numbers.map(|number| [half, number, word]).to_vec();
        Message { values, ..self.text(self.context.pointer(0).zero(), self.word().integer(0)).of(kind) }
    }

    /// An argument of a list.
    fn argument(&self, list: Value, index: u64, slot: Slot) -> Captured {
        let (builder, context) = (self.builder, self.context);
        let at = |offset| builder.byte_offset(context, list, ARGUMENT * index + offset);
        match slot {
            Slot::Value => {
                let value = builder.load(context.pointer(0), at(0), 8);
                self.capture(value, builder.load(context.pointer(0), at(8), 8))
            }
            Slot::Count => {
                let count = builder.load(context.int(16), at(8), 2);
                [context.int(32).integer(COUNT.into()), builder.resize(count, self.word()), self.word().poison()]
            }
            Slot::Unused => self.not_carried(),
        }
    }

    fn not_carried(&self) -> Captured {
        [self.context.int(32).integer(NOT_CARRIED.into()), self.word().poison(), self.word().poison()]
    }

    /// A value by its address, and what shows it.
    fn capture(&self, value: Value, formatter: Value) -> Captured {
        let (builder, context) = (self.builder, self.context);
        let word = builder.pointer_to_integer(formatter, self.word());
        let formatter = builder.resize(word, context.int(32));
        let Some(capture) = self.capture else { return self.not_carried() };
        let halves = builder.call(capture, &[value, formatter]);
        [formatter, builder.extract(halves, 0), builder.extract(halves, 1)]
    }

    fn panic(&self, message: Message, location: Value) -> Value {
        let Message { kind, text, length, values } = message;
        let call = self.call(PANIC, vec![kind, text, length, location], values);
        call.callee().add_function_attribute(self.context.attribute("noreturn", 0));
        call.callee().add_function_attribute(self.context.attribute("cold", 0));
        call
    }

    fn print(&self, message: Message, [x, y, z]: [Value; 3]) -> Value {
        self.call(PRINT, vec![message.text, message.length, x, y, z], message.values)
    }

    /// Calls the function for so many values.
    fn call(&self, prefix: &str, mut arguments: Vec<Value>, mut values: Vec<Captured>) -> Value {
        values.truncate(MAX_VALUES);
        let name = format!("{prefix}{}", values.len());
        arguments.extend(values.into_iter().flatten());
        let types: Vec<_> = arguments.iter().map(|argument| argument.ty()).collect();
        let function = self.module.declare(&name, self.context.function(self.context.void(), &types));
        self.builder.call(function, &arguments)
    }
}

/// What an argument of a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Unused,
    Value,
    Count,
}

/// What a template says of its list of arguments, as far as they are carried. None if it is no template.
fn slots(template: &[u8]) -> Vec<Slot> {
    let mut slots = Vec::new();
    let mut put = |index: usize, slot| {
        if index < MAX_VALUES {
            if slots.len() <= index {
                slots.resize(index + 1, Slot::Unused);
            }
            slots[index] = slot;
        }
    };
    for piece in Template::new(template) {
        match piece {
            Ok(Piece::Text(_)) => {}
            Ok(Piece::Argument(index, options)) => {
                put(index, Slot::Value);
                for count in [options.width, options.precision] {
                    if let Count::Argument(index) = count {
                        put(index.into(), Slot::Count);
                    }
                }
            }
            Err(_) => return Vec::new(),
        }
    }
    slots
}

/// The content of a constant.
fn template_bytes(pointer: Value) -> Option<Vec<u8>> {
    let mut pointer = pointer;
    while pointer.is_constant_expression() && pointer.const_opcode() == LLVMOpcode::LLVMAddrSpaceCast {
        pointer = pointer.operand(0);
    }
    let constant = pointer.is_global_variable() && pointer.is_global_constant();
    constant.then(|| pointer.initializer()).flatten()?.data_bytes()
}

/// Whether a pointer is a number in disguise.
fn is_integer(pointer: Value) -> bool {
    pointer.is_constant_expression() && pointer.const_opcode() == LLVMOpcode::LLVMIntToPtr
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_says_what_its_arguments_are() {
        use Slot::{Count, Unused, Value};
        // "{:w$}", "{a:>8} {b:#x} {a} {1} {0:08.3}é", and text.
        assert_eq!(slots(b"\xd3 \0\0h\x01\0\0"), [Value, Count]);
        let template =
            b"\xc3 \0\0(\x08\0\x01 \xc1 \0\x80`\x01 \xc8\0\0\x01 \xc8\x02\0\x01 \xc7 \0\0y\x08\0\x03\0\x02\xc3\xa9\0";
        assert_eq!(slots(template), [Value; 4]);
        assert_eq!(slots(b"\xc8\x02\0\0"), [Unused, Unused, Value]);
        assert_eq!(slots(b"\x04text\0"), []);
        assert_eq!(slots(b"\x04tex"), []);
        let many = [&[0xc0; 300][..], &[0]].concat();
        assert_eq!(slots(&many), [Value; MAX_VALUES]);
    }
}
