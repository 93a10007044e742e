//! Which lane and register hold which element of a matrix.
//!
//! One rule covers all generations. A matrix is a bundle of *lines*: rows of A, columns of B, C and D. Lines stand side by
//! side in lanes. *Along* a line (k for A and B, the row for C and D) elements are dealt to groups of lanes in runs: a run
//! to the first group, the next one to the second group, and so on around; what a lane gets it keeps one behind the other
//! in its registers. Independent blocks stand side by side in lanes as far as these reach, then one behind the other.
//!
//! What differs between instructions are the numbers:
//!
//! | | lines | run | groups |
//! |---|---|---|---|
//! | CDNA: A, B | 4, 16, 32 | all that a lane holds | what is left of 64 lanes |
//! | CDNA: C, D | 4, 16, 32 | 4; 1 for f64 | what is left of 64 lanes |
//! | RDNA 3: A, B | 16 | all | 1; the other lanes hold copies |
//! | RDNA 3: C, D | 16 | 1 | lanes / 16 |
//! | RDNA 4: A, B | 16 | see [`Layout::rdna4_input`] | lanes / 16 |
//! | RDNA 4: C, D | 16 | all | lanes / 16 |
//!
//! References: *CDNA 3 ISA*, section 7.1.4 "Dense matrix layouts", which has the formulas, and 7.1.5 for sparse ones;
//! *RDNA 3 ISA*, section 7.9 "Wave matrix multiply accumulate"; *RDNA 4 ISA*, section 7.12, whose tables the numbers of
//! RDNA 4 sum up. AMD's *Matrix Instruction Calculator* prints the same for CDNA and RDNA 3.

/// Where an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The register, counted from the operand's first.
    pub register: u16,
    /// The lane.
    pub lane: u16,
    /// The element's lowest bit in the register.
    pub bit: u16,
    /// Which of the lane's elements it is.
    pub slot: u16,
}

/// How a matrix lies in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Lines of a block.
    lines: usize,
    /// Blocks that lie side by side in the lanes.
    across: usize,
    /// Elements that a lane holds of one block.
    depth: usize,
    /// Elements along a line that lie in one lane, one behind the other.
    run: usize,
    /// Groups of lanes that the runs are dealt to.
    groups: usize,
    /// Whether the second and the third of four groups have changed places.
    swapped: bool,
    /// Bits that an element takes.
    bits: usize,
    /// Where in these bits it is.
    offset: u16,
}

impl Layout {
    /// A and B of CDNA: `lines` rows of A or columns of B, `length` elements of k.
    pub fn cdna_input(lines: usize, length: usize, blocks: usize, bits: usize) -> Self {
        let groups = 64 / (lines * blocks);
        let run = length / groups;
        Self { lines, across: blocks, depth: run, run, groups, swapped: false, bits, offset: 0 }
    }

    /// C and D of CDNA.
    pub fn cdna_result(rows: usize, columns: usize, bits: usize) -> Self {
        let run: usize = if bits == 64 { 1 } else { 4 };
        // A block of 4 rows and columns fills 4 of its 16 parts of a register: then blocks share registers.
        let across = (64 * run).div_ceil(rows * columns);
        let groups = 64 / (columns * across);
        let depth = rows / groups;
        Self { lines: columns, across, depth, run, groups, swapped: false, bits, offset: 0 }
    }

    /// A and B of RDNA 3: the first 16 lanes hold all of it, the other ones copies.
    pub fn rdna3_input(length: usize, bits: usize) -> Self {
        Self { lines: 16, across: 1, depth: length, run: length, groups: 1, swapped: false, bits, offset: 0 }
    }

    /// C and D of RDNA 3. Results of 16 bits take one half of a register.
    pub fn rdna3_result(lanes: usize, high: bool) -> Self {
        let (groups, offset) = (lanes / 16, if high { 16 } else { 0 });
        Self { lines: 16, across: 1, depth: 16 / groups, run: 1, groups, swapped: false, bits: 32, offset }
    }

