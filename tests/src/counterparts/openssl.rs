//! OpenSSL's own TLS server, which tells who asks.

use std::net::TcpStream;

use super::authority::{Authority, Certified};
use crate::process::{Server, bound_to_us, free_port};

/// The server. It answers with what it was shown.
#[derive(Debug)]
pub struct TlsServer {
    /// `https://127.0.0.1:PORT`.
    pub url: String,
}

impl TlsServer {
    /// Starts one that asks for a client certificate, and takes none as well.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(authority: &Authority, server: &Certified) -> Self {
        Self::with("-verify", authority, server)
    }

    /// Starts one that demands a client certificate.
    ///
    /// # Panics
    /// When it does not start.
    pub fn demanding(authority: &Authority, server: &Certified) -> Self {
        Self::with("-Verify", authority, server)
    }

    fn with(verify: &str, authority: &Authority, server: &Certified) -> Self {
        let port = free_port();
        let mut command = bound_to_us("openssl", None);
        command.args([
            "s_server",
            "-www",
            verify,
            "2",
            "-verify_return_error",
            "-accept",
            &format!("127.0.0.1:{port}"),
        ]);
        command.arg("-CAfile").arg(authority.certificate_file());
        command.arg("-cert").arg(&server.certificate).arg("-key").arg(&server.key);
        Server::start("openssl s_server", command).wait(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { url: format!("https://127.0.0.1:{port}") }
    }
}
