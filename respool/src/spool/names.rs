//! Names as people read them.

use geobacter_spool::descriptor::KernelDescriptor;

/// A symbol's path without hash and generic arguments: `core::panicking::panic_fmt`.
pub fn path(symbol: &str) -> String {
    let full = full(symbol);
    // `<T as Trait>::method` keeps its brackets: only argument lists go.
    let mut path = String::new();
    let mut depth = 0usize;
    let mut rest = full.as_str();
    while let Some(c) = rest.chars().next() {
        if depth == 0 && rest.starts_with("::<") {
            depth = 1;
            rest = &rest[3..];
            continue;
        }
        if depth > 0 {
            match c {
                '<' => depth += 1,
                '>' => depth -= 1,
                _ => {}
            }
        } else {
            path.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    path
}

/// A symbol, demangled, with its generic arguments and without its hash.
pub fn full(symbol: &str) -> String {
    // ThinLTO promotes local symbols by adding `.llvm.NUMBER`; LLVM's linker adds `.NUMBER` to a name that is taken.
    let symbol = symbol.split(".llvm.").next().unwrap_or(symbol);
    let symbol = match symbol.rsplit_once('.') {
        Some((name, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => symbol,
    };
    format!("{:#}", rustc_demangle::demangle(symbol))
}

/// A kernel instance: its path and, where the mangling tells them, its generic arguments.
pub fn kernel(descriptor: &KernelDescriptor, symbol: &str) -> String {
    let full = full(symbol);
    // `demo::saxpy::entry::<f32>` is the instance of kernel `demo::saxpy` for `f32`.
    let arguments = full.find("::entry::<").map(|at| &full[at + "::entry".len()..]).unwrap_or_default();
    format!("{}::{}{arguments}", descriptor.module, descriptor.name)
}
