//! Values that options take, from text. What is wrong is told as `expected …`; whoever asks adds what was found, unless it is a
//! secret.

use std::{net::SocketAddr, time::Duration};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use http::Uri;
use secrecy::{ExposeSecret, SecretString};
use wardroom_base::telemetry;
use wardroom_domain::time::{parse_duration, write_duration};
use wardroom_engine::plugins::signers::Signers;
use wardroom_runtime::Proxy;
use wardroom_store::Backend;

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:7117 or [::]:7117".to_owned())
}

/// A duration such as `90d`, of at least `least`.
pub(super) fn duration(least: Duration) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    move |text| {
        let found = parse_duration(text).filter(|duration| *duration >= least);
        found.ok_or_else(|| format!("expected a duration of at least {}, such as 90s or 90d", write_duration(least)))
    }
}

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A size such as `64MiB`. A type of its own, because a bare number is written as one in the file.
pub fn size(text: &str) -> Result<Size, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let shift = match &text[digits..] {
        "B" => Some(0),
        "KiB" => Some(10),
        "MiB" => Some(20),
        "GiB" => Some(30),
        _ => None,
    };
    let bytes = shift.and_then(|shift| text[..digits].parse::<u64>().ok()?.checked_mul(1 << shift));
    bytes.map(Size).ok_or_else(|| "expected a size, such as 512B, 64KiB, 64MiB or 1GiB".to_owned())
}

/// A name and its value, `NAME=VALUE`: an item of an option that is a table in the file.
pub fn named<T>(
    value: impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> Result<(String, T), String> + Clone + Send + Sync + 'static {
    move |text| match text.split_once('=') {
        Some((name, text)) if !name.is_empty() => Ok((name.to_owned(), value(text)?)),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// The URL of a database.
pub(super) fn database_url(text: &str) -> Result<SecretString, String> {
    match Backend::of(text) {
        Ok(_) => Ok(text.into()),
        Err(_) => Err("expected a URL that begins with `postgres://` or `sqlite:`".to_owned()),
    }
}

/// The key that seals secrets.
pub(super) fn key(text: &str) -> Result<SecretString, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.into());
    }
    Err("expected 64 hexadecimal characters".to_owned())
}

/// The URL of the proxy for plugins.
pub(super) fn proxy(text: &str) -> Result<SecretString, String> {
    let url = SecretString::from(text);
    match Proxy::new(&url, false) {
        Ok(_) => Ok(url),
        Err(error) => Err(format!("expected `http://[user:password@]host[:port]` ({error})")),
    }
}

/// An origin, `scheme://host[:port]`.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let uri = text.parse::<Uri>().ok().filter(|uri| {
        let schemes = ["http", "https", "smtp", "smtps"];
        let is_origin = matches!(uri.path(), "" | "/") && uri.query().is_none() && !text.contains(['@', '#']);
        is_origin && uri.host().is_some() && uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme))
    });
    let expected = "expected an origin, such as https://chat.example.com or smtp://mail.example.com:587";
    uri.map(|_| text.to_owned()).ok_or_else(|| expected.to_owned())
}

/// The address under which people reach the server.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let uri = text.parse::<Uri>().ok().filter(|uri| {
        uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none()
    });
    let expected = "expected a URL that begins with `https://` or `http://`, without a query";
    uri.map(|_| text.to_owned()).ok_or_else(|| expected.to_owned())
}

/// A public key of minisign.
pub(super) fn plugin_key(text: &str) -> Result<String, String> {
    match Signers::new(&[text.to_owned()], false) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("expected a minisign public key, the second line of a .pub file".to_owned()),
    }
}

/// Which log lines are written.
pub(super) fn log_filter(text: &str) -> Result<String, String> {
    match telemetry::check_filter(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(format!("expected a filter, such as `info,wardroom=debug` ({error})")),
    }
}

/// How log lines look, by the word for it.
pub(super) fn log_format() -> impl TypedValueParser<Value = telemetry::Format> {
    let words = telemetry::Format::WORDS.map(|(word, _)| word);
    PossibleValuesParser::new(words).map(|chosen| {
        let found = telemetry::Format::WORDS.into_iter().find(|(word, _)| *word == chosen);
        found.map(|(_, format)| format).unwrap_or_default()
    })
}

/// How a secret that is a URL is shown: without what comes before its host, and without its query. A URL that cannot be taken
/// apart for certain is masked whole.
pub(super) fn mask_url(url: &SecretString) -> Option<String> {
    let text = url.expose_secret();
    if is_plain_url(text) {
        return Some(text.to_owned());
    }
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    // A password with an unescaped `/` or `?` ends the authority early: what is left of it must not be shown.
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    if text.matches('@').count() > usize::from(user.is_some()) {
        return None;
    }
    let user = user.map_or("", |_| "********@");
    let query = uri.query().map_or("", |_| "?********");
    Some(format!("{scheme}://{user}{host}{}{query}", uri.path()))
}

/// Whether a URL has no part that could hold a secret.
pub(super) fn is_plain_url(text: &str) -> bool {
    !text.contains(['@', '?', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_lower_bound() {
        let hour = duration(Duration::from_hours(1));
        assert_eq!(hour("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(hour("60m"), Ok(Duration::from_hours(1)));
        for text in ["59m", "0d", "90", "ever", ""] {
            let error = hour(text).expect_err(text);
            assert!(error.starts_with("expected a duration of at least 1h"), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_are_a_whole_number_and_a_unit() {
        for (text, bytes) in [("0B", 0), ("512B", 512), ("64KiB", 65_536), ("64MiB", 67_108_864), ("2GiB", 1 << 31)] {
            assert_eq!(size(text), Ok(Size(bytes)), "{text}");
        }
        for text in
            ["", "64", "MiB", "64MB", "1.5GiB", "-1B", "64 MiB", "99999999999999999999B", "18014398509481985KiB"]
        {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_named_value_has_both_parts() {
        let each = named(duration(Duration::from_secs(1)));
        assert_eq!(each("slack=30s"), Ok(("slack".to_owned(), Duration::from_secs(30))));
        for text in ["slack", "=30s", "slack=", "slack=soon"] {
            assert!(each(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins_have_no_path() {
        for text in ["https://chat.example.com", "http://10.0.0.1:8080/", "smtp://mail.example.com:587"] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for text in ["chat.example.com", "https://", "https://a.example/path", "ftp://a.example", "https://u@a.example"]
        {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_masked_url_shows_no_part_of_its_password() {
        let masked = |text: &str| mask_url(&text.into());
        for (text, shown) in [
            ("sqlite:/srv/wardroom.db", "sqlite:/srv/wardroom.db"),
            ("http://proxy.internal:3128", "http://proxy.internal:3128"),
            ("postgres://wardroom:hunter2@db.internal:5432/wardroom", "postgres://********@db.internal:5432/wardroom"),
            ("postgres://db/wardroom?password=hunter2", "postgres://db/wardroom?********"),
        ] {
            assert_eq!(masked(text).as_deref(), Some(shown));
        }
        // Passwords that nobody escaped.
        for password in
            ["hun@ter2", "hun/ter2", "hun?ter2", "hun#ter2", "hun ter2", "hun:ter2", "h@u/n@ter2", "h?u/n@ter2"]
        {
            let shown = masked(&format!("postgres://wardroom:{password}@db.internal/wardroom")).unwrap_or_default();
            assert!(!shown.contains("hun") && !shown.contains("ter2"), "{password}: {shown}");
        }
        let shown = masked("postgres://db/wardroom?user=a@b&password=hunter2").unwrap_or_default();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
