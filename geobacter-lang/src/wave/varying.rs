//! Values of a wave's lanes.

use core::{fmt, marker::PhantomData, mem::MaybeUninit};

use super::HOST_LANES;
use crate::{item::WorkItem, value::GroupValue};

/// A value for each lane of a wave: a register on a GPU, a short array on the host.
///
/// Made by [`Wave::varying`](super::Wave::varying) and by what waves do together, which takes it whole. An item reads its lane's
/// value with its token. It does not change: a lane's next value is another `Varying`.
pub struct Varying<'s, T: GroupValue> {
    /// A value for each lane where one call runs them all, and otherwise the first is the own lane's.
    values: [MaybeUninit<T>; HOST_LANES],
    sequential: bool,
    scope: PhantomData<&'s ()>,
}

impl<T: GroupValue> Clone for Varying<'_, T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: GroupValue> Copy for Varying<'_, T> {}

impl<T: GroupValue> Varying<'_, T> {
    /// `values`: those of the lanes that this call runs are there.
    #[inline(always)]
    pub(super) fn new(sequential: bool, values: [MaybeUninit<T>; HOST_LANES]) -> Self {
        Self { values, sequential, scope: PhantomData }
    }

    /// The values of the lanes that this call runs, and room for others.
    #[inline(always)]
    pub(super) fn values(&self) -> [MaybeUninit<T>; HOST_LANES] {
        self.values
    }

    /// Where a call runs one item: its value.
    #[inline(always)]
    #[doc(hidden)]
    pub fn own(&self) -> MaybeUninit<T> {
        self.values[0]
    }

    /// The item's value.
    #[inline(always)]
    pub fn get(&self, item: &impl WorkItem) -> T {
        let slot = if self.sequential { item.slot() % HOST_LANES } else { 0 };
        // SAFETY: rule 3: the token is one of this wave's, whose lanes all have a value, at their number.
        unsafe { self.values[slot].assume_init() }
    }
}

impl<T: GroupValue> fmt::Debug for Varying<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Varying").finish_non_exhaustive()
    }
}
