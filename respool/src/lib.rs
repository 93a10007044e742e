//! Turns the bitcode that rustc made of a kernel into device code.