    /// A and B of RDNA 4, of which a lane holds `depth` elements. `run` is the most of a line that a lane holds in one
    /// piece: 8 for dense matrices; for sparse ones 4 of A and 8 of B if they are of 16 bits, else 8 and 16.
    pub fn rdna4_input(length: usize, bits: usize, depth: usize, run: usize, sparse: bool) -> Self {
        let groups = length / depth;
        let swapped = groups == 4 && (bits == 4 || bits == 8 && sparse);
        Self { lines: 16, across: 1, depth, run: run.min(depth), groups, swapped, bits, offset: 0 }
    }

    /// C and D of RDNA 4.
    pub fn rdna4_result(lanes: usize, bits: usize) -> Self {
        let (groups, depth) = (lanes / 16, 256 / lanes);
        Self { lines: 16, across: 1, depth, run: depth, groups, swapped: groups == 4, bits, offset: 0 }
    }

    /// Elements that a lane holds of one block.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Registers that `blocks` blocks take.
    pub fn registers(&self, blocks: usize) -> usize {
        (self.depth * blocks.div_ceil(self.across) * self.bits).div_ceil(32)
    }

    /// Where the element is that is at `along` of a block's `line`.
    pub fn place(&self, block: usize, line: usize, along: usize) -> Place {
        let mut group = along / self.run % self.groups;
        if self.swapped {
            group = (group & 1) << 1 | group >> 1;
        }
        let slot = block / self.across * self.depth + along / (self.run * self.groups) * self.run + along % self.run;
        let lane = line + self.lines * (block % self.across + self.across * group);
        let bit = slot * self.bits;
        Place {
            register: (bit / 32) as u16,
            lane: lane as u16,
            bit: (bit % 32) as u16 + self.offset,
            slot: slot as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// No two elements share a place, and all lie in the registers that the layout claims.
    fn fills(layout: Layout, blocks: usize, lines: usize, length: usize) {
        let mut seen = HashSet::new();
        for (block, line, along) in
            (0..blocks).flat_map(|b| (0..lines).flat_map(move |l| (0..length).map(move |a| (b, l, a))))
        {
            let place = layout.place(block, line, along);
            assert!(usize::from(place.register) < layout.registers(blocks) && place.lane < 64, "{layout:?}: {place:?}");
            assert!(seen.insert((place.register, place.lane, place.bit)), "{layout:?}: {place:?} twice");
        }
    }

    #[test]
    fn every_element_has_a_place_of_its_own() {
        for (size, blocks) in [(32, 1), (32, 2), (16, 1), (16, 4), (4, 16)] {
            fills(Layout::cdna_result(size, size, 32), blocks, size, size);
        }
        fills(Layout::cdna_result(16, 16, 64), 1, 16, 16);
        fills(Layout::cdna_result(4, 4, 64), 4, 4, 4);
        for (lines, length, blocks, bits) in [
            (32, 8, 1, 16),
            (32, 4, 2, 16),
            (4, 4, 16, 16),
            (16, 64, 1, 8),
            (16, 4, 1, 64),
            (4, 4, 4, 64),
            (4, 1, 16, 32),
        ] {
            fills(Layout::cdna_input(lines, length, blocks, bits), blocks, lines, length);
        }
        for lanes in [32, 64] {
            fills(Layout::rdna3_result(lanes, true), 1, 16, 16);
            fills(Layout::rdna4_result(lanes, 32), 1, 16, 16);
            fills(Layout::rdna4_result(lanes, 16), 1, 16, 16);
            for (length, bits, run, sparse) in
                [(16, 16, 8, false), (32, 4, 8, false), (32, 16, 8, true), (32, 8, 16, true), (64, 4, 16, true)]
            {
                fills(Layout::rdna4_input(length, bits, length * 16 / lanes, run, sparse), 1, 16, length);
            }
        }
    }
}
