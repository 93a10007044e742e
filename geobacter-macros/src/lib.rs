//! The #[kernel] attribute of Geobacter.
