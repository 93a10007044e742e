//! LLVM IR through the C API: the few handles and edits that the passes need.
//!
//! Handles are plain pointers into LLVM's data structures, `Copy`, and valid as long as the [`Ir`] module that they came
//! from and until they are erased. All functions here are for this crate alone, whose passes keep to these rules:
//! 1. a handle is used only while its module lives, and within one context;
//! 2. nothing uses a value after [`Value::erase`];
//! 3. an accessor that is for one kind of value is called on that kind only (LLVM's casts are unchecked in a release
//!    build of LLVM).
//!
//! They make every call below sound, and are what the SAFETY comments refer to.

use std::{
    cell::RefCell,
    ffi::{CStr, CString, c_char, c_uint, c_void},
    marker::PhantomData,
    ptr,
};

use llvm_sys::{
    LLVMAttributeFunctionIndex, LLVMCallConv, LLVMLinkage, LLVMOpcode, LLVMTypeKind, LLVMUnnamedAddr, LLVMValueKind,
    LLVMVisibility, core::*, debuginfo::*, prelude::*,
};

/// An LLVM context: types, constants and metadata of its modules live in it. It keeps the errors that LLVM reports
/// while it works on them, which would otherwise end the process.
pub struct Context(LLVMContextRef, Box<RefCell<Vec<String>>>);

extern "C" fn keep_error(diagnostic: LLVMDiagnosticInfoRef, errors: *mut c_void) {
    // SAFETY: LLVM hands over a diagnostic that lives during the call; its description is ours to free.
    let (severity, text) =
        unsafe { (LLVMGetDiagInfoSeverity(diagnostic), take_message(LLVMGetDiagInfoDescription(diagnostic))) };
    if matches!(severity, llvm_sys::LLVMDiagnosticSeverity::LLVMDSError) {
        // SAFETY: the pointer is that of the context's list, which lives as long as the context.
        unsafe { &*errors.cast::<RefCell<Vec<String>>>() }.borrow_mut().push(text);
    }
}

impl Context {
    /// A fresh context. LLVM must have been loaded.
    pub fn new() -> Self {
        let errors = Box::new(RefCell::new(Vec::new()));
        // SAFETY: no precondition but a loaded LLVM. The handler's list lives as long as the context.
        let context = unsafe {
            let context = LLVMContextCreate();
            LLVMContextSetDiagnosticHandler(context, Some(keep_error), (&raw const *errors).cast_mut().cast());
            context
        };
        Self(context, errors)
    }

    /// What LLVM has reported as an error so far.
    pub fn errors(&self) -> Vec<String> {
        self.1.borrow().clone()
    }

    pub fn raw(&self) -> LLVMContextRef {
        self.0
    }

    pub fn int(&self, bits: u32) -> Type {
        // SAFETY: the context lives.
        Type(unsafe { LLVMIntTypeInContext(self.0, bits) })
    }

    pub fn float(&self) -> Type {
        // SAFETY: the context lives.
        Type(unsafe { LLVMFloatTypeInContext(self.0) })
    }

    pub fn void(&self) -> Type {
        // SAFETY: the context lives.
        Type(unsafe { LLVMVoidTypeInContext(self.0) })
    }

    pub fn pointer(&self, address_space: u32) -> Type {
        // SAFETY: the context lives.
        Type(unsafe { LLVMPointerTypeInContext(self.0, address_space) })
    }

    pub fn function(&self, result: Type, params: &[Type]) -> Type {
        let mut params: Vec<_> = params.iter().map(|ty| ty.0).collect();
        // SAFETY: the types are of this context (rule 1); the array has the given length.
        Type(unsafe { LLVMFunctionType(result.0, params.as_mut_ptr(), params.len() as c_uint, 0) })
    }

    pub fn bytes(&self, length: u64) -> Type {
        // SAFETY: the context lives.
        Type(unsafe { LLVMArrayType2(self.int(8).0, length) })
    }

    /// A constant array of these bytes, without a NUL at its end.
    pub fn byte_string(&self, bytes: &[u8]) -> Value {
        // SAFETY: pointer and length describe the bytes; the context lives.
        Value(unsafe { LLVMConstStringInContext2(self.0, bytes.as_ptr().cast(), bytes.len(), 1) })
    }

    pub fn attribute(&self, name: &str, value: u64) -> Attribute {
        // SAFETY: pointer and length describe `name`.
        let kind = unsafe { LLVMGetEnumAttributeKindForName(name.as_ptr().cast(), name.len()) };
        debug_assert_ne!(kind, 0, "LLVM knows no attribute {name}");
        // SAFETY: the kind is one of LLVM's.
        Attribute(unsafe { LLVMCreateEnumAttribute(self.0, kind, value) })
    }

    pub fn type_attribute(&self, name: &str, ty: Type) -> Attribute {
        // SAFETY: pointer and length describe `name`; the type is of this context.
        Attribute(unsafe {
            let kind = LLVMGetEnumAttributeKindForName(name.as_ptr().cast(), name.len());
            LLVMCreateTypeAttribute(self.0, kind, ty.0)
        })
    }

    /// `range(bits low, high)`: a value is at least `low` and less than `high`.
    pub fn range_attribute(&self, bits: u32, low: u64, high: u64) -> Attribute {
        // SAFETY: LLVM reads one word for each bound, which is what up to 64 bits take.
        Attribute(unsafe {
            let kind = LLVMGetEnumAttributeKindForName(c"range".as_ptr(), 5);
            LLVMCreateConstantRangeAttribute(self.0, kind, bits, &low, &high)
        })
    }

    pub fn string_attribute(&self, name: &str, value: &str) -> Attribute {
        // SAFETY: pointers and lengths describe the strings.
        Attribute(unsafe {
            LLVMCreateStringAttribute(
                self.0,
                name.as_ptr().cast(),
                name.len() as c_uint,
                value.as_ptr().cast(),
                value.len() as c_uint,
            )
        })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: modules borrow the context, so none is left.
        unsafe { LLVMContextDispose(self.0) }
    }
}

/// An attribute of a function, parameter or call.
#[derive(Clone, Copy)]
pub struct Attribute(LLVMAttributeRef);

/// A module.
pub struct Ir<'c> {
    module: LLVMModuleRef,
    context: &'c Context,
}

impl<'c> Ir<'c> {
    /// An empty module.
    pub fn new(context: &'c Context, name: &str) -> Self {
        let name = c_string(name);
        // SAFETY: the name is a C string.
        Self { module: unsafe { LLVMModuleCreateWithNameInContext(name.as_ptr(), context.0) }, context }
    }

    /// Parses bitcode. With `lazy`, function bodies are read when the linker asks for them.
    pub fn parse(context: &'c Context, bitcode: &[u8], lazy: bool) -> Result<Self, String> {
        let mut module = ptr::null_mut();
        // SAFETY: the buffer is copied; the lazy reader takes the copy and keeps it, the other one leaves it to us.
        let failed = unsafe {
            let buffer =
                LLVMCreateMemoryBufferWithMemoryRangeCopy(bitcode.as_ptr().cast(), bitcode.len(), c"".as_ptr());
            if lazy {
                llvm_sys::bit_reader::LLVMGetBitcodeModuleInContext2(context.0, buffer, &mut module)
            } else {
                let failed = llvm_sys::bit_reader::LLVMParseBitcodeInContext2(context.0, buffer, &mut module);
                LLVMDisposeMemoryBuffer(buffer);
                failed
            }
        };
        if failed != 0 { Err("LLVM cannot read the bitcode".into()) } else { Ok(Self { module, context }) }
    }

