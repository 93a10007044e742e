//! What no device can do.

#[path = "../../../geobacter-lang/src/descriptor.rs"]
#[allow(dead_code)]
mod descriptor;

use core::sync::atomic::{AtomicU32, Ordering};
use descriptor::{FloatingPoint, LaunchDescriptor};

unsafe extern "C" {
    safe fn __gb_kernel(descriptor: &'static LaunchDescriptor);
    safe fn getpid() -> i32;
}

macro_rules! kernel {
    ($name:ident, $body:block) => {
        #[inline(never)]
        #[unsafe(link_section = ".text.geobacter.kernel")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(_kernarg: *const u8) {
            const DESCRIPTOR: &LaunchDescriptor = &LaunchDescriptor {
                name: stringify!($name),
                module: "forbidden",
                file: file!(),
                params: &[],
                lds: &[],
                line: line!(),
                column: column!(),
                dimensions: 1,
                workgroup: [64, 1, 1],
                fp: FloatingPoint::Strict,
            };
            __gb_kernel(DESCRIPTOR);
            $body
        }
    };
}

static COUNTER: AtomicU32 = AtomicU32::new(0);
static mut STATE: u32 = 0;
thread_local!(static LOCAL: u32 = const { 5 });

fn log(value: u32) {
    println!("{value}");
}

fn collect(n: u32) -> u32 {
    let mut v = Vec::new();
    for i in 0..n {
        v.push(i);
    }
    v.iter().sum()
}

kernel!(prints, { log(3) });
kernel!(allocates, { core::hint::black_box(collect(4)); });
kernel!(reads_a_file, { let _ = std::fs::File::open("x"); });
kernel!(inline_assembly, { unsafe { core::arch::asm!("nop") } });
kernel!(calls_c, { getpid(); });
kernel!(counts, { COUNTER.fetch_add(1, Ordering::Relaxed); });
kernel!(static_mut, { unsafe { STATE += 1 } });
kernel!(thread_local, { LOCAL.with(|v| core::hint::black_box(*v)); });
kernel!(dynamic, { let f: &dyn Fn(u32) -> u32 = core::hint::black_box(&|x| x + 1); f(3); });
