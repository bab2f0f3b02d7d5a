//! The story: one incident from its alert to its published retrospective, told by its own timeline.

use std::{collections::BTreeMap, io::Write, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{
        Failed,
        client::{ClientOptions, word},
        handle::{shows, timeline_line},
        terminal::{self, Colour, paint},
    },
    shop::PLAYBOOK,
    town::{self, Town},
};
use wardroom_base::clock::{Clock as _, SystemClock, monotonic_now};

/// How long the demo waits for any one thing.
const PATIENCE: Duration = Duration::from_secs(30);

/// The demo in the making.
pub(super) struct Story {
    /// The administrator.
    client: ClientOptions,
    town: Town,
    people: BTreeMap<&'static str, ClientOptions>,
    /// The newest timeline entry that was shown.
    seen: i64,
    interactive: bool,
}

impl Story {
    pub(super) fn new(
        client: ClientOptions,
        town: Town,
        people: BTreeMap<&'static str, ClientOptions>,
        interactive: bool,
    ) -> Self {
        Self { client, town, people, seen: 0, interactive }
    }

    pub(super) async fn play(mut self) -> Result<(), Failed> {
        chapter(
            "alerting",
            "The shop's new checkout fails for some customers. Alertmanager calls; the playbook service-outage fits. Ada \
             commands by the playbook, but is on leave: Bob is her backup.",
        )?;
        self.alert().await?;
        self.follow("open-channel").await?;
        self.ask("bob", Method::POST, "/roles/commander/take", json!({})).await?;

        chapter("triage", "Bob takes it. The graphs are pulled before he has opened a browser.")?;
        self.stage("triage").await?;
        self.follow("gather-evidence").await?;
        self.hurry().await?;
        self.assess().await?;

        chapter(
            "investigate",
            "The alert names the flag `new-checkout`. Switching it off needs the commander's word.",
        )?;
        self.stage("investigate").await?;
        for cause in ["The flag new-checkout", "The payment provider"] {
            self.ask("bob", Method::POST, "/causes", json!({ "text": cause })).await?;
        }
        self.approve().await?;
        self.follow("roll-back").await?;
        self.recovered().await?;
        self.understand().await?;

        chapter("resolution", "The errors are gone. Everybody who was told is told again, and asked what they saw.")?;
        self.stage("resolution").await?;
        self.follow("tell-resolved").await?;
        self.follow("start-retrospective").await?;

        chapter("retrospective", "Nobody had to remember it, and nobody had to meet for it.")?;
        self.contribute().await?;
        self.learn().await?;
        self.show_town()?;
        self.show_retrospective().await
    }

    /// The playbook guards the way out of triage.
    async fn hurry(&mut self) -> Result<(), Failed> {
        terminal::line(&paint(Colour::Grey, "Bob wants to go on at once:"))?;
        let refused = self.ask("bob", Method::POST, "/stage", json!({ "to": "investigate" })).await;
        let Err(Failed(refused)) = refused else {
            return Err(Failed("the playbook's criteria did not hold".to_owned()));
        };
        Ok(terminal::line(&format!("  {}", paint(Colour::Red, &refused)))?)
    }

    async fn assess(&mut self) -> Result<(), Failed> {
        for (question, answer) in
            [("who_is_hit", "One customer in eight, at the last step"), ("since_when", "Since the release of 09:40")]
        {
            self.ask("bob", Method::PUT, &format!("/answers/{question}"), json!({ "answer": answer })).await?;
        }
        self.done("bob", &["page", "assess"]).await?;
        let update = json!({ "template": "first-notice", "next_in": "30m" });
        self.ask("cleo", Method::POST, "/updates", update).await?;
        self.done("cleo", &["tell_stakeholders", "status_page"]).await
    }

    async fn understand(&mut self) -> Result<(), Failed> {
        let ruled_out = json!({ "status": "ruled_out", "why": "it answers as on other days" });
        self.ask("dan", Method::PATCH, "/causes/2", ruled_out).await?;
        let evidence = json!([{ "label": "The errors fade with the flag", "url": "http://graphs.shop.example/1" }]);
        let confirmed = json!({ "status": "confirmed", "evidence": evidence });
        self.ask("bob", Method::PATCH, "/causes/1", confirmed).await?;
        self.done("bob", &["evidence", "mitigate"]).await
    }