    /// Parses textual IR, which must be valid.
    pub fn parse_text(context: &'c Context, text: &str) -> Result<Self, String> {
        let text = c_string(text);
        let mut module = ptr::null_mut();
        let mut message = ptr::null_mut();
        // SAFETY: the buffer is a copy with a NUL behind it, and is ours to free.
        let failed = unsafe {
            let length = text.as_bytes().len();
            let buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(text.as_ptr(), length, c"text".as_ptr());
            let failed = llvm_sys::ir_reader::LLVMParseIRInContext2(context.0, buffer, &mut module, &mut message);
            LLVMDisposeMemoryBuffer(buffer);
            failed
        };
        if failed != 0 { Err(take_message(message)) } else { Ok(Self { module, context }) }
    }

    pub fn raw(&self) -> LLVMModuleRef {
        self.module
    }

    pub fn context(&self) -> &'c Context {
        self.context
    }

    /// Moves what `source` defines into this module. Lazily parsed bodies are read as they are needed.
    pub fn link(&self, source: Ir<'c>) -> Result<(), String> {
        let source_module = source.module;
        std::mem::forget(source);
        // SAFETY: both modules are of one context; the linker destroys the source, which is forgotten here.
        let failed = unsafe { llvm_sys::linker::LLVMLinkModules2(self.module, source_module) };
        if failed != 0 { Err("LLVM cannot link the modules".into()) } else { Ok(()) }
    }

    pub fn duplicate(&self) -> Ir<'c> {
        // SAFETY: the module lives.
        Ir { module: unsafe { LLVMCloneModule(self.module) }, context: self.context }
    }

    pub fn to_bitcode(&self) -> Vec<u8> {
        // SAFETY: the buffer's start and size describe its bytes, which are copied before it is freed.
        unsafe {
            let buffer = llvm_sys::bit_writer::LLVMWriteBitcodeToMemoryBuffer(self.module);
            let bytes = buffer_bytes(buffer);
            LLVMDisposeMemoryBuffer(buffer);
            bytes
        }
    }

    pub fn to_text(&self) -> String {
        // SAFETY: LLVM gives a C string that the caller frees.
        take_message(unsafe { LLVMPrintModuleToString(self.module) })
    }

    pub fn verify(&self) -> Result<(), String> {
        let mut message = ptr::null_mut();
        // SAFETY: the module lives; LLVM gives a message that the caller frees.
        let broken = unsafe {
            llvm_sys::analysis::LLVMVerifyModule(
                self.module,
                llvm_sys::analysis::LLVMVerifierFailureAction::LLVMReturnStatusAction,
                &mut message,
            )
        };
        let message = take_message(message);
        if broken != 0 { Err(message) } else { Ok(()) }
    }

    /// Runs passes, in the syntax of `opt -passes=`.
    pub fn run_passes(
        &self,
        passes: &str,
        machine: llvm_sys::target_machine::LLVMTargetMachineRef,
    ) -> Result<(), String> {
        use llvm_sys::{error::*, transforms::pass_builder::*};
        let passes = c_string(passes);
        // SAFETY: the options live during the call; a null machine is allowed. An error's message is ours to free.
        unsafe {
            let options = LLVMCreatePassBuilderOptions();
            let error = LLVMRunPasses(self.module, passes.as_ptr(), machine, options);
            LLVMDisposePassBuilderOptions(options);
            if error.is_null() {
                return Ok(());
            }
            let message = LLVMGetErrorMessage(error);
            let text = CStr::from_ptr(message).to_string_lossy().into_owned();
            LLVMDisposeErrorMessage(message);
            Err(text)
        }
    }

    /// Takes over another module's triple and data layout.
    pub fn set_target_of(&self, other: &Ir<'_>) {
        // SAFETY: both modules live.
        unsafe {
            LLVMSetTarget(self.module, LLVMGetTarget(other.module));
            LLVMSetDataLayout(self.module, LLVMGetDataLayoutStr(other.module));
        }
    }

    /// Size of a type in bytes, by the module's data layout.
    pub fn size_of(&self, ty: Type) -> u64 {
        // SAFETY: the layout belongs to the module; the type is of its context.
        unsafe { llvm_sys::target::LLVMABISizeOfType(llvm_sys::target::LLVMGetModuleDataLayout(self.module), ty.0) }
    }

    pub fn set_target(&self, triple: &str, layout: &str) {
        let (triple, layout) = (c_string(triple), c_string(layout));
        // SAFETY: both are C strings.
        unsafe {
            LLVMSetTarget(self.module, triple.as_ptr());
            LLVMSetDataLayout(self.module, layout.as_ptr());
        }
    }

    pub fn functions(&self) -> impl Iterator<Item = Value> + use<'c> {
        // SAFETY: rule 1. The next function is read before the caller sees this one, so it may be erased.
        unsafe { walk(LLVMGetFirstFunction(self.module), |f| LLVMGetNextFunction(f)) }.map(Value)
    }

    pub fn globals(&self) -> impl Iterator<Item = Value> + use<'c> {
        // SAFETY: as for functions.
        unsafe { walk(LLVMGetFirstGlobal(self.module), |g| LLVMGetNextGlobal(g)) }.map(Value)
    }

    pub fn function(&self, name: &str) -> Option<Value> {
        let name = c_string(name);
        // SAFETY: the name is a C string.
        Value::some(unsafe { LLVMGetNamedFunction(self.module, name.as_ptr()) })
    }

    pub fn global(&self, name: &str) -> Option<Value> {
        let name = c_string(name);
        // SAFETY: the name is a C string.
        Value::some(unsafe { LLVMGetNamedGlobal(self.module, name.as_ptr()) })
    }

    /// The function with this name, declared if it is not there.
    pub fn declare(&self, name: &str, ty: Type) -> Value {
        self.function(name).unwrap_or_else(|| {
            let name = c_string(name);
            // SAFETY: the name is a C string, the type a function type of this context.
            Value(unsafe { LLVMAddFunction(self.module, name.as_ptr(), ty.0) })
        })
    }

    /// The declaration of an LLVM intrinsic; `overloads` are the types that its name encodes.
    pub fn intrinsic(&self, name: &str, overloads: &[Type]) -> Value {
        let mut overloads: Vec<_> = overloads.iter().map(|ty| ty.0).collect();
        // SAFETY: name and array are described by their lengths; a non-zero id is LLVM's.
        unsafe {
            let id = LLVMLookupIntrinsicID(name.as_ptr().cast(), name.len());
            debug_assert_ne!(id, 0, "LLVM knows no intrinsic {name}");
            Value(LLVMGetIntrinsicDeclaration(self.module, id, overloads.as_mut_ptr(), overloads.len()))
        }
    }

    pub fn add_global(&self, name: &str, ty: Type, address_space: u32) -> Value {
        let name = c_string(name);
        // SAFETY: the name is a C string, the type of this context.
        Value(unsafe { LLVMAddGlobalInAddressSpace(self.module, ty.0, name.as_ptr(), address_space) })
    }

    pub fn has_module_assembly(&self) -> bool {
        let mut length = 0;
        // SAFETY: the module lives.
        unsafe { LLVMGetModuleInlineAsm(self.module, &mut length) };
        length != 0
    }

    pub fn clear_module_assembly(&self) {
        // SAFETY: the empty string is described by its length.
        unsafe { LLVMSetModuleInlineAsm2(self.module, c"".as_ptr(), 0) }
    }

    /// Adds the named metadata node, empty.
    pub fn add_named_metadata(&self, name: &str) {
        // SAFETY: pointer and length describe the name.
        unsafe { LLVMGetOrInsertNamedMetadata(self.module, name.as_ptr().cast(), name.len()) };
    }

    /// Adds the module flag `name`; two modules with different values do not link.
    pub fn add_module_flag(&self, name: &str, value: u32) {
        // SAFETY: pointer and length describe the name; the value is a constant of this context.
        unsafe {
            let value = LLVMValueAsMetadata(self.context.int(32).integer(value.into()).0);
            LLVMAddModuleFlag(
                self.module,
                llvm_sys::LLVMModuleFlagBehavior::LLVMModuleFlagBehaviorError,
                name.as_ptr().cast(),
                name.len(),
                value,
            );
        }
    }

    pub fn set_source_name(&self, name: &str) {
        // SAFETY: pointers and lengths describe the name.
        unsafe {
            LLVMSetSourceFileName(self.module, name.as_ptr().cast(), name.len());
            LLVMSetModuleIdentifier(self.module, name.as_ptr().cast(), name.len());
        }
    }
}

