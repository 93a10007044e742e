//! How the elements of a buffer are shared out among the items of a grid.
//!
//! The partition is a type: `Out<f32, Tile<4>>`. It says which elements belong to an item, so that no two items can reach
//! one element, and how long the buffer must be, which the launch checks once. What is known at compile time (four
//! elements for each item) costs no check in the kernel.
//!
//! | partition | item `i` of `n` owns | length of the buffer |
//! |---|---|---|
//! | [`PerItem`], the default | element `i` | `n` |
//! | [`Tile<N>`] | elements `i * N ..  (i + 1) * N` | `n * N` |
//! | [`Strided<N>`] | elements `i`, `i + n`, `i + 2 * n`, .. | `n * N` |
//! | [`Rows`] | row `i` of a matrix of `n` rows | a multiple of `n` |
//! | [`Blocks<X, Y>`] | a block of `X` by `Y` of a matrix, `(x, y)` being its place | `n * X * Y` |
//! | [`PerGroup<N>`] | nothing: a work-group owns `N` elements | groups `* N` |
//!
//! `i` is [`Item::id`]: the position in a 1-D grid, and row by row in the others. A partition of your own is an `unsafe impl`
//! of [`Partition`].
//!
//! Data flows from here to [`Out`](crate::Out) and [`InOut`](crate::InOut), which use [`Partition::index`], and to the
//! runtime's launch checks, which use [`Assignment`].

mod layouts;

pub use layouts::{Blocks, PerGroup, PerItem, Rows, Strided, Tile};

use crate::item::Item;

/// Which elements of a buffer belong to which item of a grid of `D` dimensions.
///
/// Every item owns the same number of elements, [`COUNT`](Partition::COUNT); its `k`-th element is
/// [`index`](Partition::index)`(place, count, k)`.
/// ```
/// use geobacter_lang::partition::{Partition, Place};
///
/// /// Item `i` owns the elements `i` and `length - 1 - i`.
/// enum BothEnds {}
///
/// // SAFETY: with `n` items the buffer has `2 * n` elements; `i` is below `n`, and `2 * n - 1 - i` is not, and both are
/// // different for different items.
/// unsafe impl Partition<1> for BothEnds {
///     const COUNT: Option<usize> = Some(2);
///
///     fn index(place: &Place<1>, _: usize, k: usize) -> usize {
///         if k == 0 { place.id() } else { 2 * place.items() - 1 - place.id() }
///     }
/// }
/// ```
///
/// # Safety
/// Take any `extent` without a zero and any `length` that [`length`](Partition::length)`(extent)` allows, and let `count` be
/// `COUNT`, or `length / items` where that is `None`. Then for all places of that extent and all `k < count`:
/// 1. `index(place, count, k)` is less than `length`;
/// 2. it differs for different pairs of place and `k`;
/// 3. it depends on nothing but its arguments.
///
/// In checked mode the host verifies the first two rules for every access that is made.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which elements an item of this kernel owns",
    label = "not a partition for a grid of these dimensions, or not one among items",
    note = "`PerItem`, `Tile<N>`, `Strided<N>` and `Rows` go with any `Item`, `Blocks<X, Y>` with `Item<2>`",
    note = "`PerGroup<N>` gives elements to work-groups: `fill(&wg, ..)` and `group_block(&mut leader)` write them",
    note = "in a generic kernel the partition needs the bound `P: Partition<1>` (or 2, 3)"
)]
pub unsafe trait Partition<const D: usize>: Sized + 'static {
    /// How many elements each item owns. `None`: as many as the buffer has for it, its length divided by the items.
    const COUNT: Option<usize>;

    /// Whether checked mode has nothing to verify, because the contract is proven. For this crate's own partitions.
    #[doc(hidden)]
    const PROVEN: bool = false;

    /// How long the buffer of a grid must be. `None` if that is more than 64 bits hold: the launch is refused.
    ///
    /// Evaluated by the host, once for each launch.
    fn length(extent: [u64; D]) -> Option<Length> {
        let items = extent.iter().try_fold(1u64, |items, &along| items.checked_mul(along))?;
        match Self::COUNT {
            Some(count) => items.checked_mul(count as u64).map(Length::Exactly),
            None => Some(Length::MultipleOf(items)),
        }
    }

    /// Which element is the item's `k`-th, for `k < count`.
    fn index(place: &Place<D>, count: usize, k: usize) -> usize;
}

/// A partition whose items own a constant number of elements, which one value can hold: an array.
///
/// # Safety
/// `COUNT` is `Some(n)`, and `Share<T>` has size and alignment of `[T; n]`, with the item's `k`-th element at place `k`.
#[diagnostic::on_unimplemented(
    message = "the elements of an item of `{Self}` have no value of their own",
    label = "how many elements an item owns is not known at compile time",
    note = "write them one by one: `set_at(&item, k, value)`, `set_each(&item, |k| value)`"
)]
pub unsafe trait FixedPartition<const D: usize>: Partition<D> {
    /// One item's elements: `T`, `[T; N]`, `[[T; X]; Y]`.
    type Share<T: Copy>: Copy;
}

