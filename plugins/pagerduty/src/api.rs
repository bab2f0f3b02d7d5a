//! What PagerDuty's REST API takes and gives, and the requests.

use wardroom_plugin_sdk::prelude::*;

use crate::Config;

const INCIDENTS: &str = "/incidents";
/// The version of the API.
const VERSION: &str = "application/vnd.pagerduty+json;version=2";
/// How long to wait when PagerDuty does not say it: it counts by the minute.
const WINDOW_MS: u64 = 60_000;
/// The longest label of an artifact, in characters.
const LABEL: usize = 200;

/// An incident of PagerDuty.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Seen {
    /// The incident's id, which `escalate` takes.
    id: String,
    /// Its number.
    number: u64,
    /// Its title.
    title: String,
    /// Its status: `triggered`, `acknowledged` or `resolved`.
    status: String,
    /// What `acknowledge` and `resolve` find it by; null when it is not known.
    dedup_key: Option<String>,
    /// A link to it.
    url: String,
    /// Whether this changed it.
    changed: bool,
}

/// An incident as the API gives it; also what is kept between two calls.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Incident {
    pub(crate) id: String,
    #[serde(rename = "incident_number")]
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) status: String,
    /// Absent when the incident has alerts: they have the key then.
    #[serde(rename = "incident_key")]
    dedup_key: Option<String>,
    html_url: String,
}

/// A status that an action took away, and the one that took its place.
#[derive(Serialize, Deserialize)]
pub(crate) struct Taken {
    id: String,
    before: String,
    after: String,
}

#[derive(Deserialize)]
struct One {
    incident: Incident,
}

#[derive(Deserialize)]
struct List {
    incidents: Vec<Incident>,
}

/// The API, as the connection's user.
pub(crate) struct Api {
    config: Config,
}

impl Incident {
    pub(crate) fn is_resolved(&self) -> bool {
        self.status == "resolved"
    }

    /// What people read.
    pub(crate) fn name(&self) -> String {
        format!("#{} {:?}", self.number, self.title.chars().take(LABEL).collect::<String>())
    }

    /// The outcome of an action.
    pub(crate) fn done(&self, dedup_key: Option<&str>, changed: bool, summary: impl Into<String>) -> Done<Seen> {
        let label: String = format!("PagerDuty #{}: {}", self.number, self.title).chars().take(LABEL).collect();
        let seen = Seen {
            id: self.id.clone(),
            number: self.number,
            title: self.title.clone(),
            status: self.status.clone(),
            dedup_key: dedup_key.map(str::to_owned).or_else(|| self.dedup_key.clone()),
            url: self.html_url.clone(),
            changed,
        };
        Done::new(seen, summary).artifact("link", label, &self.html_url)
    }
}

impl Seen {
    /// What a simulation shows.
    pub(crate) fn sample(status: &str) -> Self {
        Self {
            id: "PT4KHLK".to_owned(),
            number: 1,
            title: "Sample".to_owned(),
            status: status.to_owned(),
            dedup_key: Some("sample".to_owned()),
            url: "https://example.pagerduty.com/incidents/PT4KHLK".to_owned(),
            changed: true,
        }
    }
}

impl Taken {
    pub(crate) fn new(before: &Incident, after: &str) -> Self {
        Self { id: before.id.clone(), before: before.status.clone(), after: after.to_owned() }
    }

    /// Gives the earlier status back, unless somebody gave another one since.
    pub(crate) fn restore(call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = call.undo_data.clone() else {
            return done(json!({}), "nothing had been changed at PagerDuty");
        };
        let Self { id, before, after } = kept(serde_json::from_value(undo))?;
        let api = Api::of(call)?;
        let found = api.get(&id)?;
        if found.status == before {
            return done(json!({}), format!("{} is {before} again", found.name()));
        }
        if found.status != after {
            let text = format!("Somebody made the incident {} meanwhile: look at it first.", found.status);
            return Err(Failure::new("changed_meanwhile", text));
        }
        api.change(&id, &json!({ "status": before }))?;
        done(json!({}), format!("{} is {before} again", found.name()))
    }
}

