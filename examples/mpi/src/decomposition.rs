//! Which cells are whose: a plate cut into a grid of blocks, one for each rank.

use std::ops::Range;

/// The block of one rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Columns of the plate's inner cells.
    pub columns: Range<usize>,
    /// Rows of the plate's inner cells.
    pub rows: Range<usize>,
    /// Ranks to the left, right, above and below; `None` at the plate's edge.
    pub neighbours: [Option<i32>; 4],
}

impl Block {
    /// The block of `rank` among `ranks`, in a plate of so many inner columns and rows.
    pub fn of(rank: i32, ranks: i32, [columns, rows]: [usize; 2]) -> Self {
        let [across, down] = blocks(ranks, columns >= rows);
        let (x, y) = (rank % across, rank / across);
        let share = |length: usize, part: i32, parts: i32| {
            let at = |part: i32| length * part as usize / parts as usize;
            at(part)..at(part + 1)
        };
        let neighbour = |x: i32, y: i32| ((0..across).contains(&x) && (0..down).contains(&y)).then_some(y * across + x);
        Self {
            columns: share(columns, x, across),
            rows: share(rows, y, down),
            neighbours: [neighbour(x - 1, y), neighbour(x + 1, y), neighbour(x, y - 1), neighbour(x, y + 1)],
        }
    }
}

/// Blocks across and down: as square as the number of ranks allows.
fn blocks(ranks: i32, wide: bool) -> [i32; 2] {
    let short = (1..=ranks).take_while(|short| short * short <= ranks).filter(|short| ranks % short == 0).last();
    let short = short.unwrap_or(1);
    if wide { [ranks / short, short] } else { [short, ranks / short] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_plate_once_and_neighbours_agree() {
        for ranks in 1..=12 {
            let size = [37, 23];
            let blocks: Vec<_> = (0..ranks).map(|rank| Block::of(rank, ranks, size)).collect();
            let cells: usize = blocks.iter().map(|block| block.columns.len() * block.rows.len()).sum();
            assert_eq!(cells, 37 * 23, "{ranks}");
            for (rank, block) in blocks.iter().enumerate() {
                for (side, opposite) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
                    if let Some(other) = block.neighbours[side] {
                        assert_eq!(blocks[other as usize].neighbours[opposite], Some(rank as i32));
                    }
                }
                if let Some(right) = block.neighbours[1] {
                    assert_eq!(blocks[right as usize].columns.start, block.columns.end);
                    assert_eq!(blocks[right as usize].rows, block.rows);
                }
            }
        }
        assert_eq!(super::blocks(4, true), [2, 2]);
        assert_eq!((super::blocks(6, true), super::blocks(6, false)), ([3, 2], [2, 3]));
        assert_eq!(super::blocks(7, true), [7, 1]);
    }
}
