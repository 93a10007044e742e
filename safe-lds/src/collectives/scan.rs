//! Scans of a shape that depends on the group's size only: after Hillis and Steele ("Data parallel algorithms", CACM 1986) in each
//! block of 32 values and then of the blocks' last values; and what lies before a block is combined with its values.
//!
//! A block's values stay in registers where waves are wide. On the host each step is a loop without dependences, which is
//! vectorised: more work than to scan them one after the other, and done sooner.

use geobacter_lang::{Item, LocalItem, Private, Workgroup};

use super::{
    value_or,
    waves::{self, BLOCK},
};
use crate::{filled::Filled, lds::Lds, shape::LdsElement};

#[inline(always)]
pub(super) fn inclusive<'w, T: LdsElement, const D: usize>(
    workgroup: &'w Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> (Private<'w, T>, T) {
    if waves::are_wide(workgroup) {
        return in_waves(workgroup, identity, value, combine, false);
    }
    in_lds(workgroup, identity, value, &combine, |number, values, blocks| {
        behind(number / BLOCK, blocks, values[number], &combine)
    })
}

#[inline(always)]
pub(super) fn exclusive<'w, T: LdsElement, const D: usize>(
    workgroup: &'w Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> (Private<'w, T>, T) {
    if waves::are_wide(workgroup) {
        return in_waves(workgroup, identity, value, combine, true);
    }
    in_lds(workgroup, identity, value, &combine, |number, values, blocks| {
        let block = number / BLOCK;
        if !number.is_multiple_of(BLOCK) {
            behind(block, blocks, values[number - 1], &combine)
        } else if block > 0 {
            blocks[(block - 1) % BLOCK]
        } else {
            identity
        }
    })
}

/// A value of a block behind what all blocks before it have.
#[inline(always)]
fn behind<T: LdsElement>(block: usize, blocks: &[T; BLOCK], value: T, combine: &impl Fn(T, T) -> T) -> T {
    if block > 0 { combine(blocks[(block - 1) % BLOCK], value) } else { value }
}

/// What `own` makes, for each item, of its number, the scans of the blocks and the scan of what the blocks have; and the
/// combination of all values.
#[inline(always)]
fn in_lds<'w, T: LdsElement, const D: usize>(
    workgroup: &'w Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: &(impl Fn(T, T) -> T + Sync),
    own: impl Fn(usize, &[T], &[T; BLOCK]) -> T + Sync,
) -> (Private<'w, T>, T) {
    let items = workgroup.items();
    // SAFETY: rule 5: the only one in this function, which ends before any other collective begins: item scope cannot reach a
    // `Workgroup`.
    let mut values = unsafe { Lds::temporary::<1, D>(workgroup) };
    let mut values = values.fill(workgroup, value_or(identity, value));
    scan_blocks(workgroup, &mut values, combine);
    let count = items.div_ceil(BLOCK);
    let mut blocks = [identity; BLOCK];
    let mut block = 0;
    while block < count {
        let end = (block + 1) * BLOCK;
        blocks[block % BLOCK] = values[if end < items { end } else { items } - 1];
        block += 1;
    }
    workgroup.for_all_items(|| scan(&mut blocks, count, combine));
    (workgroup.private_with(|item| own(item.local_index(), &values, &blocks)), blocks[(count - 1) % BLOCK])
}

/// Scans each block by itself.
#[inline(always)]
fn scan_blocks<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    values: &mut Filled<'_, [T]>,
    combine: &(impl Fn(T, T) -> T + Sync),
) {
    if workgroup.is_sequential() {
        let region = values.region();
        workgroup.barrier();
        workgroup.for_all_items(|| {
            let mut first = 0;
            while first < region.length {
                let left = region.length - first;
                if left >= BLOCK {
                    // SAFETY: rule 6: this call runs all items; the block lies in the region.
                    scan(unsafe { &mut *region.element(first).cast() }, BLOCK, combine);
                } else {
                    // SAFETY: as above.
                    let rest = unsafe { core::slice::from_raw_parts_mut(region.element(first), left) };
                    let mut block = [rest[0]; BLOCK];
                    block[..left].copy_from_slice(rest);
                    scan(&mut block, left, combine);
                    rest.copy_from_slice(&block[..left]);
                }
                first += BLOCK;
            }
        });
        workgroup.barrier();
    } else {
        let mut distance = 1;
        while distance < BLOCK {
            values.rewrite(workgroup, |item, values| {
                let number = item.local_index();
                if number % BLOCK >= distance {
                    combine(values[number - distance], values[number])
                } else {
                    values[number]
                }
            });
            distance *= 2;
        }
    }
}

