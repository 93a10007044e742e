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
    let exchange = |first: usize, second: usize| {
        let (a, b) = (elements.element(first), elements.element(second));
        // SAFETY: rule 6: the pairs of a step are disjoint, and each is one item's.
        unsafe {
            let (x, y) = (a.read(), b.read());
            let (least, most) = if order(&y, &x) == Ordering::Less { (y, x) } else { (x, y) };
            a.write(least);
            b.write(most);
        }
    };
    let length = elements.length;
    let pairs = length.next_power_of_two() / 2;
    workgroup.barrier();
    if workgroup.is_sequential() {
        workgroup.for_all_items(|| match distance {
            // Short loops, which are vectorised if their length is known.
            1 => all_pairs(length, 1, mirrored, exchange),
            2 => all_pairs(length, 2, mirrored, exchange),
            4 => all_pairs(length, 4, mirrored, exchange),
            _ => all_pairs(length, distance, mirrored, exchange),
        });
    } else {
        let shift = distance.trailing_zeros();
        elements.share_out(workgroup, pairs, |pair| {
            let (block, within) = (pair >> shift, pair & (distance - 1));
            let first = block * 2 * distance + within;
            let second = if mirrored { (block + 1) * 2 * distance - 1 - within } else { first + distance };
            if second < length {
                exchange(first, second);
            }
        });
    }
    workgroup.barrier();
}

/// Calls `exchange` with both numbers of each pair of a step, in the order of memory.
///
/// Pairs without a second element are left out by the loops' bounds: a question in a loop would keep it from being vectorised.
#[inline(always)]
fn all_pairs(length: usize, distance: usize, mirrored: bool, exchange: impl Fn(usize, usize)) {
    let block = 2 * distance;
    let whole = length / block * block;
    for start in (0..whole).step_by(block) {
        for within in 0..distance {
            let second = if mirrored { block - 1 - within } else { distance + within };
            exchange(start + within, start + second);
        }
    }
    // Elements of the last block, which is not whole: fewer than `block`.
    let rest = length - whole;
    let seconds = rest.saturating_sub(distance);
    for second in distance..distance + seconds {
        let first = if mirrored { block - 1 - second } else { second - distance };
        exchange(whole + first, whole + second);
    }
}
