//! Cassettes: calls of a plugin's actions with what third parties answered, and what has to come of them. A plugin is tested
//! against one in the real runtime, without a network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::connection::{Auth, Grant, Tls};

/// The most cases of a cassette, and exchanges of a case.
const MOST: usize = 500;

/// A cassette.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cassette {
    /// The account that the calls go through; none: the plugin needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Account>,
    /// The calls, in their order: what one leaves in the plugin's state the next one finds.
    pub cases: Vec<Case>,
}

/// An account at a third party: what a connection has that matters to a call. Secrets by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Where it is.
    pub base_url: String,
    /// How requests are authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Whom the host believes over TLS, and who it says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Options, after the plugin's connection schema.
    #[serde(default = "empty")]
    pub config: Value,
    /// What is allowed beyond `base_url`'s own host.
    #[serde(default)]
    pub grant: Grant,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The action.
    pub action: String,
    /// `run`, `undo` or `check`. Default `run`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub function: CaseFunction,
    /// Whether requests that change something are recorded instead of sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dry_run: bool,
    /// The step's input.
    #[serde(default = "empty")]
    pub input: Value,
    /// The try, from 1.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub attempt: u32,
    /// The step's idempotency key; the same one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// What an earlier `pending` left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// What the outcome left for undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_data: Option<Value>,
    /// What is asked and answered, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// What has to come of it: `{"done": {"output"…}}`, `{"pending": {…}}`, `{"failed": {"code"…}}`, `{"simulated": {…}}`,
    /// `{"applied": {…}}`, `"absent"` or `"unknown"`. Of an object only the fields that are there are compared. Null: not
    /// recorded yet.
    #[serde(default)]
    pub outcome: Value,
}

/// Which export is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseFunction {
    /// An attempt.
    #[default]
    Run,
    /// Takes a finished action back.
    Undo,
    /// Looks whether a lost attempt happened.
    Check,
}

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What has to be asked.
    pub request: Asked,
    /// What is answered.
    pub response: Answered,
}

/// A request. Secrets stand as `{{secret:NAME}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers that have to be there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: JSON where it is, else a text. Null without one.
    #[serde(default)]
    pub body: Value,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: a text as it is, anything else as JSON. Null: empty.
    #[serde(default)]
    pub body: Value,
}

fn empty() -> Value {
    Value::Object(Map::new())
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_first(attempt: &u32) -> bool {
    *attempt == 1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Cassette {
    /// Reads a cassette; says where it is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let cassette: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if cassette.cases.is_empty() || cassette.cases.len() > MOST {
            return Err(format!("`cases`: 1 to {MOST} are wanted"));
        }
        match cassette.cases.iter().find(|case| case.exchanges.len() > MOST) {
            Some(case) => Err(format!("case {:?} has more than {MOST} exchanges", case.name)),
            None => Ok(cassette),
        }
    }
}

impl Case {
    /// A first try of an action.
    pub fn of(action: &str, input: Value) -> Self {
        Self {
            name: action.to_owned(),
            action: action.to_owned(),
            function: CaseFunction::Run,
            dry_run: false,
            input,
            attempt: 1,
            idempotency_key: None,
            resume: None,
            undo_data: None,
            exchanges: Vec::new(),
            outcome: Value::Null,
        }
    }
}

impl Exchange {
    /// What was asked (`{"method", "url", "headers", "body"}`, secrets as names) and what was answered.
    pub fn of(request: &Value, status: u16, headers: &[(String, Vec<u8>)], body: &[u8]) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let sent = request["headers"].as_array().into_iter().flatten();
        let sent = sent.map(|header| (text(&header[0]), text(&header[1]))).collect();
        let request = Asked {
            method: text(&request["method"]),
            url: text(&request["url"]),
            headers: sent,
            body: request["body"].clone(),
        };
        let body = String::from_utf8_lossy(body).into_owned();
        let body = match serde_json::from_str::<Value>(&body) {
            Ok(value) if !value.is_string() && !value.is_null() => value,
            _ if body.is_empty() => Value::Null,
            _ => Value::String(body),
        };
        // Of an answer's headers plugins read few; the date of the recording would only make noise.
        let kept = ["content-type", "etag", "location", "retry-after"];
        let headers = headers.iter().filter(|(name, _)| kept.contains(&name.as_str()));
        let headers =
            headers.map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned())).collect();
        Self { request, response: Answered { status, headers, body } }
    }
}

