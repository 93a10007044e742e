//! Reads constant data out of a module: bytes, and what its pointers point to.

use std::collections::HashMap;

use llvm_sys::{LLVMOpcode, LLVMValueKind};

use crate::ir::{Ir, Value};

/// The content of a constant global.
pub struct ConstantData {
    bytes: Vec<u8>,
    /// Offset of a pointer → the global that it points to the start of.
    pointers: HashMap<usize, Value>,
}

impl ConstantData {
    /// The content of this global variable; `None` if it is not constant, or of a form that rustc does not write.
    pub fn of(module: &Ir<'_>, global: Value) -> Option<Self> {
        if !global.is_global_variable() || !global.is_global_constant() {
            return None;
        }
        let mut data = Self { bytes: Vec::new(), pointers: HashMap::new() };
        data.append(module, global.initializer()?)?;
        Some(data)
    }

    fn append(&mut self, module: &Ir<'_>, constant: Value) -> Option<()> {
        use LLVMValueKind::*;
        let size = module.size_of(constant.ty()) as usize;
        match constant.kind() {
            LLVMConstantDataArrayValueKind => self.bytes.extend(constant.data_bytes()?),
            LLVMConstantIntValueKind => self.bytes.extend(&constant.const_u64()?.to_le_bytes()[..size]),
            LLVMConstantAggregateZeroValueKind
            | LLVMConstantPointerNullValueKind
            | LLVMUndefValueValueKind
            | LLVMPoisonValueKind => self.bytes.resize(self.bytes.len() + size, 0),
            LLVMConstantStructValueKind | LLVMConstantArrayValueKind => {
                let start = self.bytes.len();
                // rustc writes packed structures: its own padding is explicit bytes.
                constant.operands().into_iter().try_for_each(|element| self.append(module, element))?;
                if self.bytes.len() - start != size {
                    return None;
                }
            }
            LLVMGlobalVariableValueKind => {
                self.pointers.insert(self.bytes.len(), constant);
                self.bytes.resize(self.bytes.len() + 8, 0);
            }
            // An aligned dangling pointer, which stands for an empty slice or string.
            LLVMConstantExprValueKind if constant.const_opcode() == LLVMOpcode::LLVMIntToPtr => {
                self.bytes.extend(constant.operand(0).const_u64()?.to_le_bytes());
            }
            _ => return None,
        }
        Some(())
    }

    /// The `u32` at this offset.
    pub fn u32_at(&self, offset: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes.get(offset..offset + 4)?.try_into().ok()?))
    }

    /// The `u64` at this offset.
    pub fn u64_at(&self, offset: usize) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes.get(offset..offset + 8)?.try_into().ok()?))
    }

    /// The bytes behind the pointer at this offset.
    pub fn pointee(&self, module: &Ir<'_>, offset: usize) -> Option<ConstantData> {
        Self::of(module, *self.pointers.get(&offset)?)
    }

    /// The `&str` at this offset.
    pub fn str_at(&self, module: &Ir<'_>, offset: usize) -> Option<String> {
        let length = self.u64_at(offset + 8)? as usize;
        if length == 0 {
            return Some(String::new());
        }
        let bytes = self.pointee(module, offset)?.bytes;
        String::from_utf8(bytes.get(..length)?.to_vec()).ok()
    }
}
