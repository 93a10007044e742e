//! Arguments of a launch: from what the caller passes to the kernarg bytes.
//!
//! They are gone through once to find the grid, if an output decides it, and once to check and to write them.

use std::{alloc::Layout, fmt};

use geobacter_lang::{
    Element, KernelArg,
    arg::kernarg_align,
    entry::KernargHeader,
    param::{BufferRepr, KernelParam, LdsSliceRepr, PartitionedRepr, kind},
    partition::{Assignment, LaunchShape},
    spec::SpecValue,
};

use super::{
    contract::{Buffer, CheckedGrid, Contract, Rule},
    error::LaunchError,
};
use crate::{
    allocation::{Access, Mode},
    driver::Kernarg,
    slice::DeviceSlice,
};

/// What a launch passes for a kernel parameter of type `P`: a reference to a buffer, or a value.
pub type Arg<'a, P> = <<P as KernelParam>::Kind as LaunchKind>::Arg<'a>;

/// What a launch passes for a kind of parameter. The kinds are `geobacter_lang::param::kind`'s.
pub trait LaunchKind {
    /// What the caller passes.
    type Arg<'a>;
    /// Its bytes in the kernarg segment.
    type Repr;
}

/// A kind of parameter that a grid of `D` dimensions can have.
pub trait Bind<const D: usize>: LaunchKind {
    /// How many items the launch has, if this argument decides.
    ///
    /// # Errors
    /// Any [`LaunchError`] about a buffer's length.
    #[inline]
    fn items(_: &Self::Arg<'_>, _: &Checks<'_, D>) -> Result<Option<u64>, LaunchError> {
        Ok(None)
    }

    /// Checks an argument against the launch and gives its bytes.
    ///
    /// # Errors
    /// Any [`LaunchError`] about a buffer.
    fn bind(argument: &Self::Arg<'_>, checks: &mut Checks<'_, D>) -> Result<Self::Repr, LaunchError>;
}

impl<T: KernelArg> LaunchKind for kind::Scalar<T> {
    type Arg<'a> = T;
    type Repr = T::Repr;
}

impl<T: KernelArg, const D: usize> Bind<D> for kind::Scalar<T> {
    #[inline]
    fn bind(value: &T, _: &mut Checks<'_, D>) -> Result<T::Repr, LaunchError> {
        Ok(value.into_repr())
    }
}

impl<T: SpecValue> LaunchKind for kind::Spec<T> {
    type Arg<'a> = T;
    type Repr = T::Repr;
}

impl<T: SpecValue, const D: usize> Bind<D> for kind::Spec<T> {
    #[inline]
    fn bind(value: &T, _: &mut Checks<'_, D>) -> Result<T::Repr, LaunchError> {
        Ok(value.into_repr())
    }
}

impl<F: Copy + Send + Sync + 'static> LaunchKind for kind::Function<F> {
    type Arg<'a> = F;
    type Repr = [u8; 0];
}

impl<F: Copy + Send + Sync + 'static, const D: usize> Bind<D> for kind::Function<F> {
    #[inline]
    fn bind(_: &F, _: &mut Checks<'_, D>) -> Result<[u8; 0], LaunchError> {
        // That it captures nothing is checked by `KernelParam::load` and by what `#[kernel]` writes.
        Ok([])
    }
}

impl<T: Element> LaunchKind for kind::In<T> {
    type Arg<'a> = &'a DeviceSlice<T>;
    type Repr = BufferRepr;
}

impl<T: Element, const D: usize> Bind<D> for kind::In<T> {
    fn bind(buffer: &&DeviceSlice<T>, checks: &mut Checks<'_, D>) -> Result<BufferRepr, LaunchError> {
        let rule = Rule::one_for_each_item(checks.items());
        let repr = checks.contract.partitioned(checks.param, &buffer.facts(), &rule)?;
        checks.touch(buffer, Mode::Read);
        Ok(repr.buffer)
    }
}

impl<T: Element> LaunchKind for kind::Slice<T> {
    type Arg<'a> = &'a DeviceSlice<T>;
    type Repr = BufferRepr;
}

impl<T: Element, const D: usize> Bind<D> for kind::Slice<T> {
    fn bind(buffer: &&DeviceSlice<T>, checks: &mut Checks<'_, D>) -> Result<BufferRepr, LaunchError> {
        let repr = checks.contract.place(checks.param, &buffer.facts())?;
        checks.touch(buffer, Mode::Read);
        Ok(repr)
    }
}

