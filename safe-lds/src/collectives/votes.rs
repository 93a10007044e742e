//! Conditions: waves vote, and what they have counted is added.

use geobacter_lang::{Item, Workgroup};

use super::{
    reduce,
    waves::{self, BLOCK},
};

#[inline(always)]
pub(super) fn count<const D: usize>(
    workgroup: &Workgroup<'_, D>,
    condition: impl Fn(Item<'_, D>) -> bool + Sync,
) -> u32 {
    if !waves::are_wide(workgroup) {
        return reduce::reduce(workgroup, 0, |item| u32::from(condition(item)), u32::wrapping_add);
    }
    // SAFETY: rule 5: for this call, and `in_waves` uses LDS that all collectives share.
    in_waves(&unsafe { workgroup.copy() }, condition)
}

/// A function of its own, as [`reduce`]'s is.
#[inline(never)]
fn in_waves<const D: usize>(workgroup: &Workgroup<'_, D>, condition: impl Fn(Item<'_, D>) -> bool + Sync) -> u32 {
    // SAFETY: rule 4: what it counts is for the group if it is the group, and else only added.
    let wave = unsafe { workgroup.own_wave() };
    if waves::is_one(workgroup) {
        return wave.count(&wave.varying_or(false, condition));
    }
    let votes = wave.ballot(&wave.varying_or(false, condition));
    // Those of the item's block.
    let own = wave.varying(|item| ((votes >> (item.lane() / BLOCK * BLOCK)) as u32).count_ones()).own();
    waves::combined(workgroup, own, u32::wrapping_add)
}
