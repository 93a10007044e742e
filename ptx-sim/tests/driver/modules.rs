//! Modules, the compiler's logs, and the linker.

use std::{
    ffi::{CStr, CString, c_void},
    ptr::{null_mut, without_provenance_mut},
};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUfunction_attribute::*,
        CUjit_option::{self, *},
        CUjitInputType::*,
        CUlinkState, CUmodule, CUresult,
        CUresult::*,
    },
};

use crate::{
    ptx::{ADD, SHARED, greedy},
    support::{
        MEMORY, allocate, context, context_on, cuda, device, function, gives, launch, load, ok, param, read, write,
    },
};

/// A log of the compiler, and where it says how full the log is.
struct Log {
    buffer: [u8; 512],
    size: usize,
    options: [CUjit_option; 2],
    values: [*mut c_void; 2],
}

impl Log {
    fn new(size: usize) -> Box<Self> {
        let options = [CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
        let mut log = Box::new(Self { buffer: [0xff; 512], size, options, values: [null_mut(); 2] });
        log.reset();
        log
    }

    /// The size is written over with what is filled.
    fn reset(&mut self) {
        self.values = [self.buffer.as_mut_ptr().cast(), without_provenance_mut(self.size)];
    }

    fn text(&self) -> &str {
        CStr::from_bytes_until_nul(&self.buffer).unwrap().to_str().unwrap()
    }

    fn filled(&self) -> usize {
        self.values[1].addr()
    }
}

fn try_load(ptx: &str, log: &mut Log) -> Raw<CUresult> {
    let text = CString::new(ptx).unwrap();
    let mut module = null_mut();
    log.reset();
    let (options, values) = (log.options.as_mut_ptr(), log.values.as_mut_ptr());
    cuda!(cuModuleLoadDataEx(&mut module, text.as_ptr().cast(), 2, options, values))
}

#[test]
fn functions_and_variables_are_found_by_name() {
    context();
    let module = load(SHARED);
    let (mut found, mut again) = (null_mut(), null_mut());
    ok!(cuModuleGetFunction(&mut found, module, c"count".as_ptr()));
    ok!(cuModuleGetFunction(&mut again, module, c"count".as_ptr()));
    assert_eq!(found, again);
    gives!(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&mut found, module, c"none".as_ptr()));
    gives!(CUDA_ERROR_INVALID_VALUE, cuModuleGetFunction(&mut found, module, std::ptr::null()));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuModuleGetFunction(&mut found, found.cast(), c"count".as_ptr()));

    let (mut address, mut size) = (0, 0);
    ok!(cuModuleGetGlobal_v2(&mut address, &mut size, module, c"counter".as_ptr()));
    assert_eq!(size, 4);
    assert!(launch(again, 2, 32, null_mut(), &mut []) == CUDA_SUCCESS);
    assert_eq!(read(address, 4), (5_u32 + 64).to_le_bytes());
    write(address, &1_u32.to_le_bytes());
    assert!(launch(again, 1, 1, null_mut(), &mut []) == CUDA_SUCCESS);
    assert_eq!(read(address, 4), 2_u32.to_le_bytes());
    ok!(cuModuleGetGlobal_v2(&mut address, &mut size, module, c"limits".as_ptr()));
    assert_eq!((size, &read(address, 16)[8..]), (16, &12_u64.to_le_bytes()[..]));
    ok!(cuModuleGetGlobal_v2(null_mut(), &mut size, module, c"limits".as_ptr()));
    gives!(CUDA_ERROR_NOT_FOUND, cuModuleGetGlobal_v2(&mut address, &mut size, module, c"count".as_ptr()));
}

#[test]
fn an_unloaded_module_is_gone() {
    context();
    let module = load(SHARED);
    let kernel = function(module, c"count");
    let (mut address, mut free) = (0, 0);
    ok!(cuModuleGetGlobal_v2(&mut address, null_mut(), module, c"counter".as_ptr()));
    ok!(cuModuleUnload(module));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload(module));
    assert!(launch(kernel, 1, 1, null_mut(), &mut []) == CUDA_ERROR_INVALID_HANDLE);
    let mut byte = 0_u8;
    gives!(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoH_v2((&raw mut byte).cast(), address, 1));
    ok!(cuMemGetInfo_v2(&mut free, null_mut()));
    assert_eq!(free, MEMORY, "variables give their memory back");
}

