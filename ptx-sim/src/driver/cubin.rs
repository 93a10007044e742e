//! What the simulator's linker makes: PTX that was compiled for one GPU, in a container that only the simulator loads.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 8 | length of all of it |
//! | 8 | check sum of all that follows |
//! | 4 | the GPU's number; bit 16 for its own features, bit 17 for its family's |
//! | 4 | how many modules |
//! | 8 and the rest | for each module, the length of its text and the text |
//!
//! Numbers are little-endian.

use crate::target::{Features, Target};

/// How a container begins. A driver for real GPUs takes it for no image of its own.
pub const MAGIC: [u8; 8] = *b"\x7fPTXSIM\x01";
const HEADER: usize = 24;

/// What a container holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cubin {
    /// The GPU that the modules were compiled for.
    pub target: Target,
    /// Their text.
    pub modules: Vec<String>,
}

/// Why bytes are no container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the image is damaged: it is no code that this simulator's linker has made")]
pub struct Damaged;

impl Cubin {
    /// The container's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut content = Vec::new();
        let features = match self.target.features() {
            Features::Base => 0,
            Features::Architecture => 1 << 16,
            Features::Family => 1 << 17,
        };
        content.extend((self.target.number() | features).to_le_bytes());
        content.extend((self.modules.len() as u32).to_le_bytes());
        for module in &self.modules {
            content.extend((module.len() as u64).to_le_bytes());
            content.extend(module.as_bytes());
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend(((HEADER + content.len()) as u64).to_le_bytes());
        bytes.extend(check_sum(&content).to_le_bytes());
        bytes.append(&mut content);
        bytes
    }

    /// The length that a container says it has, from its first 16 bytes.
    pub fn length(bytes: [u8; 16]) -> Result<usize, Damaged> {
        let [magic, length] = [0, 8].map(|at| bytes[at..at + 8].try_into().unwrap_or([0; 8]));
        let length = usize::try_from(u64::from_le_bytes(length)).map_err(|_| Damaged)?;
        // The largest code by far that anybody has is a few hundred megabytes.
        let plausible = (HEADER + 8..1 << 32).contains(&length);
        if magic == MAGIC && plausible { Ok(length) } else { Err(Damaged) }
    }

    /// Reads a container.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let (head, rest) = bytes.split_first_chunk::<16>().ok_or(Damaged)?;
        if Self::length(*head)? != bytes.len() {
            return Err(Damaged);
        }
        let (sum, mut content) = rest.split_first_chunk::<8>().ok_or(Damaged)?;
        if u64::from_le_bytes(*sum) != check_sum(content) {
            return Err(Damaged);
        }
        let target = number(&mut content)?;
        let suffix = ["", "a", "f"].get((target >> 16) as usize).ok_or(Damaged)?;
        let target = Target::parse(&format!("sm_{}{suffix}", target & 0xffff)).map_err(|_| Damaged)?;
        let count = number(&mut content)?;
        let mut modules = Vec::new();
        for _ in 0..count {
            let (length, text) = content.split_first_chunk::<8>().ok_or(Damaged)?;
            let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| Damaged)?;
            let (text, rest) = text.split_at_checked(length).ok_or(Damaged)?;
            modules.push(str::from_utf8(text).map_err(|_| Damaged)?.to_owned());
            content = rest;
        }
        if content.is_empty() { Ok(Self { target, modules }) } else { Err(Damaged) }
    }
}

fn number(bytes: &mut &[u8]) -> Result<u32, Damaged> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or(Damaged)?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*number))
}

/// FNV-1a with 64 bits: it finds bits that a disk has lost, and is no protection against anybody.
fn check_sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Cubin {
        let modules = vec![".version 8.0\n".to_owned(), "é".to_owned(), String::new()];
        Cubin { target: Target::parse("sm_90a").unwrap(), modules }
    }

    #[test]
    fn what_is_written_is_read() {
        for target in ["sm_70", "sm_90a", "sm_100f"] {
            let cubin = Cubin { target: Target::parse(target).unwrap(), ..sample() };
            assert_eq!(Cubin::from_bytes(&cubin.to_bytes()), Ok(cubin));
        }
    }

    #[test]
    fn any_damage_is_found() {
        let good = sample().to_bytes();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert_eq!(Cubin::from_bytes(&bad), Err(Damaged), "byte {at}");
            assert_eq!(Cubin::from_bytes(&good[..at]), Err(Damaged), "{at} bytes");
        }
        let longer: Vec<u8> = good.iter().copied().chain([0]).collect();
        assert_eq!(Cubin::from_bytes(&longer), Err(Damaged));
    }
}
