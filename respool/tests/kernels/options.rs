//! One kernel without arithmetic, whose `fp` option a `--cfg` says.

#[path = "../../../geobacter-lang/src/descriptor.rs"]
#[allow(dead_code)]
mod descriptor;

use descriptor::{FloatingPoint, LaunchDescriptor};

unsafe extern "C" {
    safe fn __gb_kernel(descriptor: &'static LaunchDescriptor);
}

const FP: FloatingPoint = if cfg!(fp = "fast") {
    FloatingPoint::Fast
} else if cfg!(fp = "contract") {
    FloatingPoint::Contract
} else {
    FloatingPoint::Strict
};

#[inline(never)]
#[unsafe(link_section = ".text.geobacter.kernel")]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn nothing(_kernarg: *const u8) {
    const DESCRIPTOR: &LaunchDescriptor = &LaunchDescriptor {
        name: "nothing",
        module: "options",
        file: file!(),
        params: &[],
        lds: &[],
        line: line!(),
        column: column!(),
        dimensions: 1,
        workgroup: [64, 1, 1],
        fp: FP,
    };
    __gb_kernel(DESCRIPTOR);
}
