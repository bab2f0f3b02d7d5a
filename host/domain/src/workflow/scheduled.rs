//! Comparing the document of a schedule with what is installed: the workflow it starts, and the inputs it gives; and what is
//! scheduled, here or by a workflow's triggers, with how often the server lets it come.

use std::time::Duration;

use serde_json::Value;

use super::{Fault, Workflow, check::Installed, scope};
use crate::{
    document::{Places, nearest},
    expression::Template,
    schedule::{Terms, document::Document},
    time::write_duration,
};

/// Every fault of a schedule against what is installed. `source` is the text it was parsed from, for the places.
pub fn check(document: &Document, source: &str, installed: &Installed) -> Vec<Fault> {
    let places = Places::of(source);
    let fault = |pointer: &str, message: String| {
        Fault::new(places.at(pointer), pointer.trim_start_matches('/').replace('/', "."), message)
    };
    let Some(workflow) = installed.workflows.get(&document.workflow) else {
        let near = nearest(&document.workflow, installed.workflows.keys().map(String::as_str));
        let hint = near.map_or_else(String::new, |near| format!(": did you mean {near}?"));
        return vec![fault("/workflow", format!("there is no workflow {}{hint}", document.workflow))];
    };
    let name = &workflow.name;
    let mut faults = Vec::new();
    if !workflow.on.iter().any(|trigger| scope::may_lack_incident(&trigger.kind).is_some()) {
        let message = format!(
            "workflow {name} starts for incidents only, and a schedule has none: with the trigger `manual: {{}}` its \
             document is checked for that too"
        );
        faults.push(fault("/workflow", message));
    }
    for (input, message) in wrong_inputs(workflow, &document.inputs) {
        let pointer = input.map_or_else(|| "/inputs".to_owned(), |input| format!("/inputs/{input}"));
        faults.push(fault(&pointer, message));
    }
    faults.sort_by_key(|fault| fault.at);
    faults
}

/// The fault of a schedule that comes more often than every `shortest`. `source` is the text it was parsed from.
pub fn too_often(document: &Document, source: &str, shortest: Duration) -> Option<Fault> {
    let message = frequent(&document.terms, shortest)?;
    let key = document.terms.key();
    Some(Fault::new(Places::of(source).at(&format!("/{key}")), key, message))
}

/// The same of a workflow's triggers.
pub fn triggers_too_often(workflow: &Workflow, source: &str, shortest: Duration) -> Vec<Fault> {
    let scheduled = workflow.on.iter().enumerate().filter_map(|(index, trigger)| Some((index, trigger.terms()?)));
    let frequent: Vec<(usize, &Terms, String)> =
        scheduled.filter_map(|(index, terms)| Some((index, terms, frequent(terms, shortest)?))).collect();
    if frequent.is_empty() {
        return Vec::new();
    }
    let places = Places::of(source);
    let fault = |(index, terms, message): (usize, &Terms, String)| {
        let key = terms.key();
        Fault::new(places.at(&format!("/on/{index}/{key}")), format!("on[{index}].{key}"), message)
    };
    frequent.into_iter().map(fault).collect()
}

fn frequent(terms: &Terms, shortest: Duration) -> Option<String> {
    let gap = terms.cadence.shortest_gap();
    (gap < shortest).then(|| {
        let (gap, shortest) = (write_duration(gap), write_duration(shortest));
        format!("it comes {gap} after the time before: this server wants at least {shortest} (--shortest-interval)")
    })
}

