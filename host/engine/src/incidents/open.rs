//! Opening an incident by hand, and reading one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::{
    Caller, Engine, EngineError,
    incidents::{change::Opened, edit::Asking},
    once::{Once, making},
    platform::catalog::LivePlaybook,
};
use wardroom_domain::{
    alert::{Alert, Labels},
    dossier::{Dossier, Parts, Told, alarm::Surroundings, begin},
    event::Fact,
    id::{IncidentId, PersonId},
    incident::{Details, Incident, IncidentKind, Injection, Origin, PlaybookPin, Severity, Stage, Times},
    person::Person,
    playbook::{Playbook, Stakeholder},
    timeline::EntryKind,
    workflow::is_identifier,
};
use wardroom_store::{Committed, Dependant, Guard};

/// The most labels an incident has.
pub const MAX_LABELS: usize = 64;
/// The longest title, in characters.
pub const MAX_TITLE: usize = 200;

/// What opens an incident.
#[derive(Debug, Clone)]
pub struct NewIncident {
    /// 1 to 200 characters.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Real or practice.
    pub kind: IncidentKind,
    /// At most 64; names of at most 128 and values of at most 4,096 characters.
    pub labels: Labels,
    /// The playbook to follow; none: the one that fits best, if any does.
    pub playbook: Option<String>,
    /// The handles of those who may see it; none: everybody.
    pub visible_to: Option<BTreeSet<String>>,
    /// What happens in the exercise, instead of the playbook's script: for drills only.
    pub script: Vec<Injection>,
}

impl NewIncident {
    /// An incident that everybody may see, without labels.
    pub fn titled(title: &str, severity: Severity) -> Self {
        Self {
            title: title.to_owned(),
            severity,
            kind: IncidentKind::Incident,
            labels: Labels::new(),
            playbook: None,
            visible_to: None,
            script: Vec::new(),
        }
    }
}

impl Engine {
    /// Opens an incident for a person.
    pub(crate) async fn open_incident(
        &self,
        caller: &Caller,
        new: NewIncident,
        once: Option<Once>,
    ) -> Result<Incident, EngineError> {
        let visible_to = self.checked_access(caller, new.visible_to.as_ref()).await?;
        self.open(&Asking::person(caller, None).once(once), &new, visible_to).await
    }

    /// Opens an incident for whoever asks.
    pub(crate) async fn open(
        &self,
        asking: &Asking,
        new: &NewIncident,
        visible_to: Option<BTreeSet<String>>,
    ) -> Result<Incident, EngineError> {
        let title = check_title(&new.title)?;
        check_labels(&new.labels)?;
        check_script(new)?;
        // The second look tells what a request under the same key made that was faster.
        for _ in 0..2 {
            if let Some(made) = self.made_before(asking.once.as_ref()).await? {
                return self.incident_by_reference(&made).await;
            }
            let draft = Draft { title: title.clone(), origin: None, recurrence_of: None };
            let mut incident = self.draft(draft, new).await?;
            incident.details.visible_to.clone_from(&visible_to);
            incident.details.script.clone_from(&new.script);
            let playbook = self.playbook_for(&incident, new.playbook.as_deref()).await?;
            let (opened, then) = self.opening(asking, incident, &[], playbook).await?;
            let incident = opened.dossier.incident;
            let boxed = Box::new(incident.clone());
            let guard = Guard::NewIncident(boxed.clone());
            let thing = Dependant::NewIncident(boxed);
            let write = making(asking.once.as_ref(), incident.id, incident.created_at, guard, thing, then);
            if self.store().commit(write).await? == Committed::Applied {
                self.0.events.notify_one();
                return Ok(incident);
            }
        }
        Err(EngineError::Overloaded)
    }

