//! Setting connections: checked against the plugin's own schema, so that a wrong option shows here and not at 3 a.m.

use serde_json::Value;
use url::Url;

use crate::{
    Caller, Engine, EngineError,
    platform::{between, check_name},
    plugins::limits::check_limits,
};
use wardroom_domain::{
    connection::{Auth, Connection, Grant, Tls},
    limits::CallLimits,
};
use wardroom_runtime::BreakerState;
use wardroom_store::Guard;

const LOST_WRITES: usize = 16;

/// A connection as an administrator writes it.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// The plugin that may use it.
    pub plugin: String,
    /// `http(s)://host[:port][/path]` or `smtp(s)://host:port`.
    pub base_url: String,
    /// How the host authenticates.
    pub auth: Option<Auth>,
    /// Whom the host believes over TLS, and who it says it is.
    pub tls: Option<Tls>,
    /// The plugin's options.
    pub config: Value,
    /// What is allowed beyond the URL's own host.
    pub grant: Grant,
    /// Whether drills really call it.
    pub real_in_drills: bool,
    /// Whether calls through it are recorded.
    pub record: bool,
    /// How much may go through it.
    pub limits: CallLimits,
}

impl Engine {
    /// All connections.
    pub async fn connection_list(&self) -> Result<Vec<Connection>, EngineError> {
        Ok(self.store().connections().await?)
    }

    /// The connection of a name.
    pub async fn connection(&self, name: &str) -> Result<Connection, EngineError> {
        self.store().connection(name).await?.ok_or_else(|| EngineError::not_found("connection", name))
    }

    /// Creates or replaces a connection.
    pub async fn connection_set(
        &self,
        caller: &Caller,
        name: &str,
        new: NewConnection,
        expected: Option<i64>,
    ) -> Result<Connection, EngineError> {
        check_name("name", name)?;
        self.check_connection(&new).await?;
        for _ in 0..LOST_WRITES {
            let known = self.store().connection(name).await?;
            let revision = known.as_ref().map_or(0, |known| known.revision);
            if expected.is_some_and(|expected| expected != revision) {
                return Err(EngineError::Stale { noun: "connection", actual: revision });
            }
            let new = new.clone();
            let connection = Connection {
                name: name.to_owned(),
                plugin: new.plugin,
                base_url: new.base_url,
                auth: new.auth,
                tls: new.tls,
                config: new.config,
                grant: new.grant,
                real_in_drills: new.real_in_drills,
                record: new.record,
                limits: new.limits,
                revision: revision + 1,
                updated_at: self.now(),
            };
            let data = between(&known, &connection);
            let guard = Guard::Connection(Box::new(connection.clone()));
            if self.change_platform(caller, guard, "connection.set", name, data).await? {
                return Ok(connection);
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Third parties that failed lately through a connection, as this host found.
    pub fn connection_breakers(&self, connection: &Connection) -> Vec<BreakerState> {
        self.plugins().breakers(connection)
    }

    async fn check_connection(&self, new: &NewConnection) -> Result<(), EngineError> {
        let base_url = check_base_url(&new.base_url)?;
        check_limits(&new.limits)?;
        let catalog = self.catalog().await?;
        let installed = catalog.plugins.get(&new.plugin);
        let installed =
            installed.ok_or_else(|| EngineError::invalid("plugin", format!("{} is not installed", new.plugin)))?;
        let Some(spec) = &installed.manifest.connection else {
            return Err(EngineError::invalid("plugin", format!("{} works without a connection", new.plugin)));
        };
        let validator = spec
            .schema
            .validator()
            .map_err(|error| EngineError::Internal(format!("the connection schema of {}: {error}", new.plugin)))?;
        if let Some(error) = validator.iter_errors(&new.config).next() {
            return Err(EngineError::invalid(format!("config{}", error.instance_path()), error.to_string()));
        }
        if let Some(auth) = &new.auth {
            if !spec.auth.iter().any(|kind| kind == auth.kind()) {
                let wanted = if spec.auth.is_empty() { "none".to_owned() } else { spec.auth.join(" or ") };
                return Err(EngineError::invalid(
                    "auth",
                    format!("{} takes {wanted}, not {}", new.plugin, auth.kind()),
                ));
            }
            self.check_secret("auth", auth.secret()).await?;
        }
        if let Some(tls) = &new.tls {
            self.check_tls(&base_url, tls).await?;
        }
        for (word, secret) in &new.grant.secrets {
            if !installed.manifest.secrets.iter().any(|asked| asked.name == *word) {
                return Err(EngineError::invalid("grant.secrets", format!("{} asks for no secret {word}", new.plugin)));
            }
            self.check_secret("grant.secrets", secret).await?;
        }
        Ok(())
    }

    async fn check_secret(&self, field: &'static str, name: &str) -> Result<(), EngineError> {
        if self.store().has_secret(name).await? {
            return Ok(());
        }
        Err(EngineError::invalid(field, format!("there is no secret {name}: set it first")))
    }

    async fn check_tls(&self, base_url: &Url, tls: &Tls) -> Result<(), EngineError> {
        if base_url.scheme() == "http" {
            return Err(EngineError::invalid("tls", "base_url is http, which is not encrypted: https is wanted"));
        }
        if base_url.scheme().starts_with("smtp") && tls.client.is_some() {
            return Err(EngineError::invalid("tls.client", "mail servers are shown no certificate: `auth` is wanted"));
        }
        if let Some(client) = &tls.client {
            self.check_secret("tls.client.key", &client.key).await?;
        }
        let checked = self.plugins().check_tls(tls).await.map_err(|error| EngineError::Internal(error.to_string()))?;
        checked.map_err(|unfit| EngineError::invalid(unfit.field, unfit.why))
    }
}

fn check_base_url(base_url: &str) -> Result<Url, EngineError> {
    let wrong = |message: &str| EngineError::invalid("base_url", message);
    let url = Url::parse(base_url).map_err(|error| wrong(&format!("{error}: https://host[:port][/path] is wanted")))?;
    if !matches!(url.scheme(), "http" | "https" | "smtp" | "smtps") {
        return Err(wrong("the scheme has to be http, https, smtp or smtps"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("a host is wanted"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a password belongs into a secret that `auth` names, not into the URL"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has no query and no fragment: actions add their own"));
    }
    Ok(url)
}
