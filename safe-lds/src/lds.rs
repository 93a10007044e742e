//! The handle to LDS with nothing in it.

use core::{fmt, marker::PhantomData, mem::MaybeUninit, ops::Index, ptr};

use geobacter_lang::{
    LocalItem, Workgroup,
    atomic::AtomicElement,
    descriptor::ParamKind,
    entry::Scope,
    intrinsics as gb,
    param::{KernelParam, LdsSliceRepr, WorkgroupShared, kind},
    workgroup::OnlyAtGroupScope,
};

use crate::{
    atomics::LdsAtomics,
    filled::Filled,
    region::Region,
    shape::{LdsElement, Shape, SizedShape},
};

/// LDS of one work-group, not filled yet.
///
/// Taken as a parameter of a kernel at group scope, or declared at the top level of its body:
/// ```
/// use geobacter::prelude::*;
///
/// #[kernel(workgroup = 256)]
/// fn reversed(wg: Workgroup<1>, x: Slice<f32>, #[workgroup_shared] scratch: Lds<[f32; 256]>, y: Out<f32>) {
///     let tile = scratch.fill(&wg, |item| x.get(item.x()).copied().unwrap_or(0.0));
///     wg.each(|item| y.set(&item, tile[255 - item.local_x()]));
/// }
/// ```
/// `Lds<[T]>` is sized at launch: there the parameter's argument is the number of elements.
pub struct Lds<'k, A: Shape + ?Sized> {
    region: Region<A::Element>,
    /// Whether the memory is given back when the handle goes.
    owned: bool,
    /// A handle stays at group scope: neither `Send` nor `Sync`.
    scope: PhantomData<(&'k (), dyn OnlyAtGroupScope)>,
}

impl<'k, A: Shape + ?Sized> Lds<'k, A> {
    /// Number of elements.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.region.length
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.region.length == 0
    }

    /// Every item of the group gives its element's value: item number `i` (see [`LocalItem::local_index`]) that of element `i`.
    ///
    /// Items beyond the grid's edge take part: see [`LocalItem::in_grid`]. If there are more items than elements, those without
    /// an element do nothing.
    ///
    /// # Panics
    /// The kernel panics if there are more elements than items: [`fill_with`](Self::fill_with) is for that.
    #[inline(always)]
    pub fn fill<const D: usize>(
        &mut self,
        workgroup: &Workgroup<'_, D>,
        value: impl Fn(LocalItem<'_, D>) -> A::Element + Sync,
    ) -> Filled<'_, A> {
        // No values in the message: to refer to them would keep them in memory on a device.
        assert!(
            self.region.length <= workgroup.items(),
            "`fill` is for LDS with at most one element for each item of the work-group; use `fill_with`"
        );
        self.region.own(workgroup, |item, element| {
            let value = value(item);
            // SAFETY: rule 6: in this phase the element is this item's.
            unsafe { element.write(value) }
        });
        workgroup.end_unless_complete::<A::Element>();
        // SAFETY: rule 6: every element was just written, and the phase is over.
        unsafe { Filled::new(self.region) }
    }

    /// The group fills its LDS together, whatever its size: `value` is called once for the place of each element.
    #[inline(always)]
    pub fn fill_with<const D: usize>(
        &mut self,
        workgroup: &Workgroup<'_, D>,
        value: impl Fn(A::Index) -> A::Element + Sync,
    ) -> Filled<'_, A> {
        self.region.all(workgroup, |number, element| {
            let value = value(A::place(number));
            // SAFETY: rule 6: in this phase the element is this item's.
            unsafe { element.write(value) }
        });
        workgroup.end_unless_complete::<A::Element>();
        // SAFETY: rule 6: every element was just written, and the phase is over.
        unsafe { Filled::new(self.region) }
    }

    /// Fills the LDS as [`fill_with`](Self::fill_with) does, for the items to change it with atomic operations.
    #[inline(always)]
    pub fn atomics<const D: usize>(
        &mut self,
        workgroup: &Workgroup<'_, D>,
        value: impl Fn(A::Index) -> A::Element + Sync,
    ) -> LdsAtomics<'_, A>
    where
        A::Element: AtomicElement,
    {
        self.fill_with(workgroup, value).into_atomics(workgroup)
    }

    /// The handle's memory, for this crate's other ways to write it.
    #[inline(always)]
    pub(crate) fn region(&mut self) -> Region<A::Element> {
        self.region
    }
}

