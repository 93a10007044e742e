//! From what an instruction or a check knows to a report that names kernel, item and place in the source.

use super::{
    check::Violation,
    dispatch::Dispatch,
    fault::{AccessReport, FaultKind, FaultPlace, FaultReport, Trap},
    wave::Wave,
    workgroup::{Env, item},
};

/// The report of a fault of this wave.
pub fn trap(dispatch: &Dispatch<'_>, env: &Env<'_>, wave: &Wave, trap: Trap, group: [u32; 3]) -> Box<FaultReport> {
    let mut report = match &trap.violation {
        Some(found) => violation(dispatch, env, found),
        None => Box::new(FaultReport {
            site: env.code.site(wave.ip),
            group,
            item: trap.lane.map(|lane| item(wave.first_item + lane, dispatch.extent(group))),
            address: trap.address,
            ..FaultReport::refused(trap.kind, &dispatch.kernel, trap.detail)
        }),
    };
    report.lane = trap.lane;
    report
}

/// The report of what a check has found.
pub fn violation(dispatch: &Dispatch<'_>, env: &Env<'_>, found: &Violation) -> Box<FaultReport> {
    let what = match found.kind {
        FaultKind::UninitializedRead => "no work-item of the group has written what is read",
        FaultKind::Race => "one work-item reads what another one writes, and no barrier lies between",
        _ => match found.first {
            Some((group, ..)) if group == found.last.0 => {
                "two work-items write the same bytes, and no barrier lies between"
            }
            _ => "work-items of two work-groups write the same bytes, and nothing orders work-groups",
        },
    };
    let place = if found.lds {
        Some(FaultPlace::Lds { size: u64::from(dispatch.lds_size), offset: found.at })
    } else {
        env.view.find(found.at).map(|range| FaultPlace::Allocation {
            address: range.base,
            size: range.end - range.base,
            offset: found.at - range.base,
        })
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
    let at =
        place.map_or_else(|| format!("at address {:#x}, which is free again", found.at), |place| place.to_string());
    let mut report = FaultReport::refused(found.kind, &dispatch.kernel, format!("{what}; {at}"));
    report.place = place;
    report.address = Some(found.at);
    if let Some(last) = accesses.last() {
        (report.group, report.item, report.site) = (last.group, Some(last.item), last.site.clone());
    }
    report.accesses = accesses;
    Box::new(report)
}
