"""The workflows, playbook and schedules of a golden database."""

PLAYBOOK = """\
kind: playbook
name: checkout-outage
description: Nobody can pay.
match:
  - kinds: [incident]
    labels: { service: checkout }
priority: 5
roles:
  - { name: commander, primary: ada, backup: bob, answer_within: 12h }
  - { name: communications, primary: cleo, backup: dan, answer_within: 12h }
questions:
  - { id: who_is_hit, text: "Who is hit?" }
  - { id: data_lost, text: "Is data lost?", choices: ["no", "not known", "yes"] }
stages:
  triage:
    tasks:
      - { id: measure, text: "Measure how many payments fail", role: commander, due: 6h }
      - { id: tell, text: "Tell support", role: communications, backup: commander, due: 8h, needs: [measure] }
    exit:
      - { id: hit_known, text: "it is known who is hit", when: 'incident.answers.who_is_hit != null' }
  investigate:
    tasks:
      - { id: compare, text: "Compare with the last release", role: commander, due: 1d }
    exit:
      - { id: cause, text: "each cause is confirmed or ruled out", when: 'incident.causes.all(c, c.status != "suspected")', mode: warn }
cadence: { sev1: 12h, sev2: 12h, sev3: 1d, sev4: 7d }
deadlines:
  - id: regulator
    text: The regulator is told of lost data
    when: 'incident.answers.data_lost == "yes"'
    within: 72h
    group: regulator
stakeholders:
  regulator:
    - { name: "Authority", email: desk@authority.example }
  support:
    - { person: dan }
templates:
  notice: { audience: stakeholder, text: "${{ incident.title }}: we are on it." }
retrospective:
  owner: commander
  backup: communications
  sections:
    - { id: summary, title: "What happened", hint: "In five sentences." }
    - { id: went_well, title: "What went well", hint: "What to keep." }
    - { id: follow_ups, title: "What follows", hint: "Who does what." }
  contribute_within: 48h
  remind_every: 24h
review_after: 365d
"""

# A later revision, so that incidents are pinned to the one before.
PLAYBOOK_LATER = PLAYBOOK.replace("Nobody can pay.", "Nobody can pay, or hardly anybody.")

HEAD = "on: [{ manual: {} }]\ntimeout: 30d\n"


def send(step, path, connection="hooks", more=""):
    return (f"  - id: {step}\n    uses: webhook/send\n    connection: {connection}\n"
            f"    with: {{ path: \"{path}\", body: {{ by: \"${{{{ run.id }}}}\" }} }}\n{more}")


