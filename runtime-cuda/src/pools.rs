//! What the work of one context needs again and again.

use std::sync::{Arc, OnceLock};

use geobacter_runtime_core::output::pool::{OutputPool, OutputUse};

use crate::{
    clock::Clock, context::Context, error::Error, event::EventPool, pinned::Pinned, slot::SlotPool,
    transfer::Transfers, watch::Watch,
};

/// The pools of one context.
#[derive(Debug)]
pub(crate) struct Pools {
    context: Arc<Context>,
    /// Bytes of memory that the card has.
    memory: u64,
    events: Arc<EventPool>,
    /// For time stamps, if they are asked for.
    clock: Option<Clock>,
    slots: Arc<SlotPool>,
    outputs: Arc<OutputPool<Pinned>>,
    transfers: Transfers,
    watch: OnceLock<Watch>,
}

impl Pools {
    /// `profile`: whether work notes when it ran.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn new(context: Arc<Context>, memory: u64, profile: bool) -> Result<Arc<Self>, Error> {
        let events = EventPool::new(&context, false);
        let transfers = Transfers::new(&context, &events);
        let clock = if profile { Some(Clock::new(&context)?) } else { None };
        Ok(Arc::new(Self {
            context,
            memory,
            events,
            clock,
            slots: Arc::default(),
            outputs: Arc::default(),
            transfers,
            watch: OnceLock::new(),
        }))
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    pub(crate) fn events(&self) -> &Arc<EventPool> {
        &self.events
    }

    pub(crate) fn clock(&self) -> Option<&Clock> {
        self.clock.as_ref()
    }

    pub(crate) fn slots(&self) -> &Arc<SlotPool> {
        &self.slots
    }

    pub(crate) fn outputs(&self) -> &Arc<OutputPool<Pinned>> {
        &self.outputs
    }

    /// A buffer for what a launch prints.
    pub(crate) fn output(&self, bytes: u32) -> Result<OutputUse<Pinned>, Error> {
        self.outputs.take(bytes, |bytes| Pinned::allocate(&self.context, bytes))
    }

    pub(crate) fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// Who tells others that work is done.
    pub(crate) fn watch(&self) -> &Watch {
        self.watch.get_or_init(Watch::default)
    }

    /// Gives back the pinned memory that nothing in flight uses.
    pub(crate) fn trim(&self) {
        self.slots.trim();
        self.transfers.trim();
        drop(self.outputs.take_free());
    }
}
