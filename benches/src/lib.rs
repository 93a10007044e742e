//! Benchmarks of Geobacter, as ratios measured in one run.