    /// Three people, each in their own way.
    async fn contribute(&mut self) -> Result<(), Failed> {
        self.ask("bob", Method::POST, "/retrospective/contributions", json!({ "person": "dan" })).await?;
        let asked = self.client.get("/incidents/INC-1/retrospective").await?;
        let number = |person: &str| {
            let all = asked["contributions"].as_array().map(Vec::as_slice).unwrap_or_default();
            all.iter().find(|one| one["person"] == person).map(|one| one["number"].to_string()).unwrap_or_default()
        };
        let written = [
            (
                "bob",
                json!({ "summary": "A new checkout failed for one customer in eight, for as long as its flag was on.",
                "went_well": "The flag was off a minute after the alert." }),
            ),
            ("cleo", json!({ "went_badly": "The status page came after the first complaint." })),
        ];
        for (person, sections) in written {
            let path = format!("/retrospective/contributions/{}", number(person));
            self.ask(person, Method::PUT, &path, json!({ "sections": sections })).await?;
        }
        // Dan follows the link in his mail: it needs no account.
        let path = format!("/incidents/INC-1/retrospective/contributions/{}/link", number("dan"));
        let link = word(&self.client.post(&path, json!({})).await?, "url");
        let token = link.rsplit('/').next().unwrap_or_default();
        let sections = json!({ "went_well": "The provider's graphs were one click away." });
        let nobody = self.client.with_token(String::new());
        nobody.post(&format!("/contributions/{token}"), json!({ "sections": sections })).await?;
        self.ask("bob", Method::POST, "/retrospective/merge", json!({})).await?;
        self.tell().await
    }

    /// A follow-up becomes a ticket, the playbook a new revision, and the incident is closed.
    async fn learn(&mut self) -> Result<(), Failed> {
        let follow_up = json!({ "text": "Put failing payments on the status page by themselves", "owner": "cleo" });
        self.ask("bob", Method::POST, "/follow-ups", follow_up).await?;
        self.follow("file-follow-up").await?;
        let sooner = PLAYBOOK.replace("role: communications, due: 30m", "role: communications, due: 10m");
        let change = json!({ "source": sooner, "reason": "The status page came too late." });
        self.ask("cleo", Method::POST, "/retrospective/proposals", change).await?;
        self.ask("bob", Method::POST, "/retrospective/proposals/1/apply", json!({})).await?;
        self.ask("bob", Method::POST, "/retrospective/publish", json!({})).await?;
        self.stage("retrospective").await?;
        self.stage("closed").await?;
        self.tell().await
    }

    async fn show_retrospective(&self) -> Result<(), Failed> {
        let request = self.client.request(Method::GET, "/incidents/INC-1/retrospective/versions/1")?;
        let text = self.client.response(request).await?.text().await?;
        terminal::line("")?;
        Ok(terminal::line(text.trim_end())?)
    }

    /// Somebody of the shop.
    fn person(&self, handle: &str) -> &ClientOptions {
        self.people.get(handle).unwrap_or(&self.client)
    }

    /// Somebody does something about the incident.
    async fn ask(&mut self, who: &str, method: Method, path: &str, body: Value) -> Result<Value, Failed> {
        let answer = self.person(who).send(method, &format!("/incidents/INC-1{path}"), Some(body)).await?;
        self.tell().await?;
        Ok(answer)
    }

    /// Somebody has done tasks of the playbook.
    async fn done(&mut self, who: &str, tasks: &[&str]) -> Result<(), Failed> {
        let known = self.client.list("/incidents/INC-1/tasks").await?;
        for id in tasks {
            let task = known.iter().find(|task| task["id"] == *id);
            let task = task.ok_or_else(|| Failed(format!("the playbook has no task {id}")))?;
            self.ask(who, Method::PATCH, &format!("/tasks/{}", task["number"]), json!({ "status": "done" })).await?;
        }
        Ok(())
    }

    /// Alertmanager's own body, with the source's own token.
    async fn alert(&self) -> Result<(), Failed> {
        let began = SystemClock.now().minus(Duration::from_mins(2));
        self.client.with_token("practice-alerts".to_owned()).post("/hooks/alertmanager", town::alert(began)).await?;
        Ok(())
    }

    async fn stage(&mut self, to: &str) -> Result<(), Failed> {
        self.ask("bob", Method::POST, "/stage", json!({ "to": to })).await?;
        Ok(())
    }

