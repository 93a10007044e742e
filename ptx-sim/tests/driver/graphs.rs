//! Graphs.

use std::ptr::{null, null_mut};

use geobacter_cuda_driver::sys::{
    CUDA_KERNEL_NODE_PARAMS, CUDA_MEMCPY3D, CUDA_MEMSET_NODE_PARAMS, CUcontext, CUgraph, CUgraphExec, CUgraphNode,
    CUmemorytype::*, CUresult::*,
};

use crate::{
    ptx::{ADD, FAULTS},
    support::{Gate, allocate, context, function, gives, load, ok, param, pattern, pinned, stream},
};

fn graph() -> CUgraph {
    let mut graph = null_mut();
    ok!(cuGraphCreate(&mut graph, 0));
    graph
}

fn fill(address: u64, value: u32, width: usize) -> CUDA_MEMSET_NODE_PARAMS {
    CUDA_MEMSET_NODE_PARAMS { dst: address, pitch: 0, value, elementSize: 4, width, height: 1 }
}

/// A copy of bytes from the device to the host.
fn copy_down(to: *mut u8, from: u64, size: usize) -> CUDA_MEMCPY3D {
    // SAFETY: all of its fields may be 0 but the types of memory, which are set below.
    let mut copy = unsafe {
        let mut copy = std::mem::MaybeUninit::<CUDA_MEMCPY3D>::zeroed();
        (&raw mut (*copy.as_mut_ptr()).srcMemoryType).write(CU_MEMORYTYPE_DEVICE);
        (&raw mut (*copy.as_mut_ptr()).dstMemoryType).write(CU_MEMORYTYPE_HOST);
        copy.assume_init()
    };
    copy.srcDevice = from;
    copy.dstHost = to.cast();
    (copy.WidthInBytes, copy.Height, copy.Depth) = (size, 1, 1);
    copy
}

fn instantiate(graph: CUgraph) -> CUgraphExec {
    let mut exec = null_mut();
    ok!(cuGraphInstantiateWithFlags(&mut exec, graph, 0));
    exec
}

/// A graph that fills a buffer with 1, adds `amount`, and copies the buffer to the host.
fn example(context: CUcontext, address: u64, amount: u32, host: *mut u8) -> CUgraph {
    let graph = graph();
    let (mut filled, mut added, mut copied): (CUgraphNode, CUgraphNode, CUgraphNode) =
        (null_mut(), null_mut(), null_mut());
    ok!(cuGraphAddMemsetNode(&mut filled, graph, null(), 0, &fill(address, 1, 32), context));
    let mut params = [param(&address), param(&amount)];
    let kernel = CUDA_KERNEL_NODE_PARAMS {
        func: function(load(ADD), c"add"),
        gridDimX: 1,
        gridDimY: 1,
        gridDimZ: 1,
        blockDimX: 32,
        blockDimY: 1,
        blockDimZ: 1,
        sharedMemBytes: 0,
        kernelParams: params.as_mut_ptr(),
        extra: null_mut(),
        kern: null_mut(),
        ctx: null_mut(),
    };
    ok!(cuGraphAddKernelNode_v2(&mut added, graph, &filled, 1, &kernel));
    ok!(cuGraphAddMemcpyNode(&mut copied, graph, &added, 1, &copy_down(host, address, 128), context));
    graph
}

fn host_words(host: *mut u8) -> Vec<u32> {
    // SAFETY: it is pinned memory of 128 bytes, and no work is left.
    unsafe { std::slice::from_raw_parts(host.cast::<u32>(), 32) }.to_vec()
}

#[test]
fn a_graph_is_launched_again_and_again() {
    let (_, context) = context();
    let (address, host, stream) = (allocate(128), pinned(128), stream(1));
    let graph = example(context, address, 41, host);
    let exec = instantiate(graph);
    // What is instantiated lives without the graph.
    ok!(cuGraphDestroy(graph));
    gives!(CUDA_ERROR_INVALID_VALUE, cuGraphDestroy(graph));
    for _ in 0..3 {
        // SAFETY: pinned memory of 128 bytes.
        unsafe { host.write_bytes(0, 128) };
        ok!(cuGraphLaunch(exec, stream));
        ok!(cuStreamSynchronize(stream));
        assert_eq!(host_words(host), [42; 32]);
    }
    ok!(cuGraphExecDestroy(exec));
    gives!(CUDA_ERROR_INVALID_VALUE, cuGraphLaunch(exec, stream));
    gives!(CUDA_ERROR_INVALID_VALUE, cuGraphExecDestroy(exec));
}

#[test]
fn a_graph_is_in_order_with_its_stream_and_with_itself() {
    let (_, context) = context();
    let (address, host, one, other) = (allocate(128), pinned(128), stream(1), stream(1));
    let exec = instantiate(example(context, address, 1, host));
    let gate = Gate::close(one);
    ok!(cuGraphLaunch(exec, one));
    ok!(cuGraphLaunch(exec, other));
    std::thread::sleep(std::time::Duration::from_millis(30));
    assert_eq!(host_words(host), [0; 32], "the second launch waits for the first one");
    gate.open();
    ok!(cuStreamSynchronize(other));
    ok!(cuStreamQuery(one));
    assert_eq!(host_words(host), [2; 32]);
}

