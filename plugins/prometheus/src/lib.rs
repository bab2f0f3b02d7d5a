//! Reads metrics and firing alerts from Prometheus.

use std::collections::BTreeMap;

use wardroom_plugin_sdk::{clock, prelude::*};

/// The most series a step keeps; a query that gives more is too broad for people to read.
const MOST_SERIES: usize = 50;
/// The most points of a series.
const MOST_POINTS: u64 = 1_000;

/// Evaluates a query now.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// `PromQL`, such as `up == 0`.
    #[schemars(length(min = 1, max = 8192))]
    query: String,
}

/// What a query gave.
#[derive(Serialize, JsonSchema)]
struct Instant {
    /// One entry for each series, at most 50.
    samples: Vec<Sample>,
    /// How many series there were.
    count: usize,
    /// The value of the first series; null without one, or when it is no finite number.
    value: Option<f64>,
}

/// A series' value.
#[derive(Serialize, JsonSchema)]
struct Sample {
    /// Its labels.
    labels: BTreeMap<String, String>,
    /// Its value; null when it is no finite number.
    value: Option<f64>,
}

impl Action for Query {
    const NAME: &'static str = "query";
    const DESCRIPTION: &'static str = "Evaluates a query now.";
    const RISK: Risk = Risk::Read;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = Instant;

    fn run(self, _call: &Call) -> Result<Reply<Instant>, Failure> {
        let answer: Answer<Vector> = ask(http::get("/api/v1/query").query("query", &self.query))?;
        let result = match answer.data.result_type.as_str() {
            "vector" => parse::<Vec<VectorSample>>(answer.data.result)?,
            "scalar" => {
                let value = parse(answer.data.result)?;
                vec![VectorSample { metric: BTreeMap::new(), value }]
            }
            other => return Err(Failure::new("unsupported", format!("The query gives a {other}: use query-range."))),
        };
        let count = result.len();
        let samples: Vec<Sample> = result
            .into_iter()
            .take(MOST_SERIES)
            .map(|one| Sample { labels: one.metric, value: finite(&one.value.1) })
            .collect();
        let value = samples.first().and_then(|sample| sample.value);
        let summary = match (count, value) {
            (0, _) => "no series".to_owned(),
            (1, Some(value)) => format!("{value}"),
            _ => format!("{count} series"),
        };
        done(Instant { samples, count, value }, summary)
    }
}

/// Evaluates a query over the last minutes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct QueryRange {
    /// `PromQL`, such as `rate(errors[5m])`.
    #[schemars(length(min = 1, max = 8192))]
    query: String,
    /// How far back, in minutes. Default 30.
    #[serde(default = "half_an_hour")]
    #[schemars(range(min = 1, max = 10080))]
    minutes: u32,
    /// The distance of points in seconds. Default: about 60 points.
    #[schemars(range(min = 1, max = 86400))]
    step_seconds: Option<u32>,
}

fn half_an_hour() -> u32 {
    30
}

/// What a query over time gave.
#[derive(Serialize, JsonSchema)]
struct Range {
    /// At most 50.
    series: Vec<Series>,
    /// How many series there were.
    count: usize,
    /// The newest value of the first series.
    latest: Option<f64>,
    /// The highest value of the first series.
    highest: Option<f64>,
}

/// A series over time.
#[derive(Serialize, JsonSchema)]
struct Series {
    /// Its labels.
    labels: BTreeMap<String, String>,
    /// Unix seconds and value; null when it is no finite number.
    points: Vec<(f64, Option<f64>)>,
}

impl Action for QueryRange {
    const NAME: &'static str = "query-range";
    const DESCRIPTION: &'static str = "Evaluates a query over the last minutes.";
    const RISK: Risk = Risk::Read;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = Range;

    fn run(self, _call: &Call) -> Result<Reply<Range>, Failure> {
        let seconds = u64::from(self.minutes) * 60;
        let step = self.step_seconds.map_or(seconds.div_ceil(60).max(1), u64::from);
        if seconds / step > MOST_POINTS {
            let text = format!("{} minutes in steps of {step} s are more than {MOST_POINTS} points.", self.minutes);
            return Err(Failure::new("invalid_input", text));
        }
        let end = clock::now_ms() / 1_000;
        let request = http::get("/api/v1/query_range")
            .query("query", &self.query)
            .query("start", end.saturating_sub(seconds))
            .query("end", end)
            .query("step", step);
        let answer: Answer<Vector> = ask(request)?;
        let result: Vec<MatrixSeries> = parse(answer.data.result)?;
        let count = result.len();
        let series: Vec<Series> = result
            .into_iter()
            .take(MOST_SERIES)
            .map(|one| Series {
                labels: one.metric,
                points: one.values.iter().map(|(at, value)| (*at, finite(value))).collect(),
            })
            .collect();
        let values = || series.first().into_iter().flat_map(|one| one.points.iter().filter_map(|(_, value)| *value));
        let (latest, highest) = (values().next_back(), values().reduce(f64::max));
        let summary = match (count, latest, highest) {
            (0, ..) => "no series".to_owned(),
            (_, Some(latest), Some(highest)) => format!("{count} series; now {latest}, at most {highest}"),
            _ => format!("{count} series"),
        };
        done(Range { series, count, latest, highest }, summary)
    }
}

/// Lists the alerts that fire.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FiringAlerts {
    /// Only alerts with all these labels.
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Alerts that fire.
#[derive(Serialize, JsonSchema)]
struct Alerts {
    /// At most 50.
    alerts: Vec<Alert>,
    /// How many there were.
    count: usize,
}