impl<T: Element> LaunchKind for kind::Atomics<T> {
    type Arg<'a> = &'a mut DeviceSlice<T>;
    type Repr = BufferRepr;
}

impl<T: Element, const D: usize> Bind<D> for kind::Atomics<T> {
    fn bind(buffer: &&mut DeviceSlice<T>, checks: &mut Checks<'_, D>) -> Result<BufferRepr, LaunchError> {
        let repr = checks.contract.place(checks.param, &buffer.facts())?;
        checks.touch(buffer, Mode::Write);
        Ok(repr)
    }
}

impl LaunchKind for kind::Lds {
    type Arg<'a> = ();
    type Repr = [u8; 0];
}

impl<const D: usize> Bind<D> for kind::Lds {
    #[inline]
    fn bind((): &(), _: &mut Checks<'_, D>) -> Result<[u8; 0], LaunchError> {
        // Its size is the descriptor's, where `Contract::lds` finds it.
        Ok([])
    }
}

impl<T: 'static> LaunchKind for kind::LdsSlice<T> {
    type Arg<'a> = usize;
    type Repr = LdsSliceRepr;
}

impl<T: 'static, const D: usize> Bind<D> for kind::LdsSlice<T> {
    fn bind(length: &usize, checks: &mut Checks<'_, D>) -> Result<LdsSliceRepr, LaunchError> {
        let (repr, end) = checks.contract.lds_slice(checks.param, checks.dynamic_lds, *length, Layout::new::<T>())?;
        checks.dynamic_lds = end;
        Ok(repr)
    }
}

macro_rules! partitioned {
    ($($kind:ident),*) => { $(
        impl<T: Element, P> LaunchKind for kind::$kind<T, P> {
            type Arg<'a> = &'a mut DeviceSlice<T>;
            type Repr = PartitionedRepr;
        }

        impl<T: Element, P: Assignment<D>, const D: usize> Bind<D> for kind::$kind<T, P> {
            fn items(buffer: &&mut DeviceSlice<T>, checks: &Checks<'_, D>) -> Result<Option<u64>, LaunchError> {
                checks.contract.items_of::<P, D>(checks.param, buffer.len() as u64)
            }

            fn bind(buffer: &&mut DeviceSlice<T>, checks: &mut Checks<'_, D>) -> Result<PartitionedRepr, LaunchError> {
                let rule = Rule::of::<P, D>(&checks.shape);
                let repr = checks.contract.partitioned(checks.param, &buffer.facts(), &rule)?;
                checks.touch(buffer, Mode::Write);
                Ok(repr)
            }
        }
    )* };
}
partitioned!(Out, InOut);

impl<T: Element> DeviceSlice<T> {
    fn facts(&self) -> Buffer<'_> {
        let memory = self.allocation().memory().as_ref();
        Buffer { device: self.device(), memory, repr: self.repr(), align: align_of::<T>() }
    }
}

/// What an argument is checked against.
#[derive(Debug)]
pub struct Checks<'l, const D: usize> {
    contract: Contract<'l>,
    shape: LaunchShape<D>,
    /// Index of the parameter whose turn it is.
    param: usize,
    /// LDS that is sized at launch, in bytes: what the parameters so far take.
    dynamic_lds: u64,
    /// What the launch does with memory.
    accesses: Vec<Access>,
}

impl<const D: usize> Checks<'_, D> {
    fn items(&self) -> u64 {
        // The grid's check says that this fits.
        self.shape.extent.iter().product()
    }

    /// Whether a buffer of this length has one element for each item.
    pub(crate) fn check_length(&self, found: usize) -> Result<(), LaunchError> {
        self.contract.length(self.param, found as u64, &Rule::one_for_each_item(self.items()))
    }

    /// Whether this buffer can be passed.
    pub(crate) fn check_device<T>(&self, buffer: &DeviceSlice<T>) -> Result<(), LaunchError> {
        self.contract.device(self.param, buffer.device(), buffer.allocation().memory().as_ref())
    }

    /// Notes that the launch does this with a buffer.
    pub(crate) fn touch<T>(&mut self, buffer: &DeviceSlice<T>, mode: Mode) {
        self.accesses.push(buffer.access(mode));
    }
}

