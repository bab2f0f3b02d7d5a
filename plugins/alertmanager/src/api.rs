//! What Alertmanager's API takes and gives, and the requests.

use wardroom_plugin_sdk::prelude::*;

use crate::time;

const SILENCES: &str = "/api/v2/silences";
/// How much of a URL matchers may fill when they only narrow a search, in bytes.
const NARROWING: usize = 4_000;

/// A label and what it has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matcher {
    /// The label's name.
    #[schemars(length(min = 1, max = 128))]
    pub(crate) name: String,
    /// Its value; with `is_regex` a regular expression (RE2) that the whole value has to match.
    #[schemars(length(max = 512))]
    pub(crate) value: String,
    /// Whether the value is a regular expression. Default false.
    #[serde(default)]
    pub(crate) is_regex: bool,
    /// Whether it has to be so; false: it must not. Default true.
    #[serde(default = "yes")]
    pub(crate) is_equal: bool,
}

/// A silence.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Silence {
    /// Its id, which `expire` takes.
    id: String,
    /// `active`, `pending` (it begins later) or `expired`.
    state: String,
    /// The labels of the alerts that it silences.
    matchers: Vec<Matcher>,
    /// When it begins, as RFC 3339.
    starts_at: String,
    /// When it ends, or ended.
    ends_at: String,
    /// Who made it.
    created_by: String,
    /// Why.
    comment: String,
}

/// A silence, and whether the step changed it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Changed {
    /// The silence.
    #[serde(flatten)]
    pub(crate) silence: Silence,
    /// Whether this changed it.
    pub(crate) changed: bool,
}

/// A silence as the API gives it; also what is kept for an undo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Found {
    pub(crate) id: String,
    status: Status,
    matchers: Vec<Wire>,
    pub(crate) starts_at: String,
    pub(crate) ends_at: String,
    pub(crate) created_by: String,
    pub(crate) comment: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Status {
    state: String,
}

/// A matcher as the API writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    name: String,
    value: String,
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

/// A silence to be made.
pub(crate) struct New {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) starts_at: i64,
    pub(crate) ends_at: i64,
    pub(crate) created_by: String,
    pub(crate) comment: String,
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "silenceID")]
    id: String,
}

fn yes() -> bool {
    true
}

impl Matcher {
    /// As a filter writes it, such as `severity=~"warning|critical"`.
    pub(crate) fn text(&self) -> String {
        let operator = match (self.is_equal, self.is_regex) {
            (true, false) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (false, true) => "!~",
        };
        let quoted =
            |text: &str| format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n"));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
        let name = if self.name.bytes().all(plain) { self.name.clone() } else { quoted(&self.name) };
        format!("{name}{operator}{}", quoted(&self.value))
    }
}

/// Matchers as people read them.
pub(crate) fn words(matchers: &[Matcher]) -> String {
    matchers.iter().map(Matcher::text).collect::<Vec<_>>().join(", ")
}

impl Found {
    pub(crate) fn is_over(&self) -> bool {
        self.status.state == "expired"
    }

    pub(crate) fn matchers(&self) -> Vec<Matcher> {
        let matcher = |wire: &Wire| Matcher {
            name: wire.name.clone(),
            value: wire.value.clone(),
            is_regex: wire.is_regex,
            is_equal: wire.is_equal,
        };
        self.matchers.iter().map(matcher).collect()
    }

    pub(crate) fn silence(&self) -> Silence {
        Silence {
            id: self.id.clone(),
            state: self.status.state.clone(),
            matchers: self.matchers(),
            starts_at: self.starts_at.clone(),
            ends_at: self.ends_at.clone(),
            created_by: self.created_by.clone(),
            comment: self.comment.clone(),
        }
    }

    /// What a simulation shows.
    pub(crate) fn sample() -> Self {
        let matcher =
            Wire { name: "alertname".to_owned(), value: "Sample".to_owned(), is_regex: false, is_equal: true };
        Self {
            id: "00000000-0000-4000-8000-000000000000".to_owned(),
            status: Status { state: "active".to_owned() },
            matchers: vec![matcher],
            starts_at: time::text(0),
            ends_at: time::text(1_800_000),
            created_by: "wardroom".to_owned(),
            comment: "sample".to_owned(),
        }
    }

