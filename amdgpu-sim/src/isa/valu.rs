//! How vector instructions get their sources and put their results: all of it that is the same for every operation.
//!
//! An operation is a closure over [`Lane`] values. [`op1`], [`op2`] and [`op3`] make a [`Step`] of it: sources with their
//! modifiers, denormals, the lanes that EXEC (and DPP) let write, SDWA's selected parts, `clamp` and `omod`.

use rustc_apfloat::Round;

use super::{
    dpp::Dpp,
    lane::Lane,
    rounding::direction,
    sdwa::{Part, Unused},
    step::{DecodeError, Flow, Step},
    target,
    text::{EXEC, NULL, Operand, Parsed, Special},
};
use crate::machine::{
    memory::{PRIVATE_APERTURE, SHARED_APERTURE},
    wave::{ActiveLanes, LANES, Mode, VectorRegister, Wave},
};

/// A vector instruction that is being decoded.
#[derive(Clone, Copy, Debug)]
pub struct Vop<'p> {
    /// The instruction.
    pub parsed: &'p Parsed,
    /// Where accumulation registers begin in [`Wave::vector`].
    pub accumulation: u16,
    /// Whose instruction it is.
    pub gpu: target::Target,
}

/// Where a source comes from.
#[derive(Clone, Copy, Debug)]
enum Place<T> {
    Constant(T),
    Scalar(u8),
    Vector(u16),
    Special(Special),
}

/// A source operand, ready to be read.
#[derive(Clone, Copy, Debug)]
pub struct Source<T> {
    place: Place<T>,
    neg: bool,
    abs: bool,
    part: Part,
    sext: bool,
    dpp: Option<Dpp>,
    plain: bool,
}

/// A vector register that a result goes to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    register: u16,
    part: Part,
    unused: Unused,
    scale: i8,
    clamp: bool,
    dpp: Option<Dpp>,
}

impl<'p> Vop<'p> {
    fn error(&self, why: &str) -> DecodeError {
        DecodeError::new(self.parsed, why)
    }

    /// The number of the vector register that an operand names, and how many.
    pub fn vector(&self, index: usize) -> Result<(u16, u16), DecodeError> {
        match self.parsed.args.get(index).map(|arg| &arg.operand) {
            Some(Operand::Vector(first, count)) => Ok((*first, *count)),
            Some(Operand::Accumulation(first, count)) => Ok((self.accumulation + first, *count)),
            Some(Operand::Half(register, _)) => Ok((*register, 1)),
            _ => Err(self.error("a vector register is expected")),
        }
    }

    /// The scalar register that an operand names.
    pub fn scalar(&self, index: usize) -> Result<u8, DecodeError> {
        match self.parsed.args.get(index).map(|arg| &arg.operand) {
            Some(Operand::Scalar(first, _)) => Ok(*first),
            Some(Operand::Null) => Ok(NULL),
            _ => Err(self.error("a scalar register is expected")),
        }
    }

    /// A source operand. `source` counts sources from 0 (SDWA and DPP name them so), `index` counts operands.
    pub fn source<T: Lane>(&self, index: usize, source: usize) -> Result<Source<T>, DecodeError> {
        let arg = self.parsed.args.get(index).ok_or_else(|| self.error("an operand is missing"))?;
        let enough = |count: u16| usize::from(count) >= T::WORDS;
        let place = match &arg.operand {
            Operand::Scalar(first, count) if enough(u16::from(*count)) => Place::Scalar(*first),
            Operand::Vector(..) | Operand::Accumulation(..) | Operand::Half(..) => {
                let (first, count) = self.vector(index)?;
                if !enough(count) {
                    return Err(self.error("an operand has too few registers"));
                }
                Place::Vector(first)
            }
            Operand::Special(special) => Place::Special(*special),
            Operand::Null => Place::Constant(T::default()),
            operand => Place::Constant(T::constant(operand).ok_or_else(|| self.error("an operand is not understood"))?),
        };
        let mut part = Part::of(self.parsed, &format!("src{source}_sel")).ok_or_else(|| self.error("unknown part"))?;
        let op_sel = self.parsed.bits("op_sel").and_then(|bits| bits.get(source).copied()).unwrap_or(false);
        if let Operand::Half(_, high) = arg.operand {
            part = Part::Word(u8::from(high));
        } else if op_sel && T::BITS == 16 {
            part = Part::Word(1);
        }
        let dpp = if source == 0 { Dpp::of(self.parsed)? } else { None };
        let plain = !arg.neg && !arg.abs && !arg.sext && part == Part::Whole && dpp.is_none();
        Ok(Source { place, neg: arg.neg, abs: arg.abs, part, sext: arg.sext, dpp, plain })
    }

