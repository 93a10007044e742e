//! The size of a launch.

/// How many work-items a launch has along each dimension: `1024`, `[640, 480]`, `(640, 480)`.
///
/// Any integer is taken as it is; whether the device can run a grid of that size is checked at launch, where a zero, a
/// negative number or one above the device's limit is an error and never wraps around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid<const D: usize> {
    extent: [i128; D],
}

impl<const D: usize> Grid<D> {
    /// Work-items along x, y and z as they were asked for; 1 beyond the grid's dimensions.
    pub fn requested(&self) -> [i128; 3] {
        let mut extent = [1; 3];
        extent[..D].copy_from_slice(&self.extent);
        extent
    }
}

macro_rules! conversions {
    ($($ty:ty),*) => { $(
        impl From<$ty> for Grid<1> {
            fn from(x: $ty) -> Self {
                Self { extent: [x as i128] }
            }
        }
        impl<const D: usize> From<[$ty; D]> for Grid<D> {
            fn from(extent: [$ty; D]) -> Self {
                Self { extent: extent.map(|n| n as i128) }
            }
        }
        impl From<($ty, $ty)> for Grid<2> {
            fn from((x, y): ($ty, $ty)) -> Self {
                Self { extent: [x as i128, y as i128] }
            }
        }
        impl From<($ty, $ty, $ty)> for Grid<3> {
            fn from((x, y, z): ($ty, $ty, $ty)) -> Self {
                Self { extent: [x as i128, y as i128, z as i128] }
            }
        }
    )* };
}
// i32 is what an integer literal without a suffix becomes.
conversions!(u32, u64, usize, i32);
