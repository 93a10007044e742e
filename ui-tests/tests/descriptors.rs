//! Launch descriptors of every form of kernel.

use bytemuck::{Pod, Zeroable};
use geobacter::prelude::*;

#[kernel(workgroup = 256)]
fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    y.set(&item, a * x[&item] + y.get(&item));
}

#[kernel(workgroup = [16, 8])]
fn plane(item: Item<2>, table: Slice<[u8; 3]>, y: Out<u64>) {
    y.set(&item, table.len() as u64);
}

#[kernel(workgroup = [4, 4, 4])]
fn space(mut item: Item<3>, y: InOut<i128>) {
    *y.at(&mut item) += 1;
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Point {
    x: f64,
    y: f64,
}

impl Element for Point {}

#[kernel(workgroup = 1)]
fn scalars(_item: Item<1>, _a: u8, _b: bool, _c: isize, _d: [u16; 5], _e: Point, _f: u128) {}

mod generic {
    use geobacter::prelude::*;

    #[kernel(workgroup = 32)]
    pub(super) fn map<A, B, F, const N: usize>(item: Item<1>, f: F, bias: [A; N], x: In<A>, y: Out<B>)
    where
        A: Element,
        B: Element,
        F: Fn(A) -> B,
    {
        let _ = bias;
        y.set(&item, f(x[&item]));
    }
}

#[kernel(workgroup = 32)]
fn r#loop(item: Item<1>, r#in: impl Fn(u8, &[u8]) -> u8, x: Slice<u8>, y: Out<u8>) {
    y.set(&item, r#in(0, &x));
}

#[test]
fn flat_kernels() {
    // Lines move with every change of this file; the place has a test of its own.
    insta::with_settings!({ filters => vec![(r"line: \d+", "line: [line]")] }, {
        insta::assert_debug_snapshot!("saxpy", saxpy::descriptor());
        insta::assert_debug_snapshot!("plane", plane::descriptor());
        insta::assert_debug_snapshot!("space", space::descriptor());
        insta::assert_debug_snapshot!("scalars", scalars::descriptor());
    });
}

#[test]
fn generic_kernels() {
    insta::with_settings!({ filters => vec![(r"line: \d+", "line: [line]")] }, {
        insta::assert_debug_snapshot!("map_f64", generic::map::descriptor::<f64, u8, fn(f64) -> u8, 3>());
        insta::assert_debug_snapshot!("map_point", generic::map::descriptor::<Point, Point, fn(Point) -> Point, 1>());
        insta::assert_debug_snapshot!("raw_names", r#loop::descriptor::<fn(u8, &[u8]) -> u8>());
    });
}

#[test]
fn the_place_is_that_of_the_name() {
    let source = include_str!("descriptors.rs");
    for descriptor in
        [saxpy::descriptor(), scalars::descriptor(), generic::map::descriptor::<u8, u8, fn(u8) -> u8, 0>()]
    {
        let line = source.lines().nth(descriptor.line as usize - 1).unwrap();
        let at = &line[descriptor.column as usize - 1..];
        assert!(at.starts_with(descriptor.name), "{line}");
    }
}
