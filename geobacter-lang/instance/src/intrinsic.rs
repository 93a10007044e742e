//! The intrinsic of `compiler-patch/rustc`.

/// Name, in the object file, of the function whose type `F` is: that of a function item or a closure. Anything else is an
/// error of compilation.
///
/// The compiler evaluates it, in constants only. Code generation does not know it.
#[rustc_intrinsic]
pub(crate) const fn instance_symbol_name<F>() -> &'static str {
    panic!("instance_symbol_name is evaluated in constants only")
}
