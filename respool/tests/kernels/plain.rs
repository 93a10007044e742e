//! Kernels as the macro writes them, without its crates: what respool needs, and nothing else.

#[path = "../../../geobacter-lang/src/descriptor.rs"]
#[allow(dead_code)]
mod descriptor;

use descriptor::{FloatingPoint, LaunchDescriptor, LdsDescriptor, ParamDescriptor, ParamKind};

unsafe extern "C" {
    safe fn __gb_item_begin_x() -> u32;
    safe fn __gb_item_end_x() -> u32;
    safe fn __gb_group_id_x() -> u32;
    safe fn __gb_kernel(descriptor: &'static LaunchDescriptor);
    fn __gb_print(x: u32, y: u32, z: u32, template: *const (), values: *const ());
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Buffer<T> {
    pub ptr: *mut T,
    pub len: u64,
}

impl<T: Copy> Buffer<T> {
    #[inline(always)]
    fn slice(&self) -> &'static [T] {
        unsafe { core::slice::from_raw_parts(self.ptr, self.len as usize) }
    }
}

#[repr(C, align(16))]
pub struct Kernarg<A> {
    pub extent: [u32; 3],
    pub reserved: u32,
    pub args: A,
}

const fn buffer(name: &'static str) -> ParamDescriptor {
    ParamDescriptor { name, ty: "In<f32>", kind: ParamKind::In, size: 16, align: 8, element_size: 4 }
}

macro_rules! kernel {
    ($name:ident, $args:ty, |$index:ident, $arg:ident| $body:block, $params:expr $(, $lds:expr)*) => {
        #[inline(never)]
        #[unsafe(link_section = ".text.geobacter.kernel")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(kernarg: *const u8) {
            const DESCRIPTOR: &LaunchDescriptor = &LaunchDescriptor {
                name: stringify!($name),
                module: "plain",
                file: file!(),
                params: $params,
                lds: &[$($lds),*],
                line: line!(),
                column: column!(),
                dimensions: 1,
                workgroup: [256, 1, 1],
                fp: FloatingPoint::Strict,
            };
            __gb_kernel(DESCRIPTOR);
            let kernarg = unsafe { &*kernarg.cast::<Kernarg<$args>>() };
            let base = __gb_group_id_x().wrapping_mul(256);
            for local in __gb_item_begin_x()..__gb_item_end_x().min(kernarg.extent[0].saturating_sub(base)) {
                let $index = base.wrapping_add(local) as usize;
                let $arg = &kernarg.args;
                $body
            }
        }
    };
}

// The arguments stand in an order that Rust keeps in a tuple, so that they lie where the descriptor says.
kernel!(saxpy, (Buffer<f32>, Buffer<f32>, f32), |i, k| {
    unsafe { *k.1.ptr.add(i) = k.2 * *k.0.ptr.add(i) + *k.1.ptr.add(i) }
}, &[
    buffer("x"),
    ParamDescriptor { kind: ParamKind::InOut, ..buffer("y") },
    ParamDescriptor { name: "a", ty: "f32", kind: ParamKind::Scalar, size: 4, align: 4, element_size: 0 },
]);

#[inline(never)]
fn mix(value: u128, by: u128) -> u128 {
    value / by + value % (by + 3)
}

fn fibonacci(n: u32) -> u32 {
    if n < 2 { n } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

enum Shape {
    Circle(f64),
    Square(f64),
    Rectangle(f64, f64),
}

fn area(shape: &Shape) -> f64 {
    match shape {
        Shape::Circle(r) => 3.141592653589793 * r * r,
        Shape::Square(a) => a * a,
        Shape::Rectangle(a, b) => a.mul_add(*b, a.sqrt()),
    }
}

kernel!(ordinary, (Buffer<u32>, Buffer<u32>), |i, k| {
    let x = k.0.slice();
    let mut local = [0u32; 16];
    for (slot, value) in local.iter_mut().zip(x.iter().skip(i % 4)) {
        *slot = value.rotate_left(3);
    }
    local.sort_unstable();
    let shapes = [Shape::Circle(local[0] as f64), Shape::Square(local[3] as f64), Shape::Rectangle(2.5, local[5] as f64)];
    let total: f64 = shapes.iter().map(area).sum();
    let name = ["alpha", "beta", "gamma", "delta"][i % 4];
    let hash = name.bytes().fold(0xcbf29ce484222325u64, |h, b| (h ^ b as u64).wrapping_mul(0x100000001b3));
    let wide = mix(((hash as u128) << 64) | local[2] as u128, local[7] as u128 + 7);
    let same = name.as_bytes() == &[b'b', b'e', b't', b'a'][..(i % 5).min(4)];
    unsafe {
        *k.1.ptr.add(i) = local[x[i] as usize % 16]
            .wrapping_add(fibonacci(x[i] % 9))
            .wrapping_add(total as u32)
            .wrapping_add(wide as u32)
            .wrapping_add(same as u32)
    }
}, &[buffer("x"), buffer("y")]);

kernel!(panics, (Buffer<u32>, Buffer<u32>), |i, k| {
    let x = k.0.slice();
    if x[i] == 7 {
        panic!("seven at {i}");
    }
    assert!(x[i] != 9, "{:>5} is {:?} at {}", "nine", x[i] as f32, &&i);
    assert_ne!(x[i], 10, "ten at {i:04x}");
    let small = u8::try_from(x[i]).unwrap() as usize;
    let _ = &x[small..small + 2];
    if x[i] == 8 {
        panic!("eight");
    }
    let half = x.get(i / 2).copied().expect("a half");
    unsafe { *k.1.ptr.add(i) = x[i + 1] / x[i] + half }
}, &[buffer("x"), buffer("y")]);

kernel!(prints, (Buffer<u32>,), |i, k| {
    let x = k.0.slice();
    if i < x.len() && x[i] > 7 {
        let name = ["few", "many"][usize::from(x[i] > 10)];
        print(i as u32, format_args!("{name:?}: {:>5} of {:.1}", x[i], i as f64));
    }
}, &[buffer("x")]);

fn print(x: u32, message: core::fmt::Arguments<'_>) {
    let [template, values] = unsafe { core::mem::transmute::<core::fmt::Arguments<'_>, [*const (); 2]>(message) };
    unsafe { __gb_print(x, 0, 0, template, values) }
}

const fn param(kind: ParamKind, name: &'static str, size: u32, align: u32, element_size: u32) -> ParamDescriptor {
    ParamDescriptor { name, ty: "", kind, size, align, element_size }
}

kernel!(described, (), |_i, _k| {}, &[
    param(ParamKind::Scalar, "scalar", 2, 2, 0),
    param(ParamKind::In, "input", 16, 8, 4),
    param(ParamKind::Out, "output", 16, 8, 1),
    param(ParamKind::InOut, "both", 16, 8, 12),
    param(ParamKind::Slice, "slice", 16, 8, 16),
    param(ParamKind::Function, "function", 0, 1, 0),
    param(ParamKind::Lds, "tile", 0, 1, 4),
    param(ParamKind::LdsSlice, "launch_sized", 8, 4, 8),
    param(ParamKind::Atomics, "counts", 16, 8, 4),
],
    LdsDescriptor { name: "tile", ty: "Lds<[f32; 256]>", size: 1024, align: 4 },
    LdsDescriptor { name: "flags", ty: "Lds<[u8; 3]>", size: 3, align: 1 }
);
