//! One HTTP request: checked, and completed with auth and secrets. Nothing is sent here: that is `send`.

use std::{fmt::Write as _, time::Duration};

use base64::Engine as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    super::{bindings::wardroom::plugin::http as wit, guest::Session, limits},
    Outbound, address,
    policy::{Policy, Refusal},
    refusal,
};
use wardroom_domain::{connection::Auth, grant::Missing};

/// A request that passed the policy, with secrets joined.
pub(crate) struct Prepared {
    pub(super) method: Method,
    pub(super) url: Url,
    /// Whether it goes to the connection's `base_url`.
    pub(super) own: bool,
    /// The URL without the auth that the host adds.
    pub(crate) target: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
    pub(super) timeout: Duration,
    /// Whether it only reads.
    pub(crate) safe: bool,
    /// The request as people may see it.
    shown: Value,
    shown_url: Url,
}

/// Headers that are the host's: they frame the message, or say where it goes.
const FRAMING: [&str; 16] = [
    // An answer in another encoding, or in pieces, would hide a secret from the mask.
    "accept-encoding",
    "range",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    // A server that believes these does something else than what was judged: another method, another path.
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

impl Prepared {
    pub(crate) fn host(&self) -> String {
        let port = self.url.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}{port}", self.url.host_str().unwrap_or_default())
    }

    pub(crate) fn path(&self) -> String {
        self.url.path().to_owned()
    }

    /// The request for the record of a simulation: exact, with secrets as names.
    pub(crate) fn recorded(&self) -> Value {
        let mut shown = self.shown.clone();
        shown["method"] = json!(self.method.as_str());
        shown["url"] = json!(self.shown_url.as_str());
        json!({ "http": shown })
    }
}

impl Outbound {
    /// Judges a request and completes it. Nothing is sent.
    pub(crate) fn prepare(&self, session: &Session, request: wit::Request) -> Result<Prepared, wit::Error> {
        let invocation = &session.invocation;
        let connection = invocation.connection.as_deref();
        let policy = Policy {
            manifest: &invocation.manifest,
            given: &invocation.given,
            connection,
            operator_hosts: self.operator_hosts.as_deref(),
        };
        let method = method(&request.method)?;
        let target = policy.target(&method, &request.url).map_err(|refusal| match refusal {
            Refusal::Invalid(text) => wit::Error::Invalid(text),
            Refusal::Denied(text) => wit::Error::Denied(text),
            Refusal::Missing(missing) => wit::Error::Denied(session.deny(missing)),
            Refusal::TooLarge => wit::Error::TooLarge,
        })?;
        let safe = policy.is_safe(&method, &target);
        let networks = connection.map_or(&[][..], |connection| &connection.grant.networks);
        check_literal(session, &target.url, networks)?;
        let mut builder = Builder { session, headers: HeaderMap::new(), shown: Vec::new(), bytes: 0 };
        for header in &request.headers {
            builder.header(header)?;
        }
        let (body, shown_body) = body(session, request.body)?;
        let mut url = target.url.clone();
        let mut shown_url = target.url.clone();
        if target.own
            && let (Some(auth), Some(secret)) = (connection.and_then(|one| one.auth.as_ref()), &session.auth)
        {
            builder.auth(auth, secret, &mut url, &mut shown_url)?;
        }
        Ok(Prepared {
            method,
            url,
            own: target.own,
            target: target.url,
            headers: builder.headers,
            body,
            timeout: Duration::from_millis(u64::from(request.timeout_ms)),
            safe,
            shown: json!({ "headers": builder.shown, "body": shown_body }),
            shown_url,
        })
    }
}

fn method(text: &str) -> Result<Method, wit::Error> {
    let method = Method::from_bytes(text.as_bytes())
        .ok()
        .filter(|_| text.len() <= limits::METHOD_BYTES && text.bytes().all(|byte| byte.is_ascii_uppercase()));
    match method {
        Some(method) if method != Method::CONNECT && method != Method::TRACE => Ok(method),
        // Not told: it could be anything.
        _ => Err(wit::Error::Invalid("That is no method that can be sent: capital letters are wanted.".to_owned())),
    }
}

/// An address written as such never meets the resolver, so it is judged here.
fn check_literal(session: &Session, url: &Url, networks: &[ipnet::IpNet]) -> Result<(), wit::Error> {
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        _ => return Ok(()),
    };
    if address::is_allowed(literal, networks) {
        return Ok(());
    }
    Err(wit::Error::Denied(refusal(session, url.host_str().unwrap_or_default(), literal)))
}

struct Builder<'a> {
    session: &'a Session,
    headers: HeaderMap,
    shown: Vec<Value>,
    bytes: usize,
}