impl Drop for Ir<'_> {
    fn drop(&mut self) {
        // SAFETY: the module is ours; handles into it die with it (rule 1).
        unsafe { LLVMDisposeModule(self.module) }
    }
}

/// The bytes of a memory buffer, copied.
///
/// # Safety
/// The buffer must live.
pub unsafe fn buffer_bytes(buffer: LLVMMemoryBufferRef) -> Vec<u8> {
    // SAFETY: start and size describe the buffer's bytes.
    unsafe { std::slice::from_raw_parts(LLVMGetBufferStart(buffer).cast(), LLVMGetBufferSize(buffer)) }.to_vec()
}

/// Takes a message that LLVM allocated; empty for none.
pub fn take_message(message: *mut c_char) -> String {
    if message.is_null() {
        return String::new();
    }
    // SAFETY: LLVM gives a C string that is freed with LLVMDisposeMessage.
    unsafe {
        let text = CStr::from_ptr(message).to_string_lossy().into_owned();
        LLVMDisposeMessage(message);
        text
    }
}

fn c_string(text: &str) -> CString {
    // Names in bitcode may hold a NUL only if it was made by hand; cut there rather than fail.
    CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

fn walk<T>(first: *mut T, next: impl Fn(*mut T) -> *mut T) -> impl Iterator<Item = *mut T> {
    let mut current = first;
    std::iter::from_fn(move || {
        let this = current;
        (!this.is_null()).then(|| {
            current = next(this);
            this
        })
    })
}

/// A type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Type(LLVMTypeRef);

impl Type {
    pub fn kind(self) -> LLVMTypeKind {
        // SAFETY: rule 1.
        unsafe { LLVMGetTypeKind(self.0) }
    }

    pub fn raw(self) -> LLVMTypeRef {
        self.0
    }

    pub fn is_pointer(self) -> bool {
        self.kind() == LLVMTypeKind::LLVMPointerTypeKind
    }

    pub fn address_space(self) -> u32 {
        // SAFETY: rule 3: a pointer type.
        unsafe { LLVMGetPointerAddressSpace(self.0) }
    }

    pub fn zero(self) -> Value {
        // SAFETY: rule 1.
        Value(unsafe { LLVMConstNull(self.0) })
    }

    pub fn poison(self) -> Value {
        // SAFETY: rule 1.
        Value(unsafe { LLVMGetPoison(self.0) })
    }

    pub fn integer(self, value: u64) -> Value {
        // SAFETY: rule 3: an integer type.
        Value(unsafe { LLVMConstInt(self.0, value, 0) })
    }

    /// A constant of this pointer type, with this address.
    pub fn pointer_at(self, address: u64) -> Value {
        // SAFETY: rule 3: a pointer type; the integer is of its context.
        Value(unsafe {
            let word = LLVMInt64TypeInContext(LLVMGetTypeContext(self.0));
            LLVMConstIntToPtr(LLVMConstInt(word, address, 0), self.0)
        })
    }

    pub fn result(self) -> Type {
        // SAFETY: rule 3: a function type.
        Type(unsafe { LLVMGetReturnType(self.0) })
    }

    pub fn params(self) -> Vec<Type> {
        // SAFETY: rule 3: a function type; the array has as many places as it has parameters.
        unsafe {
            let mut params = vec![ptr::null_mut(); LLVMCountParamTypes(self.0) as usize];
            LLVMGetParamTypes(self.0, params.as_mut_ptr());
            params.into_iter().map(Type).collect()
        }
    }

    /// The type of a vector's elements; any other type itself.
    pub fn scalar(self) -> Type {
        match self.kind() {
            // SAFETY: rule 3: the kind is checked.
            LLVMTypeKind::LLVMVectorTypeKind => Type(unsafe { LLVMGetElementType(self.0) }),
            _ => self,
        }
    }

    /// The integer type's width.
    pub fn bits(self) -> u32 {
        // SAFETY: rule 3: an integer type.
        unsafe { LLVMGetIntTypeWidth(self.0) }
    }
}

/// A value: function, global, instruction, constant, argument.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Value(LLVMValueRef);

impl Value {
    fn some(raw: LLVMValueRef) -> Option<Self> {
        (!raw.is_null()).then_some(Self(raw))
    }

    pub fn raw(self) -> LLVMValueRef {
        self.0
    }

    pub fn name(self) -> String {
        let mut length = 0;
        // SAFETY: pointer and length describe the name.
        unsafe {
            let name = LLVMGetValueName2(self.0, &mut length);
            String::from_utf8_lossy(std::slice::from_raw_parts(name.cast(), length)).into_owned()
        }
    }

    pub fn set_name(self, name: &str) {
        // SAFETY: pointer and length describe the name.
        unsafe { LLVMSetValueName2(self.0, name.as_ptr().cast(), name.len()) }
    }

    pub fn ty(self) -> Type {
        // SAFETY: rule 1.
        Type(unsafe { LLVMTypeOf(self.0) })
    }

    pub fn kind(self) -> LLVMValueKind {
        // SAFETY: rule 1.
        unsafe { LLVMGetValueKind(self.0) }
    }

    pub fn is_function(self) -> bool {
        self.kind() == LLVMValueKind::LLVMFunctionValueKind
    }

    pub fn is_global_variable(self) -> bool {
        self.kind() == LLVMValueKind::LLVMGlobalVariableValueKind
    }

    pub fn is_inline_asm(self) -> bool {
        self.kind() == LLVMValueKind::LLVMInlineAsmValueKind
    }

    pub fn is_instruction(self) -> bool {
        self.kind() == LLVMValueKind::LLVMInstructionValueKind
    }

    pub fn is_parameter(self) -> bool {
        self.kind() == LLVMValueKind::LLVMArgumentValueKind
    }

    pub fn is_constant_expression(self) -> bool {
        self.kind() == LLVMValueKind::LLVMConstantExprValueKind
    }

    pub fn is_constant(self) -> bool {
        // SAFETY: rule 1.
        unsafe { LLVMIsConstant(self.0) != 0 }
    }

    pub fn print(self) -> String {
        // SAFETY: rule 1; the caller frees the message.
        take_message(unsafe { LLVMPrintValueToString(self.0) })
    }

    /// Functions and global variables: no body or initialiser here.
    pub fn is_declaration(self) -> bool {
        // SAFETY: rule 3.
        unsafe { LLVMIsDeclaration(self.0) != 0 }
    }

    pub fn linkage(self) -> LLVMLinkage {
        // SAFETY: rule 3.
        unsafe { LLVMGetLinkage(self.0) }
    }

    pub fn set_linkage(self, linkage: LLVMLinkage) {
        // SAFETY: rule 3.
        unsafe { LLVMSetLinkage(self.0, linkage) }
    }

    pub fn set_visibility(self, visibility: LLVMVisibility) {
        // SAFETY: rule 3.
        unsafe { LLVMSetVisibility(self.0, visibility) }
    }

    pub fn set_unnamed_address(self) {
        // SAFETY: rule 3.
        unsafe { LLVMSetUnnamedAddress(self.0, LLVMUnnamedAddr::LLVMGlobalUnnamedAddr) }
    }

    pub fn has_local_linkage(self) -> bool {
        matches!(self.linkage(), LLVMLinkage::LLVMInternalLinkage | LLVMLinkage::LLVMPrivateLinkage)
    }

    pub fn section(self) -> String {
        // SAFETY: rule 3; LLVM gives a C string or null.
        unsafe {
            let section = LLVMGetSection(self.0);
            if section.is_null() { String::new() } else { CStr::from_ptr(section).to_string_lossy().into_owned() }
        }
    }

    pub fn clear_section(self) {
        // SAFETY: rule 3.
        unsafe { LLVMSetSection(self.0, c"".as_ptr()) }
    }

    pub fn clear_comdat(self) {
        // SAFETY: rule 3; null removes it.
        unsafe { llvm_sys::comdat::LLVMSetComdat(self.0, ptr::null_mut()) }
    }

    pub fn alignment(self) -> u32 {
        // SAFETY: rule 3.
        unsafe { LLVMGetAlignment(self.0) }
    }

    pub fn set_alignment(self, bytes: u32) {
        // SAFETY: rule 3.
        unsafe { LLVMSetAlignment(self.0, bytes) }
    }

    /// The type of a global variable's or function's content.
    pub fn value_type(self) -> Type {
        // SAFETY: rule 3.
        Type(unsafe { LLVMGlobalGetValueType(self.0) })
    }

    pub fn initializer(self) -> Option<Value> {
        // SAFETY: rule 3.
        Value::some(unsafe { LLVMGetInitializer(self.0) })
    }

    pub fn set_initializer(self, value: Value) {
        // SAFETY: rule 3.
        unsafe { LLVMSetInitializer(self.0, value.0) }
    }

    pub fn is_global_constant(self) -> bool {
        // SAFETY: rule 3.
        unsafe { LLVMIsGlobalConstant(self.0) != 0 }
    }

    pub fn set_global_constant(self, constant: bool) {
        // SAFETY: rule 3.
        unsafe { LLVMSetGlobalConstant(self.0, constant.into()) }
    }

    pub fn is_thread_local(self) -> bool {
        // SAFETY: rule 3.
        unsafe { LLVMIsThreadLocal(self.0) != 0 }
    }

    pub fn delete_global(self) {
        // SAFETY: rule 2.
        unsafe { LLVMDeleteGlobal(self.0) }
    }

    pub fn delete_function(self) {
        // SAFETY: rule 2.
        unsafe { LLVMDeleteFunction(self.0) }
    }

    pub fn params(self) -> Vec<Value> {
        // SAFETY: rule 3: a function.
        unsafe { (0..LLVMCountParams(self.0)).map(|i| Value(LLVMGetParam(self.0, i))).collect() }
    }

    pub fn blocks(self) -> impl Iterator<Item = Block> {
        // SAFETY: rule 3: a function.
        unsafe { walk(LLVMGetFirstBasicBlock(self.0), |b| LLVMGetNextBasicBlock(b)) }.map(Block)
    }

    /// All instructions of a function, gathered, so that the caller may erase them.
    pub fn instructions(self) -> Vec<Value> {
        self.blocks().flat_map(Block::instructions).collect()
    }

    pub fn append_block(self, context: &Context, name: &str) -> Block {
        let name = c_string(name);
        // SAFETY: rule 3: a function.
        Block(unsafe { LLVMAppendBasicBlockInContext(context.0, self.0, name.as_ptr()) })
    }

    /// Attaches metadata that says by being there what it says, to an instruction.
    pub fn set_empty_metadata(self, context: &Context, kind: &str) {
        // SAFETY: rule 3: an instruction; the pointer and the length describe the name.
        unsafe {
            let kind = LLVMGetMDKindIDInContext(context.0, kind.as_ptr().cast(), kind.len() as c_uint);
            let node = LLVMMDNodeInContext2(context.0, ptr::null_mut(), 0);
            LLVMSetMetadata(self.0, kind, LLVMMetadataAsValue(context.0, node));
        }
    }

    /// What a `getelementptr` counts in its first index.
    pub fn indexed_type(self) -> Type {
        // SAFETY: rule 3: a `getelementptr`.
        Type(unsafe { LLVMGetGEPSourceElementType(self.0) })
    }

    /// Whether a load or a store is volatile.
    pub fn is_volatile(self) -> bool {
        // SAFETY: rule 3: a load or a store.
        unsafe { LLVMGetVolatile(self.0) != 0 }
    }

    /// Attaches metadata that is a list of integers.
    pub fn set_integer_metadata(self, context: &Context, kind: &str, values: &[u32]) {
        // SAFETY: rule 3: a function; pointers and lengths describe the arrays.
        unsafe {
            let kind = LLVMGetMDKindIDInContext(context.0, kind.as_ptr().cast(), kind.len() as c_uint);
            let mut list: Vec<_> =
                values.iter().map(|&value| LLVMValueAsMetadata(context.int(32).integer(value.into()).0)).collect();
            let node = LLVMMDNodeInContext2(context.0, list.as_mut_ptr(), list.len());
            LLVMGlobalSetMetadata(self.0, kind, node);
        }
    }

    /// Gives a function that the compiler made a place in the source, so that what is inlined into it keeps its own, and
    /// puts `call` there. Does nothing in a module without debug information.
    pub fn set_source(self, module: &Ir<'_>, call: Value, name: &str, file: &str, line: u32, column: u32) {
        // SAFETY: rule 3: a function and a call in it; pointers and lengths describe the texts; the builder is finished
        // before it is freed.
        unsafe {
            if LLVMGetNamedMetadata(module.module, c"llvm.dbg.cu".as_ptr(), 11).is_null() {
                return;
            }
            let builder = LLVMCreateDIBuilder(module.module);
            let file = LLVMDIBuilderCreateFile(builder, file.as_ptr().cast(), file.len(), c"".as_ptr(), 0);
            LLVMDIBuilderCreateCompileUnit(
                builder,
                LLVMDWARFSourceLanguage::LLVMDWARFSourceLanguageRust,
                file,
                c"geobacter".as_ptr(),
                9,
                1,
                c"".as_ptr(),
                0,
                0,
                c"".as_ptr(),
                0,
                LLVMDWARFEmissionKind::LLVMDWARFEmissionKindLineTablesOnly,
                0,
                0,
                0,
                c"".as_ptr(),
                0,
                c"".as_ptr(),
                0,
            );
            let ty = LLVMDIBuilderCreateSubroutineType(builder, file, ptr::null_mut(), 0, LLVMDIFlagZero);
            let function = LLVMDIBuilderCreateFunction(
                builder,
                file,
                name.as_ptr().cast(),
                name.len(),
                c"".as_ptr(),
                0,
                file,
                line,
                ty,
                0,
                1,
                line,
                LLVMDIFlagZero,
                1,
            );
            LLVMSetSubprogram(self.0, function);
            let context = module.context.0;
            let location = LLVMDIBuilderCreateDebugLocation(context, line, column, function, ptr::null_mut());
            LLVMInstructionSetDebugLoc(call.0, location);
            LLVMDIBuilderFinalize(builder);
            LLVMDisposeDIBuilder(builder);
        }
    }

    pub fn clear_personality(self) {
        // SAFETY: rule 3; null removes it.
        unsafe {
            if LLVMHasPersonalityFn(self.0) != 0 {
                LLVMSetPersonalityFn(self.0, ptr::null_mut());
            }
        }
    }

    pub fn set_call_convention(self, convention: LLVMCallConv) {
        // SAFETY: rule 3: a function or a call.
        unsafe {
            if self.is_function() {
                LLVMSetFunctionCallConv(self.0, convention as c_uint);
            } else {
                LLVMSetInstructionCallConv(self.0, convention as c_uint);
            }
        }
    }

    pub fn opcode(self) -> LLVMOpcode {
        // SAFETY: rule 3: an instruction.
        unsafe { LLVMGetInstructionOpcode(self.0) }
    }

    pub fn const_opcode(self) -> LLVMOpcode {
        // SAFETY: rule 3: a constant expression.
        unsafe { LLVMGetConstOpcode(self.0) }
    }

    pub fn is_call(self) -> bool {
        self.is_instruction() && matches!(self.opcode(), LLVMOpcode::LLVMCall | LLVMOpcode::LLVMInvoke)
    }

    pub fn operands(self) -> Vec<Value> {
        // SAFETY: rule 3: a user; its operand count bounds the index. A null operand (a removed one) is left out.
        unsafe {
            (0..LLVMGetNumOperands(self.0).max(0) as c_uint)
                .filter_map(|i| Value::some(LLVMGetOperand(self.0, i)))
                .collect()
        }
    }

    pub fn operand(self, index: u32) -> Value {
        // SAFETY: rule 3: the user has that many operands.
        Value(unsafe { LLVMGetOperand(self.0, index) })
    }

    pub fn set_operand(self, index: u32, value: Value) {
        // SAFETY: rule 3: an instruction with that many operands.
        unsafe { LLVMSetOperand(self.0, index, value.0) }
    }

    /// What a call calls.
    pub fn callee(self) -> Value {
        // SAFETY: rule 3: a call.
        Value(unsafe { LLVMGetCalledValue(self.0) })
    }

    pub fn arguments(self) -> Vec<Value> {
        // SAFETY: rule 3: a call; its arguments are its first operands.
        unsafe { (0..LLVMGetNumArgOperands(self.0)).map(|i| Value(LLVMGetOperand(self.0, i))).collect() }
    }

    pub fn allocated_type(self) -> Type {
        // SAFETY: rule 3: an alloca.
        Type(unsafe { LLVMGetAllocatedType(self.0) })
    }

    pub fn is_atomic(self) -> bool {
        matches!(self.opcode(), LLVMOpcode::LLVMAtomicRMW | LLVMOpcode::LLVMAtomicCmpXchg | LLVMOpcode::LLVMFence)
            || (matches!(self.opcode(), LLVMOpcode::LLVMLoad | LLVMOpcode::LLVMStore)
            // SAFETY: rule 3: a load or store.
            && unsafe { LLVMGetOrdering(self.0) } != llvm_sys::LLVMAtomicOrdering::LLVMAtomicOrderingNotAtomic)
    }

    /// The function that an instruction stands in.
    pub fn function(self) -> Value {
        // SAFETY: rule 3: an instruction in a function.
        Value(unsafe { LLVMGetBasicBlockParent(LLVMGetInstructionParent(self.0)) })
    }

    pub fn block(self) -> Block {
        // SAFETY: rule 3: an instruction in a block.
        Block(unsafe { LLVMGetInstructionParent(self.0) })
    }

    /// Makes a load or store a relaxed atomic one.
    fn make_relaxed(self) {
        // SAFETY: rule 3: a load or store.
        unsafe { LLVMSetOrdering(self.0, llvm_sys::LLVMAtomicOrdering::LLVMAtomicOrderingMonotonic) }
    }

    /// The instruction behind this one, in the same block.
    pub fn next_instruction(self) -> Option<Value> {
        // SAFETY: rule 3: an instruction.
        Value::some(unsafe { LLVMGetNextInstruction(self.0) })
    }

    /// A function's first instruction that is no stack slot.
    pub fn first_instruction_after_allocas(self) -> Option<Value> {
        self.blocks().next()?.instructions().into_iter().find(|first| first.opcode() != LLVMOpcode::LLVMAlloca)
    }

    /// Has an instruction use another value wherever it uses this one.
    pub fn replace_operand(self, old: Value, new: Value) {
        // SAFETY: rule 3: a user; the index is less than the number that LLVM gives.
        unsafe {
            for index in 0..LLVMGetNumOperands(self.0).max(0) as c_uint {
                if LLVMGetOperand(self.0, index) == old.0 {
                    LLVMSetOperand(self.0, index, new.0);
                }
            }
        }
    }

    /// The users of a value, gathered.
    pub fn users(self) -> Vec<Value> {
        let mut users = Vec::new();
        // SAFETY: rule 1; the list is not changed while it is read.
        unsafe {
            let mut current = LLVMGetFirstUse(self.0);
            while !current.is_null() {
                users.push(Value(LLVMGetUser(current)));
                current = LLVMGetNextUse(current);
            }
        }
        users
    }

    pub fn has_uses(self) -> bool {
        // SAFETY: rule 1.
        unsafe { !LLVMGetFirstUse(self.0).is_null() }
    }

    pub fn replace_all_uses_with(self, other: Value) {
        // SAFETY: rule 1; both have one type.
        unsafe { LLVMReplaceAllUsesWith(self.0, other.0) }
    }

    /// Removes an instruction that nothing uses.
    pub fn erase(self) {
        // SAFETY: rule 2.
        unsafe { LLVMInstructionEraseFromParent(self.0) }
    }

    pub fn set_debug_location_of(self, other: Value) {
        // SAFETY: rule 3: two instructions. A null location is "none".
        unsafe { LLVMInstructionSetDebugLoc(self.0, LLVMInstructionGetDebugLoc(other.0)) }
    }

    pub fn attributes(self, index: c_uint) -> Vec<Attribute> {
        // SAFETY: rule 3: a function; the array has as many places as LLVM says.
        unsafe {
            let mut list = vec![ptr::null_mut(); LLVMGetAttributeCountAtIndex(self.0, index) as usize];
            LLVMGetAttributesAtIndex(self.0, index, list.as_mut_ptr());
            list.into_iter().map(Attribute).collect()
        }
    }

    pub fn add_function_attribute(self, attribute: Attribute) {
        self.add_attribute(LLVMAttributeFunctionIndex, attribute);
    }

    pub fn add_attribute(self, index: c_uint, attribute: Attribute) {
        // SAFETY: rule 3: a function.
        unsafe { LLVMAddAttributeAtIndex(self.0, index, attribute.0) }
    }

    pub fn add_call_attribute(self, index: c_uint, attribute: Attribute) {
        // SAFETY: rule 3: a call.
        unsafe { LLVMAddCallSiteAttribute(self.0, index, attribute.0) }
    }

    pub fn has_function_attribute(self, name: &str) -> bool {
        // SAFETY: rule 3: a function; pointer and length describe the name.
        unsafe {
            let kind = LLVMGetEnumAttributeKindForName(name.as_ptr().cast(), name.len());
            !LLVMGetEnumAttributeAtIndex(self.0, LLVMAttributeFunctionIndex, kind).is_null()
        }
    }

    /// Whether a function says that it reads and writes no memory.
    pub fn accesses_no_memory(self) -> bool {
        let name = "memory";
        // SAFETY: rule 3: a function; pointer and length describe the name, and the attribute's value is an integer.
        unsafe {
            let kind = LLVMGetEnumAttributeKindForName(name.as_ptr().cast(), name.len());
            let attribute = LLVMGetEnumAttributeAtIndex(self.0, LLVMAttributeFunctionIndex, kind);
            !attribute.is_null() && LLVMGetEnumAttributeValue(attribute) == 0
        }
    }

    pub fn remove_enum_attribute(self, index: c_uint, name: &str) {
        // SAFETY: rule 3: a function; pointer and length describe the name.
        unsafe {
            let kind = LLVMGetEnumAttributeKindForName(name.as_ptr().cast(), name.len());
            LLVMRemoveEnumAttributeAtIndex(self.0, index, kind);
        }
    }

    pub fn remove_string_attribute(self, name: &str) {
        // SAFETY: rule 3: a function; pointer and length describe the name.
        unsafe {
            LLVMRemoveStringAttributeAtIndex(
                self.0,
                LLVMAttributeFunctionIndex,
                name.as_ptr().cast(),
                name.len() as c_uint,
            );
        }
    }

    pub fn remove_call_attribute(self, index: c_uint, name: &str) {
        // SAFETY: rule 3: a call; pointer and length describe the name.
        unsafe {
            let kind = LLVMGetEnumAttributeKindForName(name.as_ptr().cast(), name.len());
            LLVMRemoveCallSiteEnumAttribute(self.0, index, kind);
        }
    }

    /// What may be done with the result of floating-point arithmetic: bits `LLVMFastMath*`. None for other instructions.
    pub fn fast_math_flags(self) -> u32 {
        // SAFETY: it is an instruction that can have flags, as LLVM says itself.
        unsafe { if LLVMCanValueUseFastMathFlags(self.0) != 0 { LLVMGetFastMathFlags(self.0) } else { 0 } }
    }

    /// Sets the flags of an instruction that can have them, and does nothing to others.
    pub fn set_fast_math_flags(self, flags: u32) {
        // SAFETY: as above.
        unsafe {
            if LLVMCanValueUseFastMathFlags(self.0) != 0 {
                LLVMSetFastMathFlags(self.0, flags);
            }
        }
    }

    pub fn const_u64(self) -> Option<u64> {
        // SAFETY: the kind is checked; integers of over 64 bits are left out.
        (self.kind() == LLVMValueKind::LLVMConstantIntValueKind && self.ty().bits() <= 64)
            .then(|| unsafe { LLVMConstIntGetZExtValue(self.0) })
    }

    /// The address of a global in another address space.
    pub fn const_address_space_cast(self, to: Type) -> Value {
        // SAFETY: rule 3: a constant pointer.
        Value(unsafe { LLVMConstAddrSpaceCast(self.0, to.0) })
    }

    /// The address so many bytes behind this global.
    pub fn const_byte_offset(self, context: &Context, offset: u64) -> Value {
        let mut index = [context.int(64).integer(offset).0];
        // SAFETY: rules 1 and 3: a constant pointer; one index into an array of bytes.
        Value(unsafe { LLVMConstInBoundsGEP2(context.int(8).0, self.0, index.as_mut_ptr(), 1) })
    }

    /// The bytes of a constant array of bytes.
    pub fn data_bytes(self) -> Option<Vec<u8>> {
        // SAFETY: the kind is checked before it is asked whether it is an array of bytes; pointer and length describe
        // those.
        unsafe {
            if self.kind() != LLVMValueKind::LLVMConstantDataArrayValueKind || LLVMIsConstantString(self.0) == 0 {
                return None;
            }
            let mut length = 0;
            let data = LLVMGetAsString(self.0, &mut length);
            Some(std::slice::from_raw_parts(data.cast::<u8>(), length).to_vec())
        }
    }
}

/// A basic block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Block(LLVMBasicBlockRef);

impl Block {
    pub fn raw(self) -> LLVMBasicBlockRef {
        self.0
    }

    pub fn instructions(self) -> Vec<Value> {
        // SAFETY: rule 1.
        unsafe { walk(LLVMGetFirstInstruction(self.0), |i| LLVMGetNextInstruction(i)) }.map(Value).collect()
    }

    pub fn terminator(self) -> Option<Value> {
        // SAFETY: rule 1.
        Value::some(unsafe { LLVMGetBasicBlockTerminator(self.0) })
    }

    pub fn successors(self) -> Vec<Block> {
        let Some(terminator) = self.terminator() else { return Vec::new() };
        // SAFETY: rule 3: a terminator; the index is less than the number that LLVM gives.
        unsafe { (0..LLVMGetNumSuccessors(terminator.0)).map(|i| Block(LLVMGetSuccessor(terminator.0, i))).collect() }
    }

    /// Moves what stands before an instruction of this block into a new block, which takes this one's place: what led here leads
    /// there. It has no terminator yet; this block has no predecessors.
    pub fn split_before(self, context: &Context, instruction: Value) -> Block {
        // SAFETY: rules 1 and 3: an instruction that is taken out of one block is put into another one.
        unsafe {
            let head = Block(LLVMInsertBasicBlockInContext(context.0, self.0, c"".as_ptr()));
            let function = LLVMGetBasicBlockParent(self.0);
            for block in walk(LLVMGetFirstBasicBlock(function), |b| LLVMGetNextBasicBlock(b)).map(Block) {
                let Some(terminator) = block.terminator() else { continue };
                for (index, next) in block.successors().into_iter().enumerate() {
                    if next == self {
                        LLVMSetSuccessor(terminator.0, index as c_uint, head.0);
                    }
                }
            }
            let builder = Builder::at_end(context, head);
            for earlier in self.instructions().into_iter().take_while(|&earlier| earlier != instruction) {
                LLVMInstructionRemoveFromParent(earlier.0);
                LLVMInsertIntoBuilder(builder.builder, earlier.0);
            }
            head
        }
    }

    pub fn first_instruction(self) -> Option<Value> {
        // SAFETY: rule 1.
        Value::some(unsafe { LLVMGetFirstInstruction(self.0) })
    }
}

/// Where an instruction comes from, by its debug information.
pub struct DebugLocation {
    pub file: String,
    pub folder: String,
    pub line: u32,
    pub column: u32,
}

impl Value {
    /// Where an instruction comes from: innermost first, then the calls through which it was inlined.
    pub fn debug_locations(self) -> Vec<DebugLocation> {
        let mut locations = Vec::new();
        // SAFETY: rule 3: an instruction; null locations, scopes and files are checked for. The strings are described by
        // their lengths and copied.
        unsafe {
            let mut location = LLVMInstructionGetDebugLoc(self.0);
            while !location.is_null() {
                let file = LLVMDIScopeGetFile(LLVMDILocationGetScope(location));
                if !file.is_null() {
                    locations.push(DebugLocation {
                        file: metadata_text(file, LLVMDIFileGetFilename),
                        folder: metadata_text(file, LLVMDIFileGetDirectory),
                        line: LLVMDILocationGetLine(location),
                        column: LLVMDILocationGetColumn(location),
                    });
                }
                location = LLVMDILocationGetInlinedAt(location);
            }
        }
        locations
    }
}

impl Value {
    /// The functions whose source an instruction comes from, innermost first: one, or those through which it was inlined. None without
    /// debug information, and for an instruction that was made of several (line 0).
    pub fn source_scopes(self) -> Vec<Scope> {
        let mut scopes = Vec::new();
        // SAFETY: rule 3: an instruction; a null location is checked for.
        unsafe {
            let mut location = LLVMInstructionGetDebugLoc(self.0);
            if !location.is_null() && LLVMDILocationGetLine(location) == 0 {
                return scopes;
            }
            while !location.is_null() {
                scopes.push(Scope(LLVMDILocationGetScope(location)));
                location = LLVMDILocationGetInlinedAt(location);
            }
        }
        scopes
    }

    /// The source of a function. `None` without debug information.
    pub fn subprogram(self) -> Option<Scope> {
        // SAFETY: rule 3: a function.
        let subprogram = unsafe { LLVMGetSubprogram(self.0) };
        (!subprogram.is_null()).then_some(Scope(subprogram))
    }
}

/// A scope of debug information: a block, a function, a type, a module.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope(LLVMMetadataRef);

impl Scope {
    /// The names of crate and modules around it, outermost first.
    pub fn modules(self, context: &Context) -> Vec<String> {
        use llvm_sys::debuginfo::LLVMMetadataKind::LLVMDINamespaceMetadataKind;
        let mut names = Vec::new();
        // SAFETY: rule 1. LLVM keeps file, enclosing scope and name of every scope as the node's first three operands
        // (`DIScope` in its DebugInfoMetadata.h); there is no accessor in its C API. Blocks have no name and fewer operands,
        // and null is checked for.
        unsafe {
            let mut scope = LLVMMetadataAsValue(context.0, self.0);
            while !scope.is_null() {
                let mut operands = vec![ptr::null_mut(); LLVMGetMDNodeNumOperands(scope) as usize];
                LLVMGetMDNodeOperands(scope, operands.as_mut_ptr());
                if matches!(LLVMGetMetadataKind(LLVMValueAsMetadata(scope)), LLVMDINamespaceMetadataKind)
                    && let Some(&name) = operands.get(2)
                    && !name.is_null()
                {
                    let mut length = 0;
                    let text = LLVMGetMDString(name, &mut length);
                    let bytes = std::slice::from_raw_parts(text.cast::<u8>(), length as usize);
                    names.push(String::from_utf8_lossy(bytes).into_owned());
                }
                scope = operands.get(1).copied().unwrap_or(ptr::null_mut());
            }
        }
        names.reverse();
        names
    }
}

/// # Safety
/// `get` must be an accessor of this kind of metadata.
unsafe fn metadata_text(
    metadata: LLVMMetadataRef,
    get: unsafe extern "C" fn(LLVMMetadataRef, *mut c_uint) -> *const c_char,
) -> String {
    let mut length = 0;
    // SAFETY: the caller's; pointer and length describe the text.
    unsafe {
        let text = get(metadata, &mut length);
        if text.is_null() {
            return String::new();
        }
        String::from_utf8_lossy(std::slice::from_raw_parts(text.cast(), length as usize)).into_owned()
    }
}

/// Writes instructions.
pub struct Builder<'c> {
    builder: LLVMBuilderRef,
    context: PhantomData<&'c Context>,
}

