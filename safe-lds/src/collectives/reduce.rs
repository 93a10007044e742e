//! Reduction as a tree of a shape that depends on the group's size only: in each block of 32 values, the second half is combined
//! into the first, again and again, and what the blocks give is combined in the same way.
//!
//! Every GPU's wave has 32 lanes or more, so there a block's values stay in registers, and LDS holds one value for each block.

use geobacter_lang::{Item, Workgroup};

use super::{
    value_or,
    waves::{self, BLOCK},
};
use crate::{lds::Lds, region::Region, shape::LdsElement};

#[inline(always)]
pub(super) fn reduce<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> T {
    if waves::are_wide(workgroup) {
        // SAFETY: rule 5: for this call, and `in_waves` uses LDS that all collectives share.
        in_waves(&unsafe { workgroup.copy() }, identity, value, combine)
    } else {
        in_lds(workgroup, identity, value, combine)
    }
}

#[inline(always)]
fn in_lds<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> T {
    // SAFETY: rule 5: the only one in this function, which ends before any other collective begins: item scope cannot reach a
    // `Workgroup`.
    let mut values = unsafe { Lds::temporary::<1, D>(workgroup) };
    let mut values = values.fill(workgroup, value_or(identity, value));
    let region = values.region();
    reduce_blocks(workgroup, region, 1, &combine);
    if region.length > BLOCK {
        reduce_blocks(workgroup, region, BLOCK, &combine);
    }
    values[0]
}

/// Reduces each block of those elements whose number is a multiple of the stride. The result is a block's first element.
#[inline(always)]
fn reduce_blocks<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    region: Region<T>,
    stride: usize,
    combine: &(impl Fn(T, T) -> T + Sync),
) {
    let count = region.length.div_ceil(stride);
    // Of an odd number of values, one has no partner.
    let pair = |number: usize, distance: usize| {
        let (first, second) = (region.element(number * stride), region.element((number + distance) * stride));
        // SAFETY: rule 6: the pairs of a step are disjoint, and each is one item's; both elements lie in the region.
        unsafe { first.write(combine(first.read(), second.read())) }
    };
    if workgroup.is_sequential() {
        workgroup.barrier();
        workgroup.for_all_items(|| {
            let mut first = 0;
            while first < count {
                if first + BLOCK <= count {
                    // Loops of known lengths, which are vectorised.
                    all_pairs(BLOCK, |number, distance| pair(first + number, distance));
                } else {
                    all_pairs(count - first, |number, distance| pair(first + number, distance));
                }
                first += BLOCK;
            }
        });
        workgroup.barrier();
    } else {
        let mut distance = BLOCK / 2;
        while distance > 0 {
            workgroup.barrier();
            region.share_out(workgroup, count, |number| {
                if number % BLOCK < distance && number + distance < count {
                    pair(number, distance);
                }
            });
            workgroup.barrier();
            distance /= 2;
        }
    }
}

/// Calls `pair` with the number of each pair's first value and the distance of its second, for a block of this many values.
#[inline(always)]
fn all_pairs(length: usize, pair: impl Fn(usize, usize)) {
    let mut distance = BLOCK / 2;
    while distance > 0 {
        let paired = length.saturating_sub(distance);
        let paired = if paired < distance { paired } else { distance };
        let mut number = 0;
        while number < paired {
            pair(number, distance);
            number += 1;
        }
        distance /= 2;
    }
}

/// A function of its own, because on the host it is never called, and would have LLVM take a kernel for too large to be inlined.
#[inline(never)]
fn in_waves<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> T {
    // SAFETY: rule 4: what it combines is for the group if it is the group, and else only combined further.
    let wave = unsafe { workgroup.own_wave() };
    let values = wave.varying_or(identity, value);
    if waves::is_one(workgroup) {
        // In the same order as below.
        return wave.reduce(&values, combine);
    }
    // SAFETY: rule 4: a call runs one item, and all lanes have a value.
    let own = unsafe { wave.reduce_blocks(wave.lanes(), values.own(), &combine) };
    waves::combined(workgroup, own, combine)
}
