//! The document of a playbook, YAML or JSON: every fault of it with its place, in one reading. Knows nothing of what is
//! installed.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Audience, Deadline, Inject, MessageTemplate, Playbook, Question, RetrospectivePlan, RolePlan, Rule, Section,
    Stakeholder, check, default_retrospective, stages,
};
use crate::playbook::fields::MAX_FEW;
use crate::playbook::fields::named;
pub(super) use crate::playbook::fields::{bounded, field, identifier, items, need, word};
use crate::{
    alert::Labels,
    document::{Fault, Node, Places, Position, Reader, load},
    incident::{IncidentKind, Severity, Stage},
    workflow::signal_name,
};

/// The JSON Schema (2020-12) of a playbook's document, as it is published. It knows the parser's keys, types and limits; what
/// an expression reads, and how tasks stand to each other, it cannot see.
pub const SCHEMA: &str = include_str!("../../../../docs/playbook.schema.json");

/// What `kind` says in the document of a playbook.
pub const KIND: &str = "playbook";

const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(24 * 366);
const SECOND: Duration = Duration::from_secs(1);
/// How long a playbook is good without use or review, unless it says otherwise.
const REVIEW_AFTER: Duration = Duration::from_hours(24 * 180);
/// The most questions, members of a group and injections.
const MAX_SOME: usize = 50;

/// Parses a document, and checks everything that can be checked without knowing what is installed. Gives every fault, in the
/// order of their places.
pub fn parse(source: &str) -> Result<Playbook, Vec<Fault>> {
    let root = load(source)?;
    let mut reader = Reader::default();
    let playbook = playbook(&mut reader, &root);
    if let Some(playbook) = &playbook {
        check::check(playbook, &root, &mut reader.faults);
    }
    match playbook {
        Some(playbook) if reader.faults.is_empty() => Ok(playbook),
        _ => {
            reader.faults.sort_by_key(|fault| fault.at);
            Err(reader.faults)
        }
    }
}

/// Where a document names workflows.
pub struct Workflows(Places);

impl Workflows {
    /// The places of a source.
    pub fn of(source: &str) -> Self {
        Self(Places::of(source))
    }

    /// Where the workflow that pages people is named.
    pub fn page(&self) -> Position {
        self.0.at("/page")
    }

    /// Where a stage's workflow is named.
    pub fn at(&self, stage: Stage, index: usize) -> Position {
        self.0.at(&format!("/stages/{stage}/workflows/{index}/name"))
    }
}

fn playbook(reader: &mut Reader, root: &Node) -> Option<Playbook> {
    let mut fields = reader.object(root, "")?;
    if let Some(node) = fields.need(reader, "kind") {
        reader.choice(node, "kind", &[(KIND, ())]);
    }
    let name = fields.need(reader, "name").and_then(|node| reader.name(node, "name"));
    let description = field(&mut fields, "description", |node, path| bounded(reader, node, path, 500));
    let matching = field(&mut fields, "match", |node, path| Some(items(reader, node, path, MAX_FEW, rule)));
    let priority = field(&mut fields, "priority", |node, path| reader.whole(node, path, 0, 100));
    let roles = field(&mut fields, "roles", |node, path| Some(items(reader, node, path, MAX_FEW, role)));
    let stages = field(&mut fields, "stages", |node, path| Some(stages::stages(reader, node, path)));
    let questions = field(&mut fields, "questions", |node, path| Some(items(reader, node, path, MAX_SOME, question)));
    let cadence = field(&mut fields, "cadence", |node, path| Some(cadence(reader, node, path)));
    let deadlines = field(&mut fields, "deadlines", |node, path| Some(items(reader, node, path, MAX_FEW, deadline)));
    let stakeholders = field(&mut fields, "stakeholders", |node, path| {
        Some(named(reader, node, path, |reader, node, path| Some(items(reader, node, path, MAX_SOME, stakeholder))))
    });
    let page = field(&mut fields, "page", |node, path| reader.name(node, path));
    let templates = field(&mut fields, "templates", |node, path| Some(named(reader, node, path, template)));
    let retrospective = field(&mut fields, "retrospective", |node, path| retrospective(reader, node, path));
    let review_after = field(&mut fields, "review_after", |node, path| reader.duration(node, path, DAY, YEAR * 5));
    let script = field(&mut fields, "script", |node, path| Some(items(reader, node, path, MAX_SOME, inject)));
    fields.finish(reader);
    Some(Playbook {
        name: name?,
        description: description.unwrap_or_default(),
        rules: matching.unwrap_or_default(),
        priority: priority.unwrap_or_default(),
        roles: roles.unwrap_or_default(),
        stages: stages.unwrap_or_default(),
        questions: questions.unwrap_or_default(),
        cadence: cadence.unwrap_or_default(),
        deadlines: deadlines.unwrap_or_default(),
        stakeholders: stakeholders.unwrap_or_default(),
        page,
        templates: templates.unwrap_or_default(),
        retrospective: retrospective.unwrap_or_else(default_retrospective),
        review_after: review_after.unwrap_or(REVIEW_AFTER),
        script: script.unwrap_or_default(),
    })
}

