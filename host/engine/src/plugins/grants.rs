//! Grants: what plugins were given, and what waits for an administrator. A call that is denied leaves a request by which the
//! very thing that was missing can be given.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde_json::json;

use crate::{Caller, Engine, EngineError, platform::between};
use wardroom_domain::{
    connection::Connection,
    grant::{Ask, GrantRequest, GrantStatus, GrantSubject, Missing, PluginGrant},
    run::{Run, happening::Told},
    timeline::EntryKind,
};
use wardroom_runtime::Denial;
use wardroom_store::{Dependant, Guard, Write};

impl Engine {
    /// Grant requests of a status, the newest first, at most 200.
    pub async fn grant_request_list(&self, status: GrantStatus) -> Result<Vec<GrantRequest>, EngineError> {
        Ok(self.store().grant_requests(status).await?)
    }

    /// Gives what a request asks for: a version comes into use, or a connection's or plugin's grant grows by what was missing.
    /// A secret needs the name of a stored one.
    pub async fn grant_approve(
        &self,
        caller: &Caller,
        id: &str,
        secret: Option<&str>,
    ) -> Result<GrantRequest, EngineError> {
        let mut request = self.undecided(id).await?;
        request.status = GrantStatus::Approved;
        request.decided = Some((self.now(), caller.actor()));
        let decided = Dependant::GrantRequest(Box::new(request.clone()));
        let (guard, more) = match &request.subject {
            GrantSubject::Version { digest, asks, .. } => {
                let stored = self.store().plugin(digest).await?;
                let stored = stored.ok_or_else(|| EngineError::not_found("plugin", digest))?;
                self.0.parts.signers.check_stored(stored.provenance.signed_by.as_ref())?;
                self.check_workflows(&stored.manifest).await?;
                let on = Guard::PluginOn { name: request.plugin.clone(), digest: digest.clone(), at: self.now() };
                (on, Some(self.larger_grant(&request.plugin, asks).await?))
            }
            GrantSubject::Denial { missing: Missing::Ask(ask), .. } => {
                let more = self.larger_grant(&request.plugin, &[ask.clone()].into()).await?;
                (Guard::GrantDecided(Box::new(request.clone())), Some(more))
            }
            GrantSubject::Denial { connection, missing } => {
                let wider = self.wider(connection, missing, secret).await?;
                (Guard::Connection(Box::new(wider)), None)
            }
        };
        let write = Write { guard, then: [Some(decided), more].into_iter().flatten().collect() };
        let data = json!({ "plugin": request.plugin, "subject": request.subject, "secret": secret });
        if !self.change_platform_with(caller, write, "grant.approve", id, data).await? {
            return Err(EngineError::Conflict("something changed meanwhile: look at it again".to_owned()));
        }
        Ok(request)
    }

    /// Notes that a request is not given; it can still be later.
    pub async fn grant_reject(&self, caller: &Caller, id: &str) -> Result<GrantRequest, EngineError> {
        let mut request = self.undecided(id).await?;
        request.status = GrantStatus::Rejected;
        request.decided = Some((self.now(), caller.actor()));
        let data = json!({ "plugin": request.plugin, "subject": request.subject });
        let guard = Guard::GrantDecided(Box::new(request.clone()));
        self.change_platform(caller, guard, "grant.reject", id, data).await?;
        Ok(request)
    }

    /// What a plugin was given.
    pub async fn plugin_grant(&self, name: &str) -> Result<PluginGrant, EngineError> {
        let catalog = self.catalog().await?;
        let installed = catalog.plugins.get(name).ok_or_else(|| EngineError::not_found("plugin", name))?;
        Ok((*catalog.given(&installed.manifest)).clone())
    }

