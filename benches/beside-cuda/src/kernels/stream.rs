//! BabelStream's five kernels: how fast memory is read and written. With the arithmetic that CUDA C++ has unless it is told otherwise.
#![forbid(unsafe_code)]

use geobacter::prelude::*;

/// The factor of [`mul()`] and [`triad()`].
pub const SCALAR: f64 = 0.4;

/// `c = a`.
#[kernel(workgroup = 1024)]
pub fn copy(item: Item<1>, a: In<f64>, c: Out<f64>) {
    c.set(&item, a[&item]);
}

/// `b = SCALAR * c`.
#[kernel(workgroup = 1024)]
pub fn mul(item: Item<1>, b: Out<f64>, c: In<f64>) {
    b.set(&item, SCALAR * c[&item]);
}

/// `c = a + b`.
#[kernel(workgroup = 1024)]
pub fn add(item: Item<1>, a: In<f64>, b: In<f64>, c: Out<f64>) {
    c.set(&item, a[&item] + b[&item]);
}

/// `a = b + SCALAR * c`.
#[kernel(workgroup = 1024, fp(contract))]
pub fn triad(item: Item<1>, a: Out<f64>, b: In<f64>, c: In<f64>) {
    a.set(&item, b[&item] + SCALAR * c[&item]);
}

/// The sum of all `a * b`, in parts: a work-group's items go through the vectors in strides of the grid, and add up what they
/// found.
#[kernel(workgroup = 1024, fp(contract))]
pub fn dot(wg: Workgroup<1>, a: Slice<f64>, b: Slice<f64>, sums: Out<f64, PerGroup<1>>) {
    let (n, stride) = (a.len().min(b.len()), wg.extent()[0] as usize);
    let of_item = |item: Item<'_, 1>| {
        let (mut sum, mut i) = (0.0, item.x());
        while i < n {
            sum += a[i] * b[i];
            i += stride;
        }
        sum
    };
    let sum = wg.reduce(0.0, of_item, |a, b| a + b);
    wg.once(|mut leader| sums.group_block(&mut leader)[0] = sum);
}
