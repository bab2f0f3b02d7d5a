//! The store on both databases.

mod claims;
mod guards;
mod nouns;
mod platform;
mod retain;

use wardroom_store::Store;
use wardroom_tests::database::{BOTH, Database};

/// Runs a test on each database.
pub(crate) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Store, String) -> F) {
    for kind in BOTH {
        kind.announce();
        let database = Database::new(kind).await;
        let store = Store::open(&database.url).await.expect("opens");
        test(store, database.url.clone()).await;
    }
}
