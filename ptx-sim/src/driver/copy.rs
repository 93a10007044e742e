//! Copies and fills: finding out between which places, and submitting them.

use std::{
    ffi::{c_uchar, c_uint, c_ushort, c_void},
    sync::Arc,
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUDA_MEMCPY2D, CUDA_MEMCPY3D, CUDA_MEMSET_NODE_PARAMS, CUcontext, CUdeviceptr, CUmemorytype,
        CUresult::{self, *},
        CUstream,
    },
};

use super::{
    context::{Context, current},
    operation::Operation,
    out::null,
    state::{Failure, Outcome, Simulator, answer, fail},
    transfer::{Copy, End, Fill, Place},
};
use crate::memory::MemoryError;

/// Most bytes from one row to the next.
const MAX_PITCH: u64 = i32::MAX as u64;

/// What a copy's end says that its memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// The host's: the program's own, or pinned.
    Host,
    /// Memory that the driver has given, whichever.
    Known,
}

/// One end of a rectangle, as the program describes it.
#[derive(Clone, Copy, Debug)]
struct Described {
    said: Said,
    base: u64,
    /// Byte in the row, row, slice.
    offset: [u64; 3],
    /// Bytes of a row; 0 for rows without a gap.
    pitch: u64,
    /// Rows of a slice; 0 for slices without a gap.
    height: u64,
}

fn too_far() -> Failure {
    fail(CUDA_ERROR_INVALID_VALUE, "the copy goes past the end of the address space")
}

fn gone(error: MemoryError) -> Failure {
    fail(CUDA_ERROR_INVALID_VALUE, error.to_string())
}

impl Simulator {
    /// The end of a copy that begins at an address.
    fn end(&self, said: Said, address: u64, pitch: u64, slice: u64, extent: [u64; 3], at: &Context) -> Outcome<End> {
        let mut end = End { place: Place::Program, address, pitch, slice };
        let span = end.span(extent).ok_or_else(too_far)?;
        if said == Said::Known || self.allocations.knows(address) {
            end.place = Place::Known(self.allocations.find(address, span, &at.memory)?);
        } else if address == 0 {
            return Err(null("the host's memory"));
        }
        Ok(end)
    }

    fn described(&self, end: &Described, extent: [u64; 3], at: &Context) -> Outcome<End> {
        let [width, height, depth] = extent;
        let [byte, row, slice] = end.offset;
        let least = byte.checked_add(width).ok_or_else(too_far)?;
        let pitch = if end.pitch == 0 && height == 1 && depth == 1 { least } else { end.pitch };
        if pitch < least || pitch > MAX_PITCH {
            let reason = format!("a pitch of {pitch} bytes does not go with {width} bytes from byte {byte} on");
            return Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
        }
        let rows = row.checked_add(height).ok_or_else(too_far)?;
        let slice_rows = if end.height == 0 && depth == 1 { rows } else { end.height };
        if slice_rows < rows {
            let reason = format!("slices of {slice_rows} rows do not go with {height} rows from row {row} on");
            return Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
        }
        let begin = slice.checked_mul(slice_rows).and_then(|rows| rows.checked_add(row)?.checked_mul(pitch));
        let begin = begin.and_then(|offset| end.base.checked_add(offset)?.checked_add(byte)).ok_or_else(too_far)?;
        let slice = slice_rows.checked_mul(pitch).ok_or_else(too_far)?;
        self.end(end.said, begin, pitch, slice, extent, at)
    }

    /// A copy of bytes that follow each other. None if there are none.
    fn line(&self, to: (Said, u64), from: (Said, u64), size: usize, at: &Context) -> Outcome<Option<Copy>> {
        let extent = [size as u64, 1, 1];
        if size == 0 {
            return Ok(None);
        }
        let to = self.end(to.0, to.1, 0, 0, extent, at)?;
        let from = self.end(from.0, from.1, 0, 0, extent, at)?;
        Ok(Some(Copy { to, from, extent }))
    }

    /// A copy that a program describes. None if there is nothing to copy.
    fn rectangle(&self, to: &Described, from: &Described, extent: [u64; 3], at: &Context) -> Outcome<Option<Copy>> {
        if extent.contains(&0) {
            return Ok(None);
        }
        let (to, from) = (self.described(to, extent, at)?, self.described(from, extent, at)?);
        Ok(Some(Copy { to, from, extent }))
    }