impl<'c> Builder<'c> {
    fn new(context: &'c Context) -> Self {
        // SAFETY: the context lives.
        Self { builder: unsafe { LLVMCreateBuilderInContext(context.0) }, context: PhantomData }
    }

    /// Writes before this instruction, with its source location.
    pub fn before(context: &'c Context, instruction: Value) -> Self {
        let this = Self::new(context);
        // SAFETY: rule 3: an instruction in a block.
        unsafe { LLVMPositionBuilderBefore(this.builder, instruction.0) };
        this
    }

    /// Writes at the end of this block.
    pub fn at_end(context: &'c Context, block: Block) -> Self {
        let this = Self::new(context);
        // SAFETY: rule 1.
        unsafe { LLVMPositionBuilderAtEnd(this.builder, block.0) };
        this
    }

    pub fn alloca(&self, ty: Type, count: Value) -> Value {
        // SAFETY: rules 1 and 3. The data layout gives the address space.
        Value(unsafe { LLVMBuildArrayAlloca(self.builder, ty.0, count.0, c"".as_ptr()) })
    }

    pub fn address_space_cast(&self, value: Value, to: Type) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe { LLVMBuildAddrSpaceCast(self.builder, value.0, to.0, c"".as_ptr()) })
    }

    pub fn call(&self, callee: Value, arguments: &[Value]) -> Value {
        self.call_typed(callee.value_type(), callee, arguments)
    }

    pub fn call_typed(&self, ty: Type, callee: Value, arguments: &[Value]) -> Value {
        let mut arguments: Vec<_> = arguments.iter().map(|value| value.0).collect();
        // SAFETY: rules 1 and 3; the array has the given length.
        Value(unsafe {
            LLVMBuildCall2(
                self.builder,
                ty.0,
                callee.0,
                arguments.as_mut_ptr(),
                arguments.len() as c_uint,
                c"".as_ptr(),
            )
        })
    }

    pub fn byte_offset(&self, context: &Context, pointer: Value, offset: u64) -> Value {
        let mut index = [context.int(64).integer(offset).0];
        // SAFETY: rules 1 and 3; one index into an array of bytes.
        Value(unsafe {
            LLVMBuildInBoundsGEP2(self.builder, context.int(8).0, pointer.0, index.as_mut_ptr(), 1, c"".as_ptr())
        })
    }

    pub fn load(&self, ty: Type, pointer: Value, align: u32) -> Value {
        // SAFETY: rules 1 and 3.
        let load = Value(unsafe { LLVMBuildLoad2(self.builder, ty.0, pointer.0, c"".as_ptr()) });
        load.set_alignment(align);
        load
    }

    pub fn store(&self, value: Value, pointer: Value, align: u32) -> Value {
        // SAFETY: rules 1 and 3.
        let store = Value(unsafe { LLVMBuildStore(self.builder, value.0, pointer.0) });
        store.set_alignment(align);
        store
    }

    /// A relaxed load, for the work-group.
    pub fn load_relaxed(&self, ty: Type, pointer: Value, align: u32) -> Value {
        let load = self.load(ty, pointer, align);
        load.make_relaxed();
        load
    }

    /// A relaxed store, for the work-group.
    pub fn store_relaxed(&self, value: Value, pointer: Value, align: u32) -> Value {
        let store = self.store(value, pointer, align);
        store.make_relaxed();
        store
    }

    /// A relaxed addition, visible to the host. Gives what was there before.
    pub fn add_relaxed(&self, pointer: Value, value: Value) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe {
            LLVMBuildAtomicRMW(
                self.builder,
                llvm_sys::LLVMAtomicRMWBinOp::LLVMAtomicRMWBinOpAdd,
                pointer.0,
                value.0,
                llvm_sys::LLVMAtomicOrdering::LLVMAtomicOrderingMonotonic,
                0,
            )
        })
    }

    pub fn is_zero(&self, value: Value) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe {
            LLVMBuildICmp(
                self.builder,
                llvm_sys::LLVMIntPredicate::LLVMIntEQ,
                value.0,
                value.ty().zero().0,
                c"".as_ptr(),
            )
        })
    }

    pub fn select(&self, condition: Value, yes: Value, no: Value) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe { LLVMBuildSelect(self.builder, condition.0, yes.0, no.0, c"".as_ptr()) })
    }

    pub fn add_no_wrap(&self, a: Value, b: Value) -> Value {
        // SAFETY: rules 1 and 3.
        unsafe {
            let sum = LLVMBuildNUWAdd(self.builder, a.0, b.0, c"".as_ptr());
            if LLVMIsAInstruction(sum).is_null() {
                return Value(sum);
            }
            LLVMSetNSW(sum, 1);
            Value(sum)
        }
    }

    pub fn add(&self, a: Value, b: Value) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe { LLVMBuildAdd(self.builder, a.0, b.0, c"".as_ptr()) })
    }

    /// An integer in a wider or narrower type; what is new is zero.
    pub fn resize(&self, value: Value, to: Type) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe { LLVMBuildIntCast2(self.builder, value.0, to.0, 0, c"".as_ptr()) })
    }

    /// A floating-point number in a wider or narrower type.
    pub fn resize_float(&self, value: Value, to: Type) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe { LLVMBuildFPCast(self.builder, value.0, to.0, c"".as_ptr()) })
    }

    /// A field of a structure.
    pub fn extract(&self, structure: Value, field: u32) -> Value {
        // SAFETY: rules 1 and 3; the structure has that field.
        Value(unsafe { LLVMBuildExtractValue(self.builder, structure.0, field, c"".as_ptr()) })
    }

    pub fn and(&self, a: Value, b: Value) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe { LLVMBuildAnd(self.builder, a.0, b.0, c"".as_ptr()) })
    }

    pub fn shift_right(&self, a: Value, by: u64) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe { LLVMBuildLShr(self.builder, a.0, a.ty().integer(by).0, c"".as_ptr()) })
    }

    pub fn pointer_to_integer(&self, value: Value, to: Type) -> Value {
        // SAFETY: rules 1 and 3.
        Value(unsafe { LLVMBuildPtrToInt(self.builder, value.0, to.0, c"".as_ptr()) })
    }

    pub fn branch(&self, to: Block) {
        // SAFETY: rule 1.
        unsafe { LLVMBuildBr(self.builder, to.0) };
    }

    pub fn branch_if(&self, condition: Value, yes: Block, no: Block) {
        // SAFETY: rules 1 and 3.
        unsafe { LLVMBuildCondBr(self.builder, condition.0, yes.0, no.0) };
    }

    pub fn return_void(&self) {
        // SAFETY: rule 1.
        unsafe { LLVMBuildRetVoid(self.builder) };
    }

    pub fn return_value(&self, value: Value) {
        // SAFETY: rules 1 and 3.
        unsafe { LLVMBuildRet(self.builder, value.0) };
    }

    pub fn unreachable(&self) {
        // SAFETY: rule 1.
        unsafe { LLVMBuildUnreachable(self.builder) };
    }
}