    /// The vector register that operand `index` names as the result's place.
    pub fn target<T: Lane>(&self, index: usize) -> Result<Target, DecodeError> {
        let target = self.saturating_target::<T>(index)?;
        if (target.clamp || target.scale != 0) && !T::FLOAT && !self.saturates() {
            return Err(self.error("clamp is not supported here"));
        }
        Ok(target)
    }

    /// The same for an operation that sees to `clamp` itself.
    pub fn saturating_target<T: Lane>(&self, index: usize) -> Result<Target, DecodeError> {
        let (register, count) = self.vector(index)?;
        if usize::from(count) < T::WORDS {
            return Err(self.error("the result has too few registers"));
        }
        let mut part = Part::of(self.parsed, "dst_sel").ok_or_else(|| self.error("unknown part"))?;
        let mut unused = Unused::of(self.parsed).ok_or_else(|| self.error("unknown dst_unused"))?;
        let sources = self.parsed.args.len() - 1;
        if let Some(Operand::Half(_, high)) = self.parsed.args.get(index).map(|arg| &arg.operand) {
            (part, unused) = (Part::Word(u8::from(*high)), Unused::Preserve);
        } else if T::BITS == 16
            && self.parsed.bits("op_sel").and_then(|bits| bits.get(sources).copied()).unwrap_or(false)
        {
            (part, unused) = (Part::Word(1), Unused::Preserve);
        } else if T::BITS == 16 && part == Part::Whole && (self.gpu.keeps_other_half() || self.selects_half()) {
            (part, unused) = (Part::Word(0), Unused::Preserve);
        }
        let scale = match (self.parsed.modifier("mul"), self.parsed.modifier("div")) {
            (Some("2"), None) => 1,
            (Some("4"), None) => 2,
            (None, Some("2")) => -1,
            (None, None) => 0,
            _ => return Err(self.error("unknown output modifier")),
        };
        let clamp = self.parsed.flag("clamp");
        Ok(Target { register, part, unused, scale, clamp, dpp: Dpp::of(self.parsed)? })
    }

    /// Whether it is one of the 16-bit instructions that write one half of the result's register on CDNA too, and leave the
    /// other one as it was.
    fn selects_half(&self) -> bool {
        matches!(
            self.parsed.mnemonic.as_str(),
            "v_add_i16"
                | "v_sub_i16"
                | "v_mad_u16"
                | "v_mad_i16"
                | "v_mad_f16"
                | "v_madmk_f16"
                | "v_madak_f16"
                | "v_mac_f16"
                | "v_fma_f16"
                | "v_min3_u16"
                | "v_max3_u16"
                | "v_med3_u16"
                | "v_min3_i16"
                | "v_max3_i16"
                | "v_med3_i16"
                | "v_min3_f16"
                | "v_max3_f16"
                | "v_med3_f16"
                | "v_div_fixup_f16"
        )
    }

    /// Whether the operation itself sees to `clamp`.
    fn saturates(&self) -> bool {
        let name = self.parsed.mnemonic.as_str();
        let kind = [
            "v_add_",
            "v_sub_",
            "v_subrev_",
            "v_addc_",
            "v_subb_",
            "v_subbrev_",
            "v_mad_",
            "v_sad_",
            "v_msad_",
            "v_dot",
        ];
        let integer = ["_u32", "_i32", "_u16", "_i16", "_u24", "_i24", "_u8", "_i8", "_u4", "_i4"];
        kind.iter().any(|kind| name.starts_with(kind)) && integer.iter().any(|integer| name.ends_with(integer))
    }
}