#[test]
fn nodes_that_cannot_be_are_refused() {
    let (_, context) = context();
    let (one, other, address) = (graph(), graph(), allocate(128));
    let (mut node, mut foreign) = (null_mut(), null_mut());
    ok!(cuGraphAddMemsetNode(&mut foreign, other, null(), 0, &fill(address, 0, 1), context));
    let add = |dependencies: &[CUgraphNode], fill: CUDA_MEMSET_NODE_PARAMS, context| {
        let mut node = null_mut();
        crate::support::cuda!(cuGraphAddMemsetNode(
            &mut node,
            one,
            dependencies.as_ptr(),
            dependencies.len(),
            &fill,
            context
        ))
    };
    assert!(add(&[foreign], fill(address, 0, 1), context) == CUDA_ERROR_INVALID_VALUE, "of another graph");
    ok!(cuGraphAddMemsetNode(&mut node, one, null(), 0, &fill(address, 0, 1), context));
    assert!(add(&[node, node], fill(address, 0, 1), context) == CUDA_ERROR_INVALID_VALUE, "named twice");
    assert!(add(&[], fill(address, 0, 33), context) == CUDA_ERROR_INVALID_VALUE, "too long");
    assert!(add(&[], fill(address + 2, 0, 1), context) == CUDA_ERROR_INVALID_VALUE, "misaligned");
    let three = CUDA_MEMSET_NODE_PARAMS { elementSize: 3, ..fill(address, 0, 1) };
    assert!(add(&[], three, context) == CUDA_ERROR_INVALID_VALUE);
    assert!(add(&[], fill(address, 0, 1), null_mut()) == CUDA_ERROR_INVALID_CONTEXT);
    assert!(add(&[node], fill(address, 0, 1), context) == CUDA_SUCCESS);
    let mut exec = null_mut();
    gives!(CUDA_ERROR_INVALID_VALUE, cuGraphInstantiateWithFlags(&mut exec, one, 0x100));
    gives!(CUDA_ERROR_INVALID_VALUE, cuGraphCreate(null_mut(), 0));
    gives!(CUDA_ERROR_INVALID_VALUE, cuGraphAddMemsetNode(&mut node, one, null(), 0, null(), context));
}

/// Slices of rows, each at its place in a box that is larger.
#[test]
fn a_node_copies_boxes() {
    let (_, context) = context();
    let (pitch, rows, slices) = (16, 4, 3);
    let bytes = pattern(pitch * rows * slices);
    let (there, back) = (allocate(bytes.len()), pinned(bytes.len()));
    let mut up = copy_down(null_mut(), 0, 5);
    (up.srcMemoryType, up.dstMemoryType) = (CU_MEMORYTYPE_HOST, CU_MEMORYTYPE_DEVICE);
    (up.srcHost, up.dstDevice) = (bytes.as_ptr().cast(), there);
    (up.Height, up.Depth) = (2, 2);
    (up.srcPitch, up.srcHeight, up.srcXInBytes, up.srcY, up.srcZ) = (pitch, rows, 3, 1, 1);
    (up.dstPitch, up.dstHeight, up.dstXInBytes, up.dstY, up.dstZ) = (pitch, rows, 9, 2, 0);
    let graph = graph();
    let (mut cleared, mut copied, mut read) = (null_mut(), null_mut(), null_mut());
    ok!(cuGraphAddMemsetNode(&mut cleared, graph, null(), 0, &fill(there, 0, bytes.len() / 4), context));
    ok!(cuGraphAddMemcpyNode(&mut copied, graph, &cleared, 1, &up, context));
    ok!(cuGraphAddMemcpyNode(&mut read, graph, &copied, 1, &copy_down(back, there, bytes.len()), context));
    ok!(cuGraphLaunch(instantiate(graph), null_mut()));
    ok!(cuCtxSynchronize());
    let mut expected = vec![0; bytes.len()];
    for (slice, row) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let from = ((slice + 1) * rows + row + 1) * pitch + 3;
        let to = (slice * rows + row + 2) * pitch + 9;
        expected[to..to + 5].copy_from_slice(&bytes[from..from + 5]);
    }
    // SAFETY: it is pinned memory of so many bytes, and no work is left.
    assert_eq!(unsafe { std::slice::from_raw_parts(back, bytes.len()) }, expected);
    // Slices that have fewer rows than are copied, and a box that ends behind the allocation.
    let mut bad = up;
    bad.dstHeight = 3;
    gives!(CUDA_ERROR_INVALID_VALUE, cuGraphAddMemcpyNode(&mut copied, graph, null(), 0, &bad, context));
    bad = up;
    bad.dstZ = 2;
    gives!(CUDA_ERROR_INVALID_VALUE, cuGraphAddMemcpyNode(&mut copied, graph, null(), 0, &bad, context));
}

#[test]
fn a_fault_in_a_graph_loses_the_context() {
    let (device, _) = context();
    let (graph, nowhere) = (graph(), 16_u64);
    let mut params = [param(&nowhere)];
    let kernel = CUDA_KERNEL_NODE_PARAMS {
        func: function(load(FAULTS), c"poke"),
        gridDimX: 1,
        gridDimY: 1,
        gridDimZ: 1,
        blockDimX: 1,
        blockDimY: 1,
        blockDimZ: 1,
        sharedMemBytes: 0,
        kernelParams: params.as_mut_ptr(),
        extra: null_mut(),
        kern: null_mut(),
        ctx: null_mut(),
    };
    let mut node = null_mut();
    ok!(cuGraphAddKernelNode_v2(&mut node, graph, null(), 0, &kernel));
    ok!(cuGraphLaunch(instantiate(graph), null_mut()));
    gives!(CUDA_ERROR_ILLEGAL_ADDRESS, cuCtxSynchronize());
    assert_eq!(ptx_sim::take_fault_report(device as usize).unwrap().kernel, "poke");
}
