//! AMD GPUs through the HSA API.
