//! A well-behaved guest. The tests make other versions of it by writing other texts of the same length over its version and
//! over the requests it asks for.

use wardroom_plugin_sdk::prelude::*;

/// Asks for a path.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Greet {
    /// `GET` or `PUT`.
    method: String,
    /// A path or a URL.
    url: String,
    /// How often it comes back before it does anything, 100 ms apart.
    #[serde(default)]
    #[schemars(range(max = 600))]
    rounds: u64,
}

/// What came of it.
#[derive(Serialize, JsonSchema)]
struct Greeted {
    /// The status.
    status: u16,
    /// The version that asked.
    version: String,
}

/// Written over by the tests.
const VERSION: &str = "71.0.0";

impl Action for Greet {
    const NAME: &'static str = "wave";
    const DESCRIPTION: &'static str = "Asks for a path, after some rounds.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = Greeted;

    fn run(self, call: &Call) -> Result<Reply<Greeted>, Failure> {
        let round = call.resume.as_deref().map_or(0, |resume| u64::from(resume.first().copied().unwrap_or_default()));
        if round < self.rounds {
            let next = u8::try_from(round + 1).unwrap_or(u8::MAX);
            return pending(100, vec![next], format!("round {next}"));
        }
        let response = http::request(&self.method, &self.url).send()?;
        let greeted = Greeted { status: response.status(), version: VERSION.to_owned() };
        done(greeted, format!("version {VERSION} asked {}", self.url))
    }

    fn sample() -> Option<Greeted> {
        Some(Greeted { status: 200, version: VERSION.to_owned() })
    }
}

struct Greeter;

impl Plugin for Greeter {
    fn describe() -> Description {
        Description::new("greeter", VERSION, "Greets.")
            .connection::<NoConfig>(&["bearer"])
            .requests(&["GET /hello/**", "PUT /seats/**"])
            .hosts(&["http://127.0.0.9:99"])
            .action::<Greet>()
    }
}

export_plugin!(Greeter);
