//! Somebody who can write the folder of compiled components: whatever is put there is never loaded, and compiled anew.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::json;
use wardroom_runtime::PluginHost;

use crate::plugins::{
    cache::host,
    escape::{
        Case, Verdict,
        bombs::act,
        handwritten_wasm::{Made, manifest},
    },
};

const THEME: &str = "cached";

/// What is done to a cached file, whose bytes these are, beside another component's.
type Damage = fn(&Path, &[u8], &[u8]);

const DAMAGES: &[(&str, Damage)] = &[
    ("a bit of its seal", |file, own, _| flipped(file, own, 0)),
    ("the first bit of its code", |file, own, _| flipped(file, own, 32)),
    ("a bit in its middle", |file, own, _| flipped(file, own, own.len() / 2)),
    ("its last bit", |file, own, _| flipped(file, own, own.len() - 1)),
    ("its end cut off", |file, own, _| write(file, &own[..own.len() - 1])),
    ("nothing but its seal", |file, own, _| write(file, &own[..32])),
    ("less than a seal", |file, own, _| write(file, &own[..31])),
    ("nothing at all", |file, _, _| write(file, b"")),
    ("a byte more", |file, own, _| write(file, &[own, b"\0"].concat())),
    ("another component's file", |file, _, other| write(file, other)),
    ("another component's code under its own seal", |file, own, other| {
        write(file, &[&own[..32], &other[32..]].concat());
    }),
    ("code without a seal", |file, own, _| write(file, &own[32..])),
    ("a seal of zeros", |file, own, _| write(file, &[&[0; 32], &own[32..]].concat())),
    ("a link to another component's file", |file, _, other| {
        let aside = file.with_extension("aside");
        write(&aside, other);
        fs::remove_file(file).and_then(|()| symlink(&aside, file)).expect("a link");
    }),
    ("a link to what never ends", |file, _, _| {
        fs::remove_file(file).and_then(|()| symlink("/dev/zero", file)).expect("a link");
    }),
    ("a folder", |file, _, _| fs::remove_file(file).and_then(|()| fs::create_dir(file)).expect("a folder")),
    ("more than there can be", |file, own, _| {
        write(file, own);
        fs::OpenOptions::new().write(true).open(file).and_then(|file| file.set_len(64 << 30)).expect("a hole");
    }),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, damage) in DAMAGES {
        cases.push(Case::new(THEME, *what, move |fixture| async move {
            let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
            let (bytes, file) = prepared(folder.path()).await?;
            let own = fs::read(&file).map_err(|error| error.to_string())?;
            let other = sealed(&named("other")).await?;
            damage(&file, &own, &other);
            anew(&fixture, folder.path(), 1, &bytes, &file).await
        }));
    }
    cases.push(Case::new(THEME, "the file of a host with another key", |fixture| async move {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (bytes, file) = prepared(folder.path()).await?;
        anew(&fixture, folder.path(), 2, &bytes, &file).await
    }));
    cases.push(Case::new(THEME, "another engine's file", |fixture| async move {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (bytes, file) = prepared(folder.path()).await?;
        // Limits are compiled in: an engine with others writes files of another name, and this one forgets them at its start.
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let foreign = file.with_file_name(format!("0000000000000000{}", &name[16..]));
        fs::rename(&file, &foreign).map_err(|error| error.to_string())?;
        let verdict = anew(&fixture, folder.path(), 1, &bytes, &file).await;
        if foreign.exists() { Err("it is kept".to_owned()) } else { verdict }
    }));
    cases.push(Case::new(THEME, "another engine's file under this one's name", |fixture| async move {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (bytes, file) = prepared(folder.path()).await?;
        let large = folder.path().join("large").join(file.file_name().unwrap_or_default());
        fs::copy(&file, &large).map_err(|error| error.to_string())?;
        fs::write(&file, [&[7; 32][..], b"\x7fELF"].concat()).map_err(|error| error.to_string())?;
        anew(&fixture, folder.path(), 1, &bytes, &file).await
    }));
    cases.push(Case::new(THEME, "a link where the file is being written", |fixture| async move {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (bytes, file) = prepared(folder.path()).await?;
        let target = folder.path().join("target");
        fs::write(&target, "precious").map_err(|error| error.to_string())?;
        let host = host(folder.path(), 1);
        fs::remove_file(&file).map_err(|error| error.to_string())?;
        let unfinished = file.with_extension(format!("{}.tmp", std::process::id()));
        symlink(&target, &unfinished).map_err(|error| error.to_string())?;
        serves(&fixture, &host, &bytes).await?;
        match fs::read_to_string(&target).as_deref() {
            Ok("precious") => Ok("left alone".to_owned()),
            other => Err(format!("what the link leads to was written: {other:?}")),
        }
    }));
    cases
}

/// A component, and the file it is cached in.
async fn prepared(folder: &Path) -> Result<(Vec<u8>, PathBuf), String> {
    let bytes = named("own");
    host(folder, 1).inspect(&bytes).await.map_err(|error| error.to_string())?;
    let files = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let file = files.flatten().map(|entry| entry.path()).find(|path| path.is_file());
    Ok((bytes, file.ok_or("nothing is cached")?))
}

/// The cached file of a component, with the same key.
async fn sealed(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    host(folder.path(), 1).inspect(bytes).await.map_err(|error| error.to_string())?;
    let files = fs::read_dir(folder.path()).map_err(|error| error.to_string())?;
    let file = files.flatten().map(|entry| entry.path()).find(|path| path.is_file()).ok_or("nothing is cached")?;
    fs::read(file).map_err(|error| error.to_string())
}

/// Whether the component is served from what was compiled anew.
async fn anew(
    fixture: &Arc<crate::plugins::escape::Fixture>,
    folder: &Path,
    key: u8,
    bytes: &[u8],
    file: &Path,
) -> Verdict {
    let host = host(folder, key);
    // What is compiled is renamed into place, so it is another inode. Times would not tell: the kernel's clock stands still for
    // milliseconds, in which all of this can happen.
    let inode = || fs::symlink_metadata(file).map(|found| found.ino()).ok();
    let before = inode();
    serves(fixture, &host, bytes).await?;
    let after = inode();
    // What cannot be replaced stays, and is compiled at every start.
    if file.is_dir() || after != before { Ok("compiled anew".to_owned()) } else { Err("it was loaded".to_owned()) }
}

async fn serves(fixture: &Arc<crate::plugins::escape::Fixture>, host: &PluginHost, bytes: &[u8]) -> Verdict {
    let found = host.inspect(bytes).await.map_err(|error| error.to_string())?;
    if found.manifest.name != "own" {
        return Err(format!("{} was loaded", found.manifest.name));
    }
    crate::plugins::escape::fixture::gives(&host.invoke(act(fixture, found)).await, "", &json!({}))
}

/// A component that says this name of itself.
fn named(name: &str) -> Vec<u8> {
    let mut said = manifest();
    said["name"] = json!(name);
    Made::saying(said.to_string()).component()
}

fn flipped(file: &Path, bytes: &[u8], at: usize) {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    write(file, &bytes);
}

fn write(file: &Path, bytes: &[u8]) {
    fs::write(file, bytes).expect("is written");
}