/// An alert.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Alert {
    /// Its labels.
    labels: BTreeMap<String, String>,
    /// Its annotations.
    annotations: BTreeMap<String, String>,
    /// Since when, as RFC 3339.
    #[serde(rename(deserialize = "activeAt"))]
    active_at: Option<String>,
    #[serde(skip_serializing, default)]
    state: String,
}

#[derive(Deserialize)]
struct AlertList {
    alerts: Vec<Alert>,
}

impl Action for FiringAlerts {
    const NAME: &'static str = "firing-alerts";
    const DESCRIPTION: &'static str = "Lists the alerts that fire.";
    const RISK: Risk = Risk::Read;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = Alerts;

    fn run(self, _call: &Call) -> Result<Reply<Alerts>, Failure> {
        let answer: Answer<AlertList> = ask(http::get("/api/v1/alerts"))?;
        let wanted = |alert: &Alert| self.labels.iter().all(|(name, value)| alert.labels.get(name) == Some(value));
        let mut alerts: Vec<Alert> =
            answer.data.alerts.into_iter().filter(|alert| alert.state == "firing" && wanted(alert)).collect();
        let count = alerts.len();
        alerts.truncate(MOST_SERIES);
        done(Alerts { alerts, count }, format!("{count} firing"))
    }
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    result_type: String,
    result: Value,
}

#[derive(Deserialize)]
struct VectorSample {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

#[derive(Deserialize)]
struct MatrixSeries {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

/// Asks, and tells what Prometheus says when it refuses a query.
fn ask<T: serde::de::DeserializeOwned>(request: http::Request) -> Result<Answer<T>, Failure> {
    let response = request.header("accept", "application/json").send()?;
    if matches!(response.status(), 400 | 422)
        && let Ok(refused) = response.json::<Refused>()
    {
        return Err(Failure::new("bad_query", format!("Prometheus refuses the query: {}", refused.error)));
    }
    response.check()?.json()
}

fn parse<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Failure::new("bad_answer", format!("Prometheus answered oddly: {error}.")))
}

/// Prometheus writes numbers as text, `NaN` and `+Inf` among them, which JSON has no numbers for.
fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

struct Prometheus;

impl Plugin for Prometheus {
    fn describe() -> Description {
        Description::new("prometheus", env!("CARGO_PKG_VERSION"), "Reads metrics and firing alerts from Prometheus.")
            .connection::<NoConfig>(&["bearer", "basic", "header"])
            .action::<Query>()
            .action::<QueryRange>()
            .action::<FiringAlerts>()
    }
}

export_plugin!(Prometheus);

#[cfg(test)]
mod tests {
    use wardroom_plugin_sdk::testing::Host;

    use super::*;

    #[test]
    fn a_query_gives_labels_and_finite_values() {
        let body = json!({ "status": "success", "data": { "resultType": "vector", "result": [
            { "metric": { "job": "shop" }, "value": [1_700_000_000.1, "0.25"] },
            { "metric": { "job": "till" }, "value": [1_700_000_000.1, "NaN"] },
        ] } });
        let host = Host::new().answer("GET", "/api/v1/query?query=rate%28x%5B5m%5D%29", 200, body);
        let ran = host.run::<Prometheus>("query", &json!({ "query": "rate(x[5m])" }));
        let expected = json!({
            "samples": [
                { "labels": { "job": "shop" }, "value": 0.25 },
                { "labels": { "job": "till" }, "value": null },
            ],
            "count": 2,
            "value": 0.25,
        });
        assert_eq!(ran.output(), expected);
    }

    #[test]
    fn a_range_ends_now_and_has_about_sixty_points() {
        let body = json!({ "data": { "resultType": "matrix", "result": [
            { "metric": {}, "values": [[1, "1"], [2, "7"], [3, "4"]] },
        ] } });
        let url = "/api/v1/query_range?query=errors&start=1699998200&end=1700000000&step=30";
        let ran =
            Host::new().answer("GET", url, 200, body).run::<Prometheus>("query-range", &json!({ "query": "errors" }));
        assert_eq!(ran.output()["latest"], json!(4.0));
        assert_eq!(ran.output()["highest"], json!(7.0));
    }

    #[test]
    fn a_range_of_too_many_points_is_refused_before_anything_is_asked() {
        let input = json!({ "query": "errors", "minutes": 10080, "step_seconds": 1 });
        let ran = Host::new().run::<Prometheus>("query-range", &input);
        assert_eq!(ran.failure().code, "invalid_input");
        assert_eq!(ran.requests, []);
    }

    #[test]
    fn only_firing_alerts_with_the_labels_are_listed() {
        let alert = |state: &str, team: &str| json!({ "state": state, "labels": { "team": team }, "annotations": {}, "activeAt": "2026-11-23T00:00:00Z" });
        let alerts = json!([alert("firing", "a"), alert("pending", "a"), alert("firing", "b")]);
        let host = Host::new().answer("GET", "/api/v1/alerts", 200, json!({ "data": { "alerts": alerts } }));
        let ran = host.run::<Prometheus>("firing-alerts", &json!({ "labels": { "team": "a" } }));
        assert_eq!(ran.output()["count"], json!(1));
        assert_eq!(ran.output()["alerts"][0]["active_at"], json!("2026-11-23T00:00:00Z"));
    }

    #[test]
    fn what_prometheus_refuses_is_told_in_its_words() {
        let body = json!({ "status": "error", "errorType": "bad_data", "error": "parse error: unexpected )" });
        let host = Host::new().answer("GET", "/api/v1/query?query=%29", 400, body);
        let ran = host.run::<Prometheus>("query", &json!({ "query": ")" }));
        assert_eq!(ran.failure().code, "bad_query");
        assert!(ran.failure().message.contains("parse error: unexpected )"));
    }
}
