//! Where a request may go, decided before anything is resolved or sent: the connection's own `base_url`, and hosts that
//! the manifest asks for, the connection grants and the operator does not forbid. Pure.

use http::Method;
use url::Url;

use super::super::limits;
use crate::domain::{connection::Connection, plugin::Manifest};

/// A request's goal that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugin) struct Target {
    /// Absolute, without fragment and user.
    pub(in crate::plugin) url: Url,
    /// Whether it goes to `base_url`: only then the host adds the connection's auth.
    pub(in crate::plugin) own: bool,
}

/// Why a request may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::plugin) enum Refusal {
    /// The guest made no sense.
    #[error("{0}")]
    Invalid(String),
    /// A grant is missing.
    #[error("{0}")]
    Denied(String),
    /// Too long.
    #[error("the URL is longer than {} bytes", limits::URL_BYTES)]
    TooLarge,
}

/// What decides.
#[derive(Debug, Clone, Copy)]
pub(in crate::plugin) struct Policy<'a> {
    pub(in crate::plugin) manifest: &'a Manifest,
    pub(in crate::plugin) connection: Option<&'a Connection>,
    /// Origins the operator allows at all; none: no restriction by the operator.
    pub(in crate::plugin) operator_hosts: Option<&'a [String]>,
}

impl Policy<'_> {
    /// The goal of a request to `url`, which is a path under `base_url` or absolute.
    pub(in crate::plugin) fn target(&self, url: &str) -> Result<Target, Refusal> {
        if url.len() > limits::URL_BYTES {
            return Err(Refusal::TooLarge);
        }
        let target = if url.starts_with('/') { self.relative(url)? } else { self.absolute(url)? };
        if let Some(allowed) = self.operator_hosts
            && !allowed.iter().any(|host| origin(host).as_ref() == Some(&target.url.origin()))
        {
            let origin = target.url.origin().ascii_serialization();
            return Err(Refusal::Denied(format!("The operator of this server does not allow requests to {origin}.")));
        }
        Ok(target)
    }

    fn base(&self) -> Result<Url, Refusal> {
        let connection = self.connection.ok_or_else(|| {
            Refusal::Denied("A path needs a connection, and this step has none: give it `connection:`.".to_owned())
        })?;
        let base = Url::parse(&connection.base_url)
            .ok()
            .filter(|base| matches!(base.scheme(), "http" | "https") && base.has_host())
            .ok_or_else(|| {
                Refusal::Denied(format!("The base_url of connection {:?} is no http(s) URL.", connection.name))
            })?;
        Ok(base)
    }

    fn relative(&self, path: &str) -> Result<Target, Refusal> {
        let base = self.base()?;
        // Two slashes (or a backslash, which browsers read as one) would name another host.
        if path.starts_with("//") || path.starts_with("/\\") {
            return Err(Refusal::Invalid("A path begins with one slash.".to_owned()));
        }
        let joined = format!("{}{}{path}", base.origin().ascii_serialization(), base.path().trim_end_matches('/'));
        let mut url = Url::parse(&joined).map_err(|error| Refusal::Invalid(format!("It is no URL: {error}.")))?;
        url.set_fragment(None);
        if !is_under(&url, &base) {
            return Err(Refusal::Denied(format!("The path leaves the connection's base_url, {base}.")));
        }
        Ok(Target { url, own: true })
    }

    fn absolute(&self, text: &str) -> Result<Target, Refusal> {
        let mut url = Url::parse(text).map_err(|error| {
            Refusal::Invalid(format!("It is neither a path that begins with / nor a URL: {error}."))
        })?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(Refusal::Invalid(format!("Only http and https can be requested, not {}.", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Invalid("A URL may not hold a user or password.".to_owned()));
        }
        url.set_fragment(None);
        if let Ok(base) = self.base()
            && is_under(&url, &base)
        {
            // A link to the next page, say.
            return Ok(Target { url, own: true });
        }
        let wanted = url.origin();
        let name = wanted.ascii_serialization();
        let lists = |hosts: &[String]| hosts.iter().any(|host| origin(host).as_ref() == Some(&wanted));
        if !lists(&self.manifest.hosts) {
            let text = format!("The plugin's manifest does not ask for {name}: only its `hosts` can be granted.");
            return Err(Refusal::Denied(text));
        }
        if !self.connection.is_some_and(|connection| lists(&connection.grant.hosts)) {
            return Err(Refusal::Denied(format!("No grant for {name}: add it to `grant.hosts` of the connection.")));
        }
        Ok(Target { url, own: false })
    }

    /// Whether a request only reads: by its method, or because the manifest says so and the grant accepts that.
    pub(in crate::plugin) fn is_safe(&self, method: &Method, target: &Target) -> bool {
        if matches!(*method, Method::GET | Method::HEAD) {
            return true;
        }
        let Some(connection) = self.connection else { return false };
        let Ok(base) = self.base() else { return false };
        let under = target.url.path().strip_prefix(base.path().trim_end_matches('/')).unwrap_or(target.url.path());
        target.own
            && connection.grant.accept_reads
            && self.manifest.reads.iter().any(|read| read.method == method.as_str() && read.path == under)
    }
}