impl<T: Lane> Source<T> {
    /// The value of a source that is the same for all lanes.
    #[inline]
    fn uniform(&self, wave: &Wave) -> Option<T> {
        Some(match self.place {
            Place::Constant(value) => value,
            Place::Scalar(index) => {
                let index = usize::from(index);
                T::from_words(wave.scalar[index & 255], wave.scalar[(index + 1) & 255])
            }
            Place::Special(special) => {
                let value = special_value(special, wave);
                T::from_words(value as u32, (value >> 32) as u32)
            }
            Place::Vector(_) => return None,
        })
    }

    fn raw(&self, wave: &Wave, lane: usize) -> T {
        match (self.place, self.uniform(wave)) {
            (_, Some(value)) => value,
            (Place::Vector(register), None) => {
                let register = usize::from(register);
                let high = if T::WORDS == 2 { wave.vector[register + 1][lane] } else { 0 };
                T::from_words(wave.vector[register][lane], high)
            }
            (_, None) => T::default(),
        }
    }

    /// The value in one lane, modifiers applied.
    fn value(&self, wave: &Wave, lane: usize, flush: bool) -> T {
        let from = match self.dpp {
            Some(dpp) => dpp.source(lane, wave.exec()),
            None => Some(lane),
        };
        let mut value = from.map_or(T::default(), |lane| self.raw(wave, lane));
        if self.part != Part::Whole {
            let (low, high) = match self.place {
                // The part is taken of the register, not of the value that the type makes of it.
                Place::Vector(register) if T::BITS == 16 => {
                    (from.map_or(0, |lane| wave.vector[usize::from(register)][lane]), 0)
                }
                Place::Scalar(index) if T::BITS == 16 => (wave.scalar[usize::from(index)], 0),
                _ => value.words(),
            };
            value = T::from_words(self.part.take(low, self.sext), high);
        }
        if self.abs {
            value = value.abs();
        }
        if self.neg {
            value = value.neg();
        }
        if flush { value.flush() } else { value }
    }

    /// The values of all lanes, in `room` if they have to be made.
    #[inline]
    pub fn fetch<'a>(&self, wave: &'a Wave, room: &'a mut [T; LANES], arithmetic: bool) -> &'a [T; LANES] {
        let flush = arithmetic && T::FLOAT && T::flushes(wave.mode).0;
        if self.plain && !flush {
            if let Place::Vector(register) = self.place {
                let register = usize::from(register);
                if let Some(values) = T::view(&wave.vector[register]) {
                    return values;
                }
                if T::WORDS == 2 {
                    let (low, high) = (&wave.vector[register], &wave.vector[register + 1]);
                    for lane in 0..LANES {
                        room[lane] = T::from_words(low[lane], high[lane]);
                    }
                } else {
                    let low = &wave.vector[register];
                    for lane in 0..LANES {
                        room[lane] = T::from_words(low[lane], 0);
                    }
                }
                return room;
            }
            if let Some(value) = self.uniform(wave) {
                *room = [value; LANES];
                return room;
            }
        }
        self.fetch_modified(wave, room, flush);
        room
    }

    #[inline(never)]
    fn fetch_modified(&self, wave: &Wave, room: &mut [T; LANES], flush: bool) {
        for (lane, value) in room.iter_mut().enumerate() {
            *value = self.value(wave, lane, flush);
        }
    }
}

/// The value of a named source.
pub fn special_value(special: Special, wave: &Wave) -> u64 {
    match special {
        Special::SharedBase => u64::from(SHARED_APERTURE) << 32,
        Special::SharedLimit => u64::from(SHARED_APERTURE) << 32 | 0xffff_ffff,
        Special::PrivateBase => u64::from(PRIVATE_APERTURE) << 32,
        Special::PrivateLimit => u64::from(PRIVATE_APERTURE) << 32 | 0xffff_ffff,
        Special::Scc => u64::from(wave.scc),
        Special::Vccz => u64::from(wave.vcc() == 0),
        Special::Execz => u64::from(wave.exec() == 0),
    }
}

/// Writes the lanes in `mask` of a register.
#[inline]
pub fn write(register: &mut VectorRegister, values: impl Fn(usize) -> u32, mask: u64) {
    if mask == u64::MAX {
        for (lane, word) in register.iter_mut().enumerate() {
            *word = values(lane);
        }
    } else {
        for lane in ActiveLanes(mask) {
            register[lane] = values(lane);
        }
    }
}

