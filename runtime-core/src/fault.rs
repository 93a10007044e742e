//! Reads a fault record against the code object that wrote it.

use geobacter_spool::fault::FaultRecord;

use crate::driver::KernelPanic;

pub(crate) fn decode(_record: &FaultRecord, _code_object: &[u8]) -> Option<KernelPanic> {
    None
}