    /// Submits a copy. What is in the program's pageable memory has been read when this returns, and what goes there
    /// has been written.
    ///
    /// # Safety
    /// The ends in the program's memory are valid.
    unsafe fn copy(&self, copy: Option<Copy>, stream: CUstream, current: &Arc<Context>, wait: bool) -> Outcome {
        let stream = self.stream(current, stream)?;
        let context = stream.usable_context()?;
        let Some(mut copy) = copy else { return Ok(()) };
        let wait = wait || matches!(copy.to.place, Place::Program);
        if !wait && matches!(copy.from.place, Place::Program) {
            // SAFETY: by this function's contract.
            copy.from = unsafe { copy.from.staged(copy.extent) }.map_err(gone)?;
        }
        let end = context.submit(&stream, Vec::new(), Operation::Copy(Arc::new(copy)))?;
        if wait {
            end.wait();
            context.check()?;
        }
        Ok(())
    }

    /// The copy that a description stands for, as a graph has it.
    ///
    /// # Safety
    /// `description` is null or points to a description.
    pub unsafe fn described_copy(&self, description: *const CUDA_MEMCPY3D, at: &Context) -> Outcome<Option<Copy>> {
        if description.is_null() {
            return Err(null("the description of the copy"));
        }
        // The types of memory are read as numbers: they are what the program wrote, and may be no variant.
        // SAFETY: not null, and a description by this function's contract; the rest of it may have any value.
        let (to, from, extent, arrays) = unsafe {
            let d = description;
            let kind = |kind: *const CUmemorytype| kind.cast::<c_uint>().read();
            let to = described(kind(&raw const (*d).dstMemoryType), (*d).dstHost, (*d).dstDevice)?;
            let from = described(kind(&raw const (*d).srcMemoryType), (*d).srcHost.cast_mut(), (*d).srcDevice)?;
            let to = Described {
                offset: [(*d).dstXInBytes as u64, (*d).dstY as u64, (*d).dstZ as u64],
                pitch: (*d).dstPitch as u64,
                height: (*d).dstHeight as u64,
                ..to
            };
            let from = Described {
                offset: [(*d).srcXInBytes as u64, (*d).srcY as u64, (*d).srcZ as u64],
                pitch: (*d).srcPitch as u64,
                height: (*d).srcHeight as u64,
                ..from
            };
            let extent = [(*d).WidthInBytes as u64, (*d).Height as u64, (*d).Depth as u64];
            (to, from, extent, (*d).srcLOD | (*d).dstLOD)
        };
        if arrays != 0 {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, "levels of detail are for arrays"));
        }
        self.rectangle(&to, &from, extent, at)
    }

    /// A fill, as a function or a graph describes it. None if there is nothing to fill.
    fn fill(&self, fill: &Filling, at: &Context) -> Outcome<Option<Fill>> {
        let Filling { address, pitch, pattern, size, width, height } = *fill;
        if width == 0 || height == 0 {
            return Ok(None);
        }
        if address % size as u64 != 0 || (height > 1 && pitch % size as u64 != 0) {
            let reason =
                format!("{address:#x} or the pitch, {pitch}, is no multiple of the {size} bytes of an element");
            return Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
        }
        let bytes = width.checked_mul(size as u64).ok_or_else(too_far)?;
        if height > 1 && pitch < bytes {
            let reason = format!("a pitch of {pitch} bytes is less than a row of {bytes} bytes");
            return Err(fail(CUDA_ERROR_INVALID_VALUE, reason));
        }
        let end = End { place: Place::Program, address, pitch, slice: 0 };
        let span = end.span([bytes, height, 1]).ok_or_else(too_far)?;
        let memory = self.allocations.find(address, span, &at.memory)?;
        let pattern = (pattern.to_le_bytes(), size);
        Ok(Some(Fill { memory, address, pitch, pattern, extent: [width, height] }))
    }

    /// The fill that a description stands for, as a graph has it.
    ///
    /// # Safety
    /// `description` is null or points to a description.
    pub unsafe fn described_fill(
        &self,
        description: *const CUDA_MEMSET_NODE_PARAMS,
        at: &Context,
    ) -> Outcome<Option<Fill>> {
        if description.is_null() {
            return Err(null("the description of the fill"));
        }
        // SAFETY: not null, and a description by this function's contract.
        let described = unsafe { description.read() };
        let size = described.elementSize as usize;
        if ![1, 2, 4].contains(&size) {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("elements have 1, 2 or 4 bytes, and not {size}")));
        }
        let fill = Filling {
            address: described.dst,
            pitch: described.pitch as u64,
            pattern: described.value,
            size,
            width: described.width as u64,
            height: described.height as u64,
        };
        self.fill(&fill, at)
    }
}