impl<T: LdsElement, const N: usize, const M: usize> Lds<'_, [[T; N]; M]> {
    /// The group copies a part of a matrix, which has `width` columns: element `[y][x]` becomes that in column
    /// `corner[0] + x` and row `corner[1] + y`, and `outside` where the matrix has none.
    ///
    /// This is how a tile is loaded, and a halo around it. It is [`fill_with`](Self::fill_with), but a processor copies rows.
    #[inline(always)]
    pub fn fill_from<const D: usize>(
        &mut self,
        workgroup: &Workgroup<'_, D>,
        matrix: &[T],
        width: usize,
        corner: [isize; 2],
        outside: T,
    ) -> Filled<'_, [[T; N]; M]> {
        let column = |x: usize| corner[0].wrapping_add(x as isize) as usize;
        let row = |y: usize| corner[1].wrapping_add(y as isize) as usize;
        if !workgroup.is_sequential() {
            return self.fill_with(workgroup, |[y, x]| {
                let (x, y) = (column(x), row(y));
                // Behind the last row the slice ends; before the first, it is another row's number that is too large.
                if x < width {
                    matrix.get(y.wrapping_mul(width).wrapping_add(x)).copied().unwrap_or(outside)
                } else {
                    outside
                }
            });
        }
        workgroup.barrier();
        for y in 0..M {
            // SAFETY: rule 6: this call runs all items, so nobody else touches the row, which lies in the region.
            let to = unsafe { &mut *self.region.element(y * N).cast::<[MaybeUninit<T>; N]>() };
            let from = matrix.get(row(y).wrapping_mul(width)..).unwrap_or_default();
            let from = &from[..from.len().min(width)];
            // Elements of the row before the matrix's first column, and the matrix's elements from there on.
            let before = if corner[0] < 0 { corner[0].unsigned_abs().min(N) } else { 0 };
            let from = usize::try_from(corner[0]).map_or(Some(from), |x| from.get(x..)).unwrap_or_default();
            match from.first_chunk::<N>() {
                Some(from) if before == 0 => _ = to.write_copy_of_slice(from),
                _ => {
                    let count = from.len().min(N - before);
                    to.fill(MaybeUninit::new(outside));
                    to[before..][..count].write_copy_of_slice(&from[..count]);
                }
            }
        }
        workgroup.barrier();
        // Nothing was called that could panic.
        // SAFETY: rule 6: every element was just written, and the phase is over.
        unsafe { Filled::new(self.region) }
    }
}

impl<'k, T: LdsElement> Lds<'k, [T]> {
    /// An element for each `EACH` items of the group, in the LDS that all of a kernel's collectives use in turn.
    ///
    /// # Safety
    /// Not while another of these is alive.
    #[inline(always)]
    pub(crate) unsafe fn temporary<const EACH: usize, const D: usize>(workgroup: &'k Workgroup<'_, D>) -> Self {
        let length = workgroup.items().div_ceil(EACH);
        let owned = size_of::<T>() != 0;
        let pointer = if owned {
            // SAFETY: rule 4: group scope; whatever fills it begins with a barrier, and this function's contract.
            unsafe {
                gb::__gb_lds_temporary(const { gb::size::<T>() }, const { align_of::<T>() as u32 }, EACH as u32).cast()
            }
        } else {
            ptr::dangling_mut()
        };
        Self { region: Region { pointer, length }, owned, scope: PhantomData }
    }
}

