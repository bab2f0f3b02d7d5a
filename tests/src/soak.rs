//! How long the campaigns take: at most 2 minutes each in `make test`, all together at most 30 minutes in `make soak`, which
//! sets `WARDROOM_TEST_SOAK` to how many times as many kills, rounds and calls it wants.

use std::sync::LazyLock;

const VARIABLE: &str = "WARDROOM_TEST_SOAK";

static FACTOR: LazyLock<usize> = LazyLock::new(|| {
    let Some(set) = crate::environment::variable(VARIABLE) else { return 1 };
    let factor = set.to_str().and_then(|set| set.parse().ok()).filter(|factor| (1..=1000).contains(factor));
    factor.unwrap_or_else(|| panic!("{VARIABLE}: expected a whole number from 1 to 1000, found {}", set.display()))
});

/// `count`, which is what `make test` takes, times what `make soak` asks for.
///
/// # Panics
/// When `WARDROOM_TEST_SOAK` is set to anything but a whole number from 1 to 1000.
pub fn scaled(count: usize) -> usize {
    count * *FACTOR
}
