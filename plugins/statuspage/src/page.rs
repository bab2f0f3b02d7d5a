//! The page: what Statuspage's API takes and gives, and the requests.

use wardroom_plugin_sdk::prelude::*;

use crate::Config;

/// A token may ask once a second, counted over 60 of them.
const WINDOW_MS: u64 = 60_000;
/// The longest label of an artifact, in characters.
const LABEL: usize = 200;

/// An incident as the page shows it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Published {
    /// The incident's id, which `update` and `resolve` take.
    id: String,
    /// Its name.
    name: String,
    /// Its status, such as `investigating` or `resolved`.
    status: String,
    /// Its impact: `none`, `minor`, `major`, `critical` or `maintenance`.
    impact: Option<String>,
    /// A short link to it.
    shortlink: Option<String>,
    /// Whether this changed it.
    changed: bool,
}

/// An incident as the API gives it.
#[derive(Deserialize)]
pub(crate) struct Incident {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: String,
    impact: Option<String>,
    shortlink: Option<String>,
    /// An object of objects, for whoever uses the API.
    #[serde(default)]
    metadata: Value,
}

/// What an update changes.
pub(crate) struct Change<'a> {
    /// The status from now on.
    pub(crate) status: &'a str,
    /// What people read.
    pub(crate) body: &'a str,
    /// Whether subscribers are told.
    pub(crate) notify: bool,
    /// What the change is found again by.
    pub(crate) key: &'a str,
}

/// The connection's page.
pub(crate) struct Page {
    path: String,
}

impl Incident {
    pub(crate) fn is_resolved(&self) -> bool {
        self.status == "resolved"
    }

    /// Whether it was made under this key.
    fn is_made_by(&self, key: &str) -> bool {
        self.metadata["wardroom"]["key"].as_str() == Some(key)
    }

    /// The status before the change that was made under this key, if it was made.
    pub(crate) fn before(&self, key: &str) -> Option<&str> {
        self.metadata["wardroom"]["changes"][key].as_str()
    }

    /// Its metadata with a note of a change under this key: what others keep there stays.
    fn noting(&self, key: &str) -> Value {
        let mut metadata = if self.metadata.is_object() { self.metadata.clone() } else { json!({}) };
        for path in [&["wardroom"] as &[&str], &["wardroom", "changes"]] {
            let place = path.iter().fold(&mut metadata, |value, name| &mut value[*name]);
            if !place.is_object() {
                *place = json!({});
            }
        }
        metadata["wardroom"]["changes"][key] = json!(self.status);
        metadata
    }

    /// The outcome of an action.
    pub(crate) fn done(&self, changed: bool, summary: impl Into<String>) -> Done<Published> {
        let published = Published {
            id: self.id.clone(),
            name: self.name.clone(),
            status: self.status.clone(),
            impact: self.impact.clone(),
            shortlink: self.shortlink.clone(),
            changed,
        };
        let done = Done::new(published, summary);
        match &self.shortlink {
            Some(link) => done.artifact("link", self.name.chars().take(LABEL).collect::<String>(), link),
            None => done,
        }
    }
}

impl Published {
    /// What a simulation shows.
    pub(crate) fn sample(status: &str) -> Self {
        Self {
            id: "p31zjtct2jer".to_owned(),
            name: "Sample".to_owned(),
            status: status.to_owned(),
            impact: Some("minor".to_owned()),
            shortlink: Some("https://stspg.io/sample".to_owned()),
            changed: true,
        }
    }
}

impl Page {
    pub(crate) fn of(call: &Call) -> Result<Self, Failure> {
        let config: Config = call.config()?;
        Ok(Self { path: format!("/v1/pages/{}/incidents", http::encode(&config.page_id)) })
    }

    fn incident(&self, id: &str) -> String {
        format!("{}/{}", self.path, http::encode(id))
    }

    pub(crate) fn get(&self, id: &str) -> Result<Incident, Failure> {
        answered(http::get(&self.incident(id)).send()?)?.json()
    }

    /// The incident that was made under this key: among the unresolved, then among the latest, as it may be resolved by now.
    pub(crate) fn made_by(&self, key: &str) -> Result<Option<Incident>, Failure> {
        for request in [http::get(&format!("{}/unresolved", self.path)), http::get(&self.path).query("limit", 100)] {
            let incidents: Vec<Incident> = answered(request.send()?)?.json()?;
            if let Some(found) = incidents.into_iter().find(|incident| incident.is_made_by(key)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Publishes an incident. Statuspage would publish it again: whoever calls this has looked first.
    pub(crate) fn create(&self, mut incident: Value, key: &str) -> Result<Incident, Failure> {
        incident["metadata"] = json!({ "wardroom": { "key": key } });
        answered(http::post(&self.path).json(&json!({ "incident": incident })).send()?)?.json()
    }

    /// Posts an update, and notes in the same request that it was posted.
    pub(crate) fn change(&self, found: &Incident, change: &Change) -> Result<Incident, Failure> {
        let incident = json!({
            "status": change.status,
            "body": change.body,
            "deliver_notifications": change.notify,
            "metadata": found.noting(change.key),
        });
        let request = http::request("PATCH", &self.incident(&found.id)).json(&json!({ "incident": incident }));
        answered(request.send()?)?.json()
    }
}

/// Tells what Statuspage says when it does not do something.
fn answered(response: http::Response) -> Result<http::Response, Failure> {
    let failure = match response.status() {
        400 | 422 => {
            Failure::new("refused", format!("Statuspage refuses: {}.", reason(&response).trim_end_matches('.')))
        }
        401 | 403 => Failure::new(
            "unauthorized",
            "Statuspage does not take the API key: the secret is the word OAuth, a space and a key that may use this page.",
        ),
        404 => Failure::new("not_found", "Statuspage knows no such incident or page: compare the id and `page_id`."),
        420 | 429 => {
            let seconds = response.header("retry-after").and_then(|seconds| seconds.trim().parse::<u64>().ok());
            let delay = seconds.map_or(WINDOW_MS, |seconds| seconds.saturating_mul(1_000));
            Failure::new("rate_limited", "Statuspage is asked too often with this API key: once a second is allowed.")
                .retry(Retry::AfterMs(delay))
        }
        _ => return response.check(),
    };
    Err(failure)
}

/// Why: `message` as the documentation has it, or `error`, a text or a list of them.
fn reason(response: &http::Response) -> String {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let texts = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    };
    let excerpt = || String::from_utf8_lossy(response.body()).chars().take(200).collect();
    texts(&body["message"]).or_else(|| texts(&body["error"])).unwrap_or_else(excerpt)
}
