//! Why a cadence cannot be read, and where in its text.

/// Why an expression or a zone is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CadenceFault {
    /// The field: `second`, `minute`, `hour`, `day of month`, `month`, `day of week` or `timezone`; none when it is the
    /// whole expression.
    pub field: Option<&'static str>,
    /// Where, in characters from the beginning of the expression (of the zone's name, for a `timezone`).
    pub offset: usize,
    /// What is wrong there, and what would be right.
    pub message: String,
}
