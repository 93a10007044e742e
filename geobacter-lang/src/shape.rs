//! The grid as a kernel sees it.

use core::marker::PhantomData;

/// The shape of the grid that a kernel runs over: a value that items share.
///
/// It belongs to one launch, and cannot leave it: that is why [`In::at`](crate::In::at) can trust it.
#[derive(Clone, Copy, Debug)]
pub struct GridShape<'k, const D: usize> {
    extent: [u32; 3],
    scope: PhantomData<&'k ()>,
}

impl<const D: usize> GridShape<'_, D> {
    #[inline(always)]
    pub(crate) fn new(extent: [u32; 3]) -> Self {
        Self { extent, scope: PhantomData }
    }

    /// Items along each dimension.
    #[inline(always)]
    pub fn extent(&self) -> [u32; D] {
        crate::item::first(self.extent)
    }

    /// Whether a position, `[x]`, `[x, y]` or `[x, y, z]`, lies in the grid.
    #[inline(always)]
    pub fn contains<C: Coordinate>(&self, position: [C; D]) -> bool {
        let mut inside = true;
        let mut axis = 0;
        while axis < D {
            // Not lazily: one comparison more costs less than a branch.
            inside &= position[axis].less_than(self.extent[axis]);
            axis += 1;
        }
        inside
    }

    /// The number of the item at a position, row by row; `None` beyond the grid's edge.
    #[inline(always)]
    pub fn number<C: Coordinate>(&self, position: [C; D]) -> Option<usize> {
        if !self.contains(position) {
            return None;
        }
        // Wrapping, because the launch checked that the number of items fits.
        let mut number = position[0].index();
        if D > 1 {
            number = number.wrapping_add((self.extent[0] as usize).wrapping_mul(position[1].index()));
        }
        if D > 2 {
            let plane = (self.extent[0] as usize).wrapping_mul(self.extent[1] as usize);
            number = number.wrapping_add(plane.wrapping_mul(position[2].index()));
        }
        Some(number)
    }
}

/// An integer that can say where something is: `u32` and `i32`, which are quicker on GPUs, `usize` and `isize`.
///
/// A negative one, and one that a subtraction has wrapped around to the largest, lies beyond any grid's edge.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a coordinate",
    label = "not a coordinate",
    note = "positions in a grid are given as `[u32; D]`, `[i32; D]`, `[usize; D]` or `[isize; D]`"
)]
pub trait Coordinate: Copy + sealed::Coordinate {}

mod sealed {
    pub trait Coordinate {
        fn less_than(self, extent: u32) -> bool;
        /// The coordinate, which is not negative.
        fn index(self) -> usize;
    }

    macro_rules! coordinates {
        ($($ty:ident: |$value:ident, $extent:ident| $less:expr;)*) => { $(
            impl Coordinate for $ty {
                #[inline(always)]
                fn less_than(self, $extent: u32) -> bool {
                    let $value = self;
                    $less
                }

                #[inline(always)]
                fn index(self) -> usize {
                    self as usize
                }
            }

            impl super::Coordinate for $ty {}
        )* };
    }
    coordinates! {
        u32: |value, extent| value < extent;
        i32: |value, extent| value >= 0 && (value as u32) < extent;
        usize: |value, extent| value < extent as usize;
        isize: |value, extent| value >= 0 && (value as usize) < extent as usize;
    }
}
