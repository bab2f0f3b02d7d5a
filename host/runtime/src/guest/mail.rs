//! Mail as a guest asks for it: always unsafe, so a simulation records it.

use super::{
    super::{
        bindings::wardroom::plugin::{
            mail,
            types::{Effect, Failure, Retry},
        },
        host::milliseconds,
        invocation::HttpCall,
        limits,
        stop::Stop,
    },
    Guest, elapsed,
};
use wardroom_base::clock::monotonic_now;

impl mail::Host for Guest {
    async fn send(&mut self, message: mail::Message) -> wasmtime::Result<Result<(), Failure>> {
        self.mails += 1;
        let (mails, receivers, bytes) = limits::MAIL;
        if self.mails > mails {
            return Ok(Err(failure("too_many_mails", format!("A call may send {mails} mails."))));
        }
        if message.to.len() + message.cc.len() > receivers || size(&message) > bytes {
            let text = format!("A mail may have {receivers} receivers and {bytes} bytes.");
            return Ok(Err(failure("mail_too_large", text)));
        }
        let Some(session) = &self.session else {
            return Ok(Err(failure("denied", "Mail can be sent only inside a call.".to_owned())));
        };
        let prepared = match session.shared.outbound.prepare_mail(session, &message) {
            Ok(prepared) => prepared,
            Err(failure) => return Ok(Err(failure)),
        };
        if session.simulates() {
            self.simulated = Some(prepared.recorded(&message));
            return Err(Stop::Simulated.into());
        }
        if session.shared.tape.as_ref().is_some_and(|tape| tape.stands_in()) {
            return Ok(Err(failure("denied", "A cassette carries no mail.".to_owned())));
        }
        session.check_lease()?;
        if let Err(used_up) = session.check_bytes() {
            let retry = Retry::AfterMs(milliseconds(used_up.after));
            return Ok(Err(Failure { retry, ..failure("held", used_up.reason) }));
        }
        session.spend_bytes(size(&message));
        self.unsafe_sent += 1;
        let started = monotonic_now();
        let host = prepared.host();
        let result = session.shared.outbound.send_mail(session, prepared, session.remaining()).await;
        // A mail server may say back what it was told.
        let result = result.map_err(|failure| Failure { message: session.redactor.text(&failure.message), ..failure });
        self.trace.http.push(HttpCall {
            method: "MAIL".to_owned(),
            host,
            path: String::new(),
            status: None,
            error: result.as_ref().err().map(|failure| failure.code.clone()),
            duration_ms: elapsed(started),
            bytes: 0,
        });
        if result.as_ref().is_err_and(|failure| failure.effect == Effect::None) {
            self.unsafe_sent -= 1;
        }
        Ok(result)
    }
}

fn size(message: &mail::Message) -> usize {
    let attachments: usize = message.attachments.iter().map(|attachment| attachment.data.len()).sum();
    let headers: usize = message.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    message.text.len() + message.html.as_ref().map_or(0, String::len) + message.subject.len() + attachments + headers
}

/// A failure before anything was sent.
pub(crate) fn failure(code: &str, message: String) -> Failure {
    Failure {
        code: code.to_owned(),
        message,
        retry: Retry::Never,
        effect: Effect::None,
        details: None,
        artifacts: Vec::new(),
        undo: None,
    }
}
