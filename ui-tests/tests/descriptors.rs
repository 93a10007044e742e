//! Launch descriptors of every form of kernel.

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

#[derive(Clone, Copy, Element)]
#[expect(dead_code, reason = "only its layout is looked at")]
struct Point {
    x: f64,
    y: f64,
}

#[kernel(workgroup = 1)]
fn scalars(_item: Item<1>, _a: u8, _b: bool, _c: isize, _d: [u16; 5], _e: Point, _f: u128) {}

#[derive(Clone, Copy, KernelArg)]
#[repr(u16)]
#[expect(dead_code, reason = "only its layout is looked at")]
enum Edge {
    Clamp,
    Wrap,
}

#[derive(Clone, Copy, KernelArg)]
enum Filter {
    None,
    Gauss { sigma: f32, edge: Edge },
}

#[derive(Clone, Copy, StructOfArrays)]
struct Particle {
    position: [f32; 3],
    mass: f32,
}

#[kernel(workgroup = 64)]
fn arguments(item: Item<1>, _a: Edge, _b: Filter, _c: [bool; 3], _d: char, x: InSoa<Particle>, y: InOutSoa<Particle>) {
    y.set(&item, x.get(&item));
}

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

/// Kernels at group scope, with LDS in every form.
mod group {
    use geobacter::{LdsElement, atomic::scope, prelude::*};

    #[kernel(workgroup = 64)]
    pub(super) fn plain(wg: Workgroup<1>, scale: f32, x: In<f32>, y: Out<f32>) {
        wg.each(|item| y.set(&item, scale * x[&item]));
    }

    #[kernel(workgroup = [16, 16])]
    pub(super) fn parameters(
        wg: Workgroup<2>,
        n: usize,
        #[workgroup_shared] tile_a: Lds<[[f32; 16]; 16]>,
        a: Slice<f32>,
        #[workgroup_shared] flags: Lds<[bool; 3]>,
        c: Out<f32>,
    ) {
        let tile = tile_a.fill(&wg, |item| a.get(item.y() * n + item.x()).copied().unwrap_or(0.0));
        let flags = flags.fill(&wg, |_| true);
        wg.each(|item| c.set(&item, if flags[0] { tile[item.local_x()][item.local_y()] } else { 0.0 }));
    }

    #[kernel(workgroup = [8, 4, 2])]
    pub(super) fn declared(wg: Workgroup<3>, y: Out<u64>) {
        #[workgroup_shared]
        let volume: Lds<[[[u64; 8]; 4]; 2]>;
        let volume = volume.fill(&wg, |item| item.x() as u64);
        #[workgroup_shared]
        let line: Lds<[Option<u8>; 5]>;
        let line = line.fill(&wg, |_| None);
        wg.each(|item| y.set(&item, volume[0][0][0] + line.len() as u64));
    }

    #[kernel(workgroup = 32)]
    pub(super) fn sized_at_launch(
        wg: Workgroup<1>,
        #[workgroup_shared] wide: Lds<[u128]>,
        #[workgroup_shared] fixed: Lds<[u8; 7]>,
        #[workgroup_shared] narrow: Lds<[u16]>,
        y: Out<u8>,
    ) {
        let (wide, narrow) = (wide.fill_with(&wg, |i| i as u128), narrow.fill_with(&wg, |i| i as u16));
        let fixed = fixed.fill(&wg, |_| 1);
        wg.each(|item| y.set(&item, fixed[0] + wide.len() as u8 + narrow.len() as u8));
    }

    #[kernel(workgroup = 32)]
    pub(super) fn generic<T: Element + LdsElement, const N: usize, const M: usize>(
        wg: Workgroup<1>,
        x: Slice<T>,
        #[workgroup_shared] rows: Lds<[[T; N]; M]>,
        y: Out<T>,
    ) {
        #[workgroup_shared]
        let line: Lds<[(bool, u32); 2]>;
        let rows = rows.fill_with(&wg, |[row, column]| x[row * N + column]);
        let line = line.fill(&wg, |_| (true, 0));
        wg.each(|item| y.set(&item, rows[line[0].1 as usize][0]));
    }

    #[kernel(workgroup = 128)]
    pub(super) fn atomics(
        wg: Workgroup<1>,
        bin: impl Fn(f32) -> usize,
        x: In<f32>,
        counts: Atomics<u64>,
        everywhere: Atomics<f32, scope::System>,
    ) {
        wg.each(|item| {
            counts.at(bin(x[&item])).fetch_add(&item, 1);
            everywhere.at(0).fetch_max(&item, x[&item]);
        });
    }
}

#[test]
fn kernels_at_group_scope() {
    insta::with_settings!({ filters => vec![(r"line: \d+", "line: [line]")] }, {
        insta::assert_debug_snapshot!("group", group::plain::descriptor());
        insta::assert_debug_snapshot!("group_with_lds", group::parameters::descriptor());
        insta::assert_debug_snapshot!("group_with_lds_in_its_body", group::declared::descriptor());
        insta::assert_debug_snapshot!("group_with_lds_sized_at_launch", group::sized_at_launch::descriptor());
        insta::assert_debug_snapshot!("group_with_generic_lds_f64", group::generic::descriptor::<f64, 8, 4>());
        insta::assert_debug_snapshot!("group_with_generic_lds_u8", group::generic::descriptor::<u8, 3, 1>());
        insta::assert_debug_snapshot!("group_with_atomics", group::atomics::descriptor::<fn(f32) -> usize>());
    });
}

#[test]
fn flat_kernels() {
    // Lines move with every change of this file; the place has a test of its own.
    insta::with_settings!({ filters => vec![(r"line: \d+", "line: [line]")] }, {
        insta::assert_debug_snapshot!("saxpy", saxpy::descriptor());
        insta::assert_debug_snapshot!("plane", plane::descriptor());
        insta::assert_debug_snapshot!("space", space::descriptor());
        insta::assert_debug_snapshot!("scalars", scalars::descriptor());
        insta::assert_debug_snapshot!("arguments", arguments::descriptor());
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
        [saxpy::descriptor(), group::plain::descriptor(), generic::map::descriptor::<u8, u8, fn(u8) -> u8, 0>()]
    {
        let line = source.lines().nth(descriptor.line as usize - 1).unwrap();
        let at = &line[descriptor.column as usize - 1..];
        assert!(at.starts_with(descriptor.name), "{line}");
    }
}