    /// The same, as it is once it has ended.
    pub(crate) fn ended(&self, at: i64) -> Self {
        Self { status: Status { state: "expired".to_owned() }, ends_at: time::text(at), ..self.clone() }
    }
}

impl New {
    /// Makes it. Alertmanager would make it again: whoever calls this has looked first.
    pub(crate) fn make(self) -> Result<Found, Failure> {
        let wire = |matcher: Matcher| Wire {
            name: matcher.name,
            value: matcher.value,
            is_regex: matcher.is_regex,
            is_equal: matcher.is_equal,
        };
        let matchers: Vec<Wire> = self.matchers.into_iter().map(wire).collect();
        let (starts_at, ends_at) = (time::text(self.starts_at), time::text(self.ends_at));
        let response = http::post(SILENCES)
            .json(&json!({
                "matchers": matchers,
                "startsAt": starts_at,
                "endsAt": ends_at,
                "createdBy": self.created_by,
                "comment": self.comment,
            }))
            .send()?;
        let made: Made = answered(response)?.json()?;
        let status = Status { state: "active".to_owned() };
        let (created_by, comment) = (self.created_by, self.comment);
        Ok(Found { id: made.id, status, matchers, starts_at, ends_at, created_by, comment })
    }
}

/// The silences that have all these matchers, as they are written. Expired ones stay listed for some days.
pub(crate) fn list(matchers: &[Matcher]) -> Result<Vec<Found>, Failure> {
    let request = matchers.iter().fold(http::get(SILENCES), |request, matcher| request.query("filter", matcher.text()));
    answered(request.send()?)?.json()
}

/// The silences that have at least the first of these matchers: all of them, unless a URL is too short for that. Those in
/// force come first.
pub(crate) fn like(matchers: &[Matcher]) -> Result<Vec<Found>, Failure> {
    let mut length = 0;
    let fits = |matcher: &&Matcher| {
        length += http::encode(&matcher.text()).len();
        length <= NARROWING
    };
    let narrowing: Vec<Matcher> = matchers.iter().take_while(fits).cloned().collect();
    let mut found = list(&narrowing)?;
    found.sort_by_key(Found::is_over);
    Ok(found)
}

/// The silence with these matchers that carries a marker, if there is one.
pub(crate) fn marked(matchers: &[Matcher], marker: &str) -> Result<Option<Found>, Failure> {
    Ok(like(matchers)?.into_iter().find(|silence| silence.comment.contains(marker)))
}

pub(crate) fn get(id: &str) -> Result<Found, Failure> {
    let response = http::get(&path(id)).send()?;
    if response.status() == 404 {
        let text = format!("There is no silence {id}: Alertmanager forgets one some days after its end.");
        return Err(Failure::new("not_found", text));
    }
    answered(response)?.json()
}

/// Ends a silence; one that has ended stays ended.
pub(crate) fn expire(id: &str) -> Result<(), Failure> {
    let response = http::delete(&path(id)).send()?;
    // One that has been forgotten is over; before 0.26 that was a 500.
    let forgotten = match response.status() {
        404 => true,
        500 => reason(&response) == "silence not found",
        _ => false,
    };
    if !forgotten {
        answered(response)?;
    }
    Ok(())
}

fn path(id: &str) -> String {
    format!("/api/v2/silence/{}", http::encode(id))
}

/// Tells what Alertmanager says when it refuses something.
fn answered(response: http::Response) -> Result<http::Response, Failure> {
    if matches!(response.status(), 400 | 422) {
        return Err(Failure::new(
            "refused",
            format!("Alertmanager refuses: {}.", reason(&response).trim_end_matches('.')),
        ));
    }
    response.check()
}

/// Why: a text of Alertmanager's own, of the framework that checks its input, or of somebody in front of it.
fn reason(response: &http::Response) -> String {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    match body.as_str().or_else(|| body["message"].as_str()) {
        Some(reason) => reason.to_owned(),
        None => String::from_utf8_lossy(response.body()).chars().take(200).collect(),
    }
}

/// What a comment carries, so that a silence is found again by the step that made it.
pub(crate) fn marker(call: &Call) -> String {
    format!("[wardroom {}]", call.idempotency_key.chars().take(32).collect::<String>())
}
