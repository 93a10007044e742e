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
    if waves::is_one(workgroup) {
        // SAFETY: rule 4: the wave is the group.
        return unsafe { workgroup.in_own_wave(|wave| wave.count(&wave.varying_or(false, condition))) };
    }
    // SAFETY: rule 4: what each block has counted differs, and is only added.
    let own = unsafe {
        workgroup.in_own_wave(|wave| {
            let votes = wave.ballot(&wave.varying_or(false, condition));
            // Those of its block.
            wave.varying(|item| ((votes >> (item.lane() / BLOCK * BLOCK)) as u32).count_ones()).own()
        })
    };
    waves::combined(workgroup, own, u32::wrapping_add)
}
