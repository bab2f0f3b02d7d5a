//! The cache of compiled components: a restart does not compile again, and nobody can bring native code in through it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use secrecy::SecretBox;
use serde_json::json;
use wardroom_base::clock::SystemClock;
use wardroom_runtime::{Options, PluginHost, limits::Limits};
use wardroom_tests::{
    database::Kind,
    guests,
    process::{GUARD, now},
    server::Server,
};

use crate::plugins::{MemoryState, Names, Sandbox, Secrets, done};

/// A runtime over a cache folder and a key.
pub(crate) fn host(folder: &Path, key: u8) -> PluginHost {
    PluginHost::new(Options {
        cache: Some((folder.to_owned(), SecretBox::new(Box::new([key; 32])))),
        limits: Limits { calls: 2, ..Limits::default() },
        large: Limits { calls: 2, ..Limits::large() },
        secrets: Arc::new(Secrets::default()),
        state: Arc::new(MemoryState::default()),
        resolver: Arc::new(Names(std::collections::BTreeMap::new())),
        operator_hosts: None,
        proxy: None,
        clock: Arc::new(SystemClock),
        tape: None,
    })
    .expect("starts")
}

fn cached(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    // What runs in the large slots has a folder of its own.
    let mut files = files.by_ref().filter(|path| path.is_file());
    let file = files.next().expect("a file");
    assert_eq!(files.next(), None, "one component, one file");
    file
}

#[tokio::test]
async fn a_cached_component_is_believed_only_whole_and_with_this_hosts_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = guests::hostile();
    let found = host(folder.path(), 1).inspect(&bytes).await.expect("fits");
    let file = cached(folder.path());
    let written = fs::read(&file).expect("is there");

    // What was altered, cut or made with another key is compiled anew, and the file is put right.
    let middle = written.len() / 2;
    let mut altered = written.clone();
    altered[middle] ^= 1;
    for (damage, key) in [(altered, 1), (written[..middle].to_vec(), 1), (Vec::new(), 1), (written.clone(), 2)] {
        fs::write(&file, &damage).expect("is written");
        let host = host(folder.path(), key);
        host.load(&found.digest, &bytes).await.expect("loads");
        assert_ne!(fs::read(&file).expect("is there"), damage, "it was compiled anew");
    }
    let host = host(folder.path(), 2);
    // What is compiled is renamed into place, so it would be another inode.
    let before = fs::metadata(&file).expect("is there").ino();
    host.load(&found.digest, &bytes).await.expect("loads");
    assert_eq!(fs::metadata(&file).expect("is there").ino(), before, "it came from the cache");
    let sandbox = Sandbox::new().await;
    let called = host.invoke(sandbox.invocation("ok", json!({}))).await;
    assert_eq!(done(&called).output["status"], json!(200));
}

#[tokio::test]
async fn bytes_that_are_not_those_of_the_digest_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host(folder.path(), 1);
    let wrong = host.load(&"0".repeat(64), &guests::hostile()).await.expect_err("is refused");
    assert!(wrong.to_string().contains("SHA-256"), "{wrong}");
    assert!(!host.is_loaded(&"0".repeat(64)));
}

#[tokio::test]
async fn plugins_in_use_are_made_ready_at_the_start_before_anybody_calls_them() {
    let mut server = Server::start(Kind::Sqlite).await;
    server.api.install("webhook").await;
    server.api.install("matrix").await;
    let folder = server.data.join("plugin-cache");
    let compiled =
        || fs::read_dir(&folder).map_or(0, |files| files.flatten().filter(|file| file.path().is_file()).count());
    assert_eq!(compiled(), 2);
    server.stop().await;
    fs::remove_dir_all(&folder).expect("it goes");
    server.restart().await;
    // What was compiled is kept, so the folder tells.
    let deadline = now() + GUARD;
    while compiled() < 2 {
        assert!(now() < deadline, "{} of 2 are ready", compiled());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}
