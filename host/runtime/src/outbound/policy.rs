//! Where a request may go, decided before anything is resolved or sent: the connection's own `base_url`, and hosts that
//! the manifest asks for, the administrator gave and the operator does not forbid. Pure.

use http::Method;
use url::Url;

use super::super::limits;
use wardroom_domain::{
    connection::Connection,
    grant::{Ask, Missing, PluginGrant, RequestPattern},
    plugin::Manifest,
};

/// A request's goal that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Absolute, without fragment and user.
    pub(crate) url: Url,
    /// Whether it goes to `base_url`: only then the host adds the connection's auth.
    pub(crate) own: bool,
}

/// Why a request may not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The guest made no sense.
    #[error("{0}")]
    Invalid(String),
    /// Nobody can allow it as things are.
    #[error("{0}")]
    Denied(String),
    /// An administrator could allow it.
    #[error("{0} is not granted")]
    Missing(Missing),
    /// Too long.
    #[error("the URL is longer than {} bytes", limits::URL_BYTES)]
    TooLarge,
}

/// What decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy<'a> {
    pub(crate) manifest: &'a Manifest,
    /// What the plugin was given, whatever the connection.
    pub(crate) given: &'a PluginGrant,
    pub(crate) connection: Option<&'a Connection>,
    /// Origins the operator allows at all; none: no restriction by the operator.
    pub(crate) operator_hosts: Option<&'a [String]>,
}

impl Policy<'_> {
    /// The goal of a request to `url`, which is a path under `base_url` or absolute.
    pub(crate) fn target(&self, method: &Method, url: &str) -> Result<Target, Refusal> {
        if url.len() > limits::URL_BYTES {
            return Err(Refusal::TooLarge);
        }
        let target = if url.starts_with('/') { self.relative(url)? } else { self.absolute(url)? };
        self.check_kind(method, &target)?;
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
        let names = self.manifest.requests.iter().filter_map(RequestPattern::origin).any(|origin| origin == wanted);
        if !names && !lists(&self.manifest.hosts, &wanted) {
            let text = format!("The plugin's manifest does not ask for {name}: only what it asks for can be granted.");
            return Err(Refusal::Denied(text));
        }
        let Some(connection) = self.connection else {
            return Err(Refusal::Denied(format!("{name} can be reached only through a connection that grants it.")));
        };
        if !lists(&connection.grant.hosts, &wanted) {
            return Err(Refusal::Missing(Missing::Host(name)));
        }
        Ok(Target { url, own: false })
    }

    /// Whether the plugin asks for requests of this kind, and was given them.
    fn check_kind(&self, method: &Method, target: &Target) -> Result<(), Refusal> {
        let wanted = target.url.origin();
        let name = wanted.ascii_serialization();
        if !target.own && lists(&self.manifest.hosts, &wanted) {
            let ask = self.manifest.hosts.iter().find(|host| origin(host).as_ref() == Some(&wanted));
            let ask = Ask::Host(ask.cloned().unwrap_or(name));
            return if self.given.holds(&ask) { Ok(()) } else { Err(Refusal::Missing(Missing::Ask(ask))) };
        }
        let (from, path) = if target.own {
            (None, self.path_under_base(&target.url)?)
        } else {
            (Some(&wanted), target.url.path().to_owned())
        };
        let method = method.as_str();
        if !self.manifest.asks_for(method, from, &path) {
            let text =
                format!("The plugin's manifest does not ask for {method} {path}: only its `requests` can be granted.");
            return Err(Refusal::Denied(text));
        }
        let reads = target.own && self.given.holds(&Ask::Read(RequestPattern::of(method, &path)));
        if reads || self.given.holds_request(method, from, &path) {
            return Ok(());
        }
        let asked = self
            .manifest
            .asks()
            .into_iter()
            .find(|ask| matches!(ask, Ask::Request(one) if one.fits(method, from, &path)));
        Err(Refusal::Missing(Missing::Ask(asked.unwrap_or_else(|| Ask::Request(RequestPattern::of(method, &path))))))
    }

    /// A path as it stands under the connection's `base_url`.
    fn path_under_base(&self, url: &Url) -> Result<String, Refusal> {
        let base = self.base()?;
        Ok(url.path().strip_prefix(base.path().trim_end_matches('/')).unwrap_or(url.path()).to_owned())
    }

    /// Whether a request only reads: by its method, or because the manifest says so and the grant accepts that.
    pub(crate) fn is_safe(&self, method: &Method, target: &Target) -> bool {
        if matches!(*method, Method::GET | Method::HEAD) {
            return true;
        }
        let Some(connection) = self.connection else { return false };
        let Ok(under) = self.path_under_base(&target.url) else { return false };
        target.own
            && connection.grant.accept_reads
            && self.manifest.reads.iter().any(|read| read.method == method.as_str() && read.path == under)
            && self.given.holds(&Ask::Read(RequestPattern::of(method.as_str(), &under)))
    }
}

