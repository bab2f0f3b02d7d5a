//! Where components come from: an OCI registry, a URL, signed by real minisign. What was tampered with is not installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use wardroom_tests::{
    counterparts::OciRegistry,
    database::Kind,
    guests::{self, root},
    server::{ADMIN, Server},
};

/// A folder with a component, a key, and the component's signature by minisign itself.
struct Author {
    folder: TempDir,
    /// The second line of the public key's file.
    key: String,
}

impl Author {
    fn new(component: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("greeter.wasm"), component).expect("is written");
        let author = Self { folder, key: String::new() };
        author.minisign(&["-G", "-W", "-p", "key.pub", "-s", "key.sec"]);
        author.minisign(&["-S", "-s", "key.sec", "-m", "greeter.wasm", "-t", "greeter, by the platform team"]);
        let key = fs::read_to_string(author.path("key.pub")).expect("is there");
        Self { key: key.lines().nth(1).expect("a second line").to_owned(), ..author }
    }

    fn minisign(&self, arguments: &[&str]) {
        let output = Command::new("minisign").args(arguments).current_dir(self.folder.path()).output();
        let output = output.expect("minisign is installed");
        assert!(output.status.success(), "{}", said(&output));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command line of `wardroom`, as the administrator of a server.
    fn wardroom(&self, server: &Server, line: &str) -> Output {
        let mut command = Command::new(root().join("target/debug/wardroom"));
        command.args(line.split_whitespace()).current_dir(self.folder.path());
        command.env("WARDROOM_URL", &server.api.url).env("WARDROOM_TOKEN", ADMIN).output().expect("it runs")
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

#[track_caller]
fn refused(output: &Output, wanted: &str) {
    assert!(!output.status.success() && said(output).contains(wanted), "{wanted} is wanted: {}", said(output));
}

async fn strict(author: &Author) -> Server {
    let mut server = Server::start(Kind::Sqlite).await;
    server.plugin_keys = vec![author.key.clone()];
    server.restart().await;
    server
}

/// The file of a registry that holds a blob.
fn blob(registry: &OciRegistry, digest: &str) -> PathBuf {
    let hex = digest.trim_start_matches("sha256:");
    registry.storage.join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]))
}

