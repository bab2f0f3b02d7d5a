//! What came of a case against what had to.

use serde_json::Value;

use crate::runs::rehearse::{case::Expectation, drive::Played};

/// Every difference, one line each.
pub(crate) fn faults(expect: &Expectation, played: &Played) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(run) = &played.run else {
        let why = played.why_not.as_deref().unwrap_or_default();
        if expect.starts != Some(false) {
            faults.push(format!("it does not start: {why}"));
        }
        if let Some(wanted) = expect.why_not.as_ref().filter(|wanted| !why.contains(wanted.as_str())) {
            faults.push(format!("it does not start because of {why:?}, not of {wanted:?}"));
        }
        return faults;
    };
    if expect.starts == Some(false) {
        faults.push("it starts".to_owned());
    }
    faults.extend(played.lacks.iter().cloned());
    let mut differs = |what: String, wanted: &str, is: &str| {
        if wanted != is {
            faults.push(format!("{what} is {is}, not {wanted}"));
        }
    };
    if let Some(status) = &expect.status {
        differs("the run".to_owned(), status, run.status.as_str());
    }
    if let Some(route) = &expect.route {
        differs("the route".to_owned(), &route.join(", "), &played.began.join(", "));
    }
    for (step, status) in &expect.steps {
        differs(format!("step {step}"), status, run.step(step).map_or("not there", |step| step.status.as_str()));
    }
    for (step, attempts) in &expect.attempts {
        let is = run.step(step).map_or(0, |step| step.attempt);
        differs(format!("the number of tries of {step}"), &attempts.to_string(), &is.to_string());
    }
    for (step, with) in &expect.with {
        let is = run.step(step).and_then(|step| step.input.clone()).unwrap_or_default();
        different(&format!("the `with` of {step}"), with, &is, &mut faults);
    }
    if let (Some(within), Some(ended)) = (expect.within, run.finished_at) {
        let took = ended.since(run.created_at);
        if took > within {
            faults.push(format!("it takes {took:?}, more than {within:?}"));
        }
    }
    faults
}

/// Compares what is wanted; what is there beside it may be anything.
fn different(what: &str, wanted: &Value, is: &Value, faults: &mut Vec<String>) {
    match (wanted, is) {
        (Value::Object(wanted), Value::Object(is)) => {
            for (key, wanted) in wanted {
                different(&format!("{what}.{key}"), wanted, is.get(key).unwrap_or(&Value::Null), faults);
            }
        }
        _ if wanted == is => {}
        _ => faults.push(format!("{what} is {is}, not {wanted}")),
    }
}
