//! Mail through the connection's SMTP server.

use crate::{Failure, sys};

pub use crate::wit::wardroom::plugin::mail::{Attachment, Message};

/// Hands a mail over. The failure's effect is `Unknown` when the server may have taken it.
pub fn send(message: &Message) -> Result<(), Failure> {
    sys::send_mail(message).map_err(Into::into)
}
