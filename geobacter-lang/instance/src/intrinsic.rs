//! The intrinsic of `compiler-patch/rustc`.

/// Name, in the object file, of the function whose type `F` is: that of a function item or a closure. Anything else is an
/// error of compilation.
///
/// The compiler evaluates it, in constants only. Code generation does not know it, and would run this body.
#[rustc_intrinsic]
pub(crate) const fn instance_symbol_name<F>() -> &'static str {
    called_at_run_time()
}

/// A function of its own: a panic's text would be a promoted constant of the intrinsic, which ends rustc 1.85.0 with an internal
/// error.
const fn called_at_run_time() -> ! {
    panic!("instance_symbol_name is evaluated in constants only")
}
