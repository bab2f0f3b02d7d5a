//! A certificate authority of the test's own, made with OpenSSL's command.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// The authority. What it signs is good for a day.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
}

/// A certificate and its key, as files.
#[derive(Debug)]
pub struct Certified {
    /// The certificate in PEM.
    pub certificate: PathBuf,
    /// The key in PEM.
    pub key: PathBuf,
}

impl Certified {
    /// The certificate's text.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn certificate(&self) -> String {
        fs::read_to_string(&self.certificate).expect("is there")
    }

    /// The key's text.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn key(&self) -> String {
        fs::read_to_string(&self.key).expect("is there")
    }
}

impl Authority {
    /// Makes it.
    ///
    /// # Panics
    /// When OpenSSL fails.
    pub fn new() -> Self {
        let authority = Self { folder: tempfile::tempdir().expect("a folder") };
        let mut request = key_and(&authority.file("ca.key"), &authority.file("ca.pem"), "an authority of a test");
        request.args(["-x509", "-days", "1", "-addext", "basicConstraints=critical,CA:TRUE"]);
        run(&mut request);
        authority
    }

    /// Its own certificate, as a file.
    pub fn certificate_file(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Its own certificate.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn certificate(&self) -> String {
        fs::read_to_string(self.certificate_file()).expect("is there")
    }

    /// Signs a certificate for a name, good for a server at `names` (such as `IP:127.0.0.1`) and for a client.
    ///
    /// # Panics
    /// When OpenSSL fails.
    pub fn certify(&self, name: &str, names: &str) -> Certified {
        let (key, certificate) = (self.file(&format!("{name}.key")), self.file(&format!("{name}.pem")));
        let mut request = key_and(&key, &certificate, name);
        request.args(["-x509", "-days", "1", "-CA"]).arg(self.file("ca.pem")).arg("-CAkey").arg(self.file("ca.key"));
        request.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        request.args([
            "-addext",
            "extendedKeyUsage=serverAuth,clientAuth",
            "-addext",
            &format!("subjectAltName={names}"),
        ]);
        run(&mut request);
        Certified { certificate, key }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// The command for a new key and something about it.
fn key_and(key: &Path, out: &Path, name: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj"]);
    command.arg(format!("/CN={name}")).arg("-keyout").arg(key).arg("-out").arg(out);
    command
}

fn run(command: &mut Command) {
    let output = command.output().expect("openssl runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
