//! Sources of alerts and silences.

use std::{collections::BTreeMap, sync::Arc};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    Caller, Engine, EngineError,
    platform::{between, check_name},
};
use wardroom_domain::{
    id::SilenceId,
    intake::{
        Mapping, Source, SourceKind,
        silence::Silence,
        source::{Proof, Storm},
    },
    time::Timestamp,
};
use wardroom_store::{Guard, StoredSilence};

/// How far a signed time may be from now, in seconds.
const TOLERANCE_SECONDS: i64 = 300;
/// The longest silence, in milliseconds.
const LONGEST_MS: i64 = 30 * 24 * 3_600_000;

/// A source to set.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// The kind of its bodies.
    pub kind: SourceKind,
    /// How it proves who it is.
    pub auth: Option<Proof>,
    /// How bodies are brought to alerts, for generic ones.
    pub mapping: Option<Mapping>,
    /// How many incidents it may open.
    pub storm: Storm,
}

/// A silence to make.
#[derive(Debug, Clone)]
pub struct NewSilence {
    /// Labels that all have to be there.
    pub labels: BTreeMap<String, String>,
    /// Only alerts of this source.
    pub source: Option<String>,
    /// From when on; none: now.
    pub starts_at: Option<Timestamp>,
    /// Until when.
    pub ends_at: Timestamp,
    /// Why.
    pub reason: String,
}

impl Engine {
    /// Sets a source, new or replaced. `expected` is the revision the caller read.
    pub async fn source_set(
        &self,
        caller: &Caller,
        name: &str,
        new: NewSource,
        expected: Option<i64>,
    ) -> Result<Source, EngineError> {
        check_name("name", name)?;
        if let Some((_, kind)) = SourceKind::BUILT_IN.iter().find(|(known, kind)| *known == name && *kind != new.kind) {
            let message = format!("{name} is there from the start and of kind {}: take another name", json!(kind));
            return Err(EngineError::invalid("kind", message));
        }
        match (&new.mapping, new.kind) {
            (Some(mapping), SourceKind::Generic) => {
                mapping.check().map_err(|wrong| EngineError::invalid(wrong.field, wrong.message))?;
            }
            (None, SourceKind::Generic) => return Err(EngineError::invalid("mapping", "a generic source needs one")),
            (Some(_), _) => return Err(EngineError::invalid("mapping", "belongs to sources of kind generic")),
            (None, _) => {}
        }
        if !(1..=1_000).contains(&new.storm.incidents) {
            return Err(EngineError::invalid("storm.incidents", "1 to 1,000 are wanted"));
        }
        if !(1..=86_400).contains(&new.storm.window_seconds) {
            return Err(EngineError::invalid("storm.window_seconds", "1 to 86,400 are wanted"));
        }
        let secret = new.auth.as_ref().map(|proof| match proof {
            Proof::Token(secret) => secret,
            Proof::Hmac(signature) => &signature.secret,
        });
        if let Some(secret) = secret
            && !self.store().has_secret(secret).await?
        {
            let shown: String = secret.chars().take(64).collect();
            return Err(EngineError::invalid("auth", format!("there is no secret {shown:?}: set it first")));
        }
        let known = self.catalog().await?.sources.get(name).cloned();
        let newest = known.as_ref().map_or(0, |known| known.revision);
        if expected.is_some_and(|expected| expected != newest) {
            return Err(EngineError::Stale { noun: "source", actual: newest });
        }
        let source = Source {
            name: name.to_owned(),
            kind: new.kind,
            auth: new.auth,
            mapping: new.mapping,
            storm: new.storm,
            revision: newest + 1,
            updated_at: self.now(),
        };
        let data = between(&known, &source);
        self.change_platform(caller, Guard::Source(Box::new(source.clone())), "source.set", name, data).await?;
        Ok(source)
    }

    /// Takes a source's settings away; one that is there from the start goes on without.
    pub async fn source_delete(&self, caller: &Caller, name: &str) -> Result<(), EngineError> {
        let known = self.catalog().await?.sources.get(name).cloned();
        let guard = Guard::SourceOff(name.to_owned());
        let data = between(&known, Value::Null);
        if self.change_platform(caller, guard, "source.remove", name, data).await? {
            Ok(())
        } else {
            Err(EngineError::not_found("source with settings", name))
        }
    }

