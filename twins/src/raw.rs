//! The kernels with pointers and intrinsics, nothing checked but the edge of what is computed.
//!
//! One call runs one item, as on a GPU; they mean nothing on the host.

use geobacter_lang::{
    descriptor::{FloatingPoint, LaunchDescriptor, LdsDescriptor, ParamDescriptor, ParamKind},
    entry::{Kernarg, KernargHeader},
    intrinsics as gb,
    param::BufferRepr,
};

macro_rules! kernel {
    (
        $(#[$doc:meta])*
        $name:ident, dimensions $dimensions:literal, workgroup $workgroup:expr, lds $lds:expr,
        |$header:ident, $args:ident: ($($arg:ident: $ty:ty),*)| $body:block
    ) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// Called as a launch of the safe twin calls it, on a GPU.
        #[inline(never)]
        #[unsafe(link_section = ".text.geobacter.kernel")]
        pub unsafe extern "C-unwind" fn $name(kernarg: *const u8) {
            #[repr(C)]
            #[derive(Clone, Copy)]
            struct Args { $($arg: $ty),* }
            const DESCRIPTOR: &LaunchDescriptor = {
                &LaunchDescriptor {
                    name: concat!("raw_", stringify!($name)),
                    module: module_path!(),
                    file: file!(),
                    params: &[$(ParamDescriptor {
                        name: stringify!($arg),
                        ty: stringify!($ty),
                        kind: ParamKind::Scalar,
                        size: size_of::<$ty>() as u32,
                        align: align_of::<$ty>() as u32,
                        element_size: 0,
                    }),*],
                    lds: $lds,
                    line: line!(),
                    column: column!(),
                    dimensions: $dimensions,
                    workgroup: $workgroup,
                    fp: FloatingPoint::Strict,
                }
            };
            // SAFETY: the launch wrote header and arguments; every access below lies in a buffer, or in LDS, as the code says.
            unsafe {
                gb::__gb_kernel(DESCRIPTOR);
                let Kernarg { header: $header, args: $args }: Kernarg<Args> = *kernarg.cast();
                $body
            }
        }
    };
}

const NO_LDS: &[LdsDescriptor] = &[];

/// What the lane has whose number differs in the bits of the mask.
///
/// # Safety
/// All lanes of the wave call it.
#[inline(always)]
unsafe fn from_lane<const MASK: u32>(value: f32) -> f32 {
    let mut other = 0.0f32;
    // SAFETY: this function's contract; two variables of four bytes.
    unsafe { gb::__gb_wave_shuffle_xor((&raw const value).cast(), (&raw mut other).cast(), 4, MASK) };
    other
}

#[inline(always)]
fn float(buffer: BufferRepr) -> *mut f32 {
    buffer.pointer.cast()
}

kernel! {
    /// `y = a * x + y`.
    saxpy, dimensions 1, workgroup [256, 1, 1], lds NO_LDS,
    |header, args: (a: f32, x: BufferRepr, y: BufferRepr)| {
        let i = gb::__gb_group_id_x().wrapping_mul(256).wrapping_add(gb::__gb_item_begin_x());
        if i < header.extent[0] {
            let (x, y) = (float(args.x).add(i as usize), float(args.y).add(i as usize));
            *y += args.a * *x;
        }
    }
}

#[inline(always)]
unsafe fn read_or_zero(buffer: BufferRepr, index: usize) -> f32 {
    // SAFETY: the index was compared with the length.
    if index < buffer.length as usize { unsafe { *float(buffer).add(index) } } else { 0.0 }
}

kernel! {
    /// `c = a * b`, for square matrices whose size is a multiple of 16.
    matmul_tiled, dimensions 2, workgroup [16, 16, 1], lds NO_LDS,
    |header, args: (n: u32, a: BufferRepr, b: BufferRepr, c: BufferRepr)| {
        let (lx, ly) = (gb::__gb_item_begin_x() as usize, gb::__gb_item_begin_y() as usize);
        let x = gb::__gb_group_id_x().wrapping_mul(16) as usize + lx;
        let y = gb::__gb_group_id_y().wrapping_mul(16) as usize + ly;
        let n = args.n as usize;
        let tile_a = gb::__gb_lds(1024, 4).cast::<[f32; 16]>();
        let tile_b = gb::__gb_lds(1024, 4).cast::<[f32; 16]>();
        let mut sum = 0.0;
        for tile in 0..n / 16 {
            gb::__gb_barrier();
            (*tile_a.add(ly))[lx] = read_or_zero(args.a, y * n + tile * 16 + lx);
            (*tile_b.add(ly))[lx] = read_or_zero(args.b, (tile * 16 + ly) * n + x);
            gb::__gb_barrier();
            for k in 0..16 {
                sum += (*tile_a.add(ly))[k] * (*tile_b.add(k))[lx];
            }
        }
        if x < header.extent[0] as usize && y < header.extent[1] as usize {
            *float(args.c).add(y * header.extent[0] as usize + x) = sum;
        }
    }
}

