//! Data-parallel primitives: a source that comes from another lane (*CDNA 3 ISA*, section 6.5 "Data Parallel
//! Processing").

use super::{step::DecodeError, text::Parsed};
use crate::machine::wave::LANES;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    QuadPerm([u8; 4]),
    RowShl(u8),
    RowShr(u8),
    RowRor(u8),
    WaveShl,
    WaveRol,
    WaveShr,
    WaveRor,
    RowMirror,
    RowHalfMirror,
    RowBcast15,
    RowBcast31,
    RowNewBcast(u8),
    RowXmask(u8),
    /// Each lane of eight has its own.
    Eight([u8; 8]),
}

/// Which lane each lane reads, and which lanes write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dpp {
    control: Control,
    row_mask: u8,
    bank_mask: u8,
    bound_control: bool,
    /// Whether lanes that are not active are read.
    fetch_inactive: bool,
}

impl Dpp {
    /// What the instruction's modifiers say; `None` if it is no DPP instruction.
    ///
    /// # Errors
    /// If a modifier's value makes no sense.
    pub fn of(parsed: &Parsed) -> Result<Option<Self>, DecodeError> {
        let error = || DecodeError::new(parsed, "a DPP modifier is not understood");
        let number = |name: &str| parsed.number(name).and_then(|n| u8::try_from(n).ok()).ok_or_else(error);
        let has = |name: &str| parsed.flag(name);
        let lanes = |list: &str| -> Vec<u8> {
            let list = list.trim_start_matches('[').trim_end_matches(']');
            list.split(',').filter_map(|n| n.trim().parse().ok()).collect()
        };
        let control = if let Some(list) = parsed.modifier("quad_perm") {
            Control::QuadPerm(lanes(list).try_into().map_err(|_| error())?)
        } else if has("row_shl") {
            Control::RowShl(number("row_shl")?)
        } else if has("row_shr") {
            Control::RowShr(number("row_shr")?)
        } else if has("row_ror") {
            Control::RowRor(number("row_ror")?)
        } else if has("wave_shl") {
            Control::WaveShl
        } else if has("wave_rol") {
            Control::WaveRol
        } else if has("wave_shr") {
            Control::WaveShr
        } else if has("wave_ror") {
            Control::WaveRor
        } else if has("row_mirror") {
            Control::RowMirror
        } else if has("row_half_mirror") {
            Control::RowHalfMirror
        } else if has("row_bcast") {
            match number("row_bcast")? {
                15 => Control::RowBcast15,
                31 => Control::RowBcast31,
                _ => return Err(error()),
            }
        } else if has("row_newbcast") {
            Control::RowNewBcast(number("row_newbcast")? & 15)
        } else if has("row_share") {
            Control::RowNewBcast(number("row_share")? & 15)
        } else if has("row_xmask") {
            Control::RowXmask(number("row_xmask")? & 15)
        } else if let Some(list) = parsed.modifier("dpp8") {
            Control::Eight(lanes(list).try_into().map_err(|_| error())?)
        } else {
            return Ok(None);
        };
        let mask = |name: &str| match parsed.modifier(name) {
            None => Ok(15),
            Some(_) => number(name),
        };
        // With eight lanes, one that is not active gives 0.
        let bound_control = has("bound_ctrl") || matches!(control, Control::Eight(_));
        let fetch_inactive = number("fi")? != 0;
        let (row_mask, bank_mask) = (mask("row_mask")?, mask("bank_mask")?);
        Ok(Some(Self { control, row_mask, bank_mask, bound_control, fetch_inactive }))
    }

    /// The lane that `lane` reads; `None` if there is none.
    fn lane(&self, lane: usize) -> Option<usize> {
        let (row, at) = (lane & !15, lane & 15);
        let shifted = |by: isize| {
            let to = at as isize + by;
            (0..16).contains(&to).then(|| row + to as usize)
        };
        match self.control {
            Control::QuadPerm(lanes) => Some((lane & !3) + usize::from(lanes[lane & 3] & 3)),
            Control::RowShl(n) => shifted(isize::from(n)),
            Control::RowShr(n) => shifted(-isize::from(n)),
            Control::RowRor(n) => Some(row + (at + 16 - usize::from(n & 15)) % 16),
            Control::WaveShl => (lane + 1 < LANES).then_some(lane + 1),
            Control::WaveRol => Some((lane + 1) % LANES),
            Control::WaveShr => lane.checked_sub(1),
            Control::WaveRor => Some((lane + LANES - 1) % LANES),
            Control::RowMirror => Some(row + 15 - at),
            Control::RowHalfMirror => Some((lane & !7) + 7 - (lane & 7)),
            // The last lane of each row goes to the whole next row; rows 0 has none before it.
            Control::RowBcast15 => row.checked_sub(1),
            // Lane 31 goes to rows 2 and 3.
            Control::RowBcast31 => (lane >= 32).then_some(31),
            Control::RowNewBcast(n) => Some(row + usize::from(n)),
            Control::RowXmask(mask) => Some(row + (at ^ usize::from(mask))),
            Control::Eight(lanes) => Some((lane & !7) + usize::from(lanes[lane & 7] & 7)),
        }
    }

    /// The lane that `lane` reads, if it may. `None`: it reads 0, or does not write ([`mask`](Self::mask)).
    pub fn source(&self, lane: usize, exec: u64) -> Option<usize> {
        self.lane(lane).filter(|from| self.fetch_inactive || exec >> from & 1 != 0)
    }

    /// The lanes that write.
    pub fn mask(&self, exec: u64) -> u64 {
        (0..LANES)
            .filter(|&lane| {
                let (row, bank) = (lane / 16, lane / 4 % 4);
                self.row_mask >> row & 1 != 0
                    && self.bank_mask >> bank & 1 != 0
                    && (self.bound_control || self.source(lane, exec).is_some())
            })
            .fold(0, |mask, lane| mask | 1 << lane)
            & exec
    }
}