fn rule(reader: &mut Reader, node: &Node, path: &str) -> Option<Rule> {
    let mut fields = reader.object(node, path)?;
    let kinds =
        field(&mut fields, "kinds", |node, path| Some(items(reader, node, path, 2, Reader::word::<IncidentKind>)));
    let severities =
        field(&mut fields, "severities", |node, path| Some(items(reader, node, path, 4, Reader::word::<Severity>)));
    let labels = field(&mut fields, "labels", |node, path| labels(reader, node, path));
    fields.finish(reader);
    Some(Rule {
        kinds: kinds.unwrap_or_default().into_iter().collect(),
        severities: severities.unwrap_or_default().into_iter().collect(),
        labels: labels.unwrap_or_default(),
    })
}

fn labels(reader: &mut Reader, node: &Node, path: &str) -> Option<Labels> {
    let fields = reader.object(node, path)?;
    let mut labels = Labels::new();
    for (name, node) in fields.all() {
        if let Some(value) = reader.text(node, &fields.path(&name.text)) {
            labels.insert(name.text.clone(), value);
        }
    }
    Some(labels)
}

fn role(reader: &mut Reader, node: &Node, path: &str) -> Option<RolePlan> {
    let mut fields = reader.object(node, path)?;
    let name = need(reader, &mut fields, "name", word);
    let primary = field(&mut fields, "primary", |node, path| handle(reader, node, path));
    let backup = field(&mut fields, "backup", |node, path| handle(reader, node, path));
    let answer_within = field(&mut fields, "answer_within", |node, path| reader.duration(node, path, SECOND, DAY));
    if primary.is_some() && primary == backup {
        reader.fault(fields.at, &fields.path("backup"), "the backup has to be somebody else than the primary");
    }
    if answer_within.is_some() && backup.is_none() {
        reader.fault(fields.at, &fields.path("answer_within"), "needs a `backup`, who steps in");
    }
    fields.finish(reader);
    Some(RolePlan { name: name?, primary, backup, answer_within })
}

fn handle(reader: &mut Reader, node: &Node, path: &str) -> Option<String> {
    let text = reader.text(node, path)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
        reader.fault(node.at, path, format!("{text:?} is no handle: 1 to 64 of a-z 0-9 . _ - are wanted"));
        return None;
    }
    Some(text)
}

fn question(reader: &mut Reader, node: &Node, path: &str) -> Option<Question> {
    let mut fields = reader.object(node, path)?;
    let id = need(reader, &mut fields, "id", identifier);
    let text = need(reader, &mut fields, "text", |reader, node, path| bounded(reader, node, path, 500));
    let choices = field(&mut fields, "choices", |node, path| {
        Some(items(reader, node, path, MAX_FEW, |reader, node, path| bounded(reader, node, path, 200)))
    });
    fields.finish(reader);
    Some(Question { id: id?, text: text?, choices: choices.unwrap_or_default() })
}

fn cadence(reader: &mut Reader, node: &Node, path: &str) -> BTreeMap<Severity, Duration> {
    let Some(fields) = reader.object(node, path) else { return BTreeMap::new() };
    let mut cadence = BTreeMap::new();
    for (name, node) in fields.all() {
        let path = fields.path(&name.text);
        match name.text.parse::<Severity>() {
            Ok(severity) => {
                let every = reader.duration(node, &path, Duration::from_mins(1), DAY * 7);
                cadence.extend(every.map(|every| (severity, every)));
            }
            Err(error) => reader.fault(name.at, &path, error.to_string()),
        }
    }
    cadence
}

