//! Reduction as a tree: with each step, the second half of the values is combined into the first.

use geobacter_lang::{Item, Workgroup};

use super::value_or;
use crate::{lds::Lds, shape::LdsElement};

#[inline(always)]
pub(super) fn reduce<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> T {
    // SAFETY: rule 5: the only one in this function, which ends before any other collective begins: item scope cannot reach a
    // `Workgroup`.
    let mut values = unsafe { Lds::temporary(workgroup) };
    let mut values = values.fill(workgroup, value_or(identity, value));
    let mut length = workgroup.items();
    while length > 1 {
        let half = length.div_ceil(2);
        let (mut first, mut second) = values.split_at(half);
        let (second, _) = second.split_at(length - half);
        // Of an odd number of values, the middle one has no partner.
        let (mut paired, _) = first.split_at(length - half);
        paired.update(workgroup, |item, value| *value = combine(*value, second[item.local_index()]));
        length = half;
    }
    values[0]
}
