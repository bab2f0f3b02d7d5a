//! Switches feature flags of Unleash, and back.

use wardroom_plugin_sdk::prelude::*;

/// The connection's options.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The project. Default `default`.
    #[serde(default = "default_project")]
    project: String,
    /// The environment when a step names none. Default `production`.
    #[serde(default = "default_environment")]
    environment: String,
}

fn default_project() -> String {
    "default".to_owned()
}

fn default_environment() -> String {
    "production".to_owned()
}

/// Which flag.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Flag {
    /// The flag's name.
    #[schemars(length(min = 1, max = 200))]
    flag: String,
    /// The environment; without one the connection's.
    environment: Option<String>,
}

/// Switches a flag off.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct DisableFlag(Flag);

/// Switches a flag on.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct EnableFlag(Flag);

/// A flag as it is now.
#[derive(Serialize, JsonSchema)]
struct State {
    /// The flag.
    flag: String,
    /// The environment.
    environment: String,
    /// Whether it is on.
    enabled: bool,
    /// Whether this changed it.
    changed: bool,
}

#[derive(Deserialize)]
struct Feature {
    environments: Vec<Environment>,
}

#[derive(Deserialize)]
struct Environment {
    name: String,
    enabled: bool,
}

impl Flag {
    fn place(&self, call: &Call) -> Result<Place, Failure> {
        let config: Config = call.config()?;
        let environment = self.environment.clone().unwrap_or(config.environment);
        Ok(Place { project: config.project, flag: self.flag.clone(), environment })
    }

    fn switch(&self, call: &Call, on: bool) -> Result<Reply<State>, Failure> {
        let place = self.place(call)?;
        let before = place.enabled()?;
        if before != on {
            place.set(on)?;
        }
        let word = if on { "on" } else { "off" };
        let summary = if before == on {
            format!("{} was {word} already in {}", place.flag, place.environment)
        } else {
            format!("switched {} {word} in {}", place.flag, place.environment)
        };
        let done = Done::new(place.state(on, before != on), summary);
        // A flag that a first try finds switched was not switched by us; a later try finds the work of the one before.
        let ours = before != on || call.attempt > 1;
        Ok(if ours { done.undo(json!({ "enabled": !on })) } else { done }.into())
    }

    fn restore(&self, call: &Call, on: bool) -> Result<Reply<Value>, Failure> {
        let place = self.place(call)?;
        if call.undo_data.is_none() {
            return done(json!({}), format!("{} had not been changed", place.flag));
        }
        place.set(on)?;
        let word = if on { "on" } else { "off" };
        done(json!({}), format!("switched {} back {word} in {}", place.flag, place.environment))
    }

    fn look(&self, call: &Call, on: bool) -> Result<Finding<State>, Failure> {
        let place = self.place(call)?;
        if place.enabled()? != on {
            return Ok(Finding::Absent);
        }
        let summary = format!("{} is {} in {}", place.flag, if on { "on" } else { "off" }, place.environment);
        Ok(Finding::Applied(Done::new(place.state(on, true), summary).undo(json!({ "enabled": !on }))))
    }
}

struct Place {
    project: String,
    flag: String,
    environment: String,
}

impl Place {
    fn path(&self) -> String {
        format!("/api/admin/projects/{}/features/{}", http::encode(&self.project), http::encode(&self.flag))
    }

    fn enabled(&self) -> Result<bool, Failure> {
        let response = http::get(&self.path()).send()?;
        if response.status() == 404 {
            let text = format!("There is no flag {} in project {}.", self.flag, self.project);
            return Err(Failure::new("not_found", text));
        }
        let feature: Feature = response.check()?.json()?;
        let found = feature.environments.iter().find(|environment| environment.name == self.environment);
        found.map(|environment| environment.enabled).ok_or_else(|| {
            let names: Vec<&str> = feature.environments.iter().map(|environment| environment.name.as_str()).collect();
            let text =
                format!("Flag {} has no environment {}: it has {}.", self.flag, self.environment, names.join(", "));
            Failure::new("not_found", text)
        })
    }

