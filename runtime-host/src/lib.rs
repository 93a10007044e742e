//! The CPU device: kernels run natively on every core.
