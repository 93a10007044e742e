//! The partitions that come with the language.

use super::{Assignment, Contiguous, FixedPartition, LaunchShape, Length, Owner, Partition, Place};

/// One element for each item: item `i` owns element `i`.
#[derive(Debug)]
pub enum PerItem {}

/// `N` neighbouring elements for each item: item `i` owns the elements `i * N` to `(i + 1) * N - 1`.
///
/// On a GPU neighbouring items access memory `N` elements apart. [`Strided`] is faster there unless an element's neighbours
/// belong together.
#[derive(Debug)]
pub enum Tile<const N: usize> {}

/// `N` elements for each item, as many apart as the grid has items: item `i` of `n` owns `i`, `i + n`, `i + 2 * n` and so on.
///
/// Neighbouring items access neighbouring elements, which a GPU does in one transaction.
#[derive(Debug)]
pub enum Strided<const N: usize> {}

/// A row of a matrix for each item. The matrix has as many rows as the grid has items; its width is the buffer's length
/// divided by that.
#[derive(Debug)]
pub enum Rows {}

/// A block of `X` by `Y` elements for each item of a 2-D grid. The matrix is as wide as the grid times `X` and as high as the
/// grid times `Y`, row by row; item `(x, y)` owns the columns from `x * X` and the rows from `y * Y`.
///
/// The block's `k`-th element is that in its row `k / X` and column `k % X`.
#[derive(Debug)]
pub enum Blocks<const X: usize, const Y: usize> {}

/// `N` neighbouring elements for each work-group. No single item owns one: they are written at group scope.
#[derive(Debug)]
pub enum PerGroup<const N: usize> {}

// SAFETY: the buffer has one element for each item, and an item's id is below their number and no other item's.
unsafe impl<const D: usize> Partition<D> for PerItem {
    const COUNT: Option<usize> = Some(1);
    const PROVEN: bool = true;

    #[inline(always)]
    fn index(place: &Place<D>, _: usize, _: usize) -> usize {
        place.id()
    }
}

// SAFETY: one element each, which is a `T`.
unsafe impl<const D: usize> FixedPartition<D> for PerItem {
    type Share<T: Copy> = T;
}

// SAFETY: one element each.
unsafe impl<const D: usize> Contiguous<D> for PerItem {}

// SAFETY: the ranges `id * N .. (id + 1) * N` of different ids do not overlap, and the last one ends where the buffer does.
// Products do not wrap: each is at most the length of a buffer.
unsafe impl<const N: usize, const D: usize> Partition<D> for Tile<N> {
    const COUNT: Option<usize> = {
        assert!(N > 0, "a tile has at least one element: `Tile<1>` or more");
        Some(N)
    };
    const PROVEN: bool = true;

    #[inline(always)]
    fn index(place: &Place<D>, _: usize, k: usize) -> usize {
        place.id().wrapping_mul(N).wrapping_add(k)
    }
}

// SAFETY: an array of N.
unsafe impl<const N: usize, const D: usize> FixedPartition<D> for Tile<N> {
    type Share<T: Copy> = [T; N];
}

// SAFETY: `index` adds `k`.
unsafe impl<const N: usize, const D: usize> Contiguous<D> for Tile<N> {}

// SAFETY: `id + k * items` with `id < items` gives back `id` as its remainder and `k` as its quotient, so no two are equal;
// with `k < N` it is below `items * N`, the length. So nothing wraps either.
unsafe impl<const N: usize, const D: usize> Partition<D> for Strided<N> {
    const COUNT: Option<usize> = {
        assert!(N > 0, "an item owns at least one element: `Strided<1>` or more");
        Some(N)
    };
    const PROVEN: bool = true;

    #[inline(always)]
    fn index(place: &Place<D>, _: usize, k: usize) -> usize {
        place.id().wrapping_add(k.wrapping_mul(place.items()))
    }
}

// SAFETY: an array of N.
unsafe impl<const N: usize, const D: usize> FixedPartition<D> for Strided<N> {
    type Share<T: Copy> = [T; N];
}

// SAFETY: as for `Tile`, with `count` for `N`: the length is `count * items`.
unsafe impl<const D: usize> Partition<D> for Rows {
    const COUNT: Option<usize> = None;
    const PROVEN: bool = true;

    #[inline(always)]
    fn index(place: &Place<D>, count: usize, k: usize) -> usize {
        place.id().wrapping_mul(count).wrapping_add(k)
    }
}

// SAFETY: `index` adds `k`.
unsafe impl<const D: usize> Contiguous<D> for Rows {}

// SAFETY: `k % X < X` and `k / X < Y`, so column and row lie in the item's block; blocks of different items do not overlap,
// and all lie in the matrix, whose elements are the buffer's. Products do not wrap: each is at most the buffer's length.
unsafe impl<const X: usize, const Y: usize> Partition<2> for Blocks<X, Y> {
    const COUNT: Option<usize> = {
        assert!(X > 0 && Y > 0, "a block has at least one element: `Blocks<1, 1>` or more");
        match X.checked_mul(Y) {
            Some(count) => Some(count),
            None => panic!("a block has more elements than memory"),
        }
    };
    const PROVEN: bool = true;

    #[inline(always)]
    fn index(place: &Place<2>, _: usize, k: usize) -> usize {
        let ([x, y], [across, _]) = (place.position(), place.extent());
        let column = x.wrapping_mul(X).wrapping_add(k % X);
        let row = y.wrapping_mul(Y).wrapping_add(k / X);
        row.wrapping_mul(across.wrapping_mul(X)).wrapping_add(column)
    }
}

// SAFETY: `[[T; X]; Y]` holds element `k` in its row `k / X` and column `k % X`.
unsafe impl<const X: usize, const Y: usize> FixedPartition<2> for Blocks<X, Y> {
    type Share<T: Copy> = [[T; X]; Y];
}

impl<const N: usize> PerGroup<N> {
    const ELEMENTS: usize = {
        assert!(N > 0, "a work-group owns at least one element: `PerGroup<1>` or more");
        N
    };
}

impl<const N: usize, const D: usize> Assignment<D> for PerGroup<N> {
    const OWNER: Owner = Owner::Group;
    const COUNT: Option<usize> = Some(Self::ELEMENTS);

    fn length(shape: &LaunchShape<D>) -> Option<Length> {
        shape.groups()?.checked_mul(N as u64).map(Length::Exactly)
    }
}