#[test]
fn bad_ptx_is_refused_with_the_line() {
    context();
    let mut log = Log::new(512);
    let bad = ADD.replace("add.u32 %r2, %r2, %r1;", "frobnicate.u32 %r2, %r2, %r1;");
    assert!(try_load(&bad, &mut log) == CUDA_ERROR_INVALID_PTX);
    assert!(log.text().contains("line 23") && log.text().contains("frobnicate"), "{}", log.text());
    assert_eq!(log.filled(), log.text().len());
    // A short buffer has the beginning.
    let whole = log.text().to_owned();
    let mut short = Log::new(20);
    assert!(try_load(&bad, &mut short) == CUDA_ERROR_INVALID_PTX);
    assert_eq!((short.text(), short.filled()), (&whole[..19], 19));
    assert_eq!(short.buffer[20], 0xff);
    // What succeeds has no errors to tell.
    let mut none = Log::new(512);
    assert!(try_load(ADD, &mut none) == CUDA_SUCCESS);
    assert_eq!(none.filled(), 0);
    assert!(try_load("no PTX", &mut log) == CUDA_ERROR_INVALID_PTX);
    assert!(try_load("", &mut log) == CUDA_ERROR_INVALID_PTX);
}

#[test]
fn ptx_that_is_too_new_is_refused() {
    context_on(device("sm_70"));
    let mut log = Log::new(512);
    assert!(try_load(&ADD.replace(".version 7.0", ".version 9.7"), &mut log) == CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
    assert!(log.text().contains("Unsupported .version 9.7; current version is '9.0'"), "{}", log.text());
    assert!(log.text().contains("line 2;"), "{}", log.text());
    let newer = ADD.replace(".version 7.0", ".version 8.0").replace("sm_70", "sm_80");
    assert!(try_load(&newer, &mut log) == CUDA_ERROR_INVALID_PTX);
    assert!(log.text().contains("sm_80") && log.text().contains("sm_70"), "{}", log.text());
    // Features of one GPU are for this GPU alone.
    let special = ADD.replace(".version 7.0", ".version 8.0").replace("sm_70", "sm_90a");
    context();
    assert!(try_load(&special, &mut log) == CUDA_SUCCESS);
    context_on(device("sm_100"));
    assert!(try_load(&special, &mut log) == CUDA_ERROR_INVALID_PTX);
    // A card that is older than all of this.
    context_on(device("sm_61"));
    assert!(try_load(ADD, &mut log) == CUDA_ERROR_NO_BINARY_FOR_GPU);
}

/// More shared memory than 48 KiB must be dynamic.
#[test]
fn kernels_that_declare_too_much_are_refused() {
    context();
    let mut log = Log::new(512);
    let with_shared = |bytes: u32| SHARED.replace("fixed[512]", &format!("fixed[{bytes}]"));
    assert!(try_load(&with_shared(48 << 10), &mut log) == CUDA_SUCCESS);
    assert!(try_load(&with_shared((48 << 10) + 4), &mut log) == CUDA_ERROR_INVALID_PTX);
    assert!(log.text().contains("of_64"), "{}", log.text());
    let with_constants = |count: u32| SHARED.replace("limits[2]", &format!("limits[{count}]"));
    assert!(try_load(&with_constants(8192), &mut log) == CUDA_SUCCESS);
    assert!(try_load(&with_constants(8193), &mut log) == CUDA_ERROR_INVALID_PTX);
    assert!(log.text().contains("0x10008 bytes, 0x10000 max"), "{}", log.text());
}

#[test]
fn images_that_are_none_are_refused() {
    context();
    let mut module: CUmodule = null_mut();
    for image in [
        &b"\x7fELF\x02\x01\x01\0"[..],
        b"\x50\xed\x55\xba\x01\0",
        b"\x7fPTXSIM\x01\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xc3\x28\0",
    ] {
        let image = image.as_ptr().cast();
        gives!(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadDataEx(&mut module, image, 0, null_mut(), null_mut()));
    }
    gives!(CUDA_ERROR_INVALID_VALUE, cuModuleLoadDataEx(&mut module, std::ptr::null(), 0, null_mut(), null_mut()));
    let text = CString::new(ADD).unwrap();
    gives!(CUDA_ERROR_INVALID_VALUE, cuModuleLoadDataEx(null_mut(), text.as_ptr().cast(), 0, null_mut(), null_mut()));
    // An option that nobody knows, and a list that is not there.
    let (mut option, mut value) = (9999_u32, null_mut());
    let options = (&raw mut option).cast::<CUjit_option>();
    gives!(CUDA_ERROR_INVALID_VALUE, cuModuleLoadDataEx(&mut module, text.as_ptr().cast(), 1, options, &mut value));
    gives!(CUDA_ERROR_INVALID_VALUE, cuModuleLoadDataEx(&mut module, text.as_ptr().cast(), 1, null_mut(), null_mut()));
}

/// Links PTX for the current context's device, with these options, and gives the code.
fn linked(ptx: &str, target: Option<usize>) -> Result<Vec<u8>, (Raw<CUresult>, String)> {
    let mut log = Log::new(512);
    let mut options = log.options.to_vec();
    let mut values = log.values.to_vec();
    if let Some(target) = target {
        options.push(CU_JIT_TARGET);
        values.push(without_provenance_mut(target));
    }
    let mut link: CUlinkState = null_mut();
    ok!(cuLinkCreate_v2(options.len() as u32, options.as_mut_ptr(), values.as_mut_ptr(), &mut link));
    let result = add(link, ptx);
    let made = if result == CUDA_SUCCESS {
        let (mut code, mut size) = (null_mut(), 0);
        ok!(cuLinkComplete(link, &mut code, &mut size));
        // SAFETY: the linker's code lives as long as the link.
        Ok(unsafe { std::slice::from_raw_parts(code.cast::<u8>(), size) }.to_vec())
    } else {
        Err((result, log.text().to_owned()))
    };
    ok!(cuLinkDestroy(link));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuLinkDestroy(link));
    log.values = [null_mut(); 2];
    made
}