    /// Whether a token is the source's own. A source without a proof of its own has the secret `source-NAME`, when there is one.
    pub(crate) async fn is_source_token(&self, source: &Source, token: &str) -> Result<bool, EngineError> {
        match &source.auth {
            Some(Proof::Token(secret)) => self.is_secret(secret, token).await,
            None => self.is_secret(&format!("source-{}", source.name), token).await,
            Some(Proof::Hmac(_)) => Ok(false),
        }
    }

    /// Whether a body bears the signature of its source.
    pub(crate) async fn is_signed(
        &self,
        source: &Source,
        headers: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Result<bool, EngineError> {
        let Some(Proof::Hmac(signature)) = &source.auth else { return Ok(false) };
        let Some(given) = headers.get(&signature.header.to_lowercase()) else { return Ok(false) };
        let Some(given) = given.strip_prefix(&signature.prefix).and_then(unhex) else { return Ok(false) };
        let Some(secret) = self.opened_secret(&signature.secret).await? else { return Ok(false) };
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .map_err(|error| EngineError::Internal(error.to_string()))?;
        if let Some(header) = &signature.timestamp_header {
            let Some(time) = headers.get(&header.to_lowercase()) else { return Ok(false) };
            let now_seconds = self.now().unix_ms() / 1_000;
            let fresh = |seconds: i64| (now_seconds - seconds).abs() <= TOLERANCE_SECONDS;
            if !time.parse::<i64>().is_ok_and(fresh) {
                return Ok(false);
            }
            mac.update(time.as_bytes());
            mac.update(b".");
        }
        mac.update(body);
        Ok(mac.verify_slice(&given).is_ok())
    }

    /// The sources that have settings.
    pub async fn source_list(&self) -> Result<Vec<Source>, EngineError> {
        Ok(self.store().sources().await?)
    }

    /// A source; those that are there from the start have defaults.
    pub async fn source(&self, name: &str) -> Result<Arc<Source>, EngineError> {
        self.catalog().await?.source(name)
    }

    /// Makes a silence.
    pub async fn silence_create(&self, caller: &Caller, new: NewSilence) -> Result<Silence, EngineError> {
        let now = self.now();
        let reason = new.reason.trim();
        if reason.is_empty() || reason.chars().count() > 500 {
            return Err(EngineError::invalid("reason", "1 to 500 characters are wanted: people will ask why"));
        }
        let fits = |(name, value): (&String, &String)| {
            (1..=128).contains(&name.chars().count()) && value.chars().count() <= 4_096
        };
        if new.labels.is_empty() || new.labels.len() > 20 || !new.labels.iter().all(fits) {
            return Err(EngineError::invalid("labels", "1 to 20 are wanted; `*` stands for any value"));
        }
        let starts_at = new.starts_at.unwrap_or(now);
        if new.ends_at <= starts_at.max(now) || new.ends_at.unix_ms() - starts_at.unix_ms() > LONGEST_MS {
            return Err(EngineError::invalid(
                "ends_at",
                "a time after now, at most 30 days after `starts_at`, is wanted",
            ));
        }
        if let Some(source) = &new.source {
            self.catalog().await?.source(source)?;
        }
        let silence = Silence {
            id: SilenceId(self.new_id()),
            labels: new.labels,
            source: new.source,
            starts_at,
            ends_at: new.ends_at,
            reason: reason.to_owned(),
            by: caller.person.handle.clone(),
        };
        let guard = Guard::Silence(Box::new(silence.clone()));
        let data = between(Value::Null, &silence);
        self.change_platform(caller, guard, "silence.add", &silence.id.to_string(), data).await?;
        Ok(silence)
    }

    /// Ends a silence now. Alerts that still fire open their incidents when they are delivered again.
    pub async fn silence_end(&self, caller: &Caller, id: SilenceId) -> Result<(), EngineError> {
        let now = self.now();
        let known = self.store().silence(id).await?.map(|known| known.silence);
        let known = known.filter(|known| known.ends_at > now).ok_or_else(|| EngineError::not_found("silence", id))?;
        let ended = Silence { ends_at: now, ..known.clone() };
        let data = between(&known, &ended);
        self.change_platform(caller, Guard::Silence(Box::new(ended)), "silence.end", &id.to_string(), data).await?;
        Ok(())
    }

    /// The silences that are not over.
    pub async fn silence_list(&self) -> Result<Vec<StoredSilence>, EngineError> {
        Ok(self.store().silences(self.now()).await?)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
