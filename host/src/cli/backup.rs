//! `wardroom backup`: copies the SQLite database and the key into a new folder, while the server runs. The one command
//! besides `serve` and `demo` that touches a data folder; it does not ask the server.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Failed, client::ClientOptions};
use crate::{
    app::{DATABASE_FILE, KEY_FILE},
    config::{Config, Flags, Storage},
};
use wardroom_store::{Backend, Contents, back_up};

/// What the reader of a backup with a key has to know.
const WARNING: &str = "the backup holds the key: whoever can read it can open the stored secrets";

#[derive(Args)]
pub(super) struct Backup {
    /// The folder to make; it must not be there yet. It is a data folder that a server can be started on.
    #[arg(value_name = "FOLDER")]
    target: PathBuf,
    #[command(flatten)]
    flags: Flags<Storage>,
    /// Leaves the key out: without it the stored secrets of the backup cannot be opened.
    #[arg(long)]
    without_key: bool,
}

impl Backup {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let Config { data, database_url, .. } = self.flags.load()?.config;
        let url = database(&data, database_url.as_ref())?;
        if fs::symlink_metadata(&self.target).is_ok() {
            return Err(Failed(format!("{}: it is there already, and nothing is overwritten", self.target.display())));
        }
        let unfinished = unfinished(&self.target)?;
        DirBuilder::new().mode(0o700).create(&unfinished).map_err(failed(&unfinished))?;
        let written = match self.write(&data, &url, &unfinished).await {
            Ok(contents) => finish(&unfinished, &self.target).map(|bytes| (contents, bytes)),
            Err(error) => Err(error),
        };
        if written.is_err() {
            // Nobody can use what is left of it; its name says so if it cannot be removed.
            _ = fs::remove_dir_all(&unfinished);
        }
        let (contents, bytes) = written?;
        client.show(&self.answer(contents, bytes), |answer| {
            let count = |name: &str| answer[name].as_i64().unwrap_or_default();
            let done = format!(
                "backed up to {}: {} incidents, {} runs, {} KiB, schema {}",
                self.target.display(),
                count("incidents"),
                count("runs"),
                bytes.div_ceil(1_024),
                count("schema"),
            );
            match answer["warning"].as_str() {
                Some(warning) => format!("{done}\nwarning: {warning}"),
                None => done,
            }
        })
    }

    /// Writes everything into the unfinished folder and to the disk.
    async fn write(&self, data: &Path, url: &str, folder: &Path) -> Result<Contents, Failed> {
        if !self.without_key {
            write_key(&data.join(KEY_FILE), &folder.join(KEY_FILE))?;
        }
        let database = folder.join(DATABASE_FILE);
        // SQLite takes an empty file as it is, so that nobody else can read what it writes even for a moment.
        drop(create(&database).map_err(failed(&database))?);
        let contents = back_up(url, &database).await?;
        let on_disk = File::open(&database).and_then(|file| file.sync_all());
        on_disk.map_err(failed(&database))?;
        Ok(contents)
    }

    fn answer(&self, contents: Contents, bytes: u64) -> Value {
        json!({
            "folder": self.target,
            "bytes": bytes,
            "schema": contents.schema,
            "incidents": contents.incidents,
            "runs": contents.runs,
            "key": !self.without_key,
            "warning": (!self.without_key).then_some(WARNING),
        })
    }
}

/// Where the database is, once it is known to be a file that is there.
fn database(data: &Path, url: Option<&SecretString>) -> Result<String, Failed> {
    let Some(url) = url else {
        let path = data.join(DATABASE_FILE);
        if !path.is_file() {
            let message = "no database is there; --data names the data folder of the server";
            return Err(Failed(format!("{}: {message}", path.display())));
        }
        return Ok(format!("sqlite:{}", path.display()));
    };
    let url = url.expose_secret();
    if Backend::of(url)? == Backend::Postgres {
        return Err(Failed(format!(
            "the database is PostgreSQL: back it up with its own tools, such as `pg_dump --format=custom \
             --file=wardroom.dump URL`, and keep {} beside it",
            data.join(KEY_FILE).display()
        )));
    }
    Ok(url.to_owned())
}

fn write_key(path: &Path, copy: &Path) -> Result<(), Failed> {
    let key = match fs::read(path) {
        Ok(key) => key,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Failed(format!(
                "{}: the key is not there, as when the server is given it by `key` or WARDROOM_KEY; keep the key elsewhere and say \
                 --without-key",
                path.display()
            )));
        }
        Err(error) => return Err(failed(path)(error)),
    };
    let written = create(copy).and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()));
    written.map_err(failed(copy))
}

/// The name a backup has until it is whole: beside its target, so that renaming is one step.
fn unfinished(target: &Path) -> Result<PathBuf, Failed> {
    let name = target.file_name().ok_or_else(|| Failed(format!("{}: it names no new folder", target.display())))?;
    Ok(target.with_file_name(format!(".{}.unfinished-{}", name.to_string_lossy(), std::process::id())))
}

/// Gives a whole backup its name, on the disk too; gives the size of its database.
fn finish(unfinished: &Path, target: &Path) -> Result<u64, Failed> {
    let bytes = fs::metadata(unfinished.join(DATABASE_FILE)).map_err(failed(unfinished))?.len();
    sync(unfinished)?;
    fs::rename(unfinished, target).map_err(failed(target))?;
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync(parent)?;
    Ok(bytes)
}

/// Brings a folder's names to the disk.
fn sync(folder: &Path) -> Result<(), Failed> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

/// A new file that only this account may read.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Failed {
    let path = path.display().to_string();
    move |error| Failed(format!("{path}: {error}"))
}