impl Target {
    /// The same place, for a 16-bit result whose other half stays on every target.
    pub fn preserving_high(mut self) -> Self {
        if self.part == Part::Whole {
            (self.part, self.unused) = (Part::Word(0), Unused::Preserve);
        }
        self
    }

    /// A byte of the same place, whose other bytes stay.
    pub fn in_byte(mut self, byte: u8) -> Self {
        (self.part, self.unused) = (Part::Byte(byte), Unused::Preserve);
        self
    }

    /// Lanes that may be written.
    #[inline]
    pub fn mask(&self, wave: &Wave) -> u64 {
        match self.dpp {
            None => wave.exec(),
            Some(dpp) => dpp.mask(wave.exec()),
        }
    }

    /// Puts a result.
    #[inline]
    pub fn store<T: Lane>(&self, wave: &mut Wave, values: &mut [T; LANES], arithmetic: bool) {
        let mask = self.mask(wave);
        if T::FLOAT && arithmetic {
            let flushes = T::flushes(wave.mode).1;
            // Output modifiers are ignored where results may be denormal, and in IEEE mode (*CDNA 3 ISA*, "Output
            // modifiers").
            let scale = if flushes && !wave.mode.ieee() { self.scale } else { 0 };
            if flushes {
                values.iter_mut().for_each(|value| *value = value.flush());
            }
            if self.clamp || scale != 0 {
                values.iter_mut().for_each(|value| *value = value.modify(scale, self.clamp, wave.mode));
            }
        }
        let register = usize::from(self.register);
        if self.part == Part::Whole {
            write(&mut wave.vector[register], |lane| values[lane].words().0, mask);
            if T::WORDS == 2 {
                write(&mut wave.vector[register + 1], |lane| values[lane].words().1, mask);
            }
        } else {
            for lane in ActiveLanes(mask) {
                let word = &mut wave.vector[register][lane];
                *word = self.part.put(*word, values[lane].words().0, self.unused);
            }
        }
    }
}

/// NaNs as the hardware gives them: the first NaN source made quiet, else the positive quiet NaN.
#[inline]
fn settle_nans<D: Lane>(out: &mut [D; LANES], source: impl Fn(usize) -> Option<D>) {
    if out.iter().any(|value| value.is_nan()) {
        for (lane, value) in out.iter_mut().enumerate() {
            if value.is_nan() {
                *value = source(lane).unwrap_or_else(D::default_nan).quiet();
            }
        }
    }
}

/// The source's NaN, if it is one of the result's type.
#[inline]
fn nan_of<A: Lane, D: Lane>(value: A) -> Option<D> {
    (A::FLOAT && A::BITS == D::BITS && value.is_nan()).then(|| {
        let (low, high) = value.words();
        D::from_words(low, high)
    })
}

/// One source, one result.
pub fn op1<A: Lane, D: Lane>(v: &Vop<'_>, f: impl Fn(A) -> D + Send + Sync + 'static) -> Result<Step, DecodeError> {
    all1(v, move |_, a: &[A; LANES], out: &mut [D; LANES]| {
        for lane in 0..LANES {
            out[lane] = f(a[lane]);
        }
    })
}

/// The same for a result that MODE may have rounded otherwise than to the nearest.
pub fn rounded1<A: Lane, D: Lane>(
    v: &Vop<'_>,
    nearest: impl Fn(A) -> D + Send + Sync + 'static,
    directed: impl Fn(Round, A) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    all1(v, move |mode, a: &[A; LANES], out: &mut [D; LANES]| match direction::<D>(mode) {
        None => {
            for lane in 0..LANES {
                out[lane] = nearest(a[lane]);
            }
        }
        Some(round) => {
            for lane in 0..LANES {
                out[lane] = directed(round, a[lane]);
            }
        }
    })
}

/// One source, one result: `f` computes all lanes.
#[inline]
fn all1<A: Lane, D: Lane>(
    v: &Vop<'_>,
    f: impl Fn(Mode, &[A; LANES], &mut [D; LANES]) + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    let (target, a) = (v.target::<D>(0)?, v.source::<A>(1, 0)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut out) = ([A::default(); LANES], [D::default(); LANES]);
        let a = a.fetch(wave, &mut room_a, true);
        f(wave.mode, a, &mut out);
        if D::FLOAT {
            settle_nans(&mut out, |lane| nan_of(a[lane]));
        }
        target.store(wave, &mut out, true);
        Ok(Flow::Next)
    }))
}

