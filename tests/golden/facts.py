"""What a golden database means, as the API of the server that made it says it."""

import json
import sys
import time

# Parts of an incident, each a list or a document under its path.
PARTS = ["alerts", "tasks", "causes", "updates", "artifacts", "follow-ups", "timers"]
# Lists of the platform.
LISTS = ["people", "tokens", "secrets", "sources", "silences", "grants", "approvals", "playbooks", "plugins", "schedules",
         "workflows", "connections", "audit"]
# What is said of the moment, and is stored nowhere: how long it is until something, what a host saw of a third party.
OF_THE_MOMENT = {"breakers", "description", "next", "last_used_at"}


def stored(value):
    """The value without what is not stored."""
    if isinstance(value, dict):
        return {key: stored(one) for key, one in value.items() if key not in OF_THE_MOMENT}
    return [stored(one) for one in value] if isinstance(value, list) else value


def capture(api, told):
    incidents = []
    for incident in api.every("/incidents?limit=100"):
        path = f"/incidents/{incident['id']}"
        one = {"incident": api.get(path), "timeline": api.every(f"{path}/timeline?limit=100")}
        one |= {part: stored(api.every(f"{path}/{part}")) for part in PARTS}
        one["automations"] = api.every(f"{path}/automations")
        if incident["stage"] in ("resolution", "retrospective", "closed"):
            one["retrospective"] = api.get(f"{path}/retrospective")
            one["versions"] = [api.raw("GET", f"/api/v1{path}/retrospective/versions/{version['number']}").decode()
                               for version in one["retrospective"]["versions"]]
        one["head"] = api.get(f"{path}/timeline/head?entries={len(one['timeline'])}")["head"]
        incidents.append(one)
    runs = [api.get(f"/runs/{run['id']}") for run in api.every("/runs?limit=100")]
    return {
        "incidents": incidents,
        "runs": runs,
        "attempts": {run["id"]: api.every(f"/runs/{run['id']}/attempts") for run in runs},
        "revisions": {
            f"{kind}/{one['name']}": api.every(f"/{kind}/{one['name']}/revisions")
            for kind in ["workflows", "playbooks"] for one in api.every(f"/{kind}")
        },
        "lists": {kind: stored(api.every(f"/{kind}")) for kind in LISTS},
        "ticks": {one["name"]: api.every(f"/schedules/{one['name']}/ticks?limit=100") for one in api.every("/schedules?limit=100")},
        "automation": api.get("/automation"),
        "private": told.private,
        "exported": told.exported,
        "contribution": told.contribution,
        "expected": dict(told.expected),
    }


def at_rest(told):
    """The facts, once two looks in a row see the same; else nothing."""
    # Ada may see the private incident, too.
    before, after = capture(told.ada, told), capture(told.ada, told)
    for run in after["runs"]:
        want = told.expected.get(run["id"])
        if want and run["status"] != want["status"]:
            print(f"{run['workflow']} is {run['status']}, not yet {want['status']}", file=sys.stderr)
            return None
    return after if same(before, after) else None


def at_last(told, before):
    """The facts with the run that was started last, all else as it was."""
    after = capture(told.ada, told)
    newest = [run for run in after["runs"] if run["id"] not in before["attempts"]]
    if [run["status"] for run in newest] != ["running"]:
        raise SystemExit(f"the call in flight came back too early: {newest}")
    others = after | {"runs": [run for run in after["runs"] if run not in newest], "expected": before["expected"]}
    others["attempts"] = {run: made for run, made in after["attempts"].items() if run in before["attempts"]}
    # Who started it is in the audit log, which is newest first.
    others["lists"] = others["lists"] | {"audit": others["lists"]["audit"][-len(before["lists"]["audit"]):]}
    if changed := [key for key in before if not same(others[key], before[key])]:
        moved = [(then, now) for then, now in zip(before["runs"], others["runs"]) if not same(then, now)]
        raise SystemExit(f"something changed that was at rest: {changed} {moved}")
    after["unix_ms"] = time.time_ns() // 1_000_000
    return after


def same(one, other):
    return json.dumps(resting(one), sort_keys=True) == json.dumps(resting(other), sort_keys=True)


def resting(value):
    """The value without what goes on while everything waits: a parent looks at its child now and then."""
    if isinstance(value, dict):
        return {key: resting(one) for key, one in value.items()}
    if isinstance(value, list):
        return [resting(one) for one in value if not (isinstance(one, dict) and one.get("step") == "part")]
    return value
