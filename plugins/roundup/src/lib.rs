//! Opens tickets of Roundup, comments on them and closes them. Speaks its REST interface of 2.0 and later:
//! <https://www.roundup-tracker.org/docs/rest.html>. Every text carries the step's key as its `messageid`, by which a second
//! try finds what the first one wrote.

mod tickets;
mod tracker;

use wardroom_plugin_sdk::prelude::*;

use tickets::{Close, Comment, Create};
use tracker::Config;

struct Roundup;

impl Plugin for Roundup {
    fn describe() -> Description {
        Description::new(
            "roundup",
            env!("CARGO_PKG_VERSION"),
            "Opens tickets of Roundup, comments on them and closes them.",
        )
        .connection::<Config>(&["basic", "bearer"])
        .action::<Create>()
        .action::<Comment>()
        .action::<Close>()
    }
}

export_plugin!(Roundup);

#[cfg(test)]
mod tests;
