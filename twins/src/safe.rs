//! The kernels as a user writes them.
#![forbid(unsafe_code)]

use geobacter::prelude::*;

/// `y = a * x + y`.
#[kernel(workgroup = 256)]
pub fn saxpy(item: Item<1>, a: f32, x: In<f32>, y: InOut<f32>) {
    y.set(&item, a * x[&item] + y.get(&item));
}

/// `c = a * b`, for square matrices whose size is a multiple of 16.
#[kernel(workgroup = [16, 16])]
pub fn matmul_tiled(
    wg: Workgroup<2>,
    n: u32,
    a: Slice<f32>,
    b: Slice<f32>,
    #[workgroup_shared] tile_a: Lds<[[f32; 16]; 16]>,
    #[workgroup_shared] tile_b: Lds<[[f32; 16]; 16]>,
    c: Out<f32>,
) {
    let n = n as usize;
    let sum = wg.private(0.0);
    for tile in 0..n / 16 {
        let (a, b) = (&mut tile_a, &mut tile_b).fill(&wg, |item| {
            let left = item.y() * n + tile * 16 + item.local_x();
            let right = (tile * 16 + item.local_y()) * n + item.x();
            (a.get(left).copied().unwrap_or(0.0), b.get(right).copied().unwrap_or(0.0))
        });
        wg.each_local(|item| {
            let mut all = sum.get(&item);
            for k in 0..16 {
                all += a[item.local_y()][k] * b[k][item.local_x()];
            }
            sum.set(&item, all);
        });
    }
    wg.each(|item| c.set(&item, sum.get(&item)));
}

/// The sum of each work-group's elements.
#[kernel(workgroup = 256)]
pub fn reduce(wg: Workgroup<1>, x: In<f32>, sums: Out<f32, PerGroup<1>>) {
    let sum = wg.reduce(0.0, |item| x[&item], |a, b| a + b);
    wg.once(|mut leader| sums.group_block(&mut leader)[0] = sum);
}

/// The sum of each wave's elements, at its first item; 0 at others.
#[kernel(workgroup = 256)]
pub fn wave_sums(wg: Workgroup<1>, x: In<f32>, sums: Out<f32>) {
    wg.waves(|wave| {
        let sum = wave.reduce(&wave.varying_or(0.0, |item| x[&item]), |a, b| a + b);
        wave.each(|item| sums.set(&item, if item.lane() == 0 { sum } else { 0.0 }));
    });
}

/// `y[column][row] = x[row][column]`.
#[kernel(workgroup = [16, 16])]
pub fn transpose(
    wg: Workgroup<2>,
    columns: u32,
    x: Slice<f32>,
    #[workgroup_shared] tile: Lds<[[f32; 16]; 16]>,
    y: Out<f32>,
) {
    let columns = columns as usize;
    let [column, row] = [wg.origin()[1], wg.origin()[0]];
    let tile = tile.fill(&wg, |item| {
        let index = (row + item.local_y()) * columns + column + item.local_x();
        x.get(index).copied().unwrap_or(0.0)
    });
    wg.each(|item| y.set(&item, tile[item.local_x()][item.local_y()]));
}

/// The mean of an element and its four neighbours; zero beyond the edge.
#[kernel(workgroup = [16, 16])]
pub fn stencil2d(wg: Workgroup<2>, x: In<f32>, #[workgroup_shared] tile: Lds<[[f32; 18]; 18]>, y: Out<f32>) {
    let (grid, [left, top]) = (wg.grid(), wg.group().map(|group| group * 16));
    let tile = tile.fill_with(&wg, |[row, column]| {
        // One to the left and above; what lies before the first wraps around and is beyond the last.
        let position = [(left + column as u32).wrapping_sub(1), (top + row as u32).wrapping_sub(1)];
        x.at(grid, position).unwrap_or(0.0)
    });
    wg.each(|item| {
        let (column, row) = (item.local_x() + 1, item.local_y() + 1);
        let sum = tile[row][column] + tile[row - 1][column] + tile[row + 1][column];
        y.set(&item, (sum + tile[row][column - 1] + tile[row][column + 1]) * 0.2);
    });
}
