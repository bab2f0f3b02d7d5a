//! Mail through the connection's SMTP server. The server's address is resolved once, judged, and connected to by that
//! address; its name is what its certificate has to say.

use std::{net::SocketAddr, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use url::{Host, Url};

use super::{
    super::{
        bindings::wardroom::plugin::{
            mail as wit,
            types::{Effect, Failure, Retry},
        },
        guest::Session,
        limits,
    },
    Outbound, address, refusal,
    send::causes,
    tls,
};
use wardroom_domain::connection::Auth;

/// A mail that passed, and the server it goes to.
pub(crate) struct PreparedMail {
    message: Message,
    server: Url,
}

impl PreparedMail {
    pub(crate) fn host(&self) -> String {
        format!("{}:{}", self.server.host_str().unwrap_or_default(), port(&self.server))
    }

    /// The mail for the record of a simulation.
    pub(crate) fn recorded(&self, message: &wit::Message) -> Value {
        json!({ "mail": {
            "server": self.host(),
            "sender": message.sender,
            "to": message.to,
            "cc": message.cc,
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
            "attachments": message.attachments.iter().map(|one| &one.name).collect::<Vec<_>>(),
        } })
    }
}

impl Outbound {
    /// Checks a mail and finds its server. Nothing is sent.
    pub(crate) fn prepare_mail(&self, session: &Session, message: &wit::Message) -> Result<PreparedMail, Failure> {
        let base_url = session.invocation.connection.as_ref().map(|connection| connection.base_url.as_str());
        let server = base_url.and_then(|base| Url::parse(base).ok());
        let server = server.filter(|url| matches!(url.scheme(), "smtp" | "smtps") && url.has_host());
        let Some(server) = server else {
            let text = "Mail needs a connection whose base_url is smtp://host:port or smtps://host:port.";
            return Err(failure("denied", text.to_owned()));
        };
        if let Some(allowed) = &self.operator_hosts
            && !allowed.iter().any(|host| {
                Url::parse(host).is_ok_and(|host| host.host() == server.host() && port(&host) == port(&server))
            })
        {
            return Err(failure("denied", "The operator of this server does not allow that mail server.".to_owned()));
        }
        let message = build(message).map_err(|text| failure("invalid_mail", text))?;
        Ok(PreparedMail { message, server })
    }

    /// Hands a mail over.
    pub(crate) async fn send_mail(
        &self,
        session: &Session,
        mail: PreparedMail,
        remaining: Duration,
    ) -> Result<(), Failure> {
        let address = self.mail_server(session, &mail.server).await?;
        let connect = limits::CONNECT_TIME.min(remaining);
        // Asked for a first time, so that "nobody answers" is told from "the mail may have been taken".
        let probe = timeout(connect, TcpStream::connect(address)).await;
        if !matches!(probe, Ok(Ok(_))) {
            return Err(Failure {
                retry: Retry::Backoff,
                ..failure("connect", format!("{} does not answer.", mail.host()))
            });
        }
        let transport = transport(session, &mail.server, address, remaining)?;
        let sent = timeout(remaining, transport.send(mail.message)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => {
                Err(failure("mail_refused", format!("The server refused the mail: {error}.")))
            }
            Ok(Err(error)) if error.is_transient() => {
                let text = format!("The server does not take the mail now: {error}.");
                Err(Failure { retry: Retry::Backoff, ..failure("mail_deferred", text) })
            }
            Ok(Err(error)) if is_mistrusted(&error) => {
                Err(failure("tls", format!("The mail server is not believed: {error}.")))
            }
            Ok(Err(error)) if error.is_tls() || error.is_client() => {
                Err(failure("mail_failed", format!("The mail could not be handed over: {error}.")))
            }
            Ok(Err(error)) => Err(Failure {
                retry: Retry::Backoff,
                effect: Effect::Unknown,
                ..failure("mail_unknown", format!("The connection broke while the mail was handed over: {error}."))
            }),
            Err(_) => Err(Failure {
                retry: Retry::Backoff,
                effect: Effect::Unknown,
                ..failure("timeout", "The mail server did not answer in time.".to_owned())
            }),
        }
    }

    async fn mail_server(&self, session: &Session, server: &Url) -> Result<SocketAddr, Failure> {
        let networks = session.invocation.connection.as_ref().map_or(&[][..], |one| &one.grant.networks);
        let name = server.host_str().unwrap_or_default();
        // Schemes that `url` does not know keep an address as a plain name.
        let found = match (server.host(), name.trim_matches(['[', ']']).parse()) {
            (Some(Host::Ipv4(address)), _) => vec![address.into()],
            (Some(Host::Ipv6(address)), _) => vec![address.into()],
            (_, Ok(address)) => vec![address],
            _ => self.resolver.resolve(name).await.map_err(|error| Failure {
                retry: Retry::Backoff,
                ..failure("dns", format!("{name} cannot be resolved: {error}."))
            })?,
        };
        match (found.iter().find(|one| address::is_allowed(**one, networks)), found.first()) {
            (Some(allowed), _) => Ok((*allowed, port(server)).into()),
            (None, Some(refused)) => Err(failure("denied", refusal(session, name, *refused))),
            (None, None) => Err(failure("dns", format!("{name} has no address."))),
        }
    }
}

fn transport(
    session: &Session,
    server: &Url,
    address: SocketAddr,
    remaining: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
    let auth = session.invocation.connection.as_ref().and_then(|connection| connection.auth.as_ref());
    let name = server.host_str().unwrap_or_default().to_owned();
    let parameters = parameters(session, name)?;
    let loopback = address::reach(address.ip()) == address::Reach::Loopback;
    let tls = match (server.scheme(), auth) {
        ("smtps", _) => Tls::Wrapper(parameters),
        // Who says whom to believe wants nobody else to read it.
        _ if has_authority(session) => Tls::Required(parameters),
        (_, None) if loopback => Tls::None,
        // A password never crosses a network in the clear.
        (_, Some(_)) if !loopback => Tls::Required(parameters),
        _ => Tls::Opportunistic(parameters),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
        .port(address.port())
        .timeout(Some(remaining))
        .tls(tls);
    if let (Some(Auth::Basic { user, .. }), Some(secret)) = (auth, &session.auth) {
        builder = builder.credentials(Credentials::new(user.clone(), secret.expose_secret().to_owned()));
    }
    Ok(builder.build())
}

/// Whether a server was not who it has to be: then it was given nothing.
fn is_mistrusted(error: &lettre::transport::smtp::Error) -> bool {
    let tls = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
    };
    causes(error).any(tls)
}

fn has_authority(session: &Session) -> bool {
    session
        .invocation
        .connection
        .as_ref()
        .and_then(|connection| connection.tls.as_ref())
        .is_some_and(|tls| tls.ca.is_some())
}

/// Whom a mail server has to be: a `ca` of the connection's own alone is believed.
fn parameters(session: &Session, name: String) -> Result<TlsParameters, Failure> {
    let unfit = |error: &dyn std::fmt::Display| failure("tls", error.to_string());
    let mut builder = TlsParameters::builder(name);
    let tls = session.invocation.connection.as_ref().and_then(|connection| connection.tls.as_ref());
    if let Some(ca) = tls.and_then(|tls| tls.ca.as_deref()) {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in tls::certificates("tls.ca", ca).map_err(|error| unfit(&error))? {
            let certificate = Certificate::from_der(certificate.to_vec()).map_err(|error| unfit(&error))?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| unfit(&error))
}

fn port(server: &Url) -> u16 {
    server.port().unwrap_or(if server.scheme() == "smtps" { 465 } else { 25 })
}

fn build(mail: &wit::Message) -> Result<Message, String> {
    let mut builder = Message::builder().from(mailbox(&mail.sender)?).subject(one_line(&mail.subject)?);
    for to in &mail.to {
        builder = builder.to(mailbox(to)?);
    }
    for cc in &mail.cc {
        builder = builder.cc(mailbox(cc)?);
    }
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    if !mail.headers.is_empty() {
        return Err("Further headers are not supported yet.".to_owned());
    }
    builder = builder.message_id(Some(format!("<{}>", one_line(&mail.message_id)?)));
    let text = SinglePart::plain(mail.text.clone());
    let content = match &mail.html {
        Some(html) => MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html.clone())),
        None => MultiPart::mixed().singlepart(text),
    };
    let content = match (mail.attachments.is_empty(), mail.html.is_some()) {
        (true, _) => content,
        (false, html) => {
            let mut mixed = if html { MultiPart::mixed().multipart(content) } else { content };
            for one in &mail.attachments {
                let media: ContentType =
                    one.media_type.parse().map_err(|_| format!("{:?} is no media type.", one.media_type))?;
                mixed = mixed.singlepart(Attachment::new(one_line(&one.name)?).body(one.data.clone(), media));
            }
            mixed
        }
    };
    builder.multipart(content).map_err(|error| format!("{error}."))
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    let wrong = |_| format!("{text:?} is no mail address.");
    if text.contains('<') {
        return text.parse::<Mailbox>().map_err(|_| format!("{text:?} is no mail address."));
    }
    text.parse::<Address>().map(|address| Mailbox::new(None, address)).map_err(wrong)
}

fn one_line(text: &str) -> Result<String, String> {
    if text.contains(['\r', '\n']) {
        Err("A header may not hold a line break.".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

use super::super::guest::mail_failure as failure;
