//! How much the items of a foreach may give.

use serde_json::Value;

use crate::run::{Run, StepError};

/// Whether an item's output still fits beside those of the others.
pub(crate) fn fits(run: &Run, step: &str, output: &Value) -> Result<(), StepError> {
    let sizes = run.items(step).map(|item| item.output.to_string().len());
    if sizes.sum::<usize>().saturating_add(output.to_string().len()) <= MAX_OUTPUT {
        return Ok(());
    }
    let message = format!("the outputs of its step's items are larger than {MAX_OUTPUT} bytes together");
    Err(StepError::new("too_large", message))
}

/// The largest output of all items together, in bytes of JSON.
pub(crate) const MAX_OUTPUT: usize = 4 << 20;
