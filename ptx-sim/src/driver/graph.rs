//! Graphs: work with its order, described once and launched often.

use std::sync::{Arc, Mutex, Weak};

use geobacter_cuda_driver::{
    Raw,
    sys::{
        CUDA_KERNEL_NODE_PARAMS, CUDA_MEMCPY3D, CUDA_MEMSET_NODE_PARAMS, CUcontext, CUgraph, CUgraphExec,
        CUgraphInstantiate_flags, CUgraphNode,
        CUresult::{self, *},
        CUstream,
    },
};

use super::{
    completion::Completion,
    context::{Context, current},
    operation::Operation,
    out::{list, null, put},
    state::{Outcome, answer, fail, fresh_handle, lock, simulator},
};

/// A graph. Its nodes are in the order in which they were added, and depend on earlier ones only.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Mutex<Vec<Node>>,
}

#[derive(Clone, Debug)]
struct Node {
    handle: usize,
    context: Weak<Context>,
    operation: Operation,
}

/// A graph that can be launched: what the graph was when it was instantiated.
#[derive(Debug)]
pub struct Exec {
    nodes: Vec<Node>,
    /// The end of its last launch: it runs once at a time.
    last: Mutex<Option<Arc<Completion>>>,
}

impl Exec {
    /// Does the nodes' work, one after the other in an order that their dependencies allow.
    pub fn run(&self) {
        for node in &self.nodes {
            // Work of a context that has ended has ended with it.
            if let Some(context) = node.context.upgrade() {
                context.run(&node.operation);
                if context.check().is_err() {
                    break;
                }
            }
        }
    }
}

impl Graph {
    /// Adds a node.
    ///
    /// # Safety
    /// `dependencies` is null or points to `count` nodes; `to` is null or points to room for one.
    unsafe fn add(
        &self,
        to: *mut CUgraphNode,
        dependencies: *const CUgraphNode,
        count: usize,
        node: (Arc<Context>, Operation),
    ) -> Outcome {
        let (context, operation) = node;
        // SAFETY: by this function's contract.
        let dependencies = unsafe { list(dependencies, count, "the list of dependencies") }?;
        let mut nodes = lock(&self.nodes);
        for (at, dependency) in dependencies.iter().enumerate() {
            if !nodes.iter().any(|node| node.handle == dependency.addr()) {
                return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("dependency {at} is no node of this graph")));
            }
            if dependencies[..at].contains(dependency) {
                return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("dependency {at} is named twice")));
            }
        }
        let handle = fresh_handle();
        // SAFETY: by this function's contract.
        unsafe { put(to, handle, "the place for the node") }?;
        nodes.push(Node { handle: handle.addr(), context: Arc::downgrade(&context), operation });
        Ok(())
    }
}

pub unsafe extern "C" fn cuGraphCreate(graph: *mut CUgraph, flags: u32) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        if flags != 0 {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("there are no such flags: {flags:#x}")));
        }
        if graph.is_null() {
            return Err(null("the place for the graph"));
        }
        // SAFETY: the caller gives room for the graph.
        unsafe { put(graph, simulator.graphs.add(Arc::default()), "the place for the graph") }
    })
}

pub unsafe extern "C" fn cuGraphDestroy(graph: CUgraph) -> Raw<CUresult> {
    answer(|| simulator()?.graphs.remove(graph).map(drop))
}

pub unsafe extern "C" fn cuGraphAddKernelNode_v2(
    node: *mut CUgraphNode,
    graph: CUgraph,
    dependencies: *const CUgraphNode,
    dependency_count: usize,
    params: *const CUDA_KERNEL_NODE_PARAMS,
) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        let graph = simulator.graphs.get(graph)?;
        // SAFETY: the caller's contract.
        let launch = unsafe { simulator.described_launch(params) }?;
        let context = launch.context()?;
        // SAFETY: the caller's contract.
        unsafe { graph.add(node, dependencies, dependency_count, (context, Operation::Kernel(launch))) }
    })
}

pub unsafe extern "C" fn cuGraphAddMemcpyNode(
    node: *mut CUgraphNode,
    graph: CUgraph,
    dependencies: *const CUgraphNode,
    dependency_count: usize,
    copy: *const CUDA_MEMCPY3D,
    context: CUcontext,
) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        let graph = simulator.graphs.get(graph)?;
        let context = simulator.context(context)?;
        context.check()?;
        // SAFETY: the caller's contract.
        let copy = unsafe { simulator.described_copy(copy, &context) }?;
        let operation = copy.map_or(Operation::Nothing, |copy| Operation::Copy(Arc::new(copy)));
        // SAFETY: the caller's contract.
        unsafe { graph.add(node, dependencies, dependency_count, (context, operation)) }
    })
}

pub unsafe extern "C" fn cuGraphAddMemsetNode(
    node: *mut CUgraphNode,
    graph: CUgraph,
    dependencies: *const CUgraphNode,
    dependency_count: usize,
    memset: *const CUDA_MEMSET_NODE_PARAMS,
    context: CUcontext,
) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        let graph = simulator.graphs.get(graph)?;
        let context = simulator.context(context)?;
        context.check()?;
        // SAFETY: the caller's contract.
        let fill = unsafe { simulator.described_fill(memset, &context) }?;
        let operation = fill.map_or(Operation::Nothing, Operation::Fill);
        // SAFETY: the caller's contract.
        unsafe { graph.add(node, dependencies, dependency_count, (context, operation)) }
    })
}

pub unsafe extern "C" fn cuGraphInstantiateWithFlags(
    exec: *mut CUgraphExec,
    graph: CUgraph,
    flags: u64,
) -> Raw<CUresult> {
    answer(|| {
        let simulator = simulator()?;
        let graph = simulator.graphs.get(graph)?;
        if exec.is_null() {
            return Err(null("the place for the executable graph"));
        }
        // Nothing allocates in a graph, and priorities change nothing.
        let known = u64::from(CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH.0)
            | u64::from(CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY.0);
        if flags & !known != 0 {
            return Err(fail(CUDA_ERROR_INVALID_VALUE, format!("a graph cannot be made so: flags {flags:#x}")));
        }
        let made = Exec { nodes: lock(&graph.nodes).clone(), last: Mutex::default() };
        // SAFETY: the caller gives room for it.
        unsafe { put(exec, simulator.execs.add(Arc::new(made)), "the place for the executable graph") }
    })
}

pub unsafe extern "C" fn cuGraphLaunch(exec: CUgraphExec, stream: CUstream) -> Raw<CUresult> {
    answer(|| {
        let (simulator, current) = current()?;
        let exec = simulator.execs.get(exec)?;
        let stream = simulator.stream(&current, stream)?;
        let context = stream.usable_context()?;
        let mut last = lock(&exec.last);
        let waits = last.iter().cloned().collect();
        *last = Some(context.submit(&stream, waits, Operation::Graph(Arc::clone(&exec)))?);
        Ok(())
    })
}

pub unsafe extern "C" fn cuGraphExecDestroy(exec: CUgraphExec) -> Raw<CUresult> {
    answer(|| simulator()?.execs.remove(exec).map(drop))
}