impl Drop for Builder<'_> {
    fn drop(&mut self) {
        // SAFETY: the builder is ours.
        unsafe { LLVMDisposeBuilder(self.builder) }
    }
}

/// Rebuilds a constant aggregate with other elements of the same types.
pub fn constant_with_elements(original: Value, elements: &[Value]) -> Value {
    let mut raw: Vec<_> = elements.iter().map(|value| value.0).collect();
    let ty = original.ty();
    // SAFETY: rules 1 and 3: an array or structure constant; there are as many elements as it has.
    Value(unsafe {
        match ty.kind() {
            LLVMTypeKind::LLVMArrayTypeKind => {
                LLVMConstArray2(LLVMGetElementType(ty.0), raw.as_mut_ptr(), raw.len() as u64)
            }
            _ if LLVMIsLiteralStruct(ty.0) != 0 => LLVMConstStructInContext(
                LLVMGetTypeContext(ty.0),
                raw.as_mut_ptr(),
                raw.len() as c_uint,
                LLVMIsPackedStruct(ty.0),
            ),
            _ => LLVMConstNamedStruct(ty.0, raw.as_mut_ptr(), raw.len() as c_uint),
        }
    })
}

impl DebugLocation {
    /// The file with its folder.
    pub fn path(&self) -> String {
        if self.file.starts_with('/') || self.folder.is_empty() {
            self.file.clone()
        } else {
            format!("{}/{}", self.folder, self.file)
        }
    }
}