/// Two sources, one result.
pub fn op2<A: Lane, B: Lane, D: Lane>(
    v: &Vop<'_>,
    f: impl Fn(A, B) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    all2(v, move |_, a: &[A; LANES], b: &[B; LANES], out: &mut [D; LANES]| {
        for lane in 0..LANES {
            out[lane] = f(a[lane], b[lane]);
        }
    })
}

/// The same for a result that MODE may have rounded otherwise than to the nearest.
pub fn rounded2<A: Lane, B: Lane, D: Lane>(
    v: &Vop<'_>,
    nearest: impl Fn(A, B) -> D + Send + Sync + 'static,
    directed: impl Fn(Round, A, B) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    all2(v, move |mode, a: &[A; LANES], b: &[B; LANES], out: &mut [D; LANES]| match direction::<D>(mode) {
        None => {
            for lane in 0..LANES {
                out[lane] = nearest(a[lane], b[lane]);
            }
        }
        Some(round) => {
            for lane in 0..LANES {
                out[lane] = directed(round, a[lane], b[lane]);
            }
        }
    })
}

/// Two sources, one result: `f` computes all lanes.
#[inline]
fn all2<A: Lane, B: Lane, D: Lane>(
    v: &Vop<'_>,
    f: impl Fn(Mode, &[A; LANES], &[B; LANES], &mut [D; LANES]) + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    let (target, a, b) = (v.target::<D>(0)?, v.source::<A>(1, 0)?, v.source::<B>(2, 1)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([A::default(); LANES], [B::default(); LANES]);
        let mut out = [D::default(); LANES];
        let (a, b) = (a.fetch(wave, &mut room_a, true), b.fetch(wave, &mut room_b, true));
        f(wave.mode, a, b, &mut out);
        if D::FLOAT {
            settle_nans(&mut out, |lane| nan_of(a[lane]).or_else(|| nan_of(b[lane])));
        }
        target.store(wave, &mut out, true);
        Ok(Flow::Next)
    }))
}

/// Two sources, one result, and the mode. NaNs are the closure's business.
pub fn op2_mode<A: Lane, B: Lane, D: Lane>(
    v: &Vop<'_>,
    f: impl Fn(Mode, A, B) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    let (target, a, b) = (v.target::<D>(0)?, v.source::<A>(1, 0)?, v.source::<B>(2, 1)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([A::default(); LANES], [B::default(); LANES]);
        let mut out = [D::default(); LANES];
        let (a, b) = (a.fetch(wave, &mut room_a, true), b.fetch(wave, &mut room_b, true));
        for lane in 0..LANES {
            out[lane] = f(wave.mode, a[lane], b[lane]);
        }
        target.store(wave, &mut out, true);
        Ok(Flow::Next)
    }))
}

/// Three sources, one result. `index` are the operands that the sources are.
pub fn op3_at<A: Lane, B: Lane, C: Lane, D: Lane>(
    v: &Vop<'_>,
    index: [usize; 3],
    target: Target,
    f: impl Fn(A, B, C) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    all3(v, index, target, move |_, a: &[A; LANES], b: &[B; LANES], c: &[C; LANES], out: &mut [D; LANES]| {
        for lane in 0..LANES {
            out[lane] = f(a[lane], b[lane], c[lane]);
        }
    })
}

/// The same with the mode. NaNs are as for the others.
pub fn op3_mode<A: Lane, B: Lane, C: Lane, D: Lane>(
    v: &Vop<'_>,
    f: impl Fn(Mode, A, B, C) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    let target = v.target::<D>(0)?;
    all3(v, [1, 2, 3], target, move |mode, a: &[A; LANES], b: &[B; LANES], c: &[C; LANES], out: &mut [D; LANES]| {
        for lane in 0..LANES {
            out[lane] = f(mode, a[lane], b[lane], c[lane]);
        }
    })
}

