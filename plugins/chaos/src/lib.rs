//! Injects a fault and ends it again, to practise on. Which faults there are the administrator says in the connection: each is
//! a request that begins it and one that ends it, at whatever service the connection leads to. A workflow that injects has to
//! end in its `finally`: the host takes no other.

use std::collections::BTreeMap;

use wardroom_plugin_sdk::prelude::*;

/// The methods of requests that change something.
const METHODS: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The faults that may be injected, by name.
    #[schemars(length(min = 1, max = 64))]
    faults: BTreeMap<String, Fault>,
}

/// A fault: how it begins and how it ends. Both say what is so afterwards ("the flag is off"), not what changes ("one more"),
/// because after a crash each may be sent again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fault {
    /// What people read on the timeline.
    #[schemars(length(min = 1, max = 200))]
    description: String,
    /// Begins it.
    begin: Request,
    /// Ends it.
    end: Request,
}

/// A request at the connection's service.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Request {
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    #[schemars(regex(pattern = "^(POST|PUT|PATCH|DELETE)$"))]
    method: String,
    /// The path below the connection's `base_url`.
    #[schemars(length(min = 1, max = 1_000), regex(pattern = "^/"))]
    path: String,
    /// What is sent, as JSON.
    body: Option<Value>,
}

/// Begins a fault.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Inject {
    /// The fault's name in the connection.
    #[schemars(length(min = 1, max = 64))]
    fault: String,
}

/// Ends a fault; one that has not begun is fine.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct End {
    /// The fault's name in the connection.
    #[schemars(length(min = 1, max = 64))]
    fault: String,
}

/// A fault as it is now.
#[derive(Serialize, JsonSchema)]
struct State {
    /// Its name.
    fault: String,
    /// Whether it is there.
    injected: bool,
}

impl Config {
    fn fault(&self, name: &str) -> Result<&Fault, Failure> {
        self.faults.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.faults.keys().map(String::as_str).collect();
            let text = format!("The connection knows no fault {name:?}: it has {}.", known.join(", "));
            Failure::new("unknown_fault", text)
        })
    }
}

impl Request {
    fn send(&self) -> Result<(), Failure> {
        if !METHODS.contains(&self.method.as_str()) || !self.path.starts_with('/') {
            let text = "A fault's request has a method that changes something and a path of the connection's service.";
            return Err(Failure::new("invalid_config", text));
        }
        let request = http::request(&self.method, &self.path);
        let request = match &self.body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send()?.check().map(|_| ())
    }
}

/// Ends a fault.
fn ended(name: &str, call: &Call) -> Result<String, Failure> {
    let config: Config = call.config()?;
    let fault = config.fault(name)?;
    fault.end.send()?;
    Ok(format!("ended {name}: {}", fault.description))
}

impl Action for Inject {
    const NAME: &'static str = "inject";
    const DESCRIPTION: &'static str = "Begins a fault, which the same workflow ends in its `finally`.";
    const RISK: Risk = Risk::Destructive;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const ENDED_BY: Option<&'static str> = Some(End::NAME);
    type Output = State;

    fn run(self, call: &Call) -> Result<Reply<State>, Failure> {
        let config: Config = call.config()?;
        let fault = config.fault(&self.fault)?;
        fault.begin.send()?;
        let summary = format!("injected {}: {}", self.fault, fault.description);
        let undo = json!({ "fault": self.fault });
        Ok(Done::new(State { fault: self.fault, injected: true }, summary).undo(undo).into())
    }

    fn sample() -> Option<State> {
        Some(State { fault: "slow-database".to_owned(), injected: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        done(json!({}), ended(&self.fault, call)?)
    }
}

impl Action for End {
    const NAME: &'static str = "end";
    const DESCRIPTION: &'static str = "Ends a fault.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = State;

    fn run(self, call: &Call) -> Result<Reply<State>, Failure> {
        let summary = ended(&self.fault, call)?;
        done(State { fault: self.fault, injected: false }, summary)
    }

    fn sample() -> Option<State> {
        Some(State { fault: "slow-database".to_owned(), injected: false })
    }
}

struct Chaos;

impl Plugin for Chaos {
    fn describe() -> Description {
        Description::new("chaos", env!("CARGO_PKG_VERSION"), "Injects faults to practise on, and ends them again.")
            .connection::<Config>(&["basic", "bearer", "header", "query"])
            .action::<Inject>()
            .action::<End>()
    }
}

export_plugin!(Chaos);

#[cfg(test)]
mod tests {
    use wardroom_plugin_sdk::testing::{Ended, Host};

    use super::*;

    fn host() -> Host {
        let begin = json!({ "method": "POST", "path": "/flags/search/off" });
        let end = json!({ "method": "PUT", "path": "/flags/search", "body": { "on": true } });
        let fault = json!({ "description": "the search is off", "begin": begin, "end": end });
        Host::new()
            .config(json!({ "faults": { "no-search": fault } }))
            .answer("POST", "/flags/search/off", 200, json!({}))
            .answer("PUT", "/flags/search", 200, json!({}))
    }

    #[test]
    fn a_fault_begins_and_ends_by_the_connections_requests() {
        let ran = host().run::<Chaos>("inject", &json!({ "fault": "no-search" }));
        assert_eq!((&ran.requests[0].method, &ran.requests[0].url), (&"POST".into(), &"/flags/search/off".into()));
        let Ok(Ended::Done { undo, summary, .. }) = ran.result else { panic!("done") };
        assert_eq!(summary, "injected no-search: the search is off");
        let undo = host().undo_data(&undo.expect("undo data"));
        let ran = undo.undo::<Chaos>("inject", &json!({ "fault": "no-search" }));
        assert_eq!(ran.requests[0].body, json!({ "on": true }));
        let ran = host().run::<Chaos>("end", &json!({ "fault": "no-search" }));
        assert_eq!(ran.requests[0].url, "/flags/search");
    }

    #[test]
    fn only_what_the_administrator_named_is_injected() {
        let ran = host().run::<Chaos>("inject", &json!({ "fault": "no-database" }));
        assert_eq!(ran.failure().message, "The connection knows no fault \"no-database\": it has no-search.");
        assert!(ran.requests.is_empty());
    }

    #[test]
    fn a_request_that_leads_elsewhere_is_refused() {
        let request = json!({ "method": "POST", "path": "http://169.254.169.254/" });
        let fault = json!({ "description": "x", "begin": request, "end": request });
        let host = Host::new().config(json!({ "faults": { "out": fault } }));
        let ran = host.run::<Chaos>("inject", &json!({ "fault": "out" }));
        assert_eq!(ran.failure().code, "invalid_config");
        assert!(ran.requests.is_empty());
    }

    #[test]
    fn a_workflow_has_to_end_what_it_injects() {
        let manifest = Chaos::describe().manifest();
        assert_eq!(manifest["actions"][0]["ended_by"], json!("end"));
        assert_eq!(manifest["actions"][1].get("ended_by"), None);
    }
}
