//! `wardroom plugin test` and `plugin run`: a component's actions in the real runtime, without a server; the network is what a
//! cassette recorded, or the real one.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use secrecy::SecretString;
use serde_json::{Value, json};

use super::Failed;
use wardroom_base::clock::SystemClock;
use wardroom_domain::{
    cassette::{Account, Case, CaseFunction, Cassette, Exchange, outcome_differs},
    connection::Connection,
    grant::PluginGrant,
    limits::CallLimits,
    run::Mode,
    time::Timestamp,
};
use wardroom_runtime::{
    Allowance, Called, Function, Inspection, Invocation, Options, Overlay, PluginHost,
    limits::Limits,
    ports::{StatePort, SystemResolver, Tape},
    recording,
};

pub(super) mod collect;
mod memory;
mod tape;

use memory::Memory;
use tape::{CANARY, Reel, Secrets};

/// What stands where a secret stood.
const MASK: &str = "***";
/// How long a call may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What became of a case.
pub(super) struct Played {
    /// The outcome, as a cassette writes it.
    pub(super) outcome: Value,
    /// What was asked and answered.
    pub(super) exchanges: Vec<Exchange>,
    /// The log's lines.
    pub(super) log: Vec<String>,
    /// What is not as the cassette wants it.
    pub(super) faults: Vec<String>,
}

/// A component in the runtime, beside a tape.
pub(super) struct Bench {
    host: PluginHost,
    found: Inspection,
    tape: Arc<Reel>,
    state: Arc<Memory>,
}

impl Bench {
    /// Loads a component. Without `secrets` the tape stands in for the network, and every secret is a canary.
    pub(super) async fn new(component: &Path, secrets: Option<BTreeMap<String, SecretString>>) -> Result<Self, Failed> {
        let bytes = std::fs::read(component).map_err(|error| Failed(format!("{}: {error}", component.display())))?;
        let (tape, state) = (Arc::new(Reel::new(secrets.is_none())), Arc::new(Memory::default()));
        let host = PluginHost::new(Options {
            cache: None,
            limits: Limits { calls: 1, ..Limits::default() },
            large: Limits { calls: 1, ..Limits::large() },
            secrets: Arc::new(Secrets(secrets)),
            state: Arc::clone(&state) as Arc<dyn StatePort>,
            resolver: Arc::new(SystemResolver),
            operator_hosts: None,
            proxy: None,
            clock: Arc::new(SystemClock),
            tape: Some(Arc::clone(&tape) as Arc<dyn Tape>),
        })?;
        let found = host.inspect(&bytes).await.map_err(|error| Failed(format!("{}: {error}", component.display())))?;
        Ok(Self { host, found, tape, state })
    }

    /// Plays a case. What the cassette wants is compared when the tape stands in for the network.
    pub(super) async fn play(&self, account: Option<&Account>, case: &Case) -> Result<Played, Failed> {
        let manifest = &self.found.manifest;
        let Some(action) = manifest.action(&case.action) else {
            let known: Vec<&str> = manifest.actions.iter().map(|action| action.name.as_str()).collect();
            let text = format!("{:?} is no action of {}: it has {}", case.action, manifest.name, known.join(", "));
            return Err(Failed(text));
        };
        let valid = action.input.validator().map_err(|error| Failed(format!("the input schema: {error}")))?;
        if let Err(error) = valid.validate(&case.input) {
            return Err(Failed(format!("{}: input{}: {error}", case.name, error.instance_path())));
        }
        self.tape.load(&case.exchanges);
        let called = self.host.invoke(self.invocation(account, case)).await;
        let (exchanges, mut faults) = self.tape.unload();
        let log = called.trace.log.iter().map(|line| format!("{}: {}", line.level, line.message)).collect();
        let outcome = recording::outcome(&called.result);
        if self.tape.stands_in() {
            faults.extend(outcome_differs(&case.outcome, &outcome));
            faults.extend(self.leaks(case, &called, &outcome));
        }
        Ok(Played { outcome, exchanges, log, faults })
    }

    fn invocation(&self, account: Option<&Account>, case: &Case) -> Invocation {
        let connection = account.map(|account| Connection {
            name: "cassette".to_owned(),
            plugin: self.found.manifest.name.clone(),
            base_url: account.base_url.clone(),
            auth: account.auth.clone(),
            tls: account.tls.clone(),
            config: account.config.clone(),
            grant: account.grant.clone(),
            real_in_drills: false,
            record: false,
            limits: CallLimits::default(),
            revision: 1,
            updated_at: Timestamp::default(),
        });
        Invocation {
            digest: self.found.digest.clone(),
            function: match case.function {
                CaseFunction::Run => Function::Run,
                CaseFunction::Undo => Function::Undo,
                CaseFunction::Check => Function::Check,
            },
            manifest: Arc::new(self.found.manifest.clone()),
            given: Arc::new(PluginGrant { asks: self.found.manifest.asks() }),
            limits: Allowance::default(),
            action: case.action.clone(),
            input: case.input.clone(),
            run: uuid::Uuid::nil().to_string(),
            step: "step".to_owned(),
            item: None,
            attempt: case.attempt,
            incident: None,
            snapshot: None,
            connection: connection.map(Arc::new),
            idempotency_key: case.idempotency_key.clone().unwrap_or_else(|| "ab".repeat(32)),
            mode: Mode::of(false, case.dry_run),
            resume: case.resume.as_ref().map(|resume| resume.clone().into_bytes()),
            undo_data: case.undo_data.clone(),
            callback_url: None,
            deadline: PATIENCE,
            lease: None,
            overlay: Overlay::default(),
        }
    }

    /// Where a secret came to although nobody may see it there. The runtime masks it, which is what is looked for.
    fn leaks(&self, case: &Case, called: &Called, outcome: &Value) -> Vec<String> {
        // What a third party wrote may say it too.
        if json!(case).to_string().contains(MASK) {
            return Vec::new();
        }
        let places = [
            ("the outcome", outcome.to_string()),
            ("the log", json!(called.trace.log).to_string()),
            ("the state", self.state.text()),
        ];
        let leaking = places.into_iter().filter(|(_, text)| text.contains(MASK) || text.contains(CANARY));
        leaking.map(|(place, _)| format!("a secret reached {place}")).collect()
    }
}

/// Reads a cassette.
pub(super) fn read(path: &Path) -> Result<Cassette, Failed> {
    let text = std::fs::read_to_string(path).map_err(|error| Failed(format!("{}: {error}", path.display())))?;
    Cassette::parse(&text).map_err(|error| Failed(format!("{}: {error}", path.display())))
}
