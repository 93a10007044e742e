//! What the partitions of the language promise: for every grid, the elements of all items are all elements, each once.

use geobacter_lang::partition::{
    Assignment, Blocks, Contiguous, FixedPartition, LaunchShape, Length, Owner, Partition, PerGroup, PerItem, Place,
    Rows, Strided, Tile,
};
use proptest::prelude::*;

fn places<const D: usize>(extent: [usize; D]) -> Vec<Place<D>> {
    let items = extent.iter().product();
    (0..items)
        .map(|id| {
            let mut rest = id;
            let position = extent.map(|along| {
                let here = rest % along;
                rest /= along;
                here
            });
            let place = Place::new(position, extent).expect("it lies in the grid");
            assert_eq!((place.id(), place.items()), (id, items));
            place
        })
        .collect()
}

/// The length that a partition asks for; `width` elements for each item where any will do.
fn length<P: Partition<D>, const D: usize>(extent: [usize; D], width: usize) -> usize {
    match P::length(extent.map(|along| along as u64)).expect("it fits") {
        Length::Exactly(length) => length as usize,
        Length::MultipleOf(items) => items as usize * width,
    }
}

fn covers_everything_once<P: Partition<D>, const D: usize>(
    extent: [usize; D],
    width: usize,
) -> Result<(), TestCaseError> {
    let places = places(extent);
    let length = length::<P, D>(extent, width);
    let count = P::COUNT.unwrap_or(length / places.len());
    let mut owned = vec![0; length];
    for place in &places {
        for k in 0..count {
            let index = P::index(place, count, k);
            prop_assert!(index < length, "element {} of {:?} lies at {} of {}", k, place, index, length);
            owned[index] += 1;
        }
    }
    prop_assert!(owned.iter().all(|&owners| owners == 1), "{:?}: {:?}", extent, owned);
    Ok(())
}

fn is_contiguous<P: Contiguous<D>, const D: usize>(extent: [usize; D], width: usize) {
    let count = P::COUNT.unwrap_or(width);
    for place in places(extent) {
        let first = P::index(&place, count, 0);
        assert!((0..count).all(|k| P::index(&place, count, k) == first + k));
    }
}

fn has_the_layout_of_an_array<P: FixedPartition<D>, const D: usize>() {
    assert_eq!(P::COUNT, Some(size_of::<P::Share<u8>>()));
    assert_eq!(P::COUNT.map(|count| count * 8), Some(size_of::<P::Share<u64>>()));
    assert_eq!(align_of::<P::Share<u32>>(), align_of::<u32>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn of_one_dimension(x in 1usize..300, width in 0usize..5) {
        covers_everything_once::<PerItem, 1>([x], 0)?;
        covers_everything_once::<Tile<1>, 1>([x], 0)?;
        covers_everything_once::<Tile<7>, 1>([x], 0)?;
        covers_everything_once::<Strided<1>, 1>([x], 0)?;
        covers_everything_once::<Strided<6>, 1>([x], 0)?;
        covers_everything_once::<Rows, 1>([x], width)?;
        is_contiguous::<PerItem, 1>([x], 1);
        is_contiguous::<Tile<5>, 1>([x], 5);
        is_contiguous::<Rows, 1>([x], width);
    }

    #[test]
    fn of_two_dimensions(x in 1usize..30, y in 1usize..30, width in 0usize..5) {
        covers_everything_once::<PerItem, 2>([x, y], 0)?;
        covers_everything_once::<Tile<3>, 2>([x, y], 0)?;
        covers_everything_once::<Strided<4>, 2>([x, y], 0)?;
        covers_everything_once::<Rows, 2>([x, y], width)?;
        covers_everything_once::<Blocks<1, 1>, 2>([x, y], 0)?;
        covers_everything_once::<Blocks<4, 1>, 2>([x, y], 0)?;
        covers_everything_once::<Blocks<1, 3>, 2>([x, y], 0)?;
        covers_everything_once::<Blocks<5, 2>, 2>([x, y], 0)?;
        is_contiguous::<Tile<4>, 2>([x, y], 4);
        is_contiguous::<Rows, 2>([x, y], width);
    }

    #[test]
    fn of_three_dimensions(x in 1usize..12, y in 1usize..12, z in 1usize..12, width in 0usize..5) {
        covers_everything_once::<PerItem, 3>([x, y, z], 0)?;
        covers_everything_once::<Tile<2>, 3>([x, y, z], 0)?;
        covers_everything_once::<Strided<3>, 3>([x, y, z], 0)?;
        covers_everything_once::<Rows, 3>([x, y, z], width)?;
    }

    #[test]
    fn of_groups(x in 1u64..1000, y in 1u64..1000, across in 1u64..64, down in 1u64..64) {
        let shape = LaunchShape { extent: [x, y], workgroup: [across, down] };
        let groups = (0..x).step_by(across as usize).count() as u64 * (0..y).step_by(down as usize).count() as u64;
        prop_assert_eq!(shape.groups(), Some(groups));
        prop_assert_eq!(<PerGroup<3> as Assignment<2>>::length(&shape), Some(Length::Exactly(3 * groups)));
        prop_assert_eq!(<PerGroup<3> as Assignment<2>>::OWNER, Owner::Group);
    }
}

#[test]
fn a_share_is_an_array() {
    has_the_layout_of_an_array::<PerItem, 1>();
    has_the_layout_of_an_array::<Tile<3>, 2>();
    has_the_layout_of_an_array::<Strided<9>, 3>();
    has_the_layout_of_an_array::<Blocks<5, 3>, 2>();
    // Row by row: element `k` is in row `k / X`, column `k % X`.
    let place = Place::new([2, 1], [4, 3]).expect("it lies in the grid");
    let block: Vec<_> = (0..6).map(|k| Blocks::<3, 2>::index(&place, 6, k)).collect();
    assert_eq!(block, [2 * 12 + 6, 2 * 12 + 7, 2 * 12 + 8, 3 * 12 + 6, 3 * 12 + 7, 3 * 12 + 8]);
}

#[test]
fn lengths_that_do_not_fit_are_none() {
    const HUGE: usize = 1 << 40;
    assert_eq!(<Tile<HUGE> as Partition<1>>::length([1 << 24]), None);
    assert_eq!(<Tile<HUGE> as Partition<1>>::length([1 << 23]), Some(Length::Exactly(1 << 63)));
    assert_eq!(<PerItem as Partition<3>>::length([1 << 30; 3]), None);
    assert_eq!(<Rows as Partition<3>>::length([1 << 30; 3]), None);
    assert_eq!(<Blocks<65536, 65536> as Partition<2>>::length([1 << 16; 2]), None);
    let shape = LaunchShape { extent: [1 << 31; 3], workgroup: [1; 3] };
    assert_eq!(<PerGroup<1> as Assignment<3>>::length(&shape), None);
    let shape = LaunchShape { extent: [1 << 31], workgroup: [1] };
    assert_eq!(<PerGroup<HUGE> as Assignment<1>>::length(&shape), None);
}

#[test]
fn a_place_lies_in_its_grid() {
    assert!(Place::new([3, 0], [3, 1]).is_none());
    assert!(Place::new([0, 1], [3, 1]).is_none());
    assert!(Place::new([0], [0]).is_none());
}
