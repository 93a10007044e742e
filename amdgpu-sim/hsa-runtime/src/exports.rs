//! The functions of the library, by their names and with their version.
//!
//! rustc exports a cdylib's `#[no_mangle]` functions through a version script of its own, which gives no version to any
//! of them, and hides everything else. Here no function is `#[no_mangle]`: each is an instruction of assembly, a jump to
//! the Rust function, at a label that names its version itself (`.symver`). A version that is said in the object file
//! goes before any script, so rustc's script hides nothing of these, and `versions.map` beside it only has to say that
//! there is such a version. LLD takes both scripts, and is what rustc links with on x86-64 Linux.

use core::{
    arch::global_asm,
    ffi::{c_char, c_int, c_void},
};

use hsa_rt_sys::*;

/// The functions that Geobacter's own runtime calls, too.
const API: HsaApi = HsaApi { hsa_init: crate::start::hsa_init, ..amdgpu_sim::hsa_api() };
/// All others.
const OTHERS: OtherHsaApi = amdgpu_sim::other_hsa_api();

/// The instruction that goes on at another function.
#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    () => {
        "jmp {function}"
    };
}

/// The instruction that goes on at another function.
#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    () => {
        "b {function}"
    };
}

macro_rules! export_from {
    ($table:ident: $( fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?; )*) => { $(
        unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            // SAFETY: the contract of the same function.
            unsafe { ($table.$name)($($arg),*) }
        }

        global_asm!(
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ",@function"),
            concat!(stringify!($name), ":"),
            jump!(),
            concat!(".size ", stringify!($name), ", . - ", stringify!($name)),
            concat!(".symver ", stringify!($name), ", ", stringify!($name), "@@ROCR_1"),
            function = sym $name,
        );
    )* };
}

macro_rules! export {
    ($( $declarations:tt )*) => { export_from! { API: $( $declarations )* } };
}

macro_rules! export_other {
    ($( $declarations:tt )*) => { export_from! { OTHERS: $( $declarations )* } };
}

for_each_hsa_function!(export);
for_each_other_hsa_function!(export_other);