    pub(crate) async fn draft(&self, draft: Draft, new: &NewIncident) -> Result<Incident, EngineError> {
        let now = self.now();
        Ok(Incident {
            id: IncidentId(self.new_id()),
            number: self.store().next_incident_number().await?,
            kind: new.kind,
            title: draft.title,
            severity: new.severity,
            stage: Stage::Alerting,
            labels: new.labels.clone(),
            roles: BTreeMap::new(),
            times: Times { detected_at: Some(now), ..Times::default() },
            claims_alerts: draft.origin.is_some(),
            origin: draft.origin,
            recurrence_of: draft.recurrence_of,
            details: Details::default(),
            due_at: None,
            entered: BTreeSet::from([Stage::Alerting]),
            created_at: now,
            updated_at: now,
            revision: 1,
            version: 1,
        })
    }

    /// The incident.
    pub(crate) async fn incident(&self, id: IncidentId) -> Result<Incident, EngineError> {
        self.store().incident(id).await?.ok_or_else(|| EngineError::not_found("incident", id))
    }

    /// The incident of an identifier or a number such as `INC-42`.
    pub(crate) async fn incident_by_reference(&self, reference: &str) -> Result<Incident, EngineError> {
        let found = match reference.strip_prefix("INC-").map(str::parse::<u32>) {
            Some(Ok(number)) => self.store().incident_by_number(number).await?,
            Some(Err(_)) => None,
            None => match reference.parse::<IncidentId>() {
                Ok(id) => self.store().incident(id).await?,
                Err(_) => None,
            },
        };
        found.ok_or_else(|| EngineError::not_found("incident", reference))
    }

    /// The people an incident's roles name.
    pub(crate) async fn people_of(&self, incident: &Incident) -> Result<BTreeMap<PersonId, Person>, EngineError> {
        let mut people = BTreeMap::new();
        for id in incident.people() {
            if let Some(person) = self.store().person(id).await? {
                people.insert(id, person);
            }
        }
        Ok(people)
    }
}

/// What differs between opening by hand and by an alert.
pub(crate) struct Draft {
    pub(crate) title: String,
    pub(crate) origin: Option<Origin>,
    pub(crate) recurrence_of: Option<IncidentId>,
}

impl Engine {
    /// What is written with a new incident: its first entry, the event "entered `alerting`", and what its playbook brings.
    pub(crate) async fn opening(
        &self,
        asking: &Asking,
        mut incident: Incident,
        alerts: &[Alert],
        playbook: Option<LivePlaybook>,
    ) -> Result<(Opened, Vec<Dependant>), EngineError> {
        let earlier = match incident.recurrence_of {
            Some(id) => self.store().incident(id).await?,
            None => None,
        };
        // An entry stays for ever: it names no incident that most people may not see.
        let recurrence_of = earlier.filter(|earlier| earlier.details.visible_to.is_none()).map(|earlier| earlier.id);
        let mut told = Told::default();
        told.entry(
            EntryKind::Opened,
            format!("opened as {}: {}", incident.severity, incident.title),
            json!({ "severity": incident.severity, "kind": incident.kind, "recurrence_of": recurrence_of }),
        );
        told.facts.push(Fact::StageEntered { from: None, stage: Stage::Alerting, first: true, reason: None });
        if let Some(live) = &playbook {
            let (name, revision) = (live.playbook.name.clone(), live.revision);
            incident.details.playbook = Some(PlaybookPin { name, revision });
        }
        let playbook = playbook.map(|live| live.playbook);
        let mut opened = Opened {
            dossier: Dossier { incident, parts: Parts::default() },
            alerts: alerts.to_vec(),
            people: BTreeMap::new(),
            playbook,
        };
        if let Some(playbook) = opened.playbook.clone() {
            let named = self.people_named_by(&playbook).await?;
            opened.people = named.values().map(|person| (person.id, person.clone())).collect();
            let around = Surroundings { playbook: Some(&playbook), people: &opened.people, now: self.now() };
            begin::begin(&mut opened.dossier, &playbook, &named, &around, &mut told);
        }
        self.round_off(&mut opened, &mut told);
        let (id, at) = (opened.dossier.incident.id, opened.dossier.incident.created_at);
        let parts = opened.dossier.parts.changes(&Parts::default(), id, at);
        let mut then: Vec<Dependant> = parts.into_iter().map(Dependant::Part).collect();
        then.extend(self.telling(&opened, asking, told));
        Ok((opened, then))
    }

