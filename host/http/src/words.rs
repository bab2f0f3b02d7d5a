//! The words of fixed lists, for the API's description only: requests are parsed into the domain's own types.

use utoipa::ToSchema;

/// How bad an incident is; `sev1` is the worst.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Severity {
    /// Everything stops for it.
    Sev1,
    /// Serious.
    Sev2,
    /// To be handled in working hours.
    Sev3,
    /// To be noted.
    Sev4,
}

/// Where a response stands.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Stage {
    /// Somebody or something raised it.
    Alerting,
    /// Who and what is hit.
    Triage,
    /// Why, and what helps.
    Investigate,
    /// The fix is confirmed.
    Resolution,
    /// What is learned.
    RetrospectiveResponse,
    /// Done.
    Closed,
    /// It was none.
    Canceled,
}

/// Whether an incident is real.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum IncidentKind {
    /// People are affected.
    IncidentResponse,
    /// Practice.
    Drill,
}

/// What a token may do; each includes the ones before it.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum AccessRole {
    /// Reads.
    Viewer,
    /// Handles incidents, runs and approvals.
    Responder,
    /// Writes workflows and plugins.
    Engineer,
    /// Holds connections, secrets, people and tokens.
    Admin,
}
