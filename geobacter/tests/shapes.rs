//! Work-groups and grids of all shapes, on every device, against a plain loop: groups of one item and of 1024, groups that are
//! no multiple of a wave, grids that are no multiple of a group, in one to three dimensions.
#![forbid(unsafe_code)]

use geobacter::prelude::*;
use proptest::prelude::*;

/// What the kernels compute for each item: from its own element, those of its group in reverse order, the group's sum, its
/// item number, and a value that lived across two visits of item scope.
fn expected(x: &[u32], grid: [usize; 3], group: [usize; 3]) -> Vec<u32> {
    let number = |[x, y, z]: [usize; 3]| x + grid[0] * (y + grid[1] * z);
    let items = group.iter().product::<usize>();
    let mut y = vec![0; x.len()];
    for (at, result) in positions(grid) {
        let origin: [usize; 3] = std::array::from_fn(|axis| at[axis] / group[axis] * group[axis]);
        let local: [usize; 3] = std::array::from_fn(|axis| at[axis] - origin[axis]);
        let index = local[0] + group[0] * (local[1] + group[1] * local[2]);
        let element = |index: usize| {
            let local = [index % group[0], index / group[0] % group[1], index / group[0] / group[1]];
            let at: [usize; 3] = std::array::from_fn(|axis| origin[axis] + local[axis]);
            (0..3).all(|axis| at[axis] < grid[axis]).then(|| x[number(at)])
        };
        let sum = (0..items).filter_map(element).fold(0, u32::wrapping_add);
        let mirrored = element(items - 1 - index).unwrap_or(7);
        y[result] = combine(x[result], mirrored, sum, index as u32);
    }
    y
}

/// The positions of a grid, each with its number.
fn positions(grid: [usize; 3]) -> impl Iterator<Item = ([usize; 3], usize)> {
    (0..grid.iter().product()).map(move |i| ([i % grid[0], i / grid[0] % grid[1], i / grid[0] / grid[1]], i))
}

fn combine(own: u32, mirrored: u32, sum: u32, index: u32) -> u32 {
    own.wrapping_mul(31) ^ mirrored.rotate_left(5) ^ sum.wrapping_add(index)
}

macro_rules! kernels {
    ($($name:ident $dimensions:literal $workgroup:expr, $items:literal, $size:expr;)*) => {
        $(
            #[kernel(workgroup = $workgroup)]
            fn $name(wg: Workgroup<$dimensions>, x: In<u32>, y: Out<u32>) {
                #[workgroup_shared]
                let tile: Lds<[u32; $items]>;
                let index = wg.private_with(|item| item.local_index() as u32);
                let sum = wg.reduce(0, |item| x[&item], u32::wrapping_add);
                let tile = tile.fill(&wg, |item| item.in_grid().map_or(7, |item| x[item]));
                wg.each(|item| {
                    let mirrored = tile[$items - 1 - item.local_index()];
                    y.set(&item, combine(x[&item], mirrored, sum, index.get(&item)));
                });
            }
        )*

        /// The kernels: dimensions, items of a group, and launch.
        #[allow(clippy::type_complexity, reason = "a table that is used once")]
        const KERNELS: &[(&str, usize, [usize; 3], fn(&Device, [usize; 3], &DeviceBuffer<u32>, &mut DeviceBuffer<u32>) -> Result<(), geobacter::LaunchError>)] = &[
            $((stringify!($name), $dimensions, $size, |device, grid, x, y| {
                let mut extent = [0; $dimensions];
                extent.copy_from_slice(&grid[..$dimensions]);
                $name::launch(device, extent, x, y)
            })),*
        ];
    };
}
kernels! {
    one 1 1, 1, [1, 1, 1];
    three 1 3, 3, [3, 1, 1];
    less_than_a_wave 1 37, 37, [37, 1, 1];
    a_wave 1 64, 64, [64, 1, 1];
    a_wave_and_one 1 65, 65, [65, 1, 1];
    hundred 1 100, 100, [100, 1, 1];
    most 1 1024, 1024, [1024, 1, 1];
    almost_most 1 1023, 1023, [1023, 1, 1];
    flat_one 2 [1, 1], 1, [1, 1, 1];
    odd 2 [3, 5], 15, [3, 5, 1];
    tall 2 [1, 77], 77, [1, 77, 1];
    square 2 [16, 16], 256, [16, 16, 1];
    largest_square 2 [32, 32], 1024, [32, 32, 1];
    solid_one 3 [1, 1, 1], 1, [1, 1, 1];
    small_box 3 [2, 3, 4], 24, [2, 3, 4];
    odd_box 3 [7, 1, 9], 63, [7, 1, 9];
    large_box 3 [8, 8, 16], 1024, [8, 8, 16];
}

fn check(device: &Device, kernel: usize, grid: [usize; 3]) {
    let (name, dimensions, group, launch) = KERNELS[kernel];
    let grid: [usize; 3] = std::array::from_fn(|axis| if axis < dimensions { grid[axis] } else { 1 });
    let x: Vec<u32> = (0..grid.iter().product::<usize>() as u32).map(|i| i.wrapping_mul(2_654_435_761) >> 7).collect();
    let x_buffer = device.upload(&x).unwrap();
    let mut y = device.zeroed(x.len()).unwrap();
    launch(device, grid, &x_buffer, &mut y).unwrap();
    assert_eq!(y.download().unwrap(), expected(&x, grid, group), "{name} on {}, grid {grid:?}", device.id());
}

#[test]
fn every_group_with_grids_around_its_size() {
    for device in geobacter::devices().present {
        for (kernel, &(_, dimensions, group, _)) in KERNELS.iter().enumerate() {
            check(&device, kernel, [1; 3]);
            check(&device, kernel, group);
            check(&device, kernel, group.map(|n| n + 1));
            if dimensions == 1 {
                check(&device, kernel, group.map(|n| n * 3 - 1));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_grids(kernel in 0..KERNELS.len(), grid in [1..40_usize, 1..12_usize, 1..8_usize]) {
        for device in geobacter::devices().present {
            check(&device, kernel, grid);
        }
    }
}
