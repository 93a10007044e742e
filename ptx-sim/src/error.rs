//! Why a module could not be loaded.

use thiserror::Error;

use crate::{memory::MemoryError, target::Target};

/// Why a module could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The text is no PTX, or has what is not simulated.
    #[error("PTX line {line}: {message}{}", at(text))]
    Invalid {
        /// The line; the first one is 1.
        line: u32,
        /// The text that it is about.
        text: String,
        /// What is wrong with it.
        message: String,
    },
    /// A version of PTX that is not known.
    #[error("PTX {}.{} is not known: versions go from {}.{} to {}.{}", .version.0, .version.1, .known.0.0, .known.0.1, .known.1.0, .known.1.1)]
    Version {
        /// Major and minor version of the module.
        version: (u32, u32),
        /// The first and the last version that is known.
        known: ((u32, u32), (u32, u32)),
    },
    /// Code for a GPU that this one is not.
    #[error("the module is for {code}, which the device, {device}, does not run")]
    Target {
        /// What the module is for.
        code: Target,
        /// What the device is.
        device: Target,
    },
    /// There is no memory for the module's variables.
    #[error("no memory for the module's variable `{variable}`: {error}")]
    Memory {
        /// The variable.
        variable: String,
        /// Why.
        #[source]
        error: MemoryError,
    },
}

fn at(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": `{text}`") }
}

impl LoadError {
    /// An error about a piece of text.
    pub(crate) fn invalid(line: u32, text: &str, message: impl Into<String>) -> Self {
        // A text without an end helps nobody.
        const LONGEST: usize = 200;
        let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() > LONGEST {
            text = text.chars().take(LONGEST).chain("...".chars()).collect();
        }
        Self::Invalid { line, text, message: message.into() }
    }
}