fn deadline(reader: &mut Reader, node: &Node, path: &str) -> Option<Deadline> {
    let mut fields = reader.object(node, path)?;
    let id = need(reader, &mut fields, "id", identifier);
    let text = need(reader, &mut fields, "text", |reader, node, path| bounded(reader, node, path, 500));
    let when = need(reader, &mut fields, "when", Reader::expression);
    let within = need(reader, &mut fields, "within", |reader, node, path| {
        reader.duration(node, path, Duration::from_mins(1), YEAR)
    });
    let group = field(&mut fields, "group", |node, path| word(reader, node, path));
    fields.finish(reader);
    Some(Deadline { id: id?, text: text?, when: when?, within: within?, group })
}

fn stakeholder(reader: &mut Reader, node: &Node, path: &str) -> Option<Stakeholder> {
    let mut fields = reader.object(node, path)?;
    let person = field(&mut fields, "person", |node, path| handle(reader, node, path));
    let name = field(&mut fields, "name", |node, path| bounded(reader, node, path, 200));
    let email = field(&mut fields, "email", |node, path| email(reader, node, path));
    let (known, told) =
        (fields.peek("person").is_some(), fields.peek("name").is_some() && fields.peek("email").is_some());
    if known == told || (known && (name.is_some() || email.is_some())) {
        reader.fault(fields.at, &fields.path, "`person`, or `name` and `email`, are wanted");
    }
    fields.finish(reader);
    match (person, name, email) {
        (Some(person), ..) => Some(Stakeholder::Person(person)),
        (None, Some(name), Some(email)) => Some(Stakeholder::Contact { name, email }),
        _ => None,
    }
}

fn email(reader: &mut Reader, node: &Node, path: &str) -> Option<String> {
    let text = reader.text(node, path)?;
    if text.len() > 320 || !text.contains('@') || text.contains(char::is_whitespace) {
        reader.fault(node.at, path, "an address such as ada@example.com is wanted");
        return None;
    }
    Some(text)
}

fn template(reader: &mut Reader, node: &Node, path: &str) -> Option<MessageTemplate> {
    let mut fields = reader.object(node, path)?;
    let audiences =
        [("internal", Audience::Internal), ("stakeholder", Audience::Stakeholder), ("public", Audience::Public)];
    let audience = need(reader, &mut fields, "audience", |reader, node, path| reader.choice(node, path, &audiences));
    let text = need(reader, &mut fields, "text", |reader, node, path| {
        bounded(reader, node, path, 4_000)?;
        reader.template(node, path)
    });
    fields.finish(reader);
    Some(MessageTemplate { audience: audience?, text: text? })
}

fn retrospective(reader: &mut Reader, node: &Node, path: &str) -> Option<RetrospectivePlan> {
    let usual = default_retrospective();
    let mut fields = reader.object(node, path)?;
    let sections = field(&mut fields, "sections", |node, path| Some(items(reader, node, path, MAX_FEW, section)));
    let owner = field(&mut fields, "owner", |node, path| word(reader, node, path));
    let backup = field(&mut fields, "backup", |node, path| word(reader, node, path));
    let hour = Duration::from_hours(1);
    let contribute_within =
        field(&mut fields, "contribute_within", |node, path| reader.duration(node, path, hour, DAY * 90));
    let remind_every = field(&mut fields, "remind_every", |node, path| reader.duration(node, path, hour, DAY * 30));
    fields.finish(reader);
    Some(RetrospectivePlan {
        sections: sections.filter(|sections| !sections.is_empty()).unwrap_or(usual.sections),
        owner: owner.unwrap_or(usual.owner),
        backup: backup.or(usual.backup),
        contribute_within: contribute_within.unwrap_or(usual.contribute_within),
        remind_every: remind_every.unwrap_or(usual.remind_every),
    })
}

fn section(reader: &mut Reader, node: &Node, path: &str) -> Option<Section> {
    let mut fields = reader.object(node, path)?;
    let id = need(reader, &mut fields, "id", identifier);
    let title = need(reader, &mut fields, "title", |reader, node, path| bounded(reader, node, path, 200));
    let hint = field(&mut fields, "hint", |node, path| bounded(reader, node, path, 500));
    fields.finish(reader);
    Some(Section { id: id?, title: title?, hint: hint.unwrap_or_default() })
}

fn inject(reader: &mut Reader, node: &Node, path: &str) -> Option<Inject> {
    let mut fields = reader.object(node, path)?;
    let after =
        need(reader, &mut fields, "after", |reader, node, path| reader.duration(node, path, Duration::ZERO, DAY * 30));
    let text = need(reader, &mut fields, "text", |reader, node, path| bounded(reader, node, path, 500));
    let signal = field(&mut fields, "signal", |node, path| signal_name(reader, node, path));
    fields.finish(reader);
    Some(Inject { after: after?, text: text?, signal })
}
