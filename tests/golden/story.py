"""What happens in a golden database before its server is killed: every kind of thing that is stored, through the API."""

import datetime
import pathlib

import documents

ROOT = pathlib.Path(__file__).resolve().parents[2]


def after(**span):
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(**span)).isoformat(timespec="seconds").replace("+00:00", "Z")


class Story:
    """`expected` says of each run in flight in which status it is left, what has to be done, and how it ends then."""

    def __init__(self, api, plugins, base, wait_until):
        self.admin, self.plugins, self.base, self.wait_until = api, plugins, base, wait_until
        self.tokens, self.expected, self.exported, self.contribution = {}, {}, None, None

    def tell(self):
        self.people()
        self.platform()
        self.incidents()
        self.ended()
        self.schedules()
        self.in_flight()

    # Platform.

    def person(self, handle, role, **more):
        self.admin.post("/people", {"handle": handle, "name": handle.capitalize(), "email": f"{handle}@golden.example"})
        if more:
            self.admin.patch(f"/people/{handle}", more)
        made = self.admin.post("/tokens", {"person": handle, "role": role, "name": "golden"})
        self.tokens[handle] = made["token"]
        return self.admin.as_token(made["token"])

    def people(self):
        self.ada = self.person("ada", "admin", time_zone="Europe/Berlin")
        self.bob = self.person("bob", "engineer", chat={"chat": "@bob:golden.example"})
        self.cleo = self.person("cleo", "responder")
        self.dan = self.person("dan", "viewer")
        self.person("eve", "responder", away=[{"from": after(hours=-1), "until": after(days=20), "reason": "on holiday"}])
        gone = self.admin.post("/tokens", {"person": "eve", "role": "viewer", "name": "lost"})
        self.admin.call("DELETE", f"/tokens/{gone['id']}")

    def platform(self):
        api = self.admin
        for name in ["hook-token", "signing-key", "witness-key", "hook-hmac"]:
            api.put(f"/secrets/{name}", {"value": f"golden value of {name}"})
        # Sealed twice: the newest counts.
        api.put("/secrets/hook-token", {"value": "golden-bearer"})
        for plugin in self.plugins:
            api.raw("POST", "/api/v1/plugins?grant=true", plugin.read_bytes(), {"content-type": "application/wasm"})
        api.put("/plugins/webhook/limits", {"in_flight": 500, "per_minute": 50_000})
        signed = {"secrets": {"signing": "signing-key"}}
        bearer = {"bearer": "hook-token"}
        webhook = {"plugin": "webhook", "base_url": self.base, "auth": bearer}
        witness = {"plugin": "witness", "base_url": self.base, "auth": {"header": {"name": "x-key", "value": "hook-token"}},
                   "grant": {"secrets": {"key": "witness-key"}}}
        api.put("/connections/hooks", {**webhook, "base_url": f"{self.base}/old"})
        connections = {
            "hooks": {**webhook, "grant": signed, "limits": {"in_flight": 200}},
            "repeats": {**webhook, "config": {"receiver_deduplicates": True}, "record": True},
            "off": webhook,
            "walled": {**webhook, "base_url": "http://10.20.30.40"},
            "real": {**webhook, "real_in_drills": True},
            "seen": witness,
            "off-seen": witness,
            "stuck": {**witness, "base_url": f"{self.base}/hang"},
        }
        for name, connection in connections.items():
            api.put(f"/connections/{name}", connection)
        called = documents.workflows()
        # A workflow that another runs is saved before it.
        for name in sorted(called, key=lambda name: (name == "parent", name)):
            api.document(f"/workflows/{name}", called[name])
        api.document("/workflows/succeeds", called["succeeds"].replace("timeout: 30d", "timeout: 29d"))
        api.document("/workflows/forgotten", called["succeeds"].replace("name: succeeds", "name: forgotten"))
        api.call("DELETE", "/workflows/forgotten")
        api.document("/playbooks/checkout-outage", documents.PLAYBOOK)
        self.bob.post("/playbooks/checkout-outage/review")
        api.put("/sources/ci", {"kind": "cloudevents", "auth": {"token": "hook-hmac"}})
        api.put("/sources/homegrown", {
            "kind": "generic", "auth": {"hmac": {"secret": "hook-hmac", "header": "X-Signature", "prefix": "sha256="}},
            "mapping": {"fingerprint": "body.id", "title": "body.what"}, "storm": {"incidents": 5, "window_seconds": 60},
        })
        api.post("/silences", {"labels": {"service": "search", "team": "*"}, "ends_at": after(days=29), "reason": "the index is rebuilt"})
        ended = api.post("/silences", {"labels": {"service": "mail"}, "ends_at": after(days=2), "reason": "a mistake"})
        api.call("DELETE", f"/silences/{ended['id']}")

    # Incidents.

    def open(self, title, api=None, **more):
        api = api or self.cleo
        return api.post("/incidents", {"title": title, "severity": "sev2", **more})["id"]

    def enter(self, incident, *stages, **more):
        for stage in stages:
            self.ada.post(f"/incidents/{incident}/stage", {"to": stage, **more})

    def incidents(self):
        captures = ROOT / "tests/captures"
        for name in ["alertmanager-firing", "alertmanager-grouped-firing", "grafana", "pagerduty", "opsgenie", "cloudevent",
                     "alertmanager-grouped-resolved"]:
            source = {"cloudevent": "cloudevents"}.get(name, name.split("-")[0])
            kind = "application/cloudevents+json" if name == "cloudevent" else "application/json"
            self.cleo.raw("POST", f"/api/v1/hooks/{source}", (captures / f"{name}.json").read_bytes(), {"content-type": kind})
        alerting = self.open("Still ringing", labels={"service": "search"})
        self.admin.document("/playbooks/checkout-outage", documents.PLAYBOOK_LATER)
        triage = self.open("Payments are slow", labels={"service": "checkout"})
        self.enter(triage, "triage")
        self.parts(triage)
        self.investigated = self.open("Payments fail in the north", labels={"service": "checkout", "region": "north"})
        self.enter(self.investigated, "triage")
        self.ada.post(f"/incidents/{self.investigated}/stage", {"to": "investigate", "override": "support is on the phone"})
        self.enter(self.investigated, "triage", reason="it was something else")
        self.enter(self.investigated, "investigate", override="the same again")
        self.ada.patch(f"/incidents/{self.investigated}", {"severity": "sev1", "fields": {"customer": "Golden Ltd"}})
        self.ada.patch(f"/incidents/{self.investigated}", {"mitigated_at": after(minutes=-5), "title": "Payments fail"})
        self.ada.post(f"/incidents/{self.investigated}/timers", {"name": "update", "every": "12h", "text": "Time for an update."})
        self.ada.post(f"/incidents/{self.investigated}/timers", {"name": "regulator", "in": "72h", "text": "Tell the regulator."})
        for count in range(3):
            self.cleo.post(f"/incidents/{self.investigated}/timeline", {"text": f"Remark {count}."},
                           {"idempotency-key": f"golden-{count}"})
        self.learned("Resolved, being written up", "resolution")
        self.learned("In retrospective", "retrospective")
        self.exported = self.learned("Closed and published", "closed")
        canceled = self.open("Nothing at all")
        self.enter(canceled, "canceled", reason="false_alarm")
        merged = self.open("Payments fail, too")
        self.ada.post(f"/incidents/{merged}/merge", {"into": self.investigated})
        self.private = self.open("Somebody is inside", self.ada, visible_to=["ada", "bob"], labels={"category": "security"})
        self.ada.put(f"/incidents/{self.private}/access", {"visible_to": ["ada", "bob", "eve"]})
        self.ada.post(f"/incidents/{self.private}/timeline", {"text": "Nobody else reads this."})
        self.drill = self.open("Practice", kind="drill", script=[{"after": "10h", "text": "The lights go out.", "signal": "dark"}])
        self.enter(self.drill, "triage")
        self.alerting = alerting

    def parts(self, incident):
        path = f"/incidents/{incident}"
        self.ada.post(f"{path}/tasks", {"text": "Call the provider", "owner": "bob", "backup": "cleo", "due_at": after(days=1), "needs": [1]})
        self.ada.patch(f"{path}/tasks/1", {"status": "done", "note": "forty in a hundred"})
        self.ada.put(f"{path}/answers/who_is_hit", {"answer": "Everybody who pays by card"})
        self.ada.put(f"{path}/answers/data_lost", {"answer": "yes"})
        self.ada.put(f"{path}/roles/scribe", {"primary": "cleo", "backup": "bob", "handover": "the log is in the room"})
        self.ada.put(f"{path}/roles/legal", {"primary": "eve", "backup": "bob"})
        self.ada.post(f"{path}/roles/commander/take")
        self.cleo.post(f"{path}/causes", {"text": "The release of 09:40", "evidence": [{"label": "graph", "url": "https://graphs.golden.example/1"}]})
        self.cleo.post(f"{path}/causes", {"text": "A full disk"})
        self.cleo.patch(f"{path}/causes/1", {"status": "confirmed", "why": "errors began with it"})
        self.cleo.patch(f"{path}/causes/2", {"status": "ruled_out", "why": "half empty"})
        self.cleo.post(f"{path}/updates", {"text": "Payments are slow: grüße, 支払い.", "audience": "stakeholder", "next_in": "12h"})
        self.cleo.post(f"{path}/updates", {"template": "notice"})
        self.cleo.post(f"{path}/artifacts", {"kind": "link", "label": "Graph", "url": "https://graphs.golden.example/2"})
        removed = self.cleo.post(f"{path}/artifacts", {"kind": "link", "label": "Mistake", "url": "https://golden.example/x"})
        self.cleo.call("DELETE", f"{path}/artifacts/{removed.get('number', 2)}")
        self.cleo.post(f"{path}/timeline", {"text": "It began at 09:41."})
        entry = self.cleo.every(f"{path}/timeline?limit=100")[-1]["seq"]
        self.cleo.post(f"{path}/timeline/{entry}", {"remark": "star"})
        self.cleo.post(f"{path}/timeline/{entry}", {"remark": "correct", "text": "At 09:40."})
        self.ada.post(f"{path}/deadlines/regulator/met", {"note": "told by phone"})

    def learned(self, title, until):
        """An incident with a retrospective, up to a stage."""
        incident = self.open(title, labels={"service": "checkout"})
        path = f"/incidents/{incident}"
        self.enter(incident, "triage")
        self.parts(incident)
        self.enter(incident, "investigate", "resolution")
        contributions = self.ada.get(f"{path}/retrospective")["contributions"]
        number = {one["person"]: one["number"] for one in contributions}
        self.ada.put(f"{path}/retrospective/contributions/{number['ada']}", {"sections": {"went_well": "The rollback took a minute."}})
        link = self.ada.post(f"{path}/retrospective/contributions/{number['cleo']}/link")
        if until == "resolution":
            # The link is left: it has to open later.
            self.contribution = link["url"].rsplit("/", 1)[-1]
            self.ada.post(f"{path}/retrospective/contributions", {"person": "dan"})
        self.ada.post(f"{path}/follow-ups", {"text": "Alert on a slow checkout", "owner": "bob", "due_at": after(days=25), "ticket": None})
        if until == "resolution":
            return incident
        self.ada.patch(f"{path}/follow-ups/1", {"ticket": "https://tickets.golden.example/7"})
        self.ada.post(f"{path}/retrospective/contributions/{number['ada']}/merge")
        self.ada.patch(f"{path}/retrospective", {"sections": {"summary": "The release of 09:40 was slow."}})
        source = documents.PLAYBOOK_LATER.replace("due: 6h", "due: 5h")
        self.ada.post(f"{path}/retrospective/proposals", {"source": source, "reason": "Six hours is too long."})
        if until == "closed":
            self.ada.post(f"{path}/retrospective/proposals/1/refuse", {"reason": "not now"})
            self.ada.post(f"{path}/retrospective/publish")
        else:
            self.ada.post(f"{path}/retrospective/waive", {"reason": "a repetition"})
        self.enter(incident, "retrospective", *(["closed"] if until == "closed" else []))
        return incident

    # Runs.

    def run(self, workflow, api=None, **more):
        return (api or self.bob).post(f"/workflows/{workflow}/runs", more)["id"]

    def until(self, run, *statuses):
        def found():
            one = self.ada.get(f"/runs/{run}")
            return one if one["status"] in statuses else None
        return self.wait_until(f"run {run} {statuses}", found)

    def approve(self, run, api=None):
        approval = self.wait_until("an approval", lambda: [
            one for one in self.ada.every("/approvals?status=pending&limit=100") if one["run"] == run])[0]
        return (api or self.ada).post(f"/approvals/{approval['id']}/approve", {"reason": "go"})

    def ended(self):
        self.until(self.run("succeeds", inputs={"service": "search"}), "succeeded")
        self.until(self.run("succeeds", incident=self.investigated), "succeeded")
        self.until(self.run("succeeds", incident=self.drill), "succeeded")
        self.until(self.run("succeeds", dry_run=True), "succeeded")
        failed = self.run("fails")
        self.until(failed, "failed")
        again = self.bob.post(f"/runs/{failed}/rerun", {"from": "refused"})["id"]
        self.until(again, "failed")
        self.until(self.run("times-out"), "timed_out")
        rejected = self.run("gate-plain")
        approval = self.wait_until("an approval", lambda: [
            one for one in self.ada.every("/approvals?status=pending") if one["run"] == rejected])[0]
        self.ada.post(f"/approvals/{approval['id']}/reject", {"reason": "not today"})
        self.until(rejected, "rejected")
        canceled = self.run("sleeps")
        self.until(canceled, "waiting")
        self.bob.post(f"/runs/{canceled}/cancel", {"reason": "not needed"})
        self.until(canceled, "canceled")
        undone = self.run("undoable")
        self.until(undone, "succeeded")
        self.until(self.bob.post(f"/runs/{undone}/undo")["id"], "succeeded")
        self.until(self.run("denied", incident=self.investigated), "succeeded", "failed")
        self.until(self.run("walled", incident=self.investigated), "failed")
        decided = self.run("unsettled")
        self.until(decided, "needs_decision")
        self.bob.post(f"/runs/{decided}/decisions/lost", {"outcome": "applied"})
        self.until(decided, "succeeded")
        self.undone_late = self.run("undoable-late")
        self.until(self.undone_late, "succeeded")

    def leave(self, run, status, *do, ends="succeeded", later=False):
        """A run that is left in this status. `do` is done in order, with the clock standing; `later` lets time pass first."""
        self.expected[run] = {"status": status, "do": list(do), "ends": ends, "later": later}
        return run

    def in_flight(self):
        leave, run = self.leave, self.run
        approve, reject = {"approve": "ada"}, {"reject": "ada"}
        for incident in [None, self.investigated, self.alerting, self.drill, self.private]:
            leave(run("gate-plain", incident=incident), "waiting", approve)
        leave(run("gate-plain"), "waiting", reject, ends="rejected")
        for _ in range(2):
            leave(run("gate-quorum"), "waiting", {"approve": "cleo"})
            self.approve(list(self.expected)[-1])
        leave(run("gate-then-yes"), "waiting", later=True)
        leave(run("gate-then-yes", incident=self.investigated), "waiting", later=True)
        leave(run("gate-then-no"), "waiting", ends="rejected", later=True)
        for incident in [None, None, None, self.investigated, self.alerting]:
            leave(run("sleeps", incident=incident), "waiting", later=True)
        for _ in range(4):
            leave(run("waits"), "waiting", {"signal": "word", "payload": {"word": "golden"}})
        leave(run("waits-a-while"), "waiting", ends="failed", later=True)
        early = leave(run("waits-early"), "waiting", approve)
        self.bob.post(f"/runs/{early}/signals/word", {"payload": {"word": "early"}})
        for _ in range(5):
            leave(run("retries"), "waiting", later=True)
        for key in ["north", "south"]:
            leave(run("one-by-one", inputs={"key": key, "hold": True}), "waiting", approve)
            for _ in range(3):
                leave(run("one-by-one", inputs={"key": key}), "queued")
        leave(run("one-at-most"), "waiting", approve)
        for outcome, ends in [("applied", "succeeded"), ("retry", "succeeded"), ("fail", "failed")]:
            leave(run("unsettled"), "needs_decision", {"decide": "lost", "outcome": outcome}, ends=ends)
        leave(run("unsettled", incident=self.investigated), "needs_decision", {"decide": "lost", "outcome": "applied"})
        held = leave(run("held"), "paused", {"resume": True}, approve)
        self.bob.post(f"/runs/{held}/pause", {"reason": "the provider is down"})
        parent = leave(run("parent"), "waiting")
        child = self.wait_until("a child", lambda: [
            one for one in self.ada.every("/runs?workflow=child&limit=100") if (one["parent"] or {}).get("run") == parent])[0]
        leave(child["id"], "waiting", approve)
        leave(run("each"), "waiting", later=True)
        self.elsewhere()
        # What hangs comes last, so that nothing of it times out before the server is killed.
        self.admin.post("/automation/pause", {"scope": "connection", "name": "off", "reason": "the account is locked"})
        self.admin.post("/automation/pause", {"scope": "connection", "name": "off-seen", "reason": "the account is locked"})
        leave(run("switched-off"), "paused", {"switch_on": "off"})
        leave(self.bob.post(f"/runs/{self.undone_late}/undo")["id"], "paused", {"switch_on": "off-seen"})
        for outcome, ends in [("applied", "succeeded"), ("retry", "succeeded"), ("fail", "failed")]:
            leave(run("hangs"), "running", {"decide": "hang", "outcome": outcome}, ends=ends)
        leave(run("hangs", incident=self.investigated), "running", {"decide": "hang", "outcome": "applied"})
        for _ in range(3):
            leave(run("hangs-repeatable"), "running")
        # Nobody is asked about what a canceled run had under way.
        canceling = leave(run("hangs"), "canceling", ends="canceled")
        self.until(canceling, "running")
        self.bob.post(f"/runs/{canceling}/cancel", {"reason": "too late"})

    def last(self):
        """A call in flight whose plugin gives up after 10 s. Later the plugin is asked, and says that it happened."""
        run = self.leave(self.run("hangs-checked"), "running")
        self.until(run, "running")

    def elsewhere(self):
        """A run that is held between two calls of a job that goes on elsewhere; the pause is 250 ms long."""
        def held():
            job = self.run("elsewhere")
            self.until(job, "waiting", "succeeded")
            self.bob.call("POST", f"/runs/{job}/pause", {"reason": "half way"}) if self.ada.get(f"/runs/{job}")["status"] == "waiting" else None
            return job if self.ada.get(f"/runs/{job}")["status"] == "paused" else None
        self.leave(self.wait_until("a job that is held", held), "paused", {"resume": True})

    # Schedules.

    def schedules(self):
        put = lambda name, timing, more="": self.bob.document(f"/schedules/{name}", documents.schedule(name, timing, more))
        put("every-second", "every: 1s", "warn_after: 0\n")
        put("yearly", "cron: \"30 2 1 1 *\"\ntimezone: Europe/Berlin", "overlap: queue\ncatch_up: { mode: all, window: 6h, most: 3 }\n")
        put("weekly", f"every: 7d\nstarts: \"{after(days=-40)}\"", "jitter: 5m\n")
        put("once", f"at: \"{after(days=3)}\"")
        put("blacked-out", "every: 6h", "blackouts:\n  - { cron: \"0 0 * * *\", for: 23h, then: hold, reason: nights }\n")
        put("gone", "every: 1d")
        self.wait_until("ticks", lambda: len(self.bob.every("/schedules/every-second/ticks")) >= 3)
        self.bob.post("/schedules/every-second/pause", {"reason": "enough"})
        self.bob.post("/schedules/yearly/trigger")
        self.bob.post("/schedules/sweep.1/trigger")
        self.bob.post("/schedules/weekly/backfill", {"from": after(days=-20), "until": after(), "dry_run": False})
        self.bob.call("DELETE", "/schedules/gone")
        self.wait_until("runs of schedules to end", lambda: all(
            one["finished_at"] for one in self.bob.every("/runs?workflow=sweep&limit=100")))