/// The origin of a `scheme://host[:port]` and nothing more.
pub(crate) fn origin(host: &str) -> Option<url::Origin> {
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

fn lists(hosts: &[String], wanted: &url::Origin) -> bool {
    hosts.iter().any(|host| origin(host).as_ref() == Some(wanted))
}

/// Whether a URL lies under a base: the same origin, and the path below the base's at a slash.
fn is_under(url: &Url, base: &Url) -> bool {
    let prefix = base.path().trim_end_matches('/');
    // A server may decode these before it resolves `..`, so a path that holds them proves nothing.
    let path = url.path().to_ascii_lowercase();
    let evades = !prefix.is_empty()
        && ["%2f", "%5c", "%2e", "%252f", "%255c", "%252e", "..;"].iter().any(|trick| path.contains(trick));
    url.origin() == base.origin()
        && !evades
        && url.path().strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use wardroom_domain::{connection::Grant, limits::CallLimits, time::Timestamp};

    fn manifest() -> Manifest {
        serde_json::from_value(json!({
            "api": "1.0", "name": "p", "version": "0.1.0", "description": "", "actions": [], "connection": { "schema": {} },
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
            tls: None,
            config: Value::Null,
            grant: Grant {
                hosts: vec!["https://api.example.com".to_owned(), "https://granted-only.example".to_owned()],
                accept_reads: true,
                ..Grant::default()
            },
            real_in_drills: false,
            record: false,
            limits: CallLimits::default(),
            revision: 1,
            updated_at: Timestamp::from_unix_ms(0),
        }
    }

    fn target(base_url: &str, url: &str) -> Result<Target, Refusal> {
        let (manifest, connection) = (manifest(), connection(base_url));
        let given = PluginGrant { asks: manifest.asks() };
        let policy = Policy { manifest: &manifest, given: &given, connection: Some(&connection), operator_hosts: None };
        policy.target(&Method::GET, url)
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
            let refused = target("https://h.example", url).expect_err(url);
            assert!(matches!(refused, Refusal::Denied(_) | Refusal::Missing(_)), "{url}");
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
        let given = PluginGrant { asks: manifest.asks() };
        let policy =
            Policy { manifest: &manifest, given: &given, connection: Some(&connection), operator_hosts: Some(&hosts) };
        assert!(matches!(policy.target(&Method::GET, "/a"), Err(Refusal::Denied(_))));
    }

    #[test]
    fn what_reads_is_safe() {
        let (manifest, connection) = (manifest(), connection("https://h.example/api"));
        let given = PluginGrant { asks: manifest.asks() };
        let policy = Policy { manifest: &manifest, given: &given, connection: Some(&connection), operator_hosts: None };
        let at = |path: &str| policy.target(&Method::POST, path).expect(path);
        assert!(policy.is_safe(&Method::GET, &at("/x")));
        assert!(policy.is_safe(&Method::POST, &at("/search")));
        assert!(!policy.is_safe(&Method::POST, &at("/search/x")));
        assert!(!policy.is_safe(&Method::PUT, &at("/search")));
        let reluctant = Connection { grant: Grant::default(), ..connection.clone() };
        assert!(!Policy { connection: Some(&reluctant), ..policy }.is_safe(&Method::POST, &at("/search")));
        let nothing = PluginGrant::default();
        assert!(!Policy { given: &nothing, ..policy }.is_safe(&Method::POST, &at("/search")));
    }

    #[test]
    fn only_the_kinds_of_requests_that_were_asked_for_and_given_are_sent() {
        let manifest = Manifest {
            requests: ["GET /items/*", "POST https://api.example.com/v1/**"]
                .map(|text| RequestPattern::try_from(text.to_owned()).expect(text))
                .into(),
            hosts: Vec::new(),
            ..manifest()
        };
        let (connection, given) = (connection("https://h.example/api"), PluginGrant { asks: manifest.asks() });
        let policy = Policy { manifest: &manifest, given: &given, connection: Some(&connection), operator_hosts: None };
        let sent =
            [(Method::GET, "/items/1"), (Method::POST, "/search"), (Method::POST, "https://api.example.com/v1/a/b")];
        for (method, url) in &sent {
            policy.target(method, url).unwrap_or_else(|refusal| panic!("{url}: {refusal}"));
        }
        for (method, url) in [
            (Method::DELETE, "/items/1"),
            (Method::GET, "/items"),
            (Method::GET, "/items/../other"),
            (Method::GET, "https://api.example.com/v1/a"),
            (Method::POST, "https://api.example.com/v2"),
        ] {
            let refused = policy.target(&method, url).expect_err(url);
            assert!(matches!(&refused, Refusal::Denied(text) if text.contains("does not ask")), "{url}: {refused}");
        }
        let nothing = PluginGrant::default();
        for (method, url) in &sent {
            let refused = Policy { given: &nothing, ..policy }.target(method, url).expect_err(url);
            assert!(matches!(refused, Refusal::Missing(Missing::Ask(_))), "{url}: {refused}");
        }
    }
}
