//! What LDS can hold.

use core::slice;

/// One element of LDS: a `Copy` value without borrowed parts that items can share. Arrays are not elements but dimensions;
/// a struct can be one: `impl LdsElement for MyStruct {}`, which `#[derive(Element)]` writes as well.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an element of LDS",
    label = "not an element of LDS",
    note = "elements are numbers, `bool`, `char`, tuples and `Option`s of them, and structs that are `Copy + Send + Sync + 'static` and say `impl LdsElement for MyStruct {{}}`",
    note = "a type parameter needs the bound `T: LdsElement`"
)]
pub trait LdsElement: Copy + Send + Sync + 'static {}

macro_rules! elements {
    ($($ty:ty),*) => { $( impl LdsElement for $ty {} )* };
}
elements!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool, char);

impl LdsElement for () {}
impl<T: LdsElement> LdsElement for Option<T> {}
impl<T: LdsElement> LdsElement for core::num::Wrapping<T> {}

macro_rules! tuples {
    ($(($($ty:ident),*))*) => { $( impl<$($ty: LdsElement),*> LdsElement for ($($ty,)*) {} )* };
}
tuples!((A)(A, B)(A, B, C)(A, B, C, D));

/// The content of LDS: `[T; N]`, `[[T; N]; M]`, `[[[T; N]; M]; L]`, or `[T]` with a length that the launch gives.
///
/// Elements are numbered row by row: of `[[T; N]; M]`, element `[y][x]` has the number `y * N + x`.
#[diagnostic::on_unimplemented(
    message = "LDS cannot hold `{Self}`",
    label = "not an array of elements",
    note = "LDS holds arrays of one to three dimensions, `Lds<[f32; 256]>`, `Lds<[[f32; 16]; 16]>`, `Lds<[[[f32; 4]; 4]; 4]>`, or `Lds<[f32]>` that is sized at launch",
    note = "a single value for the whole group is a variable at group scope, or the result of `wg.once(|leader| ..)`"
)]
pub trait Shape: sealed::Shape + Send + Sync + 'static {
    /// Its elements.
    type Element: LdsElement;
    /// The place of an element: `usize`, `[y, x]` or `[z, y, x]`.
    type Index: Copy;

    /// The place of the element with this number.
    #[doc(hidden)]
    fn place(number: usize) -> Self::Index;

    /// # Safety
    /// `pointer` is that of `length` elements of an allocation for `Self`, all initialised, which nobody writes during `'a`.
    #[doc(hidden)]
    unsafe fn view<'a>(pointer: *const Self::Element, length: usize) -> &'a Self;
}

/// A shape whose size its type tells.
pub trait SizedShape: Shape + Sized {
    /// Its number of elements.
    const LENGTH: usize;
}

mod sealed {
    pub trait Shape {}
    impl<T> Shape for [T] {}
    impl<T, const N: usize> Shape for [T; N] {}
}

impl<T: LdsElement> Shape for [T] {
    type Element = T;
    type Index = usize;

    #[inline(always)]
    fn place(number: usize) -> usize {
        number
    }

    #[inline(always)]
    unsafe fn view<'a>(pointer: *const T, length: usize) -> &'a Self {
        // SAFETY: this function's contract.
        unsafe { slice::from_raw_parts(pointer, length) }
    }
}

macro_rules! arrays {
    ($(<$($n:ident),*> $shape:ty, $index:ty, |$number:ident| $place:expr;)*) => { $(
        impl<T: LdsElement, $(const $n: usize),*> Shape for $shape {
            type Element = T;
            type Index = $index;

            #[inline(always)]
            fn place($number: usize) -> $index {
                $place
            }

            #[inline(always)]
            unsafe fn view<'a>(pointer: *const T, _length: usize) -> &'a Self {
                // SAFETY: this function's contract; an array of arrays is its elements, row by row.
                unsafe { &*pointer.cast() }
            }
        }

        impl<T: LdsElement, $(const $n: usize),*> SizedShape for $shape {
            const LENGTH: usize = 1 $(* $n)*;
        }
    )* };
}
arrays! {
    <N> [T; N], usize, |number| number;
    <N, M> [[T; N]; M], [usize; 2], |number| [number / N, number % N];
    <N, M, L> [[[T; N]; M]; L], [usize; 3], |number| [number / N / M, number / N % M, number % N];
}
