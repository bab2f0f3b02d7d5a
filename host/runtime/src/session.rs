//! What a call may do: the connection, the grant and the plugin's manifest, as they were when it began.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use secrecy::SecretString;
use wardroom_base::clock::monotonic_now;
use wardroom_domain::grant::{Ask, GrantSubject, Missing, request_id};

use crate::{
    error::{PluginError, PluginErrorKind},
    host::Shared,
    invocation::{Denial, Invocation},
    limits,
    quota::{Account, UsedUp, What},
    redact::Redactor,
    stop::Stop,
};

/// What a call is judged by.
pub(crate) struct Session {
    pub(crate) invocation: Invocation,
    pub(crate) shared: Arc<Shared>,
    pub(crate) deadline: Instant,
    /// The secret that the connection's `auth` names.
    pub(crate) auth: Option<SecretString>,
    /// The key of the connection's client certificate. It never leaves the host, and no guest is given it.
    pub(crate) tls_key: Option<SecretString>,
    /// Granted secrets that are set, by the plugin's word for each.
    pub(crate) secrets: BTreeMap<String, SecretString>,
    pub(crate) redactor: Redactor,
    /// Whose quotas it uses.
    pub(crate) account: Account,
    /// Grants that were missing, in order, each once.
    denied: Mutex<Vec<Denial>>,
}

impl Session {
    /// Reads the secrets the call may need.
    pub(crate) async fn open(
        invocation: Invocation,
        account: Account,
        shared: Arc<Shared>,
        deadline: Instant,
    ) -> Result<Self, PluginError> {
        let failed =
            |message: String| PluginError { kind: PluginErrorKind::SecretMissing, message, sent_unsafe: false };
        let (mut auth, mut tls_key) = (None, None);
        let mut secrets = BTreeMap::new();
        if let Some(connection) = &invocation.connection {
            let needed = async |name: &str| {
                let found = shared.secrets.resolve(name).await.map_err(|error| failed(error.to_string()))?;
                let missing =
                    || failed(format!("secret {name}, which connection {} needs, is not set", connection.name));
                found.ok_or_else(missing)
            };
            if let Some(wanted) = &connection.auth {
                auth = Some(needed(wanted.secret()).await?);
            }
            if let Some(client) = connection.tls.as_ref().and_then(|tls| tls.client.as_ref()) {
                tls_key = Some(needed(&client.key).await?);
            }
            let given = |word: &str| invocation.given.holds(&Ask::Secret(word.to_owned()));
            for (word, name) in connection.grant.secrets.iter().filter(|(word, _)| given(word)) {
                let found = shared.secrets.resolve(name).await.map_err(|error| failed(error.to_string()))?;
                found.and_then(|secret| secrets.insert(word.clone(), secret));
            }
        }
        let redactor = Redactor::new(secrets.values().chain(&auth).chain(&tls_key));
        Ok(Self { invocation, shared, deadline, auth, tls_key, secrets, redactor, account, denied: Mutex::default() })
    }

    /// Notes a missing grant; gives the sentence for whoever reads the failure.
    pub(crate) fn deny(&self, missing: Missing) -> String {
        let plugin = self.invocation.manifest.name.clone();
        let connection = self.invocation.connection.as_ref().map(|connection| connection.name.clone());
        let connection = connection.unwrap_or_default();
        let text = missing.to_string();
        let place = match &missing {
            Missing::Network(_) => "grant.networks",
            Missing::Host(_) => "grant.hosts",
            Missing::Secret(_) => "grant.secrets",
            Missing::Ask(_) => "",
        };
        let also = if place.is_empty() { String::new() } else { format!(", or in `{place}` of the connection") };
        let subject = GrantSubject::Denial { connection, missing };
        let id = request_id(&plugin, &subject);
        let text =
            format!("Not granted: {text}. An administrator can allow it with `wardroom grant approve {id}`{also}.");
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        if denied.len() < limits::DENIALS && denied.iter().all(|known| known.id != id) {
            denied.push(Denial { id, text: text.clone(), subject });
        }
        text
    }

    /// The grants that were missing.
    pub(crate) fn denied(&self) -> Vec<Denial> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether unsafe requests are recorded instead of sent. Looking (`check`) may only read.
    pub(crate) fn simulates(&self) -> bool {
        self.invocation.function == crate::Function::Check || simulates(&self.invocation)
    }

    /// Whether more may go over the network.
    pub(crate) fn check_bytes(&self) -> Result<(), UsedUp> {
        self.shared.quotas.check(&self.account, What::Bytes)
    }

    /// Counts what went over the network.
    pub(crate) fn spend_bytes(&self, bytes: usize) {
        self.shared.quotas.spend(&self.account, What::Bytes, bytes as u64);
    }

    /// What is left of the deadline.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(monotonic_now())
    }

    /// Whether this host may still send for the run.
    pub(crate) fn check_lease(&self) -> Result<(), Stop> {
        let lost = self
            .invocation
            .lease
            .as_ref()
            .is_some_and(|lease| lease.borrow().is_none_or(|until| until <= monotonic_now()));
        if lost { Err(Stop::LeaseLost) } else { Ok(()) }
    }
}

/// Whether a call's unsafe requests are recorded instead of sent, because its run is a simulation.
pub(crate) fn simulates(invocation: &Invocation) -> bool {
    invocation.mode.records(real_in_drills(invocation))
}

pub(crate) fn real_in_drills(invocation: &Invocation) -> bool {
    invocation.connection.as_ref().is_some_and(|connection| connection.real_in_drills)
}