    /// The playbook an incident follows: the one asked for, else the one that fits best.
    pub(crate) async fn playbook_for(
        &self,
        incident: &Incident,
        asked: Option<&str>,
    ) -> Result<Option<LivePlaybook>, EngineError> {
        let catalog = self.catalog().await?;
        let Some(name) = asked else {
            return Ok(catalog.playbook_for(incident.kind, incident.severity, &incident.labels).cloned());
        };
        let found = catalog.playbooks.get(name).cloned();
        let shown: String = name.chars().take(64).collect();
        found.map(Some).ok_or_else(|| EngineError::invalid("playbook", format!("there is no playbook {shown:?}")))
    }

    /// The people that a playbook names and the platform knows, by handle.
    async fn people_named_by(&self, playbook: &Playbook) -> Result<BTreeMap<String, Person>, EngineError> {
        let roles = playbook.roles.iter().flat_map(|role| [&role.primary, &role.backup]).flatten();
        let stakeholders = playbook.stakeholders.values().flatten().filter_map(|one| match one {
            Stakeholder::Person(handle) => Some(handle),
            Stakeholder::Contact { .. } => None,
        });
        let handles: BTreeSet<&String> = roles.chain(stakeholders).collect();
        let mut people = BTreeMap::new();
        for handle in handles {
            if let Some(person) = self.store().person_by_handle(handle).await? {
                people.insert(handle.clone(), person);
            }
        }
        Ok(people)
    }
}

/// The most that happens in an exercise.
const MAX_SCRIPT: usize = 50;

fn check_script(new: &NewIncident) -> Result<(), EngineError> {
    if new.script.is_empty() {
        return Ok(());
    }
    if new.kind != IncidentKind::Drill {
        return Err(EngineError::invalid("script", "belongs to a drill: give `kind: drill`"));
    }
    if new.script.len() > MAX_SCRIPT {
        return Err(EngineError::invalid("script", format!("at most {MAX_SCRIPT} injections are wanted")));
    }
    for (index, one) in new.script.iter().enumerate() {
        if !(1..=500).contains(&one.text.trim().chars().count()) {
            return Err(EngineError::invalid(format!("script[{index}].text"), "1 to 500 characters are wanted"));
        }
        if one.signal.as_ref().is_some_and(|signal| !is_identifier(signal)) {
            let message = "a word in snake_case is wanted, such as support_called";
            return Err(EngineError::invalid(format!("script[{index}].signal"), message));
        }
        if one.after_ms > 30 * 24 * 3_600_000 {
            return Err(EngineError::invalid(format!("script[{index}].after"), "at most 30d is wanted"));
        }
    }
    Ok(())
}

/// The title without surrounding space, if it is one.
pub(crate) fn check_title(title: &str) -> Result<String, EngineError> {
    let title = title.trim();
    match title.chars().count() {
        1..=MAX_TITLE => Ok(title.to_owned()),
        0 => Err(EngineError::invalid("title", "is empty: 1 to 200 characters are wanted")),
        long => Err(EngineError::invalid("title", format!("has {long} characters: at most {MAX_TITLE} are wanted"))),
    }
}

/// Whether labels are within their limits.
pub(crate) fn check_labels(labels: &Labels) -> Result<(), EngineError> {
    if labels.len() > MAX_LABELS {
        return Err(EngineError::invalid("labels", format!("there are {}: at most {MAX_LABELS}", labels.len())));
    }
    for (name, value) in labels {
        if name.is_empty() || name.chars().count() > 128 {
            return Err(EngineError::invalid("labels", "a name has 1 to 128 characters"));
        }
        if value.chars().count() > 4_096 {
            return Err(EngineError::invalid(format!("labels.{name}"), "a value has at most 4,096 characters"));
        }
    }
    Ok(())
}
