//! One piece of work on several devices: each gets a range of the elements.

use std::{fmt, ops::Range};

use geobacter_lang::Element;

use crate::{
    buffer::DeviceBuffer,
    device::{Device, Error},
    stream::Stream,
};

/// Elements shared out among devices, in ranges that follow each other.
///
/// Each part has a stream of its own. Parts of no elements are left out.
#[derive(Debug)]
pub struct Split {
    parts: Vec<Part>,
    length: usize,
}

/// What one device gets.
#[derive(Debug)]
pub struct Part {
    stream: Stream,
    range: Range<usize>,
}

impl Part {
    /// The device.
    pub fn device(&self) -> &Device {
        self.stream.device()
    }

    /// A stream on it, for this part's work.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Which elements.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }
}

impl Split {
    /// `length` elements, the same number for each device. Every part but the last is a multiple of `granule` long: a
    /// work-group's share, a row.
    ///
    /// # Errors
    /// [`Error::Transfer`] if a device has no stream.
    pub fn even(devices: &[Device], length: usize, granule: usize) -> Result<Self, Error> {
        Self::weighted(devices.iter().map(|device| (device, 1.0)), length, granule)
    }

    /// The same with a weight for each device: one of twice the weight gets twice as many elements. Weights that are no
    /// positive number count as 0.
    ///
    /// # Errors
    /// [`Error::Transfer`] if a device has no stream.
    pub fn weighted<'d>(
        devices: impl IntoIterator<Item = (&'d Device, f64)>,
        length: usize,
        granule: usize,
    ) -> Result<Self, Error> {
        let (devices, weights): (Vec<_>, Vec<_>) = devices.into_iter().unzip();
        let parts = ranges(&weights, length, granule).into_iter().zip(devices).filter(|(range, _)| !range.is_empty());
        let parts = parts.map(|(range, device)| Ok(Part { stream: device.stream()?, range }));
        Ok(Self { parts: parts.collect::<Result<_, Error>>()?, length })
    }

    /// The parts, in the order of their elements.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// These elements, each part on its device. Blocks until they are there.
    ///
    /// # Errors
    /// [`Error::Length`] if their number is another; otherwise as [`Device::upload`].
    pub fn upload<T: Element>(&self, elements: &[T]) -> Result<SplitBuffer<T>, Error> {
        if elements.len() != self.length {
            let device = self.parts.first().map_or_else(String::new, |part| part.device().id().to_owned());
            return Err(Error::Length { device, expected: self.length, found: elements.len() });
        }
        let parts = self.parts.iter().map(|part| part.device().upload(&elements[part.range()]));
        Ok(SplitBuffer { parts: parts.collect::<Result<_, _>>()? })
    }

    /// Elements whose bytes are zero, each part on its device.
    ///
    /// # Errors
    /// As [`Device::zeroed`].
    pub fn zeroed<T: Element>(&self) -> Result<SplitBuffer<T>, Error> {
        let parts = self.parts.iter().map(|part| part.device().zeroed(part.range.len()));
        Ok(SplitBuffer { parts: parts.collect::<Result<_, _>>()? })
    }

    /// Waits for all of the parts' streams.
    ///
    /// # Errors
    /// The first failure, as [`Stream::wait`].
    pub fn wait(&self) -> Result<(), Error> {
        // All of them, so that nothing is in flight when the error is returned.
        let outcomes: Vec<_> = self.parts.iter().map(|part| part.stream.wait()).collect();
        outcomes.into_iter().collect()
    }
}

/// Which elements each gets. The ranges follow each other and cover all of them.
fn ranges(weights: &[f64], length: usize, granule: usize) -> Vec<Range<usize>> {
    let granule = granule.max(1);
    let weight = |weight: f64| if weight.is_finite() { weight.max(0.0) } else { 0.0 };
    let sum: f64 = weights.iter().copied().map(weight).sum();
    let mut before = 0.0;
    let mut start = 0;
    let last = weights.len().saturating_sub(1);
    weights
        .iter()
        .enumerate()
        .map(|(index, &own)| {
            before += weight(own);
            let share = if sum > 0.0 { before / sum } else { (index + 1) as f64 / weights.len() as f64 };
            let wished = (share * length as f64 / granule as f64).round() as usize;
            let end = if index == last { length } else { wished.saturating_mul(granule).clamp(start, length) };
            let range = start..end;
            start = end;
            range
        })
        .collect()
}

/// Elements shared out among the devices of a [`Split`].
pub struct SplitBuffer<T> {
    parts: Vec<DeviceBuffer<T>>,
}

impl<T: Element> SplitBuffer<T> {
    /// The parts, in the order of the split's.
    pub fn parts(&self) -> &[DeviceBuffer<T>] {
        &self.parts
    }

    /// The parts, to be written.
    pub fn parts_mut(&mut self) -> &mut [DeviceBuffer<T>] {
        &mut self.parts
    }

    /// All elements. Blocks until they are there.
    ///
    /// # Errors
    /// As [`DeviceSlice::download`](crate::DeviceSlice::download) of each part.
    pub fn download(&self) -> Result<Vec<T>, Error> {
        let mut elements = vec![T::zeroed(); self.parts.iter().map(|part| part.len()).sum()];
        let mut rest = &mut elements[..];
        for part in &self.parts {
            let (own, behind) = rest.split_at_mut(part.len());
            part.download_into(own)?;
            rest = behind;
        }
        Ok(elements)
    }
}

impl<T> fmt::Debug for SplitBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplitBuffer").field("parts", &self.parts).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_each_other_in_granules_and_cover_everything() {
        let weights: [&[f64]; 6] = [&[1.0], &[1.0; 3], &[2.0, 1.0], &[0.0, 0.0], &[f64::NAN, 1.0, -3.0], &[1e300, 1.0]];
        for weights in weights {
            for length in [0, 1, 63, 64, 65, 1000, 1_000_003] {
                for granule in [0, 1, 64, 5000] {
                    let ranges = ranges(weights, length, granule);
                    assert_eq!(ranges.len(), weights.len());
                    assert_eq!((ranges[0].start, ranges[ranges.len() - 1].end), (0, length));
                    assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
                    assert!(ranges.iter().all(|range| range.end == length || range.end % granule.max(1) == 0));
                }
            }
        }
        assert_eq!(ranges(&[1.0; 4], 1000, 64), [0..256, 256..512, 512..768, 768..1000]);
        assert_eq!(ranges(&[3.0, 1.0], 1024, 256), [0..768, 768..1024]);
    }
}