fn add(link: CUlinkState, ptx: &str) -> Raw<CUresult> {
    let data = ptx.as_ptr().cast_mut().cast();
    let name = c"kernels.ptx".as_ptr();
    cuda!(cuLinkAddData_v2(link, CU_JIT_INPUT_PTX.into(), data, ptx.len(), name, 0, null_mut(), null_mut()))
}

fn load_code(code: &[u8]) -> Raw<CUresult> {
    let mut module = null_mut();
    cuda!(cuModuleLoadDataEx(&mut module, code.as_ptr().cast(), 0, null_mut(), null_mut()))
}

#[test]
fn linked_code_runs_where_it_is_for() {
    context_on(device("sm_86"));
    let code = linked(ADD, None).unwrap();
    let mut module = null_mut();
    ok!(cuModuleLoadDataEx(&mut module, code.as_ptr().cast(), 0, null_mut(), null_mut()));
    let kernel = function(module, c"add");
    let address = allocate(128);
    write(address, &[0; 128]);
    assert!(launch(kernel, 1, 32, null_mut(), &mut [param(&address), param(&9_u32)]) == CUDA_SUCCESS);
    assert_eq!(read(address, 128), 9_u32.to_le_bytes().repeat(32));
    // A later card of the same generation, but none of another one, nor an earlier one.
    context_on(device("sm_89"));
    assert!(load_code(&code) == CUDA_SUCCESS);
    for other in ["sm_80", "sm_90", "sm_75", "sm_61"] {
        context_on(device(other));
        assert!(load_code(&code) == CUDA_ERROR_NO_BINARY_FOR_GPU, "{other}");
    }
    // Code can be made for a card that is not there.
    let other = linked(ADD, Some(86)).unwrap();
    assert_eq!(other, code);
    // The disk has lost a bit.
    context_on(device("sm_86"));
    let mut damaged = code;
    let last = damaged.len() - 1;
    damaged[last] ^= 4;
    assert!(load_code(&damaged) == CUDA_ERROR_INVALID_IMAGE);
}