/// What a fill is to do.
#[derive(Clone, Copy, Debug)]
struct Filling {
    address: u64,
    pitch: u64,
    /// The element, of which the lowest `size` bytes count.
    pattern: u32,
    size: usize,
    /// Elements of a row.
    width: u64,
    height: u64,
}

/// The memory that an end of a described copy is in.
fn described(kind: c_uint, host: *mut c_void, device: CUdeviceptr) -> Outcome<Described> {
    let is = |known: CUmemorytype| kind == known as c_uint;
    let (said, base) = if is(CUmemorytype::CU_MEMORYTYPE_HOST) {
        (Said::Host, host.expose_provenance() as u64)
    } else if is(CUmemorytype::CU_MEMORYTYPE_DEVICE) || is(CUmemorytype::CU_MEMORYTYPE_UNIFIED) {
        (Said::Known, device)
    } else if is(CUmemorytype::CU_MEMORYTYPE_ARRAY) {
        return Err(fail(CUDA_ERROR_NOT_SUPPORTED, "arrays are not simulated"));
    } else {
        return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("there is no type of memory {kind}")));
    };
    Ok(Described { said, base, offset: [0; 3], pitch: 0, height: 0 })
}

/// Copies bytes that follow each other.
///
/// # Safety
/// Ends that are said to be the host's are valid.
unsafe fn copy_line(to: (Said, u64), from: (Said, u64), size: usize, stream: CUstream, wait: bool) -> Raw<CUresult> {
    answer(|| {
        let (simulator, context) = current()?;
        let copy = simulator.line(to, from, size, &context)?;
        // SAFETY: by this function's contract.
        unsafe { simulator.copy(copy, stream, &context, wait) }
    })
}

pub unsafe extern "C" fn cuMemcpyHtoD_v2(dst: CUdeviceptr, src: *const c_void, size: usize) -> Raw<CUresult> {
    let src = (Said::Host, src.expose_provenance() as u64);
    // SAFETY: the caller gives valid memory.
    unsafe { copy_line((Said::Known, dst), src, size, core::ptr::null_mut(), true) }
}

pub unsafe extern "C" fn cuMemcpyDtoH_v2(dst: *mut c_void, src: CUdeviceptr, size: usize) -> Raw<CUresult> {
    let dst = (Said::Host, dst.expose_provenance() as u64);
    // SAFETY: the caller gives valid memory.
    unsafe { copy_line(dst, (Said::Known, src), size, core::ptr::null_mut(), true) }
}

pub unsafe extern "C" fn cuMemcpyHtoDAsync_v2(
    dst: CUdeviceptr,
    src: *const c_void,
    size: usize,
    stream: CUstream,
) -> Raw<CUresult> {
    let src = (Said::Host, src.expose_provenance() as u64);
    // SAFETY: the caller gives valid memory.
    unsafe { copy_line((Said::Known, dst), src, size, stream, false) }
}

pub unsafe extern "C" fn cuMemcpyDtoHAsync_v2(
    dst: *mut c_void,
    src: CUdeviceptr,
    size: usize,
    stream: CUstream,
) -> Raw<CUresult> {
    let dst = (Said::Host, dst.expose_provenance() as u64);
    // SAFETY: the caller gives valid memory.
    unsafe { copy_line(dst, (Said::Known, src), size, stream, false) }
}

pub unsafe extern "C" fn cuMemcpyAsync(
    dst: CUdeviceptr,
    src: CUdeviceptr,
    size: usize,
    stream: CUstream,
) -> Raw<CUresult> {
    // SAFETY: neither end is the program's own memory.
    unsafe { copy_line((Said::Known, dst), (Said::Known, src), size, stream, false) }
}

