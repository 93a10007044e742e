//! Asks the compiler whether it has the intrinsic `instance_symbol_name` of `compiler-patch/rustc`, and sets the cfg
//! `geobacter_const_instance_ids` if so. No stable compiler has it, and the question costs one start of rustc.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const PROBE: &str = r#"
#![no_std]
#![feature(intrinsics)]
#![allow(internal_features)]
#[rustc_intrinsic]
const fn instance_symbol_name<F>() -> &'static str { loop {} }
const fn name_of<F>(_: &F) -> &'static str { const { instance_symbol_name::<F>() } }
pub const NAME: &str = name_of(&name_of::<u8>);
const _: () = assert!(!NAME.is_empty());
"#;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_BOOTSTRAP");
    println!("cargo::rustc-check-cfg=cfg(geobacter_const_instance_ids)");
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    if has_intrinsic(&folder) {
        println!("cargo::rustc-cfg=geobacter_const_instance_ids");
    }
}

fn has_intrinsic(folder: &Path) -> bool {
    let probe = folder.join("probe.rs");
    let target = env::var_os("TARGET").expect("cargo sets TARGET");
    fs::write(&probe, PROBE).is_ok()
        && Command::new(env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc")))
            .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--target"])
            .args([target, "--out-dir".into(), folder.into(), probe.into()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}