    /// Sets what a plugin was given, from now on and for every version. It may be less than the plugin asks for.
    pub async fn plugin_set_grant(
        &self,
        caller: &Caller,
        name: &str,
        asks: BTreeSet<Ask>,
    ) -> Result<PluginGrant, EngineError> {
        let before = self.plugin_grant(name).await?;
        let asked = self.catalog().await?.plugins.get(name).map(|one| one.manifest.asks()).unwrap_or_default();
        if let Some(beyond) = (PluginGrant { asks: asked }).lacks(&asks).first() {
            return Err(EngineError::invalid("asks", format!("{name} does not ask for {beyond}")));
        }
        let grant = PluginGrant { asks };
        let data = between(&before.asks, &grant.asks);
        let guard = Guard::PluginGrant(name.to_owned(), grant.clone());
        self.change_platform(caller, guard, "grant.set", name, data).await?;
        Ok(grant)
    }

    /// Keeps what calls were denied for, each once, and tells it on the incident's timeline.
    pub(crate) async fn note_denials(&self, run: &Run, step: &str, denials: &[Denial]) -> Vec<Told> {
        let mut told = Vec::new();
        for denial in denials {
            let plugin =
                run.pins.keys().find(|name| wardroom_domain::grant::request_id(name, &denial.subject) == denial.id);
            let Some(plugin) = plugin else { continue };
            let request = GrantRequest {
                id: denial.id.clone(),
                plugin: plugin.clone(),
                subject: denial.subject.clone(),
                status: GrantStatus::Open,
                at: self.now(),
                decided: None,
            };
            let write = Write { guard: Guard::GrantAsked(Box::new(request)), then: Vec::new() };
            if let Err(error) = self.store().commit(write).await {
                tracing::warn!(grant.request = %denial.id, %error, "a missing grant could not be noted; the next denial notes it");
            }
            told.push(Told {
                kind: EntryKind::Note,
                text: format!("Step {step}: {}", denial.text),
                data: json!({ "grant_request": denial.id, "subject": denial.subject }),
            });
        }
        told
    }

    /// The dependant that adds to what a plugin was given.
    pub(crate) async fn larger_grant(&self, plugin: &str, asks: &BTreeSet<Ask>) -> Result<Dependant, EngineError> {
        let catalog = self.catalog().await?;
        let held = catalog.plugins.get(plugin).map(|one| catalog.given(&one.manifest));
        let held = held.or_else(|| catalog.grants.get(plugin).cloned()).unwrap_or_default();
        let asks = held.asks.union(asks).cloned().collect();
        Ok(Dependant::PluginGrant(plugin.to_owned(), PluginGrant { asks }))
    }

    async fn undecided(&self, id: &str) -> Result<GrantRequest, EngineError> {
        let request = self.store().grant_request(id).await?;
        let request = request.ok_or_else(|| EngineError::not_found("grant request", id))?;
        if request.status == GrantStatus::Approved {
            return Err(EngineError::Conflict("it was approved before".to_owned()));
        }
        Ok(request)
    }

    /// A connection's next revision, which grants what was missing and nothing more.
    async fn wider(
        &self,
        connection: &str,
        missing: &Missing,
        secret: Option<&str>,
    ) -> Result<Connection, EngineError> {
        let known = self.store().connection(connection).await?;
        let mut wider = known.ok_or_else(|| EngineError::not_found("connection", connection))?;
        match (missing, secret) {
            (Missing::Network(address), None) => wider.grant.networks.push(IpNet::from(*address)),
            (Missing::Host(origin), None) => wider.grant.hosts.push(origin.clone()),
            (Missing::Secret(word), Some(secret)) => {
                if !self.store().has_secret(secret).await? {
                    return Err(EngineError::invalid("secret", format!("there is no secret {secret}: set it first")));
                }
                wider.grant.secrets.insert(word.clone(), secret.to_owned());
            }
            (Missing::Secret(word), None) => {
                return Err(EngineError::invalid(
                    "secret",
                    format!("the name of the stored secret for {word:?} is wanted"),
                ));
            }
            (_, Some(_)) => return Err(EngineError::invalid("secret", "this request is for no secret")),
            (Missing::Ask(_), None) => {}
        }
        wider.revision += 1;
        wider.updated_at = self.now();
        Ok(wider)
    }
}
