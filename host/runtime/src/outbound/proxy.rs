//! The proxy that plugins' requests go through: from configuration only, the environment is not asked.

use std::fmt;

use base64::Engine as _;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A proxy for HTTP requests.
#[derive(Clone)]
pub struct Proxy {
    pub(super) address: Uri,
    pub(super) authorization: Option<HeaderValue>,
    /// Whether it is asked for names, which it looks up itself, and not for addresses that were looked at here.
    pub(super) by_name: bool,
}

/// A proxy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proxy for plugins: {0}")]
pub struct UnfitProxy(&'static str);

impl Proxy {
    /// The proxy of a URL `http://[user:password@]host[:port]`. It is asked to CONNECT, whatever the scheme of a request.
    pub fn new(url: &SecretString, by_name: bool) -> Result<Self, UnfitProxy> {
        let wrong = "http://[user:password@]host[:port] is wanted";
        // The URL is not told: it may hold a password.
        let url = Url::parse(url.expose_secret()).map_err(|_| UnfitProxy(wrong))?;
        if url.scheme() != "http" {
            return Err(UnfitProxy(
                "its scheme has to be http; what goes through it is encrypted by https all the same",
            ));
        }
        if url.host_str().is_none_or(str::is_empty)
            || url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(UnfitProxy(wrong));
        }
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
        let address = format!("http://{host}:{port}/").parse().map_err(|_| UnfitProxy(wrong))?;
        Ok(Self { address, authorization: authorization(&url)?, by_name })
    }
}

fn authorization(url: &Url) -> Result<Option<HeaderValue>, UnfitProxy> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let plain = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let pair = [plain(url.username()), plain(url.password().unwrap_or_default())].join(&b':');
    let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
    let mut value =
        HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| UnfitProxy("its password is malformed"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_http_url_and_its_password_is_not_told() {
        let proxy = |url: &str| Proxy::new(&SecretString::from(url), false);
        assert_eq!(proxy("http://proxy.example").expect("fits").address, "http://proxy.example:80/");
        let named = proxy("http://me:p%40ss@[::1]:3128/").expect("fits");
        assert_eq!(named.address, "http://[::1]:3128/");
        assert_eq!(named.authorization.as_ref().expect("is there"), "Basic bWU6cEBzcw==");
        assert!(!format!("{named:?}").contains("p@ss"), "{named:?}");
        for url in [
            "",
            "proxy:3128",
            "https://proxy.example",
            "socks5://proxy.example",
            "http://proxy.example/path",
            "http://p/?q",
        ] {
            let error = proxy(url).expect_err(url).to_string();
            assert!(error.contains("http"), "{url}: {error}");
        }
    }
}
