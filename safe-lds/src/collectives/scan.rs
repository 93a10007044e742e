//! Scans by raking, as GPU libraries have them: one item scans a row of elements after the other, the rows' last elements are
//! scanned in the same way, and what lies before a row is combined with its elements. Few barriers, and little more work
//! than a sequential scan, which matters on the host.

use geobacter_lang::{Item, Private, Workgroup};

use super::value_or;
use crate::{filled::Filled, lds::Lds, shape::LdsElement};

/// Elements that one item scans after the other.
const ROW: usize = 16;

#[inline(always)]
pub(super) fn inclusive<'w, T: LdsElement, const D: usize>(
    workgroup: &'w Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> (Private<'w, T>, T) {
    scanned(workgroup, identity, value, combine, |sums, number| sums[number])
}

#[inline(always)]
pub(super) fn exclusive<'w, T: LdsElement, const D: usize>(
    workgroup: &'w Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
) -> (Private<'w, T>, T) {
    scanned(workgroup, identity, value, combine, |sums, number| if number == 0 { identity } else { sums[number - 1] })
}

/// What `own` makes, for each item, of the inclusive scan and the item's number; and the combination of all values.
#[inline(always)]
fn scanned<'w, T: LdsElement, const D: usize>(
    workgroup: &'w Workgroup<'_, D>,
    identity: T,
    value: impl Fn(Item<'_, D>) -> T + Sync,
    combine: impl Fn(T, T) -> T + Sync,
    own: impl Fn(&[T], usize) -> T + Sync,
) -> (Private<'w, T>, T) {
    // SAFETY: rule 5: the only one in this function, which ends before any other collective begins: item scope cannot reach a
    // `Workgroup`.
    let mut values = unsafe { Lds::temporary(workgroup) };
    let mut values = values.fill(workgroup, value_or(identity, value));
    steps(workgroup, &mut values, combine);
    (workgroup.private_with(|item| own(&values, item.local_index())), values[workgroup.items() - 1])
}

#[inline(always)]
fn steps<T: LdsElement, const D: usize>(
    workgroup: &Workgroup<'_, D>,
    values: &mut Filled<'_, [T]>,
    combine: impl Fn(T, T) -> T + Sync,
) {
    let region = values.region();
    // Element number `n` of a level is the last of the `stride` elements that it stands for.
    let at = |number: usize, stride: usize| region.element((number + 1) * stride - 1);
    let mut stride = 1;
    while region.length / stride > 1 {
        let count = region.length / stride;
        workgroup.barrier();
        region.share_out(workgroup, count.div_ceil(ROW), |row| {
            let first = row * ROW;
            let last = if first + ROW < count { first + ROW } else { count };
            // SAFETY: rule 6: a row is one item's in this phase; its elements lie in the region.
            let mut up_to = unsafe { at(first, stride).read() };
            for number in first + 1..last {
                // SAFETY: as above.
                unsafe {
                    up_to = combine(up_to, at(number, stride).read());
                    at(number, stride).write(up_to);
                }
            }
        });
        workgroup.barrier();
        stride *= ROW;
    }
    while stride > 1 {
        stride /= ROW;
        let count = region.length / stride;
        let add = |row: usize, number: usize| {
            // SAFETY: rule 6: a row's last element is only read in this phase, and each other is one item's.
            unsafe {
                let before = at(row - 1, stride * ROW).read();
                at(number, stride).write(combine(before, at(number, stride).read()));
            }
        };
        workgroup.barrier();
        if workgroup.is_sequential() {
            workgroup.for_all_items(|| {
                for row in 1..count.div_ceil(ROW) {
                    let first = row * ROW;
                    // The last of a whole row is on the level above, and done.
                    let last = if first + ROW <= count { first + ROW - 1 } else { count };
                    for number in first..last {
                        add(row, number);
                    }
                }
            });
        } else {
            region.share_out(workgroup, count, |number| {
                let row = number / ROW;
                if row > 0 && number % ROW != ROW - 1 {
                    add(row, number);
                }
            });
        }
        workgroup.barrier();
    }
}