/// A partition whose items own elements that lie side by side, so that a slice can hold them.
///
/// # Safety
/// `index(place, count, k)` is `index(place, count, 0) + k` for all `k < count`.
#[diagnostic::on_unimplemented(
    message = "the elements of an item of `{Self}` do not lie side by side",
    label = "no slice can hold them",
    note = "write them one by one: `set_at(&item, k, value)`, `set_each(&item, |k| value)`; or take `Tile<N>` or `Rows`"
)]
pub unsafe trait Contiguous<const D: usize>: Partition<D> {}

/// Where an item is in its grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<const D: usize> {
    position: [usize; D],
    extent: [usize; D],
}

impl<const D: usize> Place<D> {
    /// A place for tests of a partition; those of a kernel come from its items. `None` if it does not lie in the extent.
    pub fn new(position: [usize; D], extent: [usize; D]) -> Option<Self> {
        (0..D).all(|axis| position[axis] < extent[axis]).then_some(Self { position, extent })
    }

    #[inline(always)]
    pub(crate) fn of(item: &Item<'_, D>) -> Self {
        // Does not wrap: the launch checked that whole groups fit into 32 bits.
        let along = |axis: usize| item.origin[axis].wrapping_add(item.local[axis]) as usize;
        // Axis by axis: no loop and no panic path in an unoptimised build's bitcode.
        let (mut position, mut extent) = ([0; D], [0; D]);
        if D > 0 {
            (position[0], extent[0]) = (along(0), item.extent[0] as usize);
        }
        if D > 1 {
            (position[1], extent[1]) = (along(1), item.extent[1] as usize);
        }
        if D > 2 {
            (position[2], extent[2]) = (along(2), item.extent[2] as usize);
        }
        Self { position, extent }
    }

    /// The item's position along each dimension, x first.
    #[inline(always)]
    pub fn position(&self) -> [usize; D] {
        self.position
    }

    /// Items of the grid along each dimension, x first.
    #[inline(always)]
    pub fn extent(&self) -> [usize; D] {
        self.extent
    }

    /// Linear position in the grid, row by row, as [`Item::id`]. Less than the number of items.
    #[inline(always)]
    pub fn id(&self) -> usize {
        // Wrapping, because the launch checked that the number of items fits: a check here would cost a branch per access.
        let mut id = 0;
        if D > 0 {
            id = self.position[0];
        }
        if D > 1 {
            id = id.wrapping_add(self.extent[0].wrapping_mul(self.position[1]));
        }
        if D > 2 {
            id = id.wrapping_add(self.extent[0].wrapping_mul(self.extent[1]).wrapping_mul(self.position[2]));
        }
        id
    }

    /// Items of the grid.
    #[inline(always)]
    pub fn items(&self) -> usize {
        let mut items: usize = 1;
        if D > 0 {
            items = self.extent[0];
        }
        if D > 1 {
            items = items.wrapping_mul(self.extent[1]);
        }
        if D > 2 {
            items = items.wrapping_mul(self.extent[2]);
        }
        items
    }
}

/// How many elements a buffer must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// This many, no more and no fewer.
    Exactly(u64),
    /// A multiple of this many.
    MultipleOf(u64),
}

impl Length {
    /// Whether a buffer with `length` elements will do.
    pub fn allows(self, length: u64) -> bool {
        match self {
            Self::Exactly(expected) => length == expected,
            Self::MultipleOf(divisor) => length.is_multiple_of(divisor),
        }
    }
}

/// The size of a launch, as [`Assignment`] sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaunchShape<const D: usize> {
    /// Items of the grid along each dimension.
    pub extent: [u64; D],
    /// Items of a work-group along each dimension, none of them zero.
    pub workgroup: [u64; D],
}

impl<const D: usize> LaunchShape<D> {
    /// Work-groups of the grid; `None` if that is more than 64 bits hold.
    pub fn groups(&self) -> Option<u64> {
        (0..D).try_fold(1u64, |groups, axis| groups.checked_mul(self.extent[axis].div_ceil(self.workgroup[axis])))
    }
}

/// What a launch asks about the partition of a parameter: every [`Partition`] answers, and [`PerGroup`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no partition of a buffer",
    note = "partitions are `PerItem`, `Tile<N>`, `Strided<N>`, `Rows`, `Blocks<X, Y>`, `PerGroup<N>`, and types with an `unsafe impl Partition<D>`"
)]
pub trait Assignment<const D: usize>: 'static {
    /// Who owns the elements.
    const OWNER: Owner;
    /// How many elements each owner has; `None`: an equal share of the buffer.
    const COUNT: Option<usize>;

    /// How long the buffer must be; `None` if that is more than 64 bits hold.
    fn length(shape: &LaunchShape<D>) -> Option<Length>;
}

/// Whom a partition gives elements to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The items of the grid.
    Item,
    /// Its work-groups.
    Group,
}

impl<P: Partition<D>, const D: usize> Assignment<D> for P {
    const OWNER: Owner = Owner::Item;
    const COUNT: Option<usize> = P::COUNT;

    fn length(shape: &LaunchShape<D>) -> Option<Length> {
        P::length(shape.extent)
    }
}
