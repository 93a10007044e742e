//! Several allocations filled in one phase.

use geobacter_lang::{LocalItem, Workgroup};

use crate::{filled::Filled, lds::Lds, region::Region, shape::Shape};

/// Two to four [`Lds`] that are filled in one phase, with two barriers for all of them:
/// `(&mut a, &mut b).fill(&wg, |item| (x, y))`.
pub trait Together {
    /// What an item gives: a tuple with a value for each.
    type Values;
    /// A tuple of [`Filled`].
    type Filled;

    /// As [`Lds::fill`], for all of them.
    ///
    /// # Panics
    /// The kernel panics if one of them has more elements than the group has items.
    fn fill<const D: usize>(
        self,
        workgroup: &Workgroup<'_, D>,
        values: impl Fn(LocalItem<'_, D>) -> Self::Values + Sync,
    ) -> Self::Filled;
}

macro_rules! tuples {
    ($($first:ident $first_name:ident, $($ty:ident $name:ident),*;)*) => { $(
        impl<'a, $first: Shape + ?Sized, $($ty: Shape + ?Sized),*> Together
            for (&'a mut Lds<'_, $first>, $(&'a mut Lds<'_, $ty>),*)
        {
            type Values = ($first::Element, $($ty::Element),*);
            type Filled = (Filled<'a, $first>, $(Filled<'a, $ty>),*);

            #[inline(always)]
            fn fill<const D: usize>(
                self,
                workgroup: &Workgroup<'_, D>,
                values: impl Fn(LocalItem<'_, D>) -> Self::Values + Sync,
            ) -> Self::Filled {
                let ($first_name, $($name),*) = self;
                let ($first_name, $($name),*) = ($first_name.region(), $($name.region()),*);
                let longest = $first_name.length$(.max($name.length))*;
                assert!(
                    longest <= workgroup.items(),
                    "`fill` is for LDS with at most one element for each item of the work-group"
                );
                workgroup.barrier();
                workgroup.each_local(|item| {
                    let number = item.local_index();
                    let values = values(item);
                    write($first_name, number, values.0);
                    tuples!(write number values $($name)*);
                });
                workgroup.barrier();
                workgroup.end_unless_complete::<Self::Values>();
                // SAFETY: rule 6: every element was just written, and the phase is over.
                unsafe { (Filled::new($first_name), $(Filled::new($name)),*) }
            }
        }
    )* };
    (write $number:ident $values:ident $b:ident) => { write($b, $number, $values.1); };
    (write $number:ident $values:ident $b:ident $c:ident) => {
        write($b, $number, $values.1);
        write($c, $number, $values.2);
    };
    (write $number:ident $values:ident $b:ident $c:ident $d:ident) => {
        write($b, $number, $values.1);
        write($c, $number, $values.2);
        write($d, $number, $values.3);
    };
}
tuples! {
    A a, B b;
    A a, B b, C c;
    A a, B b, C c, E e;
}

#[inline(always)]
fn write<T: Copy + Send + Sync>(region: Region<T>, number: usize, value: T) {
    if number < region.length {
        // SAFETY: rule 6: in this phase the element is this item's.
        unsafe { region.element(number).write(value) }
    }
}