#[test]
fn the_linker_says_what_is_wrong() {
    context();
    let (result, log) = linked(&ADD.replace("ld.param.u64", "ld.nowhere.u64"), None).unwrap_err();
    assert!(result == CUDA_ERROR_INVALID_PTX && log.contains("ld.nowhere.u64"), "{result:?} {log}");
    let (result, log) = linked(&ADD.replace(".version 7.0", ".version 9.9"), None).unwrap_err();
    assert!(result == CUDA_ERROR_UNSUPPORTED_PTX_VERSION && log.contains("9.9"), "{result:?} {log}");

    let mut link: CUlinkState = null_mut();
    ok!(cuLinkCreate_v2(0, null_mut(), null_mut(), &mut link));
    let (mut code, mut size) = (null_mut(), 0);
    gives!(CUDA_ERROR_INVALID_VALUE, cuLinkComplete(link, &mut code, &mut size));
    assert!(add(link, ADD) == CUDA_SUCCESS);
    assert!(add(link, ADD) == CUDA_ERROR_INVALID_IMAGE, "the same kernel twice");
    assert!(add(link, SHARED) == CUDA_SUCCESS);
    ok!(cuLinkComplete(link, &mut code, &mut size));
    assert!(add(link, ADD) == CUDA_ERROR_INVALID_HANDLE, "the link is complete");
    let mut module = null_mut();
    ok!(cuModuleLoadDataEx(&mut module, code, 0, null_mut(), null_mut()));
    for name in [c"add", c"count", c"reverse"] {
        function(module, name);
    }
    ok!(cuLinkDestroy(link));
}

#[test]
fn linked_code_can_be_linked_again() {
    context();
    let code = linked(ADD, None).unwrap();
    let add_code = |link, code: &[u8]| {
        let (data, size) = (code.as_ptr().cast_mut().cast(), code.len());
        cuda!(cuLinkAddData_v2(
            link,
            CU_JIT_INPUT_CUBIN.into(),
            data,
            size,
            std::ptr::null(),
            0,
            null_mut(),
            null_mut()
        ))
    };
    let mut link: CUlinkState = null_mut();
    ok!(cuLinkCreate_v2(0, null_mut(), null_mut(), &mut link));
    assert!(add_code(link, &code) == CUDA_SUCCESS);
    assert!(add(link, SHARED) == CUDA_SUCCESS);
    assert!(add_code(link, &code[..code.len() - 1]) == CUDA_ERROR_INVALID_IMAGE);
    let (mut made, mut size) = (null_mut(), 0);
    ok!(cuLinkComplete(link, &mut made, &mut size));
    let mut module = null_mut();
    ok!(cuModuleLoadDataEx(&mut module, made, 0, null_mut(), null_mut()));
    for name in [c"add", c"count"] {
        function(module, name);
    }
    ok!(cuLinkDestroy(link));
    context_on(device("sm_80"));
    ok!(cuLinkCreate_v2(0, null_mut(), null_mut(), &mut link));
    assert!(add_code(link, &code) == CUDA_ERROR_NO_BINARY_FOR_GPU);
    ok!(cuLinkDestroy(link));
}

