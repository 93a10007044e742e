//! How the collectives use waves: each combines what its lanes have, and LDS holds one value for each block of 32 lanes, which
//! every wave then combines to the same.

use core::mem::MaybeUninit;

use geobacter_lang::{Varying, Wave, Workgroup};

use crate::{filled::Filled, lds::Lds, shape::LdsElement};

/// Lanes that every GPU's wave has. A group has at most as many blocks of as many items.
pub(super) const BLOCK: usize = 32;

/// Whether a call runs one item, and waves consist of whole blocks.
#[inline(always)]
pub(super) fn are_wide<const D: usize>(workgroup: &Workgroup<'_, D>) -> bool {
    !workgroup.is_sequential() && workgroup.wave_size() as usize >= BLOCK
}

/// Whether the group is one wave, so that what the wave has is for the whole group.
#[inline(always)]
pub(super) fn is_one<const D: usize>(workgroup: &Workgroup<'_, D>) -> bool {
    workgroup.items() <= workgroup.wave_size() as usize
}

/// Combines, for the whole group, what the first item of each block has: its value is there.
///
/// Where waves [are wide](are_wide).
#[inline(always)]
pub(super) fn combined<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    own: MaybeUninit<T>,
    combine: impl Fn(T, T) -> T + Sync,
) -> T {
    // SAFETY: rule 5: the only one in this function, which ends before any other collective begins: item scope cannot reach a
    // `Workgroup`.
    let mut values = unsafe { Lds::temporary::<BLOCK, D>(workgroup) };
    let mut values = filled(workgroup, &mut values, |number| number.is_multiple_of(BLOCK), own);
    let count = values.len();
    // SAFETY: rule 4: what it combines is the same in all waves, or used in item scope.
    let wave = unsafe { workgroup.own_wave() };
    if have_lanes(workgroup, count) {
        // SAFETY: rule 4: there are that many lanes.
        return unsafe { wave.reduce_first(count, &of_lanes(&wave, &values), combine) };
    }
    let mut all = None;
    if wave.index() == 0 {
        // SAFETY: rule 4: the first wave has that many lanes.
        all = Some(unsafe { wave.reduce_first(count, &of_lanes(&wave, &values), combine) });
    }
    values.update(workgroup, |item, value| {
        if let (0, Some(all)) = (item.local_index(), all) {
            *value = all;
        }
    });
    values[0]
}

/// To each lane the value with its number; any of the others where there is none.
#[inline(always)]
pub(super) fn of_lanes<'s, T: LdsElement, const D: usize>(wave: &'s Wave<'_, D>, values: &[T]) -> Varying<'s, T> {
    wave.varying(|item| values[if item.lane() < values.len() { item.lane() } else { 0 }])
}

/// Whether all of a group's waves have so many lanes. The last has fewer than the others if the group is no multiple of a wave.
#[inline(always)]
pub(super) fn have_lanes<const D: usize>(workgroup: &Workgroup<'_, D>, count: usize) -> bool {
    let last = workgroup.items() % workgroup.wave_size() as usize;
    last == 0 || last >= count
}

/// Fills LDS with an element for each block: what the item of it has that `gives` chooses by its number.
#[inline(always)]
pub(super) fn filled<'l, T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    values: &'l mut Lds<'_, [T]>,
    gives: impl Fn(usize) -> bool + Sync,
    own: MaybeUninit<T>,
) -> Filled<'l, [T]> {
    let region = values.region();
    workgroup.barrier();
    workgroup.each_local(|item| {
        let number = item.local_index();
        if gives(number) {
            // SAFETY: rule 6: in this phase the element is this item's, and the region has one for each of these.
            unsafe { region.element(number / BLOCK).cast::<MaybeUninit<T>>().write(own) };
        }
    });
    workgroup.barrier();
    workgroup.end_unless_complete::<T>();
    // SAFETY: rule 6: every element was just written, and the phase is over.
    unsafe { Filled::new(region) }
}