impl Builder<'_> {
    fn header(&mut self, header: &wit::Header) -> Result<(), wit::Error> {
        let name = header.name.to_ascii_lowercase();
        if FRAMING.contains(&name.as_str()) {
            return Err(wit::Error::Invalid(format!("The header {name} is the host's to set.")));
        }
        let (mut value, mut shown) = (String::new(), String::new());
        for part in &header.value {
            // Looked at before each part: a secret may stand in many of them.
            if value.len().max(shown.len()) > limits::REQUEST_HEADERS.1 {
                return Err(wit::Error::TooLarge);
            }
            match part {
                wit::Part::Text(text) => {
                    value.push_str(text);
                    shown.push_str(text);
                }
                wit::Part::Secret(word) => {
                    value.push_str(secret(self.session, word)?.expose_secret());
                    // Writing to a string cannot fail.
                    _ = write!(shown, "{{{{secret:{word}}}}}");
                }
            }
        }
        self.add(&name, &value, &shown)
    }

    fn add(&mut self, name: &str, value: &str, shown: &str) -> Result<(), wit::Error> {
        let (count, bytes) = limits::REQUEST_HEADERS;
        self.bytes += name.len() + value.len();
        if self.headers.len() >= count || self.bytes > bytes {
            return Err(wit::Error::TooLarge);
        }
        let invalid =
            || wit::Error::Invalid(format!("The header {:?} is malformed.", name.chars().take(64).collect::<String>()));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
        value.set_sensitive(true);
        self.headers.append(key, value);
        self.shown.push(json!([name, shown]));
        Ok(())
    }

    /// Applies the connection's auth; a guest that brings the same header itself is refused.
    fn auth(
        &mut self,
        auth: &Auth,
        secret: &SecretString,
        url: &mut Url,
        shown_url: &mut Url,
    ) -> Result<(), wit::Error> {
        let value = secret.expose_secret();
        let name = format!("{{{{secret:{}}}}}", auth.secret());
        match auth {
            Auth::Bearer(_) => self.auth_header("authorization", &format!("Bearer {value}"), &format!("Bearer {name}")),
            Auth::Basic { user, .. } => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{value}"));
                self.auth_header("authorization", &format!("Basic {encoded}"), &format!("Basic {user}:{name}"))
            }
            Auth::Header { name: header, .. } => self.auth_header(&header.to_ascii_lowercase(), value, &name),
            Auth::Query { name: parameter, .. } => {
                url.query_pairs_mut().append_pair(parameter, value);
                shown_url.query_pairs_mut().append_pair(parameter, &name);
                Ok(())
            }
        }
    }

    fn auth_header(&mut self, header: &str, value: &str, shown: &str) -> Result<(), wit::Error> {
        if self.headers.contains_key(header) {
            return Err(wit::Error::Invalid(format!("The header {header} is set by the connection's auth.")));
        }
        self.add(header, value, shown)
    }
}

fn secret<'a>(session: &'a Session, word: &str) -> Result<&'a SecretString, wit::Error> {
    session.secrets.get(word).ok_or_else(|| {
        let asked = session.invocation.manifest.secrets.iter().any(|secret| secret.name == word);
        wit::Error::Denied(if asked {
            session.deny(Missing::Secret(word.to_owned()))
        } else {
            format!("The plugin's manifest does not ask for the secret {word:?}: only what it asks for can be granted.")
        })
    })
}

fn body(session: &Session, body: Option<wit::Body>) -> Result<(Option<Vec<u8>>, Value), wit::Error> {
    let (bytes, shown) = match body {
        None => return Ok((None, Value::Null)),
        Some(wit::Body::Bytes(bytes)) => {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            (bytes, shown)
        }
        Some(wit::Body::Parts(parts)) => {
            let (mut text, mut shown) = (String::new(), String::new());
            for part in parts {
                if text.len().max(shown.len()) > limits::REQUEST_BODY_BYTES {
                    return Err(wit::Error::TooLarge);
                }
                match part {
                    wit::BodyPart::Text(part) => {
                        text.push_str(&part);
                        shown.push_str(&part);
                    }
                    wit::BodyPart::JsonSecret(word) => {
                        let value = secret(session, &word)?.expose_secret();
                        text.push_str(&Value::from(value).to_string());
                        shown.push_str(&Value::from(format!("{{{{secret:{word}}}}}")).to_string());
                    }
                }
            }
            (text.into_bytes(), shown)
        }
    };
    if bytes.len() > limits::REQUEST_BODY_BYTES {
        return Err(wit::Error::TooLarge);
    }
    Ok((Some(bytes), serde_json::from_str(&shown).unwrap_or(Value::String(shown))))
}