#[test]
fn the_compiler_says_what_it_did_and_how_long_it_took() {
    context();
    let mut buffer = [0_u8; 256];
    let mut options = [CU_JIT_WALL_TIME, CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, CU_JIT_LOG_VERBOSE];
    let mut values: [*mut c_void; 4] = [
        without_provenance_mut(usize::MAX),
        buffer.as_mut_ptr().cast(),
        without_provenance_mut(256),
        without_provenance_mut(1),
    ];
    let (text, mut module) = (CString::new(ADD).unwrap(), null_mut());
    let (options, slots) = (options.as_mut_ptr(), values.as_mut_ptr());
    ok!(cuModuleLoadDataEx(&mut module, text.as_ptr().cast(), 4, options, slots));
    let log = CStr::from_bytes_until_nul(&buffer).unwrap().to_str().unwrap();
    assert!(log.contains("sm_90") && values[2].addr() == log.len(), "{log}");
    let milliseconds = f32::from_bits(values[0].addr() as u32);
    assert!((0.0..60_000.0).contains(&milliseconds), "{milliseconds}");
}

#[test]
fn attributes_of_functions_can_be_asked_for() {
    context_on(device("sm_80"));
    let module = load(SHARED);
    let (of_64, reverse) = (function(module, c"of_64"), function(module, c"reverse"));
    let attribute = |function, attribute: geobacter_cuda_driver::sys::CUfunction_attribute| {
        let mut value = -7;
        ok!(cuFuncGetAttribute(&mut value, attribute.into(), function));
        value
    };
    assert_eq!(attribute(of_64, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK), 64);
    assert_eq!(attribute(of_64, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES), 512);
    assert_eq!(attribute(of_64, CU_FUNC_ATTRIBUTE_PTX_VERSION), 70);
    assert_eq!(attribute(of_64, CU_FUNC_ATTRIBUTE_BINARY_VERSION), 80);
    assert_eq!(attribute(of_64, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES), 0);
    assert_eq!(attribute(of_64, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), (48 << 10) - 512);
    assert_eq!(attribute(reverse, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES), 0);
    assert!((16..=32).contains(&attribute(reverse, CU_FUNC_ATTRIBUTE_NUM_REGS)));
    let greedy = function(load(&greedy()), c"greedy");
    let registers = attribute(greedy, CU_FUNC_ATTRIBUTE_NUM_REGS);
    assert_eq!(registers, 128, "60 values of 64 bits, their sum and the address");
    assert_eq!(attribute(greedy, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK), 512);
    let mut value = 0;
    gives!(CUDA_ERROR_INVALID_VALUE, cuFuncGetAttribute(&mut value, Raw::new(77), of_64));
    gives!(CUDA_ERROR_INVALID_HANDLE, cuFuncGetAttribute(&mut value, Raw::new(0), module.cast()));

    let set = |value| cuda!(cuFuncSetAttribute(of_64, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.into(), value));
    let most = (163 << 10) - 512;
    assert!(set(most) == CUDA_SUCCESS);
    assert_eq!(attribute(of_64, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), most);
    for wrong in [most + 1, -1, i32::MAX] {
        assert!(set(wrong) == CUDA_ERROR_INVALID_VALUE);
    }
    gives!(CUDA_ERROR_INVALID_VALUE, cuFuncSetAttribute(of_64, CU_FUNC_ATTRIBUTE_NUM_REGS.into(), 32));
}

#[test]
fn occupancy_is_what_fits() {
    context_on(device("sm_80"));
    let module = load(SHARED);
    let (of_64, reverse) = (function(module, c"of_64"), function(module, c"reverse"));
    let blocks = |function, threads, shared| {
        let mut blocks = -1;
        ok!(cuOccupancyMaxActiveBlocksPerMultiprocessor(&mut blocks, function, threads, shared));
        blocks
    };
    assert_eq!(blocks(reverse, 1024, 0), 2);
    assert_eq!(blocks(reverse, 64, 0), 32);
    assert_eq!(blocks(reverse, 64, 40 << 10), 4);
    assert_eq!(blocks(of_64, 128, 0), 0, "it could not be launched");
    assert_eq!(blocks(of_64, 64, 48 << 10), 0, "with what it declares, it is too much");
    let mut none = 0;
    gives!(CUDA_ERROR_INVALID_VALUE, cuOccupancyMaxActiveBlocksPerMultiprocessor(&mut none, of_64, 0, 0));
}
