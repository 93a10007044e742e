//! Examples of Geobacter.
