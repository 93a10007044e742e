//! Gives the library the name and the symbol version of AMD's.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=versions.map");
    let folder = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    // What programs that are linked against it ask the dynamic linker for.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libhsa-runtime64.so.1");
    // Beside the script of rustc's own; src/exports.rs says how the two go together.
    println!("cargo::rustc-cdylib-link-arg=-Wl,--version-script={}", folder.join("versions.map").display());
}
