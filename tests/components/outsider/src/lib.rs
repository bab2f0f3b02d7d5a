//! A guest whose world imports something the host does not offer. It exists to be refused at install, by that name.

mod wit;

/// The component.
#[derive(Debug)]
pub struct Outsider;

impl wit::Guest for Outsider {
    fn describe() -> String {
        String::from_utf8_lossy(&wit::example::outsider::filesystem::read("/etc/passwd")).into_owned()
    }
}

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "generated")]
mod exported {
    use crate::{Outsider, wit};

    wit::export_component!(Outsider);
}