/// Scans the first `count` values of a block.
#[inline(always)]
fn scan<T: LdsElement>(values: &mut [T; BLOCK], count: usize, combine: &impl Fn(T, T) -> T) {
    let mut distance = 1;
    while distance < BLOCK {
        let before = *values;
        let mut number = distance;
        while number < BLOCK && number < count {
            values[number] = combine(before[number - distance], before[number]);
            number += 1;
        }
        distance *= 2;
    }
}

#[inline(always)]
fn in_waves<'w, T: LdsElement, const D: usize>(
    workgroup: &'w Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
    exclusive: bool,
) -> (Private<'w, T>, T) {
    if waves::is_one(workgroup) {
        // SAFETY: rule 4: the wave is the group, and each item's value is used in item scope. It combines its blocks as is done
        // below.
        let (own, all) = unsafe {
            workgroup.in_own_wave(|wave| {
                let values = wave.varying_or(identity, value);
                let (own, all) = if exclusive {
                    wave.exclusive_scan(identity, &values, combine)
                } else {
                    wave.inclusive_scan(&values, combine)
                };
                (own.own(), all)
            })
        };
        // SAFETY: rule 4: a scan has a value for each item.
        return (workgroup.private_with(|_| unsafe { own.assume_init() }), all);
    }
    let items = workgroup.items();
    // SAFETY: rule 4: what each item has differs, and is used in item scope or as that of its block.
    let (scanned, own) = unsafe {
        workgroup.in_own_wave(|wave| {
            let values = wave.varying_or(identity, value);
            let scanned = wave.scan_blocks(wave.lanes(), values.own(), &combine);
            (scanned, if exclusive { wave.before(scanned, 1) } else { scanned })
        })
    };
    // SAFETY: rule 5: as in `in_lds`.
    let mut ends = unsafe { Lds::temporary::<BLOCK, D>(workgroup) };
    let ends_block = |number: usize| number % BLOCK == BLOCK - 1 || number == items - 1;
    let mut ends = waves::filled(workgroup, &mut ends, ends_block, scanned);
    let count = ends.len();
    // Of the first block, nobody uses it.
    let block_before = |item: LocalItem<'_, D>| (item.local_index() / BLOCK).saturating_sub(1);
    let (before, all) = if waves::have_lanes(workgroup, count) {
        // SAFETY: rule 4: all waves scan the same values, in the same order; they have that many lanes. What each item takes of
        // them is used in item scope.
        unsafe {
            workgroup.in_own_wave(|wave| {
                let blocks = wave.scan_blocks(count, waves::of_lanes(wave, &ends).own(), &combine);
                (wave.gather(blocks, block_before), wave.read_lane(blocks, count - 1))
            })
        }
    } else {
        // SAFETY: rule 4: it is used in item scope. The first wave has that many lanes.
        let blocks = unsafe {
            workgroup.in_own_wave(|wave| {
                let own = waves::of_lanes(wave, &ends).own();
                if wave.index() == 0 { wave.scan_blocks(count, own, &combine) } else { own }
            })
        };
        // SAFETY: rule 4: all items have a value; those of the first wave, which all that have an element are, a scanned one.
        ends.update(workgroup, |_, value| *value = unsafe { blocks.assume_init() });
        // SAFETY: rule 4: it is used in item scope.
        let before = unsafe { workgroup.in_own_wave(|wave| wave.varying(|item| ends[block_before(item)]).own()) };
        (before, ends[count - 1])
    };
    let own = workgroup.private_with(|item| {
        let (block, is_first) = (item.local_index() / BLOCK, item.local_index().is_multiple_of(BLOCK));
        // SAFETY: rule 4: the first of a block have no value of their own if it is that of the item before, and those of the first
        // block none of blocks before.
        unsafe {
            match (exclusive && is_first, block > 0) {
                (true, true) => before.assume_init(),
                (true, false) => identity,
                (false, true) => combine(before.assume_init(), own.assume_init()),
                (false, false) => own.assume_init(),
            }
        }
    });
    (own, all)
}
