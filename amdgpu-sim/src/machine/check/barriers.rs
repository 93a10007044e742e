//! Divergent barriers: those that some items of a work-group reach, and others do not.
//!
//! Hardware counts waves: a barrier lets them go on when every wave that has not ended is at some barrier. So a program
//! may seem to work in which a part of a wave's items reaches it, or one wave has ended, or two waves wait at different
//! barriers. OpenCL, HIP and SPIR-V say that all items of the work-group must reach the same barrier, and with other
//! wave sizes, or where the compiler lays the branches out in another way, such a program hangs or computes nonsense.
//!
//! Barriers of Geobacter's device language are left alone. There all items reach them, by its rules, but those that have
//! panicked; the panic is what must be reported, and the runtime does that.

use super::{AccessKind, Place, Record, Violation};
use crate::{
    isa::decode::Code,
    machine::{
        fault::{FaultKind, Trap},
        wave::Wave,
    },
};

/// What is known of a wave's barriers.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals {
    /// Lanes that the wave began with.
    lanes: u64,
    /// Barriers that it has reached.
    count: u64,
    /// Instruction of the last one.
    last: u32,
    /// Instruction that ended it.
    end: Option<u32>,
}

impl Arrivals {
    /// A wave begins, with these lanes.
    pub fn new(lanes: u64) -> Self {
        Self { lanes, count: 0, last: 0, end: None }
    }

    /// The wave has ended, by this instruction.
    pub fn end(&mut self, ip: u32) {
        self.end = Some(ip);
    }
}

impl Arrivals {
    /// The wave has reached a barrier, its instruction.
    ///
    /// # Errors
    /// If some of its items have not.
    pub fn reach(&mut self, code: &Code, wave: &Wave) -> Result<(), Box<Trap>> {
        (self.count, self.last) = (self.count + 1, wave.ip);
        let missing = self.lanes & !wave.exec();
        if missing == 0 || code.language_barriers.contains(&wave.ip) {
            return Ok(());
        }
        let (reached, all) = ((self.lanes & wave.exec()).count_ones(), self.lanes.count_ones());
        let detail = format!(
            "only {reached} of the {all} work-items of the wave are at this barrier, which all must reach; the first one \
             that is missing is named"
        );
        Err(Trap::new(FaultKind::DivergentBarrier, detail).in_lane(missing.trailing_zeros() as usize))
    }
}

/// All waves that have not ended are at a barrier. `lanes`: items of a wave.
///
/// # Errors
/// If it is not the same for all of them, or one has ended before.
pub fn meet(arrivals: &[Arrivals], lanes: u32, code: &Code, group: u64) -> Result<(), Violation> {
    let waves = || arrivals.iter().zip((0..).step_by(lanes as usize));
    let Some((there, item)) = waves().find(|(arrival, _)| arrival.end.is_none()) else { return Ok(()) };
    if code.language_barriers.contains(&there.last) {
        return Ok(());
    }
    let record = |ip, item: u32| Record { ip, item, ..Record::default() };
    let apart = |detail: &str, first, was| Violation {
        kind: FaultKind::DivergentBarrier,
        place: Place::Nowhere,
        detail: Some(detail.to_owned()),
        last: (group, record(there.last, item), AccessKind::Barrier),
        first: Some((group, first, was)),
    };
    for (arrival, item) in waves() {
        match arrival.end {
            Some(end) if arrival.count < there.count => {
                let detail = "a wave has ended without reaching a barrier that the others wait at";
                return Err(apart(detail, record(end, item), AccessKind::End));
            }
            None if arrival.last != there.last && differ(code, arrival.last, there.last) => {
                let detail = "two waves of the work-group wait at different barriers";
                return Err(apart(detail, record(arrival.last, item), AccessKind::Barrier));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether two instructions come from different lines of the source: the compiler may have made two of one.
fn differ(code: &Code, one: u32, other: u32) -> bool {
    let place = |ip| code.site(ip).location;
    place(one).zip(place(other)).is_some_and(|(one, other)| (one.file, one.line) != (other.file, other.line))
}
