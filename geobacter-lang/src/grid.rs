//! The size of a launch.

use core::ops::RangeFull;

/// How many work-items a launch has along each dimension: `1024`, `[640, 480]`, `(640, 480)`.
///
/// A launch of one dimension may say `..` instead: as many items as the kernel's first output has elements for.
///
/// Any integer is taken as it is; whether the device can run a grid of that size is checked at launch, where a zero, a
/// negative number or one above the device's limit is an error and never wraps around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid<const D: usize> {
    extent: Option<[i128; D]>,
}

impl<const D: usize> Grid<D> {
    /// Work-items along each dimension as they were asked for; `None` if an output's length decides.
    pub fn requested(&self) -> Option<[i128; D]> {
        self.extent
    }
}

impl From<RangeFull> for Grid<1> {
    fn from(_: RangeFull) -> Self {
        Self { extent: None }
    }
}

macro_rules! conversions {
    ($($ty:ty),*) => { $(
        impl From<$ty> for Grid<1> {
            fn from(x: $ty) -> Self {
                Self { extent: Some([x as i128]) }
            }
        }
        impl<const D: usize> From<[$ty; D]> for Grid<D> {
            fn from(extent: [$ty; D]) -> Self {
                Self { extent: Some(extent.map(|n| n as i128)) }
            }
        }
        impl From<($ty, $ty)> for Grid<2> {
            fn from((x, y): ($ty, $ty)) -> Self {
                Self { extent: Some([x as i128, y as i128]) }
            }
        }
        impl From<($ty, $ty, $ty)> for Grid<3> {
            fn from((x, y, z): ($ty, $ty, $ty)) -> Self {
                Self { extent: Some([x as i128, y as i128, z as i128]) }
            }
        }
    )* };
}
// i32 is what an integer literal without a suffix becomes.
conversions!(u32, u64, usize, i32);
