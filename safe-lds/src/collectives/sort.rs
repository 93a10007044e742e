//! Sorting by Batcher's bitonic network ("Sorting networks and their applications", AFIPS 1968), in the form in which every
//! comparison puts the smaller element first: the first step of each stage compares an element with its mirror image. In
//! this form elements beyond the end, which would be greater than all others, need not be there: a comparison with one
//! changes nothing. So any length can be sorted.

use core::cmp::Ordering;

use geobacter_lang::Workgroup;

use crate::{region::Region, shape::LdsElement};

#[inline(always)]
pub(crate) fn bitonic<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    elements: Region<T>,
    order: impl Fn(&T, &T) -> Ordering + Sync,
) {
    let mut run = 1;
    while run < elements.length {
        step(workgroup, elements, run, true, &order);
        halving(workgroup, elements, run / 2, &order);
        run *= 2;
    }
}

/// Steps over this distance, half of it, and so on: sorts what lies within twice the distance if it is bitonic.
#[inline(always)]
pub(crate) fn halving<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    elements: Region<T>,
    mut distance: usize,
    order: &(impl Fn(&T, &T) -> Ordering + Sync),
) {
    while distance > 0 {
        step(workgroup, elements, distance, false, order);
        distance /= 2;
    }
}

/// Compares the elements of each pair. Pairs lie in blocks of twice the distance, which is a power of two.
#[inline(always)]
fn step<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    elements: Region<T>,
    distance: usize,
    mirrored: bool,
    order: &(impl Fn(&T, &T) -> Ordering + Sync),
) {
    let exchange = |block: usize, within: usize| {
        let first = block * 2 * distance + within;
        let second = if mirrored { (block + 1) * 2 * distance - 1 - within } else { first + distance };
        if second < elements.length {
            let (a, b) = (elements.element(first), elements.element(second));
            // SAFETY: rule 6: the pairs of a step are disjoint, and each is one item's.
            unsafe {
                let (x, y) = (a.read(), b.read());
                let (least, most) = if order(&y, &x) == Ordering::Less { (y, x) } else { (x, y) };
                a.write(least);
                b.write(most);
            }
        }
    };
    let pairs = elements.length.next_power_of_two() / 2;
    workgroup.barrier();
    if workgroup.is_sequential() {
        workgroup.for_all_items(|| {
            for block in 0..pairs.div_ceil(distance) {
                for within in 0..distance {
                    exchange(block, within);
                }
            }
        });
    } else {
        let shift = distance.trailing_zeros();
        elements.share_out(workgroup, pairs, |pair| exchange(pair >> shift, pair & (distance - 1)));
    }
    workgroup.barrier();
}