pub unsafe extern "C" fn cuMemcpyPeerAsync(
    dst: CUdeviceptr,
    dst_context: CUcontext,
    src: CUdeviceptr,
    src_context: CUcontext,
    size: usize,
    stream: CUstream,
) -> Raw<CUresult> {
    answer(|| {
        let (simulator, context) = current()?;
        let (to, from) = (simulator.context(dst_context)?, simulator.context(src_context)?);
        to.check()?;
        from.check()?;
        if size == 0 {
            return Ok(());
        }
        // Each end must be where it is said to be.
        let end = |address, place: &Context| -> Outcome<End> {
            let end = simulator.end(Said::Known, address, 0, 0, [size as u64, 1, 1], place)?;
            match &end.place {
                Place::Known(memory) if Arc::ptr_eq(memory, &place.memory) => Ok(end),
                _ => {
                    let reason = format!("{address:#x} is not in memory of device {}", place.device.index);
                    Err(fail(CUDA_ERROR_INVALID_VALUE, reason))
                }
            }
        };
        let copy = Copy { to: end(dst, &to)?, from: end(src, &from)?, extent: [size as u64, 1, 1] };
        // SAFETY: neither end is the program's own memory.
        unsafe { simulator.copy(Some(copy), stream, &context, false) }
    })
}

pub unsafe extern "C" fn cuMemcpy2DAsync_v2(copy: *const CUDA_MEMCPY2D, stream: CUstream) -> Raw<CUresult> {
    answer(|| {
        let (simulator, context) = current()?;
        if copy.is_null() {
            return Err(null("the description of the copy"));
        }
        // SAFETY: not null, and a description by the caller's contract. The types of memory are read as numbers, for
        // they may be no variant; the rest may have any value.
        let (to, from, extent) = unsafe {
            let kind = |kind: *const CUmemorytype| kind.cast::<c_uint>().read();
            let to = described(kind(&raw const (*copy).dstMemoryType), (*copy).dstHost, (*copy).dstDevice)?;
            let from =
                described(kind(&raw const (*copy).srcMemoryType), (*copy).srcHost.cast_mut(), (*copy).srcDevice)?;
            let to = Described {
                offset: [(*copy).dstXInBytes as u64, (*copy).dstY as u64, 0],
                pitch: (*copy).dstPitch as u64,
                ..to
            };
            let from = Described {
                offset: [(*copy).srcXInBytes as u64, (*copy).srcY as u64, 0],
                pitch: (*copy).srcPitch as u64,
                ..from
            };
            (to, from, [(*copy).WidthInBytes as u64, (*copy).Height as u64, 1])
        };
        let copy = simulator.rectangle(&to, &from, extent, &context)?;
        // SAFETY: the caller gives valid memory.
        unsafe { simulator.copy(copy, stream, &context, false) }
    })
}

/// Submits a fill.
fn fill(filling: &Filling, stream: CUstream) -> Raw<CUresult> {
    answer(|| {
        let (simulator, current) = current()?;
        let stream = simulator.stream(&current, stream)?;
        let context = stream.usable_context()?;
        if let Some(fill) = simulator.fill(filling, &current)? {
            context.submit(&stream, Vec::new(), Operation::Fill(fill))?;
        }
        Ok(())
    })
}

pub unsafe extern "C" fn cuMemsetD8Async(
    dst: CUdeviceptr,
    value: c_uchar,
    count: usize,
    stream: CUstream,
) -> Raw<CUresult> {
    let row = Filling { address: dst, pitch: 0, pattern: value.into(), size: 1, width: count as u64, height: 1 };
    fill(&row, stream)
}

pub unsafe extern "C" fn cuMemsetD16Async(
    dst: CUdeviceptr,
    value: c_ushort,
    count: usize,
    stream: CUstream,
) -> Raw<CUresult> {
    let row = Filling { address: dst, pitch: 0, pattern: value.into(), size: 2, width: count as u64, height: 1 };
    fill(&row, stream)
}

pub unsafe extern "C" fn cuMemsetD32Async(
    dst: CUdeviceptr,
    value: c_uint,
    count: usize,
    stream: CUstream,
) -> Raw<CUresult> {
    let row = Filling { address: dst, pitch: 0, pattern: value, size: 4, width: count as u64, height: 1 };
    fill(&row, stream)
}

pub unsafe extern "C" fn cuMemsetD2D8Async(
    dst: CUdeviceptr,
    pitch: usize,
    value: c_uchar,
    width: usize,
    height: usize,
    stream: CUstream,
) -> Raw<CUresult> {
    let (pitch, pattern) = (pitch as u64, value.into());
    let rows = Filling { address: dst, pitch, pattern, size: 1, width: width as u64, height: height as u64 };
    fill(&rows, stream)
}