/// What is wrong with inputs before they are resolved, each with its name: unknown ones, and constants that do not fit; and
/// without a name those that are missing.
fn wrong_inputs(workflow: &Workflow, given: &Value) -> Vec<(Option<String>, String)> {
    let name = &workflow.name;
    let mut wrong = Vec::new();
    for (input, value) in given.as_object().into_iter().flatten() {
        let Some(schema) = workflow.inputs.get(input) else {
            wrong.push((Some(input.clone()), format!("workflow {name} has no input {input:?}")));
            continue;
        };
        let is_constant = Template::parse(value).is_ok_and(|template| template.expressions().is_empty());
        if let Some(Err(error)) =
            schema.validator().ok().filter(|_| is_constant).map(|validator| validator.validate(value))
        {
            wrong.push((Some(input.clone()), error.to_string().chars().take(300).collect()));
        }
    }
    for (input, schema) in &workflow.inputs {
        if schema.source().get("default").is_none() && given.get(input).is_none() {
            wrong.push((None, format!("workflow {name} needs the input {input:?}")));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{schedule, workflow};

    const SWEEP: &str = "
name: sweep
on: [{ manual: {} }]
inputs:
  site: { type: string }
  days: { type: integer, default: 7 }
steps: [{ id: nap, sleep: 5s }]
";
    const PAGE: &str = "{ name: page, on: [{ stage: triage }], steps: [{ id: nap, sleep: 5s }] }";

    fn faults(source: &str) -> Vec<String> {
        let workflows = [SWEEP, PAGE].map(|source| Arc::new(workflow::parse(source).expect("is good")));
        let workflows = workflows.into_iter().map(|workflow| (workflow.name.clone(), workflow)).collect();
        let installed = Installed { workflows, ..Installed::default() };
        let document = schedule::document::parse(source).expect("is good");
        check(&document, source, &installed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_comes_too_often_is_told_at_its_cadence() {
        let shortest = Duration::from_secs(10);
        let told = |source: &str| {
            let document = schedule::document::parse(source).expect("is good");
            too_often(&document, source, shortest).map(|fault| fault.to_string())
        };
        assert_eq!(told("name: nightly\nworkflow: sweep\nevery: 10s\n"), None);
        assert_eq!(told("name: nightly\nworkflow: sweep\nat: 2035-12-31T23:00:00Z\n"), None);
        let wanted =
            "3:8: every: it comes 1s after the time before: this server wants at least 10s (--shortest-interval)";
        assert_eq!(told("name: nightly\nworkflow: sweep\nevery: 1s\n").as_deref(), Some(wanted));
        let seconds = "{ name: nightly, workflow: sweep, timezone: UTC, cron: '0,5 30 7 * * *' }";
        let wanted =
            "1:56: cron: it comes 5s after the time before: this server wants at least 10s (--shortest-interval)";
        assert_eq!(told(seconds).as_deref(), Some(wanted));
        let source = "name: sweep\non:\n  - manual: {}\n  - every: 1m\n  - timezone: UTC\n    cron: '* * * * * *'\n\
                      steps: [{ id: nap, sleep: 5s }]\n";
        let workflow = workflow::parse(source).expect("is good");
        let told: Vec<String> =
            triggers_too_often(&workflow, source, shortest).iter().map(ToString::to_string).collect();
        let wanted =
            "6:11: on[2].cron: it comes 1s after the time before: this server wants at least 10s (--shortest-interval)";
        assert_eq!(told, [wanted]);
    }

    #[test]
    fn a_schedule_is_compared_with_the_workflow_it_starts() {
        let good =
            "name: nightly\nworkflow: sweep\nevery: 1d\ninputs: { site: north, days: '${{ size(trigger.kind) }}' }\n";
        assert!(faults(good).is_empty(), "{:#?}", faults(good));
        let for_incidents = "2:11: workflow: workflow page starts for incidents only, and a schedule has none: with the \
                             trigger `manual: {}` its document is checked for that too";
        for (from, to, wanted) in [
            ("workflow: sweep", "workflow: swep", "2:11: workflow: there is no workflow swep: did you mean sweep?"),
            ("workflow: sweep", "workflow: page", for_incidents),
            ("site: north, ", "", "4:9: inputs: workflow sweep needs the input \"site\""),
            ("site: north", "site: north, sight: 7", "4:31: inputs.sight: workflow sweep has no input \"sight\""),
            ("site: north", "site: 7", "4:17: inputs.site: 7 is not of type \"string\""),
        ] {
            let told = faults(&good.replace(from, to));
            assert_eq!(told.first().map(String::as_str), Some(wanted), "{to}: {told:#?}");
        }
    }
}
