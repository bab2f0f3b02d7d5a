//! Buildbot's interface, as far as builds need it.

use std::collections::BTreeMap;

use wardroom_plugin_sdk::prelude::*;

/// What Buildbot calls its results, by number: <https://docs.buildbot.net/latest/developer/results.html>.
const RESULTS: [&str; 7] = ["success", "warnings", "failure", "skipped", "exception", "retry", "cancelled"];

/// The connection's options.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Buildbot as people open it, such as `https://ci.example.com/`: builds are linked below it. Without it there are no
    /// links.
    #[schemars(length(min = 1, max = 500))]
    web_url: Option<String>,
}

/// A build as people know it.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct Build {
    /// Its number among those of its builder.
    pub(crate) number: u64,
    /// Its builder's number.
    pub(crate) builder: u64,
    /// `success`, `warnings`, `failure`, `skipped`, `exception`, `retry` or `cancelled`; null while it runs.
    pub(crate) result: Option<&'static str>,
    /// Its properties, by name.
    pub(crate) properties: BTreeMap<String, Value>,
    /// Where people read it; null when the connection names no `web_url`.
    pub(crate) url: Option<String>,
}

/// A set of builds that were asked for at once.
#[derive(Deserialize)]
pub(crate) struct BuildSet {
    pub(crate) bsid: u64,
    pub(crate) complete: bool,
    pub(crate) results: Option<i64>,
}

#[derive(Deserialize)]
struct BuildSets {
    buildsets: Vec<BuildSet>,
}

#[derive(Deserialize)]
struct Requests {
    buildrequests: Vec<BuildRequest>,
}

#[derive(Deserialize)]
struct BuildRequest {
    buildrequestid: u64,
}

#[derive(Deserialize)]
struct RawBuilds {
    builds: Vec<RawBuild>,
}

#[derive(Deserialize)]
struct RawBuild {
    number: u64,
    builderid: u64,
    results: Option<i64>,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Forced {
    result: (u64, Value),
}

#[derive(Deserialize)]
struct Refused {
    error: Refusal,
}

#[derive(Deserialize)]
struct Refusal {
    message: Value,
}

/// The word for a number of Buildbot's.
pub(crate) fn word(results: Option<i64>) -> Option<&'static str> {
    let results = usize::try_from(results?).ok();
    Some(results.and_then(|results| RESULTS.get(results)).copied().unwrap_or("exception"))
}

/// The build set whose reason holds a mark.
pub(crate) fn marked(mark: &str) -> Result<Option<BuildSet>, Failure> {
    let request = http::get("/api/v2/buildsets").query("reason__contains", mark).query("limit", 1);
    let found: BuildSets = request.send()?.check()?.json()?;
    Ok(found.buildsets.into_iter().next())
}

/// A build set.
pub(crate) fn set(bsid: u64) -> Result<BuildSet, Failure> {
    let found: BuildSets = http::get(&format!("/api/v2/buildsets/{bsid}")).send()?.check()?.json()?;
    let gone = || Failure::new("not_found", format!("Buildbot has no build set {bsid} any more."));
    found.buildsets.into_iter().next().ok_or_else(gone)
}

/// Presses the button of a force scheduler; gives the build set.
pub(crate) fn force(scheduler: &str, parameters: &BTreeMap<String, Value>) -> Result<u64, Failure> {
    let path = format!("/api/v2/forceschedulers/{}", http::encode(scheduler));
    // Buildbot answers 500 when it knows no such scheduler, which is no reason to try again.
    if http::get(&path).send()?.status() == 404 {
        return Err(Failure::new("not_found", format!("Buildbot has no force scheduler {scheduler:?}.")));
    }
    let body = json!({ "jsonrpc": "2.0", "method": "force", "id": "wardroom", "params": parameters });
    let response = http::post(&path).json(&body).send()?;
    if response.status() == 400
        && let Ok(refused) = response.json::<Refused>()
    {
        let text: String = match refused.error.message {
            Value::Object(fields) => fields.values().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
            Value::String(text) => text,
            other => other.to_string(),
        };
        let text: String = text.chars().take(300).collect();
        return Err(Failure::new("refused", format!("Buildbot refuses: {text}.")));
    }
    Ok(response.check()?.json::<Forced>()?.result.0)
}

/// The builds of a build set.
pub(crate) fn builds_of(bsid: u64, config: &Config) -> Result<Vec<Build>, Failure> {
    let requests: Requests = http::get("/api/v2/buildrequests").query("buildsetid", bsid).send()?.check()?.json()?;
    let mut builds = Vec::new();
    for request in requests.buildrequests.iter().take(20) {
        let path = format!("/api/v2/buildrequests/{}/builds?property=*", request.buildrequestid);
        builds.extend(read(http::get(&path), config)?);
    }
    Ok(builds)
}

/// The latest builds of a builder that have ended, the newest first.
pub(crate) fn ended(builder: &str, result: Option<usize>, limit: u8, config: &Config) -> Result<Vec<Build>, Failure> {
    let path = format!("/api/v2/builders/{}", http::encode(builder));
    // Of a builder that is not there Buildbot lists no builds.
    if http::get(&path).send()?.status() == 404 {
        return Err(Failure::new("not_found", format!("Buildbot has no builder {builder:?}.")));
    }
    let request = http::get(&format!("{path}/builds?property=*&complete=true&order=-number")).query("limit", limit);
    read(
        match result {
            Some(result) => request.query("results", result),
            None => request,
        },
        config,
    )
}

/// The number of a result's word.
pub(crate) fn number(word: &str) -> Option<usize> {
    RESULTS.iter().position(|known| *known == word)
}

fn read(request: http::Request, config: &Config) -> Result<Vec<Build>, Failure> {
    let raw: RawBuilds = request.send()?.check()?.json()?;
    let shown = |build: RawBuild| {
        let place = format!("#/builders/{}/builds/{}", build.builderid, build.number);
        Build {
            number: build.number,
            builder: build.builderid,
            result: word(build.results),
            // Buildbot gives each as its value and its source.
            properties: build
                .properties
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.get(0)?.clone())))
                .collect(),
            url: config.web_url.as_ref().map(|web| format!("{}/{place}", web.trim_end_matches('/'))),
        }
    };
    Ok(raw.builds.into_iter().map(shown).collect())
}
