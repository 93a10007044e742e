//! What a work-group does together.
//!
//! One file for each. They work in LDS that all of a kernel's collectives use in turn, one element for each item.

mod reduce;
mod scan;
mod sort;
mod votes;
mod waves;

use core::cmp::Ordering;

use geobacter_lang::{Item, Private, Workgroup};

use crate::{
    filled::Filled,
    lds::Lds,
    shape::{LdsElement, Shape},
};

/// What a work-group does together: methods of [`Workgroup`].
///
/// Results are the same on every device, floating point included: the order in which values are combined depends on the
/// group's size only.
pub trait Collectives<const D: usize> {
    /// Combines a value of each item of the grid in this group to one, which group scope gets.
    ///
    /// Items beyond the grid's edge count as `identity`. The values are combined pairwise, as a tree, in no particular order:
    /// `combine` is associative and commutative (for floating point: up to rounding), and `identity` is its neutral element.
    fn reduce<T: LdsElement>(
        &self,
        identity: T,
        value: impl Fn(Item<'_, D>) -> T + Sync,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> T;

    /// Gives each item the combination of the values of all items up to it, in the order of
    /// [`local_index`](Item::local_index); and group scope that of all.
    ///
    /// Items beyond the grid's edge count as `identity`. `combine` is associative, and `identity` its neutral element.
    fn inclusive_scan<T: LdsElement>(
        &self,
        identity: T,
        value: impl Fn(Item<'_, D>) -> T + Sync,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> (Private<'_, T>, T);

    /// As [`inclusive_scan`](Self::inclusive_scan), of the values before each item: the first gets `identity`.
    fn exclusive_scan<T: LdsElement>(
        &self,
        identity: T,
        value: impl Fn(Item<'_, D>) -> T + Sync,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> (Private<'_, T>, T);

    /// Whether the condition holds for an item of the grid in this group.
    fn any(&self, condition: impl Fn(Item<'_, D>) -> bool + Sync) -> bool {
        self.count(condition) != 0
    }

    /// Whether the condition holds for all items of the grid in this group.
    fn all(&self, condition: impl Fn(Item<'_, D>) -> bool + Sync) -> bool {
        self.count(|item| !condition(item)) == 0
    }

    /// For how many items of the grid in this group the condition holds.
    fn count(&self, condition: impl Fn(Item<'_, D>) -> bool + Sync) -> u32;

    /// Counts, for each of the bins, the items of the grid in this group that name it.
    ///
    /// # Panics
    /// The kernel panics if an item names a bin that is not there.
    fn histogram<'l, A: Shape<Element = u32> + ?Sized>(
        &self,
        bins: &'l mut Lds<'_, A>,
        bin: impl Fn(&Item<'_, D>) -> usize + Sync,
    ) -> Filled<'l, A>;

    /// Sorts elements, smallest first. Not stable.
    fn sort<A: Shape<Element: Ord> + ?Sized>(&self, elements: &mut Filled<'_, A>) {
        self.sort_by(elements, |a, b| a.cmp(b));
    }

    /// Sorts elements that are *bitonic*, smallest first: whose steps up all come before or all after their steps down. Much
    /// less work than [`sort`](Self::sort): the end of a merge of which the beginning was done elsewhere.
    ///
    /// The number of elements is a power of two. Elements that are not bitonic end up in some order.
    fn sort_bitonic<A: Shape<Element: Ord> + ?Sized>(&self, elements: &mut Filled<'_, A>);

    /// Sorts elements by an order, least first. Not stable.
    ///
    /// `order` is a total order; if it is not, the elements end up in some order.
    fn sort_by<A: Shape + ?Sized>(
        &self,
        elements: &mut Filled<'_, A>,
        order: impl Fn(&A::Element, &A::Element) -> Ordering + Sync,
    );
}

impl<const D: usize> Collectives<D> for Workgroup<'_, D> {
    #[inline(always)]
    fn reduce<T: LdsElement>(
        &self,
        identity: T,
        value: impl Fn(Item<'_, D>) -> T + Sync,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> T {
        reduce::reduce(self, identity, value, combine)
    }

    #[inline(always)]
    fn count(&self, condition: impl Fn(Item<'_, D>) -> bool + Sync) -> u32 {
        votes::count(self, condition)
    }

    #[inline(always)]
    fn inclusive_scan<T: LdsElement>(
        &self,
        identity: T,
        value: impl Fn(Item<'_, D>) -> T + Sync,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> (Private<'_, T>, T) {
        scan::inclusive(self, identity, value, combine)
    }

    #[inline(always)]
    fn exclusive_scan<T: LdsElement>(
        &self,
        identity: T,
        value: impl Fn(Item<'_, D>) -> T + Sync,
        combine: impl Fn(T, T) -> T + Sync,
    ) -> (Private<'_, T>, T) {
        scan::exclusive(self, identity, value, combine)
    }

    #[inline(always)]
    fn histogram<'l, A: Shape<Element = u32> + ?Sized>(
        &self,
        bins: &'l mut Lds<'_, A>,
        bin: impl Fn(&Item<'_, D>) -> usize + Sync,
    ) -> Filled<'l, A> {
        let counts = bins.atomics(self, |_| 0);
        self.each(|item| {
            counts.at(bin(&item)).fetch_add(&item, 1);
        });
        counts.finish(self)
    }

    #[inline(always)]
    fn sort_bitonic<A: Shape<Element: Ord> + ?Sized>(&self, elements: &mut Filled<'_, A>) {
        let region = elements.region();
        sort::halving(self, region, region.length / 2, &|a: &A::Element, b: &A::Element| a.cmp(b));
    }

    #[inline(always)]
    fn sort_by<A: Shape + ?Sized>(
        &self,
        elements: &mut Filled<'_, A>,
        order: impl Fn(&A::Element, &A::Element) -> Ordering + Sync,
    ) {
        sort::bitonic(self, elements.region(), order);
    }
}

/// The value of an item, and of one beyond the grid's edge.
#[inline(always)]
fn value_or<T: LdsElement, const D: usize>(
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
) -> impl Fn(geobacter_lang::LocalItem<'_, D>) -> T + Sync {
    move |item| match item.into_item() {
        Some(item) => value(item),
        None => identity,
    }
}