/// The same for a result that MODE may have rounded otherwise than to the nearest.
pub fn rounded3_at<A: Lane, B: Lane, C: Lane, D: Lane>(
    v: &Vop<'_>,
    index: [usize; 3],
    target: Target,
    nearest: impl Fn(A, B, C) -> D + Send + Sync + 'static,
    directed: impl Fn(Round, A, B, C) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    all3(v, index, target, move |mode, a: &[A; LANES], b: &[B; LANES], c: &[C; LANES], out: &mut [D; LANES]| {
        match direction::<D>(mode) {
            None => {
                for lane in 0..LANES {
                    out[lane] = nearest(a[lane], b[lane], c[lane]);
                }
            }
            Some(round) => {
                for lane in 0..LANES {
                    out[lane] = directed(round, a[lane], b[lane], c[lane]);
                }
            }
        }
    })
}

/// Three sources, one result, rounded as MODE says.
pub fn rounded3<A: Lane, B: Lane, C: Lane, D: Lane>(
    v: &Vop<'_>,
    nearest: impl Fn(A, B, C) -> D + Send + Sync + 'static,
    directed: impl Fn(Round, A, B, C) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    rounded3_at(v, [1, 2, 3], v.target::<D>(0)?, nearest, directed)
}

/// Two sources, and a result that is the third source too (`v_fmac`), rounded as MODE says.
pub fn accumulate<A: Lane, D: Lane>(
    v: &Vop<'_>,
    nearest: impl Fn(A, A, D) -> D + Send + Sync + 'static,
    directed: impl Fn(Round, A, A, D) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    rounded3_at(v, [1, 2, 0], v.target::<D>(0)?, nearest, directed)
}

/// Three sources, one result: `f` computes all lanes.
#[inline]
fn all3<A: Lane, B: Lane, C: Lane, D: Lane>(
    v: &Vop<'_>,
    index: [usize; 3],
    target: Target,
    f: impl Fn(Mode, &[A; LANES], &[B; LANES], &[C; LANES], &mut [D; LANES]) + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    let (a, b, c) = (v.source::<A>(index[0], 0)?, v.source::<B>(index[1], 1)?, v.source::<C>(index[2], 2)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b, mut room_c) =
            ([A::default(); LANES], [B::default(); LANES], [C::default(); LANES]);
        let mut out = [D::default(); LANES];
        let a = a.fetch(wave, &mut room_a, true);
        let b = b.fetch(wave, &mut room_b, true);
        let c = c.fetch(wave, &mut room_c, true);
        f(wave.mode, a, b, c, &mut out);
        if D::FLOAT {
            settle_nans(&mut out, |lane| nan_of(a[lane]).or_else(|| nan_of(b[lane])).or_else(|| nan_of(c[lane])));
        }
        target.store(wave, &mut out, true);
        Ok(Flow::Next)
    }))
}

/// Three sources, one result.
pub fn op3<A: Lane, B: Lane, C: Lane, D: Lane>(
    v: &Vop<'_>,
    f: impl Fn(A, B, C) -> D + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    op3_at(v, [1, 2, 3], v.target::<D>(0)?, f)
}

/// A comparison: one bit for each lane into a lane mask, and into EXEC for `v_cmpx`.
pub fn compare<A: Lane, B: Lane>(
    v: &Vop<'_>,
    exec: bool,
    f: impl Fn(A, B) -> bool + Send + Sync + 'static,
) -> Result<Step, DecodeError> {
    let alone = exec && v.gpu.compares_into_exec_alone();
    let (result, first) = if alone { (EXEC, 0) } else { (v.scalar(0)?, 1) };
    let (a, b) = (v.source::<A>(first, 0)?, v.source::<B>(first + 1, 1)?);
    Ok(Box::new(move |wave, _| {
        let (mut room_a, mut room_b) = ([A::default(); LANES], [B::default(); LANES]);
        let (a, b) = (a.fetch(wave, &mut room_a, true), b.fetch(wave, &mut room_b, true));
        let mut bits = 0;
        for lane in 0..LANES {
            bits |= u64::from(f(a[lane], b[lane])) << lane;
        }
        bits &= wave.exec();
        wave.set_lane_mask(result, bits);
        if exec {
            wave.set_lane_mask(EXEC, bits);
        }
        Ok(Flow::Next)
    }))
}
