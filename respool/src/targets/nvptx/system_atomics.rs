//! Atomic operations that the whole system sees.
//!
//! LLVM's back end honours the scope of loads, stores and compare-and-exchange. For the other operations it writes `atom` without a
//! scope, which is the device's: enough for all narrower scopes, and too little here.

/// The instruction for a read-modify-write operation, after *PTX ISA*, section "Parallel Synchronization and Communication
/// Instructions: atom". `None` for what LLVM makes a loop of compare-and-exchange of.
pub fn instruction(operation: &str, ty: &str) -> Option<String> {
    let bits = if ty.ends_with("64") { "b64" } else { "b32" };
    let (operation, ty) = match (operation, ty) {
        ("exchange", _) => ("exch", bits),
        ("and" | "or" | "xor", "u32" | "i32" | "u64" | "i64") => (operation, bits),
        // Two's complement: the same for both.
        ("add", "u32" | "i32") => (operation, "u32"),
        ("add", "u64" | "i64") => (operation, "u64"),
        ("add", "f32" | "f64") => (operation, ty),
        ("min" | "max", "u32" | "u64") => (operation, ty),
        ("min" | "max", "i32") => (operation, "s32"),
        ("min" | "max", "i64") => (operation, "s64"),
        _ => return None,
    };
    Some(format!("atom.relaxed.sys.{operation}.{ty}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_sizes_are_those_of_the_type() {
        for (operation, ty, expected) in [
            ("exchange", "f32", Some("atom.relaxed.sys.exch.b32")),
            ("add", "i64", Some("atom.relaxed.sys.add.u64")),
            ("add", "f64", Some("atom.relaxed.sys.add.f64")),
            ("min", "i32", Some("atom.relaxed.sys.min.s32")),
            ("max", "u64", Some("atom.relaxed.sys.max.u64")),
            ("xor", "i64", Some("atom.relaxed.sys.xor.b64")),
            ("min", "f32", None),
            ("load", "u32", None),
            ("exchangeif", "u32", None),
        ] {
            assert_eq!(instruction(operation, ty).as_deref(), expected, "{operation} {ty}");
        }
    }
}