def workflows():
    """Name to document."""
    tail = send("tell", "/tell")
    gate = {
        "plain": "{ notify: none }",
        "quorum": "{ people: [ada, bob, cleo], quorum: 2, notify: none }",
        "then-yes": "{ timeout: 2h, on_timeout: approve, notify: none }",
        "then-no": "{ timeout: 2h, on_timeout: reject, notify: none }",
    }
    documents = {f"gate-{name}": f"{HEAD}steps:\n  - id: gate\n    approve: {approve}\n{tail}"
                 for name, approve in gate.items()}
    documents |= {
        "succeeds": HEAD + "inputs:\n  service: { type: string, default: checkout }\nsteps:\n"
                    + send("warm", "/warm/${{ inputs.service }}") + tail,
        "fails": HEAD + "steps:\n" + send("refused", "/refuse") + "on_failure:\n" + send("page", "/page")
                 + "finally:\n" + send("clean", "/clean"),
        "times-out": "on: [{ manual: {} }]\ntimeout: 1s\nsteps:\n  - id: never\n    wait_for: never\n",
        "sleeps": HEAD + "steps:\n" + send("before", "/before") + "  - id: nap\n    sleep: 1h\n" + tail,
        "waits": HEAD + "steps:\n  - id: word\n    wait_for: word\n"
                 + "  - id: note\n    uses: webhook/send\n    connection: hooks\n"
                   "    with: { path: /word, body: { word: \"${{ steps.word.output.payload.word }}\" } }\n",
        "waits-a-while": HEAD + "steps:\n  - id: word\n    wait_for: { signal: word, timeout: 2h }\n" + tail,
        "waits-early": HEAD + "steps:\n  - id: gate\n    approve: { notify: none }\n  - id: word\n    wait_for: word\n" + tail,
        "retries": HEAD + "steps:\n" + send("flaky", "/fail", "repeats",
                                            "    retry: { attempts: 20, initial: 24h, factor: 1, max: 24h }\n"),
        "one-by-one": HEAD + "inputs:\n  key: { type: string }\n  hold: { type: boolean, default: false }\n"
                      "concurrency: { key: \"${{ inputs.key }}\", policy: queue }\nsteps:\n"
                      "  - id: gate\n    if: inputs.hold\n    approve: { notify: none }\n" + tail,
        "one-at-most": HEAD + "concurrency: { key: one, policy: skip }\nsteps:\n  - id: gate\n    approve: { notify: none }\n" + tail,
        "unsettled": HEAD + "steps:\n" + send("lost", "/hang", more="    timeout: 1s\n") + tail,
        "hangs": HEAD + "steps:\n" + send("hang", "/hang", more="    timeout: 10m\n") + tail,
        "hangs-repeatable": HEAD + "steps:\n" + send("hang", "/hang", "repeats", "    timeout: 10m\n") + tail,
        "hangs-checked": HEAD + "steps:\n  - id: seen\n    uses: witness/imports\n    connection: stuck\n    with: {}\n"
                         "    timeout: 10m\n" + tail,
        "held": HEAD + "steps:\n  - id: gate\n    approve: { notify: none }\n" + tail,
        "switched-off": HEAD + "steps:\n" + send("first", "/first", "off") + tail,
        "parent": HEAD + "steps:\n  - id: part\n    run: child\n    with: { node: n1 }\n" + tail,
        "child": "on: [{ called: {} }]\ntimeout: 30d\ninputs:\n  node: { type: string }\nsteps:\n"
                 "  - id: gate\n    approve: { notify: none }\n" + send("drain", "/drain/${{ inputs.node }}"),
        "each": HEAD + "steps:\n  - id: each\n    uses: webhook/send\n    connection: repeats\n"
                "    foreach: \"['/one', '/two', '/fail/three', '/four']\"\n    max_parallel: 4\n"
                "    with: { path: \"${{ item }}\" }\n"
                "    retry: { attempts: 20, initial: 24h, factor: 1, max: 24h }\n" + tail,
        "elsewhere": HEAD + "steps:\n  - id: job\n    uses: witness/pending\n    connection: seen\n    with: {}\n" + tail,
        "undoable": HEAD + "steps:\n  - id: done\n    uses: witness/done\n    connection: seen\n    with: { a: 1 }\n",
        "undoable-late": HEAD + "steps:\n  - id: done\n    uses: witness/done\n    connection: off-seen\n    with: { a: 1 }\n",
        "denied": HEAD + "steps:\n  - id: seen\n    uses: witness/imports\n    connection: seen\n    with: {}\n",
        "walled": HEAD + "steps:\n" + send("walled", "/x", "walled"),
        "on-stage": "on: [{ stage: investigate, entry: any }]\nsteps:\n  - id: note\n    uses: wardroom/add-timeline\n"
                    "    with: { text: \"Looked at ${{ incident.number }}.\" }\n",
        "on-task": "on: [{ event: task.done }]\nsteps:\n  - id: note\n    uses: wardroom/add-timeline\n"
                   "    with: { text: \"Done: ${{ trigger.text }}\" }\n",
        "on-worse": "on: [{ becomes: 'incident.severity == \"sev1\"' }]\nsteps:\n  - id: more\n    uses: wardroom/add-task\n"
                    "    with: { text: \"Wake the on-call manager\", role: commander, due_in: 12h }\n",
        "sweep": "on:\n  - manual: {}\n  - cron: \"0 4 1 1 *\"\n    timezone: Europe/Berlin\nsteps:\n" + send("sweep", "/sweep"),
    }
    return {name: f"name: {name}\n{text}" for name, text in documents.items()}


def schedule(name, timing, more=""):
    return f"kind: schedule\nname: {name}\nworkflow: sweep\n{timing}\n{more}"
