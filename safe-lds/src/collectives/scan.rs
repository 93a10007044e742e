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
        // SAFETY: rule 5: for this call, and `in_waves` uses LDS that all collectives share.
        return in_waves(unsafe { workgroup.copy() }, identity, value, combine, false);
    }
    in_lds(workgroup, identity, value, &combine, |number, scanned| scanned[number])
}

#[inline(always)]
pub(super) fn exclusive<'w, T: LdsElement, const D: usize>(
    workgroup: &'w Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> (Private<'w, T>, T) {
    if waves::are_wide(workgroup) {
        // SAFETY: rule 5: for this call, and `in_waves` uses LDS that all collectives share.
        return in_waves(unsafe { workgroup.copy() }, identity, value, combine, true);
    }
    in_lds(
        workgroup,
        identity,
        value,
        &combine,
        |number, scanned| if number == 0 { identity } else { scanned[number - 1] },
    )
}

/// What `own` makes, for each item, of its number and the inclusive scan; and the combination of all values.
#[inline(always)]
fn in_lds<'w, T: LdsElement, const D: usize>(
    workgroup: &'w Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: &(impl Fn(T, T) -> T + Sync),
    own: impl Fn(usize, &[T]) -> T + Sync,
) -> (Private<'w, T>, T) {
    let items = workgroup.items();
    // SAFETY: rule 5: the only one in this function, which ends before any other collective begins: item scope cannot reach a
    // `Workgroup`.
    let mut values = unsafe { Lds::temporary::<1, D>(workgroup) };
    let mut values = values.fill(workgroup, value_or(identity, value));
    scan_blocks(workgroup, &mut values, combine);
    let count = items.div_ceil(BLOCK);
    if count > 1 {
        let mut blocks = [identity; BLOCK];
        let mut block = 0;
        while block < count {
            let end = (block + 1) * BLOCK;
            blocks[block % BLOCK] = values[if end < items { end } else { items } - 1];
            block += 1;
        }
        workgroup.for_all_items(|| scan(&mut blocks, count, combine));
        join_blocks(workgroup, &mut values, &blocks, combine);
    }
    (workgroup.private_with(|item| own(item.local_index(), &values)), values[items - 1])
}

/// Whether this is the number of a block's last item.
#[inline(always)]
fn ends_block(number: usize, items: usize) -> bool {
    number % BLOCK == BLOCK - 1 || number == items - 1
}

/// Combines what all blocks before a block have with its scanned values. Its last is that of all blocks up to it: see
/// [`in_waves`].
#[inline(always)]
fn join_blocks<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    values: &mut Filled<'_, [T]>,
    blocks: &[T; BLOCK],
    combine: &(impl Fn(T, T) -> T + Sync),
) {
    if !workgroup.is_sequential() {
        let items = workgroup.items();
        values.update(workgroup, |item, value| {
            let (number, block) = (item.local_index(), item.local_index() / BLOCK);
            if ends_block(number, items) {
                *value = blocks[block % BLOCK];
            } else if block > 0 {
                *value = combine(blocks[(block - 1) % BLOCK], *value);
            }
        });
        return;
    }
    let region = values.region();
    workgroup.barrier();
    workgroup.for_all_items(|| {
        let mut first = BLOCK;
        while first < region.length {
            let left = region.length - first;
            let length = if left < BLOCK { left } else { BLOCK };
            // SAFETY: rule 6: this call runs all items; the block lies in the region.
            let values = unsafe { core::slice::from_raw_parts_mut(region.element(first), length) };
            let (before, all) = (blocks[(first / BLOCK - 1) % BLOCK], blocks[first / BLOCK % BLOCK]);
            if let Some((last, values)) = values.split_last_mut() {
                for value in values {
                    *value = combine(before, *value);
                }
                *last = all;
            }
            first += BLOCK;
        }
    });
    workgroup.barrier();
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

/// A function of its own, as [`reduce`](super::reduce)'s is.
#[inline(never)]
fn in_waves<'w, T: LdsElement, const D: usize>(
    workgroup: Workgroup<'w, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
    exclusive: bool,
) -> (Private<'w, T>, T) {
    let workgroup = &workgroup;
    // SAFETY: rule 4: what it scans is for the group if it is the group; else it is used in item scope, or as that of its block.
    let wave = unsafe { workgroup.own_wave() };
    let values = wave.varying_or(identity, value);
    if waves::is_one(workgroup) {
        // In the same order as below.
        let (own, all) = if exclusive {
            wave.exclusive_scan(identity, &values, combine)
        } else {
            wave.inclusive_scan(&values, combine)
        };
        let own = own.own();
        // SAFETY: rule 4: a scan has a value for each item.
        return (workgroup.private_with(|_| unsafe { own.assume_init() }), all);
    }
    let items = workgroup.items();
    // SAFETY: rule 4: a call runs one item, and all lanes have a value.
    let scanned = unsafe { wave.scan_blocks(wave.lanes(), values.own(), &combine) };
    let own = if exclusive { wave.before(scanned, 1) } else { scanned };
    // SAFETY: rule 5: as in `in_lds`.
    let mut ends = unsafe { Lds::temporary::<BLOCK, D>(workgroup) };
    let mut ends = waves::filled(workgroup, &mut ends, |number| ends_block(number, items), scanned);
    let count = ends.len();
    // The last item of a block has what all blocks up to it have; so what is before an item is what the item before has, and the last
    // one has what all have. Others combine what the blocks before theirs have with their own. Of the first block, nobody uses it.
    let takes_all = |number: usize| !exclusive && ends_block(number, items);
    let block_of = |item: LocalItem<'_, D>| {
        let block = item.local_index() / BLOCK;
        if takes_all(item.local_index()) { block } else { block.saturating_sub(1) }
    };
    // SAFETY: rule 4: all waves scan the same values, in the same order, or it is used in item scope.
    let wave = unsafe { workgroup.own_wave() };
    let mut blocks = waves::of_lanes(&wave, &ends).own();
    let (before, all) = if waves::have_lanes(workgroup, count) {
        // SAFETY: rule 4: there are that many lanes.
        unsafe {
            blocks = wave.scan_blocks(count, blocks, &combine);
            (wave.gather(blocks, block_of), wave.read_lane(blocks, count - 1))
        }
    } else {
        if wave.index() == 0 {
            // SAFETY: rule 4: the first wave has that many lanes.
            blocks = unsafe { wave.scan_blocks(count, blocks, &combine) };
        }
        // SAFETY: rule 4: all items have a value; those of the first wave, which all that have an element are, a scanned one.
        ends.update(workgroup, |_, value| *value = unsafe { blocks.assume_init() });
        (wave.varying(|item| ends[block_of(item)]).own(), ends[count - 1])
    };
    let own = workgroup.private_with(|item| {
        let number = item.local_index();
        let is_first = exclusive && number.is_multiple_of(BLOCK);
        // SAFETY: rule 4: the first of a block have no value of their own if it is that of the item before, and those of the first
        // block none of blocks before; the last ones of blocks have that of their block.
        unsafe {
            if is_first && number == 0 {
                identity
            } else if is_first || takes_all(number) {
                before.assume_init()
            } else if number >= BLOCK {
                combine(before.assume_init(), own.assume_init())
            } else {
                own.assume_init()
            }
        }
    });
    (own, all)
}