/// The origin of a `scheme://host[:port]` and nothing more.
pub(in crate::plugin) fn origin(host: &str) -> Option<url::Origin> {
    let url = Url::parse(host).ok()?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    bare.then(|| url.origin())
}

/// Whether a URL lies under a base: the same origin, and the path below the base's at a slash.
fn is_under(url: &Url, base: &Url) -> bool {
    let prefix = base.path().trim_end_matches('/');
    // A server may decode these before it resolves `..`, so a path that holds them proves nothing.
    let path = url.path().to_ascii_lowercase();
    let evades = !prefix.is_empty() && ["%2f", "%5c", "%2e"].iter().any(|trick| path.contains(trick));
    url.origin() == base.origin()
        && !evades
        && url.path().strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{
        connection::{ConnectionLimits, Grant},
        time::Timestamp,
    };

    fn manifest() -> Manifest {
        serde_json::from_value(json!({
            "api": "0.1", "name": "p", "version": "0.1.0", "description": "", "actions": [],
            "hosts": ["https://api.example.com", "https://*.wild.example", "https://ungranted.example"],
            "reads": [{"method": "POST", "path": "/search"}],
        }))
        .expect("a manifest")
    }

    fn connection(base_url: &str) -> Connection {
        Connection {
            name: "c".to_owned(),
            plugin: "p".to_owned(),
            base_url: base_url.to_owned(),
            auth: None,
            config: Value::Null,
            grant: Grant {
                hosts: vec!["https://api.example.com".to_owned(), "https://granted-only.example".to_owned()],
                accept_reads: true,
                ..Grant::default()
            },
            real_in_drills: false,
            limits: ConnectionLimits::default(),
            revision: 1,
            updated_at: Timestamp::from_unix_ms(0),
        }
    }

    fn target(base_url: &str, url: &str) -> Result<Target, Refusal> {
        let connection = connection(base_url);
        Policy { manifest: &manifest(), connection: Some(&connection), operator_hosts: None }.target(url)
    }

    #[test]
    fn a_path_is_joined_under_the_base_url() {
        let cases = [
            ("https://h.example", "/a?b=c#d", "https://h.example/a?b=c"),
            ("https://h.example/", "/a", "https://h.example/a"),
            ("https://h.example:8443/api/", "/a", "https://h.example:8443/api/a"),
            ("https://h.example/api", "/a/../b", "https://h.example/api/b"),
        ];
        for (base, path, expected) in cases {
            let target = target(base, path).expect(path);
            assert_eq!((target.url.as_str(), target.own), (expected, true));
        }
    }

    #[test]
    fn a_path_cannot_leave_the_base_url() {
        for path in ["/../admin", "/%2e%2e/admin", "/..%2fadmin", "/a/../../admin", "/..\\admin"] {
            let error = target("https://h.example/api", path).expect_err(path);
            assert!(matches!(error, Refusal::Denied(_)), "{path}: {error:?}");
        }
        for path in ["//evil.example/x", "/\\evil.example/x"] {
            assert!(matches!(target("https://h.example", path), Err(Refusal::Invalid(_))), "{path}");
        }
        let error = target("https://h.example/api", "https://h.example/apix").expect_err("a sibling");
        assert!(matches!(error, Refusal::Denied(_)));
    }

    #[test]
    fn an_absolute_url_needs_manifest_and_grant() {
        assert!(!target("https://h.example", "https://api.example.com/x").expect("both").own);
        assert!(target("https://h.example/api", "https://h.example/api/next").expect("the base").own);
        for url in [
            "https://ungranted.example/",
            "https://granted-only.example/",
            "https://evilapi.example.com/",
            "https://api.example.com.evil.example/",
            "http://api.example.com/",
            "https://api.example.com:444/",
            "https://a.wild.example/",
            "https://api.example.com./",
        ] {
            assert!(matches!(target("https://h.example", url), Err(Refusal::Denied(_))), "{url}");
        }
        for url in ["https://api.example.com@evil.example/", "file:///etc/passwd", "ftp://api.example.com/", "x"] {
            assert!(matches!(target("https://h.example", url), Err(Refusal::Invalid(_))), "{url}");
        }
    }

    #[test]
    fn the_operator_has_the_last_word() {
        let connection = connection("https://h.example");
        let manifest = manifest();
        let hosts = ["https://other.example".to_owned()];
        let policy = Policy { manifest: &manifest, connection: Some(&connection), operator_hosts: Some(&hosts) };
        assert!(matches!(policy.target("/a"), Err(Refusal::Denied(_))));
    }

    #[test]
    fn what_reads_is_safe() {
        let (manifest, connection) = (manifest(), connection("https://h.example/api"));
        let policy = Policy { manifest: &manifest, connection: Some(&connection), operator_hosts: None };
        let at = |path: &str| policy.target(path).expect(path);
        assert!(policy.is_safe(&Method::GET, &at("/x")));
        assert!(policy.is_safe(&Method::POST, &at("/search")));
        assert!(!policy.is_safe(&Method::POST, &at("/search/x")));
        assert!(!policy.is_safe(&Method::PUT, &at("/search")));
        let reluctant = Connection { grant: Grant::default(), ..connection.clone() };
        assert!(!Policy { connection: Some(&reluctant), ..policy }.is_safe(&Method::POST, &at("/search")));
    }
}