kernel! {
    /// The sum of each work-group's elements.
    reduce, dimensions 1, workgroup [256, 1, 1], lds NO_LDS,
    |header, args: (x: BufferRepr, sums: BufferRepr)| {
        let (group, local) = (gb::__gb_group_id_x(), gb::__gb_item_begin_x() as usize);
        let i = group.wrapping_mul(256).wrapping_add(local as u32);
        let values = gb::__gb_lds(32, 4).cast::<f32>();
        let mut sum = if i < header.extent[0] { *float(args.x).add(i as usize) } else { 0.0 };
        sum += from_lane::<16>(sum);
        sum += from_lane::<8>(sum);
        sum += from_lane::<4>(sum);
        sum += from_lane::<2>(sum);
        sum += from_lane::<1>(sum);
        if local.is_multiple_of(32) {
            *values.add(local / 32) = sum;
        }
        gb::__gb_barrier();
        let lane = local % gb::__gb_wave_size() as usize;
        let mut sum = *values.add(if lane < 8 { lane } else { 0 });
        sum += from_lane::<4>(sum);
        sum += from_lane::<2>(sum);
        sum += from_lane::<1>(sum);
        let mut all = 0.0f32;
        gb::__gb_wave_read_first((&raw const sum).cast(), (&raw mut all).cast(), 4);
        if local == 0 {
            *float(args.sums).add(group as usize) = all;
        }
    }
}

kernel! {
    /// The sum of each wave's elements, at its first item; 0 at others.
    wave_sums, dimensions 1, workgroup [256, 1, 1], lds NO_LDS,
    |header, args: (x: BufferRepr, sums: BufferRepr)| {
        let (group, local) = (gb::__gb_group_id_x(), gb::__gb_item_begin_x() as usize);
        let i = group.wrapping_mul(256).wrapping_add(local as u32);
        let mut sum = if i < header.extent[0] { *float(args.x).add(i as usize) } else { 0.0 };
        sum += from_lane::<16>(sum);
        sum += from_lane::<8>(sum);
        sum += from_lane::<4>(sum);
        sum += from_lane::<2>(sum);
        sum += from_lane::<1>(sum);
        let size = gb::__gb_wave_size();
        if size > 32 {
            sum += from_lane::<32>(sum);
        }
        let mut all = 0.0f32;
        gb::__gb_wave_read_first((&raw const sum).cast(), (&raw mut all).cast(), 4);
        if i < header.extent[0] {
            *float(args.sums).add(i as usize) = if local.is_multiple_of(size as usize) { all } else { 0.0 };
        }
    }
}

kernel! {
    /// `y[column][row] = x[row][column]`.
    transpose, dimensions 2, workgroup [16, 16, 1], lds NO_LDS,
    |header, args: (columns: u32, x: BufferRepr, y: BufferRepr)| {
        let (lx, ly) = (gb::__gb_item_begin_x() as usize, gb::__gb_item_begin_y() as usize);
        let (column, row) = (gb::__gb_group_id_y().wrapping_mul(16), gb::__gb_group_id_x().wrapping_mul(16));
        let tile = gb::__gb_lds(1024, 4).cast::<[f32; 16]>();
        let index = (row as usize + ly) * args.columns as usize + column as usize + lx;
        (*tile.add(ly))[lx] = read_or_zero(args.x, index);
        gb::__gb_barrier();
        let (x, y) = (row as usize + lx, column as usize + ly);
        if x < header.extent[0] as usize && y < header.extent[1] as usize {
            *float(args.y).add(y * header.extent[0] as usize + x) = (*tile.add(lx))[ly];
        }
    }
}

kernel! {
    /// The mean of an element and its four neighbours; zero beyond the edge.
    stencil2d, dimensions 2, workgroup [16, 16, 1], lds NO_LDS,
    |header, args: (x: BufferRepr, y: BufferRepr)| {
        let KernargHeader { extent: [width, height, _], .. } = header;
        let (lx, ly) = (gb::__gb_item_begin_x(), gb::__gb_item_begin_y());
        let (left, top) = (gb::__gb_group_id_x().wrapping_mul(16), gb::__gb_group_id_y().wrapping_mul(16));
        let tile = gb::__gb_lds(18 * 18 * 4, 4).cast::<f32>();
        let mut number = ly * 16 + lx;
        while number < 18 * 18 {
            // One to the left and above; what lies before the first wraps around and is beyond the last.
            let (x, y) = ((left + number % 18).wrapping_sub(1), (top + number / 18).wrapping_sub(1));
            *tile.add(number as usize) = if x < width && y < height {
                *float(args.x).add(y as usize * width as usize + x as usize)
            } else {
                0.0
            };
            number += 256;
        }
        gb::__gb_barrier();
        let (x, y) = (left + lx, top + ly);
        if x < width && y < height {
            let at = tile.add((ly as usize + 1) * 18 + lx as usize + 1);
            let sum = *at + *at.sub(18) + *at.add(18) + *at.sub(1) + *at.add(1);
            *float(args.y).add(y as usize * width as usize + x as usize) = sum * 0.2;
        }
    }
}