fn flip(file: &Path) -> Vec<u8> {
    let mut bytes = fs::read(file).expect("is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, &bytes).expect("is written");
    bytes[middle] ^= 1;
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_component_goes_through_a_registry_and_a_tampered_one_does_not() {
    let (author, registry) = (Author::new(&guests::greeter(&[])), OciRegistry::start());
    let mut server = strict(&author).await;
    let tag = format!("oci://{}/team/greeter:71.0.0", registry.host);
    let pushed =
        author.wardroom(&server, &format!("plugin push greeter.wasm {tag} --signature greeter.wasm.minisig --json"));
    let pushed: Value = serde_json::from_str(&ok(&pushed)).expect("JSON");
    let pinned = pushed["reference"].as_str().expect("a reference").to_owned();
    assert!(pinned.contains("/team/greeter@sha256:"), "{pinned}");

    let installed = ok(&author.wardroom(&server, &format!("plugin install {tag}")));
    assert!(installed.contains("signed: greeter, by the platform team"), "{installed}");
    let plugin = server.api.get("/plugins/greeter").await.ok();
    assert_eq!(plugin["provenance"]["source"], json!(pinned), "the tag is noted by what it meant");
    assert_eq!(plugin["provenance"]["signed_by"]["key"], json!(author.key));
    assert_eq!(plugin["digest"], pushed["digest"]);
    let audit = server.api.get("/audit?action=plugin.install").await.ok();
    assert_eq!(audit["items"][0]["data"]["after"]["provenance"]["source"], json!(pinned));
    ok(&author.wardroom(&server, &format!("plugin install {pinned}")));

    // The layout is the one that others read.
    let digest = pinned.split('@').nth(1).expect("a digest");
    let manifest: Value = serde_json::from_slice(&fs::read(blob(&registry, digest)).expect("is there")).expect("JSON");
    assert_eq!(manifest["config"]["mediaType"], json!("application/vnd.wasm.config.v0+json"));
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
    assert_eq!(manifest["layers"][0]["mediaType"], json!("application/wasm"));

    // A registry that gives other bytes than the manifest says.
    let layer = blob(&registry, manifest["layers"][0]["digest"].as_str().expect("a digest"));
    let good = flip(&layer);
    let tampered = author.wardroom(&server, &format!("plugin install {tag}"));
    refused(&tampered, "igest");
    fs::write(&layer, good).expect("is written");
    // A manifest that is not the one of the digest.
    let file = blob(&registry, digest);
    let text = fs::read_to_string(&file).expect("is there");
    fs::write(&file, text.replace("71.0.0", "71.0.1")).expect("is written");
    refused(&author.wardroom(&server, &format!("plugin install {pinned}")), "igest");
    fs::write(&file, text).expect("is written");
    // Another component under a tag, without a signature of its own.
    fs::write(author.path("other.wasm"), guests::greeter(&[("71.0.0", "72.0.0")])).expect("is written");
    ok(&author.wardroom(&server, &format!("plugin push other.wasm {tag}")));
    refused(&author.wardroom(&server, &format!("plugin install {tag}")), "only signed plugins");
    // The signature of another component.
    let swapped = format!("plugin push other.wasm {tag} --signature greeter.wasm.minisig");
    ok(&author.wardroom(&server, &swapped));
    refused(&author.wardroom(&server, &format!("plugin install {tag}")), "not made over this component");
    refused(&author.wardroom(&server, &format!("plugin install oci://{}/team/nothing:1", registry.host)), "nothing");
    assert_eq!(server.api.get("/plugins/greeter").await.ok()["version"], json!("71.0.0"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_signatures_are_demanded_only_what_a_believed_key_signed_comes_into_use() {
    let (author, other) = (Author::new(&guests::greeter(&[])), Author::new(&guests::greeter(&[])));
    let mut server = strict(&author).await;
    // Beside a file its signature is found.
    assert!(ok(&author.wardroom(&server, "plugin install greeter.wasm")).contains("signed: greeter"));
    refused(&other.wardroom(&server, "plugin install greeter.wasm"), "with a key that this server believes");
    refused(&author.wardroom(&server, "plugin install greeter.wasm --signature key.pub"), "no minisign signature");
    flip(&author.path("greeter.wasm"));
    refused(&author.wardroom(&server, "plugin install greeter.wasm"), "not made over this component");
    server.api.upload(guests::greeter(&[("71.0.0", "72.0.0")]), "").await.problem(422);

    // A version from before signatures were demanded is not gone back to.
    server.plugin_keys.clear();
    server.restart().await;
    server.api.upload(guests::greeter(&[("71.0.0", "70.0.0")]), "").await.ok();
    server.api.upload(guests::greeter(&[("71.0.0", "72.0.0")]), "").await.ok();
    refused(&other.wardroom(&server, "plugin install greeter.wasm"), "believes no key");
    server.plugin_keys = vec![author.key.clone()];
    server.restart().await;
    refused(&author.wardroom(&server, "plugin rollback greeter --to 70.0.0"), "only signed plugins");
    ok(&author.wardroom(&server, "plugin rollback greeter --to 71.0.0"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_from_a_url_is_what_its_digest_says() {
    let author = Author::new(&guests::greeter(&[]));
    let mut server = Server::start(Kind::Sqlite).await;
    let (url, digest) = (serve(guests::greeter(&[])).await, digest(&author));
    refused(&author.wardroom(&server, &format!("plugin install {url}")), "a URL needs --digest");
    let wrong = "0".repeat(64);
    refused(&author.wardroom(&server, &format!("plugin install {url} --digest {wrong}")), "its SHA-256 is");
    ok(&author.wardroom(&server, &format!("plugin install {url} --digest sha256:{digest}")));
    let plugin = server.api.get("/plugins/greeter").await.ok();
    assert_eq!((&plugin["provenance"]["source"], &plugin["digest"]), (&json!(url), &json!(digest)));

    // An upgrade shows what differs, and waits for what is new.
    let next = [("71.0.0", "72.0.0"), ("PUT /seats/**", "PUT /desks/**"), ("rounds", "nights")];
    fs::write(author.path("next.wasm"), guests::greeter(&next)).expect("is written");
    let told = ok(&author.wardroom(&server, "plugin upgrade next.wasm"));
    for line in [
        "kept greeter 72.0.0",
        "before: 71.0.0",
        "action wave: input differs",
        "newly asks for PUT /desks/** under its connection's base_url",
        "until: wardroom grant approve ",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let listed = ok(&author.wardroom(&server, "grant list"));
    assert!(listed.contains("version 72.0.0") && listed.contains("PUT /desks/**"), "{listed}");
    let id = told.split("grant approve ").nth(1).expect("an id").trim().to_owned();
    assert!(ok(&author.wardroom(&server, &format!("grant approve {id}"))).contains("greeter now has: PUT /desks/**"));
    let versions = ok(&author.wardroom(&server, "plugin versions greeter"));
    assert!(versions.contains("72.0.0") && versions.contains(&url), "{versions}");
    refused(&author.wardroom(&server, "plugin upgrade ../nothing.wasm"), "nothing.wasm");
    ok(&author.wardroom(&server, "plugin remove greeter"));
    refused(&author.wardroom(&server, "plugin upgrade next.wasm"), "`wardroom plugin install` installs a new one");
    server.stop().await;
}

fn digest(author: &Author) -> String {
    let output = Command::new("sha256sum").arg(author.path("greeter.wasm")).output().expect("sha256sum runs");
    String::from_utf8_lossy(&output.stdout).chars().take(64).collect()
}

/// A URL under which bytes are served.
async fn serve(bytes: Vec<u8>) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4_096];
            _ = stream.read(&mut asked).await;
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", bytes.len());
            _ = stream.write_all(head.as_bytes()).await;
            _ = stream.write_all(&bytes).await;
        }
    });
    format!("http://{address}/greeter.wasm")
}