    /// Shows the timeline until a workflow's run has ended well.
    async fn follow(&mut self, workflow: &str) -> Result<(), Failed> {
        let deadline = monotonic_now() + PATIENCE;
        loop {
            let runs = self.client.get(&format!("/runs?workflow={workflow}")).await?;
            let run = &runs["items"][0];
            self.tell().await?;
            match run["status"].as_str() {
                Some("succeeded") => return Ok(()),
                Some("failed" | "rejected" | "canceled" | "timed_out" | "needs_decision") => {
                    return Err(Failed(format!("{workflow} is {}: {run:#}", word(run, "status"))));
                }
                _ if monotonic_now() > deadline => return Err(Failed(format!("{workflow} does not end: {run:#}"))),
                _ => tokio::time::sleep(Duration::from_millis(30)).await,
            }
        }
    }

    /// Shows what is new on the timeline.
    async fn tell(&mut self) -> Result<(), Failed> {
        let page = self.client.get(&format!("/incidents/INC-1/timeline?limit=200&after={}", self.seen)).await?;
        for entry in page["items"].as_array().into_iter().flatten() {
            terminal::line(&timeline_line(entry))?;
            self.seen = entry["seq"].as_i64().unwrap_or(self.seen);
        }
        Ok(())
    }

    async fn approve(&mut self) -> Result<(), Failed> {
        let deadline = monotonic_now() + PATIENCE;
        let approval = loop {
            let pending = self.client.get("/approvals?status=pending").await?;
            if let Some(approval) = pending["items"].get(0) {
                break approval.clone();
            }
            if monotonic_now() > deadline {
                return Err(Failed("nobody asks for an approval".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        };
        self.tell().await?;
        let question = format!("approve {}? [Y/n] ", shows(&approval));
        let answer = if self.interactive { ask(&question).await? } else { String::new() };
        if !self.interactive {
            terminal::line(&format!("{}y", paint(Colour::Yellow, &question)))?;
        }
        let verdict = if answer.trim().to_lowercase().starts_with('n') { "reject" } else { "approve" };
        // Bob is the acting commander: only he and Ada may decide this.
        let path = format!("/approvals/{}/{verdict}", word(&approval, "id"));
        self.person("bob").post(&path, json!({ "reason": "the errors began with this flag" })).await?;
        if verdict == "reject" {
            self.tell().await?;
            return Err(Failed("rejected: the flag stays on, and the demo ends here".to_owned()));
        }
        Ok(())
    }

    /// Shows the error rate as it falls.
    async fn recovered(&self) -> Result<(), Failed> {
        let deadline = monotonic_now() + PATIENCE;
        loop {
            let rate = self.town.error_rate();
            let bar = bar(rate);
            terminal::line(&format!("  errors per second {rate:>5.1} {}", paint(Colour::Red, &bar)))?;
            if rate < 0.5 {
                return Ok(());
            }
            if monotonic_now() > deadline {
                return Err(Failed("the errors do not go away".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// What arrived in the town: the far ends of all those steps.
    fn show_town(&self) -> Result<(), Failed> {
        terminal::line("")?;
        terminal::line("What the practice town saw:")?;
        for message in self.town.messages() {
            terminal::line(&format!("  {} {message}", paint(Colour::Blue, "chat")))?;
        }
        for subject in self.town.mails() {
            terminal::line(&format!("  {} {subject}", paint(Colour::Blue, "mail")))?;
        }
        for title in self.town.tickets() {
            terminal::line(&format!("  {} {title}", paint(Colour::Blue, "ticket")))?;
        }
        let flag = if self.town.flag_is_on() { "on" } else { "off" };
        Ok(terminal::line(&format!("  {} new-checkout is {flag}", paint(Colour::Blue, "flag")))?)
    }
}

fn chapter(stage: &str, text: &str) -> Result<(), Failed> {
    terminal::line("")?;
    Ok(terminal::line(&format!("{} {text}", paint(Colour::Yellow, &format!("[{stage}]"))))?)
}

async fn ask(question: &str) -> Result<String, Failed> {
    let mut out = std::io::stdout();
    write!(out, "{}", paint(Colour::Yellow, question))?;
    out.flush()?;
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    Ok(reading.await??)
}

/// A quarter of an error a second is one mark.
fn bar(rate: f64) -> String {
    std::iter::successors(Some(rate), |left| Some(left - 0.25))
        .take_while(|left| *left > 0.0)
        .take(60)
        .map(|_| '#')
        .collect()
}