/// The arguments of a launch, in the making.
pub struct Arguments<'l, const D: usize> {
    checks: Checks<'l, D>,
    pass: Pass<'l>,
}

/// What happens to each argument.
enum Pass<'l> {
    /// The first output that decides the grid is looked for.
    Grid(&'l mut Option<u64>),
    /// It is checked, and its bytes are written.
    Bind(&'l mut KernargBytes),
}

impl<const D: usize> Arguments<'_, D> {
    /// Adds the argument for the next parameter, whose type is `P`.
    ///
    /// # Errors
    /// Any [`LaunchError`] about a buffer.
    #[inline]
    pub fn push<P>(&mut self, argument: &Arg<'_, P>) -> Result<(), LaunchError>
    where
        P: KernelParam<Kind: Bind<D> + LaunchKind<Repr = P::Repr>>,
    {
        match &mut self.pass {
            Pass::Grid(Some(_)) => {}
            Pass::Grid(items) => **items = <P::Kind as Bind<D>>::items(argument, &self.checks)?,
            Pass::Bind(bytes) => bytes.push(<P::Kind as Bind<D>>::bind(argument, &mut self.checks)?),
        }
        self.checks.param += 1;
        Ok(())
    }
}

impl<const D: usize> fmt::Debug for Arguments<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arguments").field("checks", &self.checks).finish_non_exhaustive()
    }
}

/// How many items the first output that says so has.
pub(super) fn items<const D: usize>(
    contract: Contract<'_>,
    push_all: impl Fn(&mut Arguments<'_, D>) -> Result<(), LaunchError>,
) -> Result<Option<u64>, LaunchError> {
    let mut items = None;
    // Nothing asks for the shape in this pass.
    let shape = LaunchShape { extent: [0; D], workgroup: [1; D] };
    push_all(&mut Arguments {
        checks: Checks { contract, shape, param: 0, dynamic_lds: 0, accesses: Vec::new() },
        pass: Pass::Grid(&mut items),
    })?;
    Ok(items)
}

/// A launch's arguments, all of them checked.
#[derive(Debug)]
pub(super) struct Bound {
    /// Header and arguments.
    pub(super) kernarg: Kernarg,
    /// The LDS that they ask for, in bytes.
    pub(super) dynamic_lds: u32,
    /// What the kernel does with memory.
    pub(super) accesses: Vec<Access>,
}

pub(super) fn bind<const D: usize>(
    contract: Contract<'_>,
    grid: &CheckedGrid<D>,
    push_all: impl Fn(&mut Arguments<'_, D>) -> Result<(), LaunchError>,
) -> Result<Bound, LaunchError> {
    let mut bytes = KernargBytes { words: Vec::with_capacity(8), length: 0 };
    bytes.push(KernargHeader { extent: grid.extent, reserved: 0 });
    let checks = Checks { contract, shape: grid.shape, param: 0, dynamic_lds: 0, accesses: Vec::with_capacity(4) };
    let mut arguments = Arguments { checks, pass: Pass::Bind(&mut bytes) };
    push_all(&mut arguments)?;
    let Checks { dynamic_lds, accesses, .. } = arguments.checks;
    let dynamic_lds = contract.lds(dynamic_lds)?;
    contract.kernarg(bytes.length)?;
    Ok(Bound { kernarg: Kernarg::new(&bytes.words), dynamic_lds, accesses })
}

/// Values in C layout, zero between them, aligned to 16 bytes.
#[derive(Debug)]
pub(super) struct KernargBytes {
    words: Vec<u128>,
    length: usize,
}

impl KernargBytes {
    fn push<R: Copy>(&mut self, value: R) {
        const { assert!(align_of::<R>() <= align_of::<u128>(), "kernel arguments are aligned to at most 16 bytes") }
        let at = self.length.next_multiple_of(kernarg_align::<R>());
        self.length = at + size_of::<R>();
        self.words.resize(self.length.div_ceil(size_of::<u128>()), 0);
        // SAFETY: `at + size_of::<R>()` lies in the words, which `resize` has just made long enough. The types that implement
        // `KernelParam` have no padding in their `Repr`, so that all bytes stay initialised.
        unsafe { self.words.as_mut_ptr().byte_add(at).cast::<R>().write(value) }
    }
}
