//! Data parallel primitives: a source from another lane of the row. The chapter "DPP" of the guides.

use super::{
    inputs::Random,
    target::{Generation, Target},
    vector::Row,
    wave::Wave,
};

#[derive(Clone, Copy, Debug)]
enum Control {
    Quad([u8; 4]),
    Shift(i32),
    Rotate(u32),
    /// The whole wave by one lane; rotating or not.
    Wave(i32, bool),
    Mirror,
    HalfMirror,
    /// The last lane of the row before; of the half before.
    Broadcast(u32),
    /// One lane of the row.
    Share(u32),
    Mask(u32),
    Eight([u8; 8]),
}

/// Where the first source comes from, and which lanes are written.
#[derive(Clone, Debug)]
pub struct Dpp {
    control: Control,
    rows: u8,
    banks: u8,
    /// Whether a lane without a source has zero; otherwise it is not written.
    zero: bool,
    /// Whether lanes that are not active are sources.
    fetch_inactive: bool,
    rdna: bool,
}

impl Dpp {
    /// A random one.
    pub fn random(row: &Row, target: &Target, plain: bool, random: &mut Random) -> Self {
        let rdna = target.generation >= Generation::Gfx10;
        let n = 1 + random.below(15) as u32;
        let wide = row.from[0].words() == 2 || row.to.words() == 2;
        let control = match random.below(12) {
            _ if wide && !rdna => Control::Share(n),
            _ if plain => Control::Quad([3, 2, 1, 0]),
            0 | 1 => Control::Quad(std::array::from_fn(|_| random.below(4) as u8)),
            2 => Control::Shift(n as i32),
            3 => Control::Shift(-(n as i32)),
            4 => Control::Rotate(n),
            5 => Control::Mirror,
            6 => Control::HalfMirror,
            7 if !rdna => Control::Wave(random.pick(&[1, -1]), random.one_in(2)),
            8 if !rdna => Control::Broadcast(random.pick(&[15, 31])),
            9 if !rdna => Control::Share(n),
            _ if rdna => random.pick(&[Control::Share(n), Control::Mask(n)]),
            _ => Control::Rotate(n),
        };
        let part = |random: &mut Random| if plain || random.one_in(2) { 15 } else { random.below(16) as u8 };
        Self {
            control,
            rows: part(random),
            banks: part(random),
            zero: plain || random.one_in(2),
            fetch_inactive: rdna && !plain && random.one_in(3),
            rdna,
        }
    }

    /// A random one of eight lanes.
    pub fn random_eight(random: &mut Random) -> Self {
        let control = Control::Eight(std::array::from_fn(|_| random.below(8) as u8));
        Self { control, rows: 15, banks: 15, zero: true, fetch_inactive: random.one_in(2), rdna: true }
    }

    /// Has it write every lane.
    pub fn write_all(&mut self) {
        (self.rows, self.banks, self.zero) = (15, 15, true);
    }

    /// As the assembler has it.
    pub fn text(&self) -> String {
        let list = |lanes: &[u8]| lanes.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        let control = match self.control {
            Control::Quad(lanes) => format!("quad_perm:[{}]", list(&lanes)),
            Control::Shift(by) if by > 0 => format!("row_shl:{by}"),
            Control::Shift(by) => format!("row_shr:{}", -by),
            Control::Rotate(by) => format!("row_ror:{by}"),
            Control::Wave(by, rotates) => {
                let kind = if rotates { "ro" } else { "sh" };
                format!("wave_{kind}{}:1", if by > 0 { "l" } else { "r" })
            }
            Control::Mirror => "row_mirror".to_owned(),
            Control::HalfMirror => "row_half_mirror".to_owned(),
            Control::Broadcast(lane) => format!("row_bcast:{lane}"),
            Control::Share(lane) if self.rdna => format!("row_share:{lane}"),
            Control::Share(lane) => format!("row_newbcast:{lane}"),
            Control::Mask(mask) => format!("row_xmask:{mask}"),
            Control::Eight(lanes) => {
                let inactive = if self.fetch_inactive { " fi:1" } else { "" };
                return format!(" dpp8:[{}]{inactive}", list(&lanes));
            }
        };
        let zero = if self.zero { " bound_ctrl:1" } else { "" };
        let inactive = if self.fetch_inactive { " fi:1" } else { "" };
        format!(" {control} row_mask:{:#x} bank_mask:{:#x}{zero}{inactive}", self.rows, self.banks)
    }

    /// The lane that this one's source is of, active or not.
    fn from(&self, lane: usize, lanes: usize) -> Option<usize> {
        let (row, at) = (lane & !15, (lane & 15) as i32);
        let within = |at: i32| (0..16).contains(&at).then(|| row + at as usize);
        match self.control {
            Control::Quad(order) => Some(lane & !3 | usize::from(order[lane & 3])),
            // Shifting left, a lane has what a higher one had.
            Control::Shift(by) => within(at + by),
            Control::Rotate(by) => within((at + 16 - by as i32) % 16),
            Control::Wave(by, rotates) => {
                let from = lane as i32 + by;
                let lanes = lanes as i32;
                (rotates || (0..lanes).contains(&from)).then(|| ((from + lanes) % lanes) as usize)
            }
            Control::Mirror => within(15 - at),
            Control::HalfMirror => Some(lane & !7 | (7 - (lane & 7))),
            // The first rows have no row before.
            Control::Broadcast(15) => (lane >= 16).then(|| row - 1),
            Control::Broadcast(_) => (lane >= 32).then_some(31),
            Control::Share(from) => within(from as i32),
            Control::Mask(mask) => within(at ^ mask as i32),
            Control::Eight(order) => Some(lane & !7 | usize::from(order[lane & 7])),
        }
    }

    /// The lane that this one's source is of; nothing if there is none, and the source is zero.
    pub fn source(&self, wave: &Wave, lane: usize) -> Option<usize> {
        let from = self.from(lane, wave.target.lanes)?;
        (self.fetch_inactive || wave.is_active(from)).then_some(from)
    }

    /// Whether a lane's result is written.
    pub fn writes(&self, wave: &Wave, lane: usize) -> bool {
        let chosen = self.rows >> (lane / 16) & 1 == 1 && self.banks >> (lane % 16 / 4) & 1 == 1;
        chosen && (self.zero || self.source(wave, lane).is_some())
    }
}