/// What an earlier call or the outcome kept.
pub(crate) fn kept<T>(what: Result<T, serde_json::Error>) -> Result<T, Failure> {
    what.map_err(|error| Failure::new("undo_data", format!("What was kept of the incident cannot be read: {error}.")))
}

impl Api {
    pub(crate) fn of(call: &Call) -> Result<Self, Failure> {
        Ok(Self { config: call.config()? })
    }

    /// The service that a step names, or the connection's.
    pub(crate) fn service<'a>(&'a self, named: Option<&'a String>) -> Result<&'a str, Failure> {
        let text = "The step names no service, and the connection's config has none either.";
        named.or(self.config.service.as_ref()).map(String::as_str).ok_or_else(|| Failure::new("no_service", text))
    }

    fn send(&self, request: http::Request) -> Result<http::Response, Failure> {
        request.header("accept", VERSION).header("from", &self.config.from).send()
    }

    pub(crate) fn get(&self, id: &str) -> Result<Incident, Failure> {
        let one: One = answered(self.send(http::get(&path(id)))?)?.json()?;
        Ok(one.incident)
    }

    /// The incident of a service with this key: the open one, otherwise the latest.
    pub(crate) fn find(&self, service: &str, dedup_key: &str) -> Result<Option<Incident>, Failure> {
        let request = http::get(INCIDENTS)
            .query("incident_key", dedup_key)
            .query("service_ids[]", service)
            .query("date_range", "all")
            .query("sort_by", "created_at:desc")
            .query("limit", 25);
        let List { mut incidents } = answered(self.send(request)?)?.json()?;
        incidents.sort_by_key(|incident| (incident.is_resolved(), std::cmp::Reverse(incident.number)));
        Ok(incidents.into_iter().next())
    }

    /// Opens an incident; none when PagerDuty refuses it because one with its key is open.
    pub(crate) fn open(&self, incident: &Value) -> Result<Option<Incident>, Failure> {
        let response = self.send(http::post(INCIDENTS).json(&json!({ "incident": incident })))?;
        if response.status() == 400 && reason(&response).contains("matching dedup key already exists") {
            return Ok(None);
        }
        let one: One = answered(response)?.json()?;
        Ok(Some(one.incident))
    }

    /// Changes an incident.
    pub(crate) fn change(&self, id: &str, change: &Value) -> Result<Incident, Failure> {
        let mut incident = change.clone();
        incident["type"] = json!("incident_reference");
        let response = self.send(http::put(&path(id)).json(&json!({ "incident": incident })))?;
        let one: One = answered(response)?.json()?;
        Ok(one.incident)
    }
}

fn path(id: &str) -> String {
    format!("{INCIDENTS}/{}", http::encode(id))
}

/// Tells what PagerDuty says when it does not do something.
fn answered(response: http::Response) -> Result<http::Response, Failure> {
    let failure = match response.status() {
        400 | 402 | 422 => {
            Failure::new("refused", format!("PagerDuty refuses: {}.", reason(&response).trim_end_matches('.')))
        }
        401 | 403 => Failure::new(
            "unauthorized",
            "PagerDuty does not take the API key: the secret is `Token token=` and a key that may write; compare `from`, too.",
        ),
        404 => Failure::new("not_found", "PagerDuty knows no such incident: compare the id."),
        429 => {
            let seconds = ["retry-after", "ratelimit-reset"].iter().find_map(|name| response.header(name));
            let seconds = seconds.and_then(|seconds| seconds.trim().parse::<u64>().ok());
            let delay = seconds.map_or(WINDOW_MS, |seconds| seconds.saturating_mul(1_000));
            Failure::new("rate_limited", "PagerDuty is asked too often with this API key.").retry(Retry::AfterMs(delay))
        }
        _ => return response.check(),
    };
    Err(failure)
}

/// Why: the error's message, and what it lists.
fn reason(response: &http::Response) -> String {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let error = &body["error"];
    let Some(message) = error["message"].as_str() else {
        return String::from_utf8_lossy(response.body()).chars().take(200).collect();
    };
    let listed = error["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    std::iter::once(message).chain(listed).collect::<Vec<_>>().join(": ")
}
