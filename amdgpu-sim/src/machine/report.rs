//! From what an instruction or a check knows to a report that names kernel, item and place in the source.

use super::{
    check::{Place, Violation},
    dispatch::Dispatch,
    fault::{AccessReport, FaultKind, FaultPlace, FaultReport, Trap},
    wave::Wave,
    workgroup::{Env, item},
};

/// The report of a fault of this wave.
pub fn trap(dispatch: &Dispatch<'_>, env: &Env<'_>, wave: &Wave, trap: Trap, group: [u32; 3]) -> Box<FaultReport> {
    // Other reports say in words what is near the address.
    let known = trap.address.filter(|_| trap.kind == FaultKind::UninitializedValue).and_then(|at| allocation(env, at));
    let mut report = match &trap.violation {
        Some(found) => violation(dispatch, env, found),
        None => Box::new(FaultReport {
            site: env.code.site(wave.ip),
            group,
            item: trap.lane.map(|lane| item(wave.first_item + lane, dispatch.extent(group))),
            address: trap.address,
            place: trap.place.or(known),
            ..FaultReport::refused(trap.kind, &dispatch.kernel, trap.detail)
        }),
    };
    report.lane = trap.lane;
    report
}

/// The live memory that holds an address.
fn allocation(env: &Env<'_>, at: u64) -> Option<FaultPlace> {
    let range = env.view.find(at)?;
    Some(FaultPlace::Allocation { address: range.base, size: range.end - range.base, offset: at - range.base })
}

/// The report of what a check has found.
pub fn violation(dispatch: &Dispatch<'_>, env: &Env<'_>, found: &Violation) -> Box<FaultReport> {
    let one_group = found.first.is_none_or(|(group, ..)| group == found.last.0);
    let what = match (&found.detail, found.kind) {
        (Some(detail), _) => detail.as_str(),
        (None, FaultKind::UninitializedRead) => match found.place {
            Place::Lds(_) => "no work-item of the group has written what is read",
            _ => "neither a kernel nor a copy has written what is read",
        },
        (None, FaultKind::Race) if one_group => {
            "one work-item reads what another one writes, and no barrier lies between"
        }
        (None, FaultKind::Race) => {
            "a work-item reads what one of another work-group writes, and nothing orders the two work-groups"
        }
        (None, _) if one_group => "two work-items write the same bytes, and no barrier lies between",
        (None, _) => "work-items of two work-groups write the same bytes, and nothing orders work-groups",
    };
    let (place, at) = match found.place {
        Place::Lds(offset) => (Some(FaultPlace::Lds { size: u64::from(dispatch.lds_size), offset }), Some(offset)),
        Place::Memory(at) => (allocation(env, at), Some(at)),
        Place::Nowhere => (None, None),
    };
    let accesses: Vec<_> = found
        .first
        .into_iter()
        .chain([found.last])
        .map(|(number, record, kind)| {
            let group = dispatch.group(number);
            AccessReport {
                kind,
                group,
                item: item(record.item, dispatch.extent(group)),
                site: env.code.site(record.ip),
            }
        })
        .collect();
    let detail = match (place, at) {
        (Some(place), _) => format!("{what}; {place}"),
        (None, Some(at)) => format!("{what}; at address {at:#x}, which is free again"),
        (None, None) => what.to_owned(),
    };
    let mut report = FaultReport::refused(found.kind, &dispatch.kernel, detail);
    (report.place, report.address) = (place, at);
    if let Some(last) = accesses.last() {
        (report.group, report.item, report.site) = (last.group, Some(last.item), last.site.clone());
    }
    report.accesses = accesses;
    Box::new(report)
}
