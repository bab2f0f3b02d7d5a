//! Taking in what a source sends, in two steps: [`Engine::source_admit`] judges what can be judged before the body is read, and
//! [`Engine::alert_ingest`] proves the rest, reads the alerts and hands them over group by group.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{Caller, Engine, EngineError};
use wardroom_domain::{
    MAX_DEPTH,
    incident::Incident,
    intake::{self, Source, SourceKind, Taken, Wrong, source::Proof},
    is_too_deep,
    person::AccessRole,
};

/// The most groups of one request.
const MAX_GROUPS: usize = 1_000;

/// What comes before the body of a source's request.
#[derive(Debug, Clone)]
pub struct SourceRequest {
    /// The source, by the name in the path.
    pub source: String,
    /// The bearer token, if there is one.
    pub token: Option<String>,
    /// The headers a body may be understood by, their names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// A request that may be read.
#[derive(Debug, Clone)]
pub struct AdmittedSource {
    source: Arc<Source>,
    headers: BTreeMap<String, String>,
    proof: SourceProof,
}

/// How far it is proven whose a request is.
#[derive(Debug, Clone)]
enum SourceProof {
    /// By the source's own token.
    Token,
    /// By a person's token.
    Person(Box<Caller>),
    /// By a signature over the body, which is yet to be read.
    Signature,
    /// By the routing key in the body, which is yet to be read.
    RoutingKey,
}

/// What became of a request.
#[derive(Debug, Clone)]
pub struct IngestReport {
    /// The kind of the source: it decides how it is answered.
    pub kind: SourceKind,
    /// Every incident it opened or joined, by number and in order; private ones only for people who may see them.
    pub incidents: Vec<String>,
    /// Whether it opened one.
    pub opened: bool,
    /// How many alerts were new or changed their status.
    pub changed: usize,
    /// How many were silenced.
    pub silenced: usize,
    /// The alerts that cannot be read, each with what is wrong; the others were taken in.
    pub wrong: Vec<Wrong>,
    /// What a source of the kind `pagerduty` is answered with.
    pub dedup_key: Option<String>,
}

impl Engine {
    /// Judges a source's request by what comes before its body: whether there is such a source, and whether the request proves
    /// whose it is or can still do so in the body.
    pub async fn source_admit(&self, request: SourceRequest) -> Result<AdmittedSource, EngineError> {
        let SourceRequest { source, token, headers } = request;
        let source = self.catalog().await?.source(&source)?;
        let proof = self.source_proof(&source, token.as_deref(), &headers).await?;
        Ok(AdmittedSource { source, headers, proof })
    }

    async fn source_proof(
        &self,
        source: &Source,
        token: Option<&str>,
        headers: &BTreeMap<String, String>,
    ) -> Result<SourceProof, EngineError> {
        if let Some(token) = token {
            if self.is_source_token(source, token).await? {
                return Ok(SourceProof::Token);
            }
            if let Some(caller) = self.authenticate(token).await? {
                return may_send(caller);
            }
        }
        match (&source.auth, token) {
            (Some(Proof::Hmac(signature)), _) if headers.contains_key(&signature.header.to_lowercase()) => {
                Ok(SourceProof::Signature)
            }
            (Some(Proof::Hmac(_)), None) => Err(EngineError::Unauthenticated(UNSIGNED)),
            (_, None) if source.kind == SourceKind::Pagerduty => Ok(SourceProof::RoutingKey),
            (_, None) => Err(EngineError::Unauthenticated(NO_TOKEN)),
            (_, Some(_)) => Err(EngineError::Unauthenticated(UNKNOWN_TOKEN)),
        }
    }

    /// Takes in the body of an admitted request.
    pub async fn alert_ingest(&self, admitted: &AdmittedSource, bytes: &[u8]) -> Result<IngestReport, EngineError> {
        let AdmittedSource { source, headers, proof } = admitted;
        let body = read_json(bytes, source.kind, headers);
        match proof {
            SourceProof::Token | SourceProof::Person(_) => {}
            SourceProof::Signature => {
                if !self.is_signed(source, headers, bytes).await? {
                    return Err(EngineError::Unauthenticated(UNSIGNED));
                }
            }
            SourceProof::RoutingKey => {
                let key = body.as_ref().ok().and_then(|body| body.get("routing_key")).and_then(Value::as_str);
                let Some(key) = key else { return Err(EngineError::Unauthenticated(NO_TOKEN)) };
                if !self.is_source_token(source, key).await? {
                    let caller = self.authenticate(key).await?.ok_or(EngineError::Unauthenticated(UNKNOWN_TOKEN))?;
                    may_send(caller)?;
                }
            }
        }
        let body = body?;
        let request = intake::Request { source: &source.name, headers, body: &body, now: self.now() };
        let taken = intake::read(source.kind, source.mapping.as_ref(), &request).map_err(refused)?;
        if taken.deliveries.len() > MAX_GROUPS {
            return Err(EngineError::invalid(
                "body",
                format!("at most {MAX_GROUPS} groups of alerts are wanted at once"),
            ));
        }
        self.ingest_all(source, proof, taken).await
    }

    async fn ingest_all(
        &self,
        source: &Source,
        proof: &SourceProof,
        taken: Taken,
    ) -> Result<IngestReport, EngineError> {
        let Taken { deliveries, wrong, dedup_key } = taken;
        let (incidents, kind) = (Vec::new(), source.kind);
        let mut report = IngestReport { kind, incidents, opened: false, changed: 0, silenced: 0, wrong, dedup_key };
        for delivery in &deliveries {
            let ingested = self.ingest(source, delivery).await?;
            let seen = ingested.incident.filter(|incident| proof.sees(incident)).map(|incident| incident.reference());
            report.incidents.extend(seen.filter(|number| !report.incidents.contains(number)));
            report.opened |= ingested.opened;
            report.changed += ingested.changed;
            report.silenced += ingested.silenced;
        }
        Ok(report)
    }
}

/// No proof at all. The word for a missing token is the same on every route.
const NO_TOKEN: &str = "a token is wanted: send `Authorization: Bearer wrd_…`";
const UNKNOWN_TOKEN: &str = "this token is unknown or revoked";
const UNSIGNED: &str = "the signature is missing, wrong or too old";

impl SourceProof {
    /// Whether an incident is named in the answer: a source is nobody whom a private one names.
    fn sees(&self, incident: &Incident) -> bool {
        match self {
            Self::Person(caller) => incident.is_visible_to(&caller.person.handle),
            Self::Token | Self::Signature | Self::RoutingKey => incident.details.visible_to.is_none(),
        }
    }
}

fn may_send(caller: Caller) -> Result<SourceProof, EngineError> {
    caller.demand(AccessRole::Responder)?;
    Ok(SourceProof::Person(Box::new(caller)))
}

fn refused(Wrong { field, message }: Wrong) -> EngineError {
    EngineError::Invalid { field, message }
}

/// The body as JSON. That of a binary event may be anything, or nothing.
fn read_json(bytes: &[u8], kind: SourceKind, headers: &BTreeMap<String, String>) -> Result<Value, EngineError> {
    let binary = kind == SourceKind::Cloudevents && headers.contains_key("ce-specversion");
    match serde_json::from_slice::<Value>(bytes) {
        Ok(body) if is_too_deep(&body) => {
            Err(EngineError::invalid("body", format!("at most {MAX_DEPTH} levels of nesting are wanted")))
        }
        Ok(body) => Ok(body),
        Err(_) if binary => Ok(Value::Null),
        Err(error) => Err(EngineError::Malformed(format!("the body is no JSON: {error}"))),
    }
}