    fn set(&self, on: bool) -> Result<(), Failure> {
        let word = if on { "on" } else { "off" };
        let path = format!("{}/environments/{}/{word}", self.path(), http::encode(&self.environment));
        http::post(&path).json(&json!({})).send()?.check()?;
        Ok(())
    }

    fn state(&self, enabled: bool, changed: bool) -> State {
        State { flag: self.flag.clone(), environment: self.environment.clone(), enabled, changed }
    }
}

impl Action for DisableFlag {
    const NAME: &'static str = "disable-flag";
    const DESCRIPTION: &'static str = "Switches a feature flag off.";
    const RISK: Risk = Risk::Destructive;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = State;

    fn run(self, call: &Call) -> Result<Reply<State>, Failure> {
        self.0.switch(call, false)
    }

    fn sample() -> Option<State> {
        Some(State { flag: "flag".to_owned(), environment: "production".to_owned(), enabled: false, changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        self.0.restore(call, true)
    }

    fn check(self, call: &Call) -> Result<Finding<State>, Failure> {
        self.0.look(call, false)
    }
}

impl Action for EnableFlag {
    const NAME: &'static str = "enable-flag";
    const DESCRIPTION: &'static str = "Switches a feature flag on.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = State;

    fn run(self, call: &Call) -> Result<Reply<State>, Failure> {
        self.0.switch(call, true)
    }

    fn sample() -> Option<State> {
        Some(State { flag: "flag".to_owned(), environment: "production".to_owned(), enabled: true, changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        self.0.restore(call, false)
    }

    fn check(self, call: &Call) -> Result<Finding<State>, Failure> {
        self.0.look(call, true)
    }
}

struct Unleash;

impl Plugin for Unleash {
    fn describe() -> Description {
        Description::new("unleash", env!("CARGO_PKG_VERSION"), "Switches feature flags of Unleash, and back.")
            .connection::<Config>(&["header", "bearer"])
            .action::<DisableFlag>()
            .action::<EnableFlag>()
    }
}

export_plugin!(Unleash);

#[cfg(test)]
mod tests {
    use wardroom_plugin_sdk::testing::{Ended, Host};

    use super::*;

    const FEATURE: &str = "/api/admin/projects/default/features/new%20till";

    fn host(enabled: bool) -> Host {
        let body = json!({ "environments": [{ "name": "production", "enabled": enabled }] });
        let switched = |word| format!("{FEATURE}/environments/production/{word}");
        Host::new().answer("GET", FEATURE, 200, body).answer("POST", &switched("off"), 200, json!({})).answer(
            "POST",
            &switched("on"),
            200,
            json!({}),
        )
    }

    #[test]
    fn a_flag_is_switched_off_and_back() {
        let input = json!({ "flag": "new till" });
        let ran = host(true).run::<Unleash>("disable-flag", &input);
        assert_eq!(ran.output()["changed"], json!(true));
        assert_eq!(ran.requests[1].url, format!("{FEATURE}/environments/production/off"));
        let back = host(false).undo_data(&json!({ "enabled": true })).undo::<Unleash>("disable-flag", &input);
        assert_eq!(back.requests[0].url, format!("{FEATURE}/environments/production/on"));
    }

    #[test]
    fn a_flag_that_is_off_stays_untouched() {
        let ran = host(false).run::<Unleash>("disable-flag", &json!({ "flag": "new till" }));
        assert_eq!(ran.output()["changed"], json!(false));
        assert_eq!(ran.requests.len(), 1);
    }

    #[test]
    fn looking_tells_whether_it_happened() {
        let input = json!({ "flag": "new till" });
        assert_eq!(host(true).check::<Unleash>("disable-flag", &input).result, Ok(Ended::Absent));
        assert_eq!(host(false).check::<Unleash>("disable-flag", &input).output()["enabled"], json!(false));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let host = Host::new().answer("GET", "/api/admin/projects/default/features/x", 404, json!({}));
        let ran = host.run::<Unleash>("enable-flag", &json!({ "flag": "x" }));
        assert_eq!(ran.failure().code, "not_found");
        let ran = self::host(true).run::<Unleash>("enable-flag", &json!({ "flag": "new till", "environment": "moon" }));
        assert!(ran.failure().message.contains("it has production"), "{}", ran.failure());
    }
}