impl Asked {
    /// How a request differs from this one, in words; none: it does not. `request` is `{"method", "url", "headers", "body"}`.
    pub fn differs(&self, request: &Value) -> Option<String> {
        let told = |what: &str, wanted: &Value, is: &Value| Some(format!("{what}: {wanted} is wanted, not {is}"));
        for (what, wanted) in [("method", &self.method), ("url", &self.url)] {
            if request[what] != wanted.as_str() {
                return told(what, &Value::from(wanted.as_str()), &request[what]);
            }
        }
        if request["body"] != self.body {
            return told("body", &self.body, &request["body"]);
        }
        let sent = request["headers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let missing = self.headers.iter().find(|(name, value)| {
            !sent.iter().any(|header| {
                header[0].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name)) && header[1] == value.as_str()
            })
        });
        missing.map(|(name, value)| format!("the header {name}: {value} is not there"))
    }
}

/// How an outcome differs from what is wanted, in words. Of an object only what is wanted is looked at.
pub fn outcome_differs(wanted: &Value, is: &Value) -> Option<String> {
    let (Value::Object(wanted), Value::Object(known)) = (wanted, is) else {
        return (wanted != is).then(|| format!("outcome: {wanted} is wanted, not {is}"));
    };
    for (kind, fields) in wanted {
        let Some(found) = known.get(kind) else { return Some(format!("outcome: {kind} is wanted, not {is}")) };
        for (field, value) in fields.as_object().into_iter().flatten() {
            let found = found.get(field).unwrap_or(&Value::Null);
            if found != value {
                return Some(format!("outcome: {kind}.{field}: {value} is wanted, not {found}"));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_compared_part_by_part() {
        let asked: Asked = serde_json::from_value(json!({
            "method": "POST", "url": "https://a.example/x", "headers": { "If-Match": "1" }, "body": { "a": 1 },
        }))
        .expect("a request");
        let request = |url: &str, body: Value, header: &str| json!({ "method": "POST", "url": url, "headers": [["if-match", header], ["accept", "x"]], "body": body });
        assert_eq!(asked.differs(&request("https://a.example/x", json!({ "a": 1 }), "1")), None);
        for (request, wanted) in [
            (request("https://a.example/y", json!({ "a": 1 }), "1"), "url: \"https://a.example/x\" is wanted, not"),
            (request("https://a.example/x", json!({ "a": 2 }), "1"), "body: {\"a\":1} is wanted, not {\"a\":2}"),
            (request("https://a.example/x", json!({ "a": 1 }), "2"), "the header If-Match: 1 is not there"),
        ] {
            let told = asked.differs(&request).expect("differs");
            assert!(told.starts_with(wanted), "{told}");
        }
    }

    #[test]
    fn of_an_outcome_only_what_is_wanted_is_looked_at() {
        let is = json!({ "done": { "output": { "a": 1 }, "summary": "did it" } });
        assert_eq!(outcome_differs(&json!({ "done": { "output": { "a": 1 } } }), &is), None);
        assert_eq!(outcome_differs(&json!("absent"), &json!("absent")), None);
        for (wanted, told) in [
            (json!({ "done": { "output": { "a": 2 } } }), "outcome: done.output: {\"a\":2} is wanted, not {\"a\":1}"),
            (json!({ "failed": { "code": "x" } }), "outcome: failed is wanted, not"),
            (json!("unknown"), "outcome: \"unknown\" is wanted, not"),
        ] {
            assert!(outcome_differs(&wanted, &is).expect("differs").starts_with(told), "{told}");
        }
    }

    #[test]
    fn a_cassette_says_where_it_is_wrong() {
        for (text, wanted) in [
            ("{", "EOF"),
            (r#"{"cases": []}"#, "1 to 500 are wanted"),
            (r#"{"cases": [{"name": "a", "action": "b", "colour": 1}]}"#, "unknown field `colour`"),
        ] {
            let told = Cassette::parse(text).expect_err(text);
            assert!(told.contains(wanted), "{told}");
        }
    }
}
