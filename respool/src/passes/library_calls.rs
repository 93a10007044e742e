//! Defines C's memory functions, which rustc calls by name and a device has no library for.

use crate::ir::{Ir, Type};

/// What the definitions look like for any target: byte by byte, which LLVM widens where it pays.
const DEFINITIONS: &str = include_str!("memory_functions.ll");

const NAMES: [&str; 6] = ["memcmp", "bcmp", "memcpy", "memmove", "memset", "strlen"];

/// Whether [`run`] defines this function.
pub fn is_known(symbol: &str) -> bool {
    NAMES.contains(&symbol)
}

/// Defines those of the functions that the module declares.
pub fn run(module: &Ir<'_>) -> Result<(), String> {
    if !NAMES.iter().any(|name| module.function(name).is_some_and(|function| function.is_declaration())) {
        return Ok(());
    }
    let definitions = Ir::parse_text(module.context(), DEFINITIONS)?;
    for name in NAMES {
        if let (Some(function), Some(definition)) = (module.function(name), definitions.function(name))
            && !same_type(function.value_type(), definition.value_type())
        {
            return Err(format!("`{name}` is declared with another signature than C's"));
        }
    }
    definitions.set_target_of(module);
    module.link(definitions)
}

fn same_type(a: Type, b: Type) -> bool {
    a.result() == b.result() && a.params() == b.params()
}
