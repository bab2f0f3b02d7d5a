//! Exporting an incident for compliance.

use std::io::{Cursor, Write as _};

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{
    auth::Viewer,
    extract::{Parameters, Path},
    problem::Problem,
};
use wardroom_domain::export::{self, Files};
use wardroom_engine::{Engine, EngineError};

pub(super) fn routes() -> OpenApiRouter<Engine> {
    OpenApiRouter::new().routes(routes!(read)).routes(routes!(head))
}

/// The forms of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// One archive with everything.
    #[default]
    Zip,
    /// Everything but the timeline, as canonical JSON.
    Json,
    /// The timeline, as Markdown.
    Markdown,
    /// The tasks.
    Csv,
}

/// Which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// `zip` (the default), `json`, `markdown` or `csv`.
    #[serde(default)]
    format: ExportFormat,
}

/// Exports an incident: the archive holds it in canonical JSON (RFC 8785), its timeline as a chain of hashes, readable copies
/// and a manifest. `wardroom export verify` checks it.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/export", tag = "incidents", params(("id" = String, Path), Wanted),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>), (status = "4XX", body = Problem)),
)]
async fn read(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let mut files = engine.acting_as(&caller).incident_export(&id).await?;
    let (kind, name) = match wanted.format {
        ExportFormat::Zip => ("application/zip", "export.zip"),
        ExportFormat::Json => ("application/json", export::INCIDENT),
        ExportFormat::Markdown => ("text/markdown; charset=utf-8", "timeline.md"),
        ExportFormat::Csv => ("text/csv; charset=utf-8", "tasks.csv"),
    };
    let bytes = match wanted.format {
        ExportFormat::Zip => archive(&files).map_err(|error| EngineError::Internal(error.to_string()))?,
        _ => files.remove(name).unwrap_or_default(),
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response())
}

/// The same files make the same archive: no times, a fixed order.
fn archive(files: &Files) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file(name.as_str(), options)?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// Up to where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Upto {
    /// How many entries of the timeline, from the first.
    entries: usize,
}

/// The last hash of a chain.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineHeadResponse {
    /// In hexadecimal.
    head: String,
}

/// Tells the last hash of the timeline as it is now, up to an entry: an export that ends there has the same.
#[utoipa::path(
    get, path = "/api/v1/incidents/{id}/timeline/head", tag = "incidents", params(("id" = String, Path), Upto),
    responses((status = 200, body = TimelineHeadResponse), (status = "4XX", body = Problem)),
)]
async fn head(
    State(engine): State<Engine>,
    Viewer(caller): Viewer,
    Path(id): Path<String>,
    Parameters(upto): Parameters<Upto>,
) -> Result<Json<TimelineHeadResponse>, Problem> {
    Ok(Json(TimelineHeadResponse { head: engine.acting_as(&caller).timeline_head(&id, upto.entries).await? }))
}