impl<'k, A: SizedShape> Lds<'k, A> {
    /// # Safety
    /// Each place in the source that calls this owns one allocation: see rule 5.
    #[inline(always)]
    unsafe fn allocate() -> Self {
        let owned = const { size_of::<A>() != 0 };
        let pointer = if owned {
            // SAFETY: this function's contract.
            unsafe { gb::__gb_lds(const { gb::size::<A>() }, const { align_of::<A>() as u32 }).cast() }
        } else {
            ptr::dangling_mut()
        };
        Self { region: Region { pointer, length: const { A::LENGTH } }, owned, scope: PhantomData }
    }
}

impl<A: Shape + ?Sized> Drop for Lds<'_, A> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: rule 5: it came from an intrinsic, and this is its only handle; all views borrow it.
            unsafe { gb::__gb_release(self.region.pointer.cast()) };
        }
    }
}

impl<A: SizedShape> WorkgroupShared for Lds<'_, A> {
    type Handle<'k> = Lds<'k, A>;
    const SIZE: u32 = gb::size::<A>();
    const ALIGN: u32 = align_of::<A>() as u32;

    #[inline(always)]
    unsafe fn declare<'k, const D: usize>(_workgroup: &'k Workgroup<'_, D>) -> Lds<'k, A> {
        // SAFETY: this function's contract.
        unsafe { Lds::allocate() }
    }
}

// SAFETY: nothing is passed, and an entry function calls `load` once for each parameter: rule 5.
unsafe impl<A: SizedShape> KernelParam for Lds<'_, A> {
    type Repr = [u8; 0];
    type Loaded<'k> = Lds<'k, A>;
    type Kind = kind::Lds;
    const KIND: ParamKind = ParamKind::Lds;
    const ELEMENT_SIZE: u32 = size_of::<A::Element>() as u32;

    #[inline(always)]
    unsafe fn load<'k>(_repr: [u8; 0], _scope: &'k Scope) -> Lds<'k, A> {
        // SAFETY: this function's contract.
        unsafe { Lds::allocate() }
    }
}

// SAFETY: the launch writes where the parameter's part of its LDS is, no part of another's: rule 5.
unsafe impl<T: LdsElement> KernelParam for Lds<'_, [T]> {
    type Repr = LdsSliceRepr;
    type Loaded<'k> = Lds<'k, [T]>;
    type Kind = kind::LdsSlice<T>;
    const KIND: ParamKind = ParamKind::LdsSlice;
    const ELEMENT_SIZE: u32 = size_of::<T>() as u32;

    #[inline(always)]
    unsafe fn load<'k>(repr: LdsSliceRepr, _scope: &'k Scope) -> Lds<'k, [T]> {
        const { assert!(align_of::<T>() <= 16, "elements of LDS that is sized at launch are aligned to at most 16 bytes") }
        let length = repr.length as usize;
        let pointer = if length == 0 || size_of::<T>() == 0 {
            ptr::dangling_mut()
        } else {
            // SAFETY: rule 1: the launch's LDS holds that many elements from this offset on, aligned for them.
            unsafe { gb::__gb_lds_dynamic().add(repr.offset as usize).cast() }
        };
        Lds { region: Region { pointer, length }, owned: false, scope: PhantomData }
    }
}

/// Never implemented: `tile[i]` on an [`Lds`] is an error, and this is what words it.
#[diagnostic::on_unimplemented(
    message = "LDS cannot be read before it is filled",
    label = "nothing has been written to this LDS",
    note = "fill it, and read what that gives: `let tile = tile.fill(&wg, |item| ..);`, or `tile.fill_with(&wg, |index| ..)` for more elements than items"
)]
#[doc(hidden)]
pub trait IndexOfUnfilledLds {
    fn never<'a, T>(self) -> &'a T;
}

#[doc(hidden)]
impl<A: Shape + ?Sized, I: IndexOfUnfilledLds> Index<I> for Lds<'_, A> {
    type Output = A::Element;

    fn index(&self, index: I) -> &A::Element {
        index.never()
    }
}

impl<A: Shape + ?Sized> fmt::Debug for Lds<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lds").field("len", &self.len()).finish()
    }
}
