//! Devices, and what can be asked of them without a context.

use std::{
    ffi::{c_char, c_int, c_uint},
    sync::{Arc, Mutex},
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUcontext,
        CUresult::{self, *},
        CUuuid,
    },
};

use super::{
    card::Card,
    config::Config,
    context::Context,
    out::{null, put, put_text},
    state::{Outcome, Simulator, answer, fail, fresh_handle, installed, lock, simulator},
};
use crate::fault::Fault;

/// A simulated GPU.
#[derive(Debug)]
pub struct Device {
    /// Its number.
    pub index: usize,
    /// The card that it says it is.
    pub card: &'static Card,
    /// Its memory in bytes.
    pub memory: u64,
    /// The handle of its primary context: one for the life of the process.
    pub context: usize,
    /// Its primary context. No other lock is held by who takes this one.
    pub primary: Mutex<Primary>,
    /// What the last kernel that faulted did.
    pub fault: Mutex<Option<Fault>>,
}

/// The primary context of a device: one for all who use it in a process.
#[derive(Debug, Default)]
pub struct Primary {
    /// How often it was retained and not released.
    pub references: usize,
    /// What it is, since it was first retained and until it is released or reset.
    pub active: Option<Arc<Context>>,
}

impl Device {
    /// The device of this number.
    pub fn new(index: usize, card: &'static Card, config: &Config) -> Self {
        let memory = config.memory().unwrap_or(card.memory << 20);
        let context = fresh_handle::<CUcontext>().addr();
        Self { index, card, memory, context, primary: Mutex::default(), fault: Mutex::default() }
    }

    /// Its address on the PCI bus, as text.
    pub fn pci_bus_id(&self) -> String {
        format!("0000:{:02X}:00.0", self.pci_bus())
    }

    /// The number of its PCI bus. The host has the first one.
    pub fn pci_bus(&self) -> usize {
        self.index + 1
    }

    /// Whether kernels on it can be let at another one's memory.
    pub fn can_access(&self, peer: &Self) -> bool {
        self.index != peer.index && self.card.peers && self.card == peer.card
    }

    /// Bytes that look as chosen by chance, and are the same in each process.
    fn uuid(&self) -> [u8; 16] {
        // Version 8 of RFC 9562: contents of one's own.
        let mut bytes = *b"ptx-sim\0\x80\0\0\0\0\0\0\0";
        bytes[6] = 0x80;
        bytes[8] = 0x80;
        bytes[10..12].copy_from_slice(&(self.card.number() as u16).to_be_bytes());
        bytes[14..].copy_from_slice(&(self.index as u16).to_be_bytes());
        bytes
    }
}

impl Simulator {
    /// The device of this number.
    pub fn device(&'static self, number: c_int) -> Outcome<&'static Device> {
        let device = usize::try_from(number).ok().and_then(|index| self.devices.get(index));
        device.ok_or_else(|| {
            let reason = format!("there is no device {number}; there are {}", self.devices.len());
            fail(CUDA_ERROR_INVALID_DEVICE, reason)
        })
    }
}

/// Takes the report of the last kernel on this device that faulted.
pub fn take_fault_report(device: usize) -> Option<Fault> {
    lock(&installed().ok()?.devices.get(device)?.fault).take()
}

pub unsafe extern "C" fn cuInit(flags: c_uint) -> Raw<CUresult> {
    answer(|| {
        let simulator = installed()?;
        if flags != 0 {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("cuInit takes no flags, and got {flags:#x}")));
        }
        simulator.initialise();
        Ok(())
    })
}

pub unsafe extern "C" fn cuDriverGetVersion(version: *mut c_int) -> Raw<CUresult> {
    answer(|| {
        // The one function beside `cuInit` that may be called before it.
        let number = installed()?.config.driver().number();
        // SAFETY: the caller gives room for the number.
        unsafe { put(version, number, "the place for the version") }
    })
}

pub unsafe extern "C" fn cuDeviceGetCount(count: *mut c_int) -> Raw<CUresult> {
    answer(|| {
        let devices = simulator()?.devices.len() as c_int;
        // SAFETY: the caller gives room for the number.
        unsafe { put(count, devices, "the place for the count") }
    })
}

pub unsafe extern "C" fn cuDeviceGet(device: *mut c_int, ordinal: c_int) -> Raw<CUresult> {
    answer(|| {
        let found = simulator()?.device(ordinal)?;
        // SAFETY: the caller gives room for the device.
        unsafe { put(device, found.index as c_int, "the place for the device") }
    })
}

pub unsafe extern "C" fn cuDeviceGetName(name: *mut c_char, length: c_int, device: c_int) -> Raw<CUresult> {
    answer(|| {
        let card = simulator()?.device(device)?.card;
        let length = usize::try_from(length).map_err(|_| null("the place for the name"))?;
        // SAFETY: the caller gives room for so many bytes.
        unsafe { put_text(name, length, card.name, "the place for the name") }
    })
}

pub unsafe extern "C" fn cuDeviceGetUuid_v2(uuid: *mut CUuuid, device: c_int) -> Raw<CUresult> {
    answer(|| {
        let bytes = simulator()?.device(device)?.uuid();
        // SAFETY: the caller gives room for the 16 bytes.
        unsafe { put(uuid.cast::<[u8; 16]>(), bytes, "the place for the UUID") }
    })
}

pub unsafe extern "C" fn cuDeviceTotalMem_v2(bytes: *mut usize, device: c_int) -> Raw<CUresult> {
    answer(|| {
        let memory = simulator()?.device(device)?.memory as usize;
        // SAFETY: the caller gives room for the number.
        unsafe { put(bytes, memory, "the place for the size") }
    })
}

pub unsafe extern "C" fn cuDeviceGetPCIBusId(id: *mut c_char, length: c_int, device: c_int) -> Raw<CUresult> {
    answer(|| {
        let text = simulator()?.device(device)?.pci_bus_id();
        let length = usize::try_from(length).map_err(|_| null("the place for the id"))?;
        // SAFETY: the caller gives room for so many bytes.
        unsafe { put_text(id, length, &text, "the place for the id") }
    })
}

pub unsafe extern "C" fn cuDeviceCanAccessPeer(can_access: *mut c_int, device: c_int, peer: c_int) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        let answer = simulator.device(device)?.can_access(simulator.device(peer)?);
        // SAFETY: the caller gives room for the number.
        unsafe { put(can_access, answer.into(), "the place for the answer") }
    })
}
