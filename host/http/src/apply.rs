//! Bringing a folder of documents from a repository, whole or not at all.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
};
use serde::{Deserialize, Serialize};
use similar::TextDiff;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{auth::Engineer, extract::Body, problem::Problem};
use wardroom_engine::{
    Engine,
    platform::apply::{ApplyRequest, Change, ChangeKind, Noun, SourceFile},
};

/// The largest set, in bytes of the request.
const MAX_SET: usize = 8 << 20;
/// The longest difference that is shown of one document, in characters.
const MAX_DIFF: usize = 64 << 10;

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(apply)).layer(DefaultBodyLimit::max(MAX_SET))
}

/// A set of documents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyDocumentsRequest {
    /// At most 500: workflows, playbooks, which say `kind: playbook`, and schedules, which say `kind: schedule`.
    #[serde(alias = "workflows")]
    documents: Vec<ApplyDocument>,
    /// Whether workflows that are not among them go out of use.
    #[serde(default)]
    prune: bool,
    /// Whether to show the difference only.
    #[serde(default)]
    dry_run: bool,
    /// The revisions that a dry run showed, by workflow (0: there was none): what has changed since is 412.
    #[serde(default)]
    expect: BTreeMap<String, i64>,
    /// The same by playbook.
    #[serde(default)]
    expect_playbooks: BTreeMap<String, i64>,
    /// The same by schedule.
    #[serde(default)]
    expect_schedules: BTreeMap<String, i64>,
}

/// A document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyDocument {
    /// YAML or JSON.
    source: String,
    /// Where it came from; faults name it.
    #[serde(default)]
    file: String,
}

/// What was changed, or would be.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApplyDocumentsResponse {
    /// Whether it was changed.
    applied: bool,
    /// Every document of the set, and those that go out of use.
    changes: Vec<AppliedChange>,
}

/// One document.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppliedChange {
    /// The name of a workflow; absent when it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    /// The name of a playbook; absent when it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    playbook: Option<String>,
    /// The name of a schedule; absent when it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<String>,
    /// `create`, `update`, `delete` or `unchanged`.
    change: &'static str,
    /// The newest revision before; 0 when there was none.
    revision: i64,
    /// The difference of the texts, in unified form, at most 64 Ki characters.
    diff: Option<String>,
}

impl From<Change> for AppliedChange {
    fn from(change: Change) -> Self {
        let (word, differs) = match change.kind {
            ChangeKind::Create => ("create", true),
            ChangeKind::Update => ("update", true),
            ChangeKind::Delete => ("delete", true),
            ChangeKind::Unchanged => ("unchanged", false),
        };
        let diff = differs.then(|| {
            let diff = TextDiff::from_lines(&change.before, &change.after);
            diff.unified_diff().context_radius(3).to_string().chars().take(MAX_DIFF).collect()
        });
        let of = |noun: Noun| (change.noun == noun).then(|| change.name.clone());
        let (workflow, playbook, schedule) = (of(Noun::Workflow), of(Noun::Playbook), of(Noun::Schedule));
        Self { workflow, playbook, schedule, change: word, revision: change.known, diff }
    }
}

/// Brings a set of documents: all faults of all of them are told, and all of it is saved or nothing.
#[utoipa::path(
    post, path = "/api/v1/apply", tag = "workflows", request_body = ApplyDocumentsRequest,
    responses((status = 200, body = ApplyDocumentsResponse), (status = "4XX", body = Problem)),
)]
async fn apply(
    State(engine): State<Engine>,
    Engineer(caller): Engineer,
    body: Body<ApplyDocumentsRequest>,
) -> Result<Json<ApplyDocumentsResponse>, Problem> {
    let ApplyDocumentsRequest { documents, prune, dry_run, expect, expect_playbooks, expect_schedules } = body.value;
    let documents = documents.into_iter().map(|ApplyDocument { source, file }| SourceFile { file, source }).collect();
    let request = ApplyRequest {
        documents,
        prune,
        expected: expect,
        expected_playbooks: expect_playbooks,
        expected_schedules: expect_schedules,
    };
    let changes = if dry_run {
        engine.documents_compare(&request).await?
    } else {
        engine.documents_apply(&caller, &request).await?
    };
    let applied = !dry_run && changes.iter().any(|change| change.kind != ChangeKind::Unchanged);
    Ok(Json(ApplyDocumentsResponse { applied, changes: changes.into_iter().map(AppliedChange::from).collect() }))
}
