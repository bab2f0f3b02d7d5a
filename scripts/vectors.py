#!/usr/bin/env python3
"""Makes tests/vectors/croniter.tsv and differences.tsv: what Python's croniter says of tests/vectors/expressions.txt.

    python3 -m venv /tmp/vectors && /tmp/vectors/bin/pip install croniter==7.0.0 tzdata==2026.6
    /tmp/vectors/bin/python scripts/vectors.py

Where croniter differs from Wardroom's rules (docs/schedules.md), the difference is listed with its reason. What the rules
say is worked out here a second time, day by day and without croniter: neither file knows the server's own code.
"""
import calendar
import functools
import hashlib
import os
import sys
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from importlib.metadata import version
from multiprocessing import Pool
from pathlib import Path

os.environ["PYTHONTZPATH"] = ""  # the zones of the package `tzdata`, not the system's
from zoneinfo import ZoneInfo  # noqa: E402

from croniter import croniter  # noqa: E402

HERE = Path(__file__).resolve().parent.parent / "tests" / "vectors"
# Each zone with three years that hold a 29 February and, where the rules changed, the change.
ZONES = [
    ("UTC", 2024),
    ("Europe/Berlin", 2024),
    ("America/New_York", 2024),
    ("Australia/Lord_Howe", 2024),  # half an hour
    ("America/Sao_Paulo", 2018),  # at midnight; given up in 2019
    ("Asia/Tehran", 2020),  # at midnight, half-hour zone; given up in 2022
    ("Africa/Casablanca", 2023),  # around Ramadan
]
NAMES = {name: number for number, name in enumerate("SUN MON TUE WED THU FRI SAT".split())}
NAMES |= {name: number for number, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}
WORDS = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}


def values(field, low, high):
    """The plain values of a field, and what is left of it: `L`, `15W`, `5L`, `1#2`."""
    plain, special = set(), []
    for item in field.upper().split(","):
        base, _, step = item.partition("/")
        if any(mark in base for mark in "LW#") and base not in NAMES and "-" not in base and base != "WED" and base != "JUL":
            special.append(base)
            continue
        first, _, last = (f"{low}-{high}" if base == "*" else base).partition("-")
        first = NAMES.get(first, first)
        last = NAMES.get(last, last) or first
        plain.update(range(int(first), int(last) + 1, int(step or 1)))
    return plain, special


def number(text):
    return NAMES.get(text, text) if text in NAMES else int(text)


def by_date(day, plain, special):
    length = calendar.monthrange(day.year, day.month)[1]
    if day.day in plain:
        return True
    for mark in special:
        if mark == "L" and day.day == length:
            return True
        if mark.endswith("W") and int(mark[:-1]) <= length:
            near = date(day.year, day.month, int(mark[:-1]))
            if near.weekday() == 5:
                near += timedelta(days=-1 if near.day > 1 else 2)
            elif near.weekday() == 6:
                near += timedelta(days=1 if near.day < length else -2)
            if near == day:
                return True
    return False


def by_weekday(day, plain, special):
    length = calendar.monthrange(day.year, day.month)[1]
    weekday = day.isoweekday() % 7
    if weekday in plain or (weekday == 0 and 7 in plain):
        return True
    for mark in special:
        which, _, nth = mark.partition("#")
        if nth and number(which) % 7 == weekday and (day.day - 1) // 7 + 1 == int(nth):
            return True
        if not nth and number(which[:-1]) % 7 == weekday and day.day + 7 > length:
            return True
    return False


@functools.lru_cache(maxsize=1_000_000)
def places(local, zone):
    """The points in time at which a zone's clock shows a local time: none, one or two."""
    found = {local.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1)}
    return sorted(at for at in found if at.astimezone(zone).replace(tzinfo=None) == local)


def gap_end(local, zone):
    """The first point in time after a local time that does not exist."""
    low, high = sorted(local.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1))
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


def by_rules(expression, zone, begin, end):
    """The times after `begin` and before `end`, by the rules; and the reasons of those where a clock changes."""
    fields = WORDS.get(expression, expression).split()
    is_fixed = len(fields) == 5 and not fields[0].startswith("*") and not fields[1].startswith("*")
    if len(fields) == 5:
        fields.insert(0, "0")
    bounds = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
    read = [values(field, *bound) for field, bound in zip(fields, bounds)]
    (seconds, _), (minutes, _), (hours, _), dates, (months, _), weekdays = read
    starred = fields[3].startswith("*") or fields[5].startswith("*")
    times = [(h, m, s) for h in sorted(hours) for m in sorted(minutes) for s in sorted(seconds)]
    fires, why = set(), {}
    day, last = begin.astimezone(zone).date() - timedelta(days=1), end.astimezone(zone).date()
    while day <= last:
        dated, weekly = by_date(day, *dates), by_weekday(day, *weekdays)
        if day.month in months and (dated and weekly if starred else dated or weekly):
            for h, m, s in times:
                local = datetime(day.year, day.month, day.day, h, m, s)
                found = places(local, zone)
                if not found and is_fixed:
                    at = gap_end(local, zone)
                    why[at] = "gap"
                    fires.add(at)
                elif is_fixed:
                    fires.add(found[0])
                    why.update((at, "fold") for at in found if len(found) == 2)
                else:
                    fires.update(found)
                    why.update((at, "fold-real") for at in found if len(found) == 2)
        day += timedelta(days=1)
    return {at for at in fires if begin < at < end}, why, is_fixed


def by_croniter(expression, zone, begin, end):
    """What croniter says. It writes the last Friday `L5`."""
    fields = WORDS.get(expression, expression).split()
    if fields[-1].upper().endswith("L"):
        fields[-1] = "L" + str(number(fields[-1][:-1].upper()))
    found = croniter(
        " ".join(fields), begin.astimezone(zone), ret_type=datetime, second_at_beginning=True, implement_cron_bug=True
    )
    fires = []
    while True:
        at = found.get_next().astimezone(timezone.utc)
        if at >= end:
            return fires
        fires.append(at)


def reason(at, why, zone, is_fixed):
    """Why a time is only in one of the two."""
    near = [why[other] for other in why if abs(other - at) <= timedelta(hours=3)]
    local = at.astimezone(zone)
    changes = any(
        (at + timedelta(minutes=15 * n)).astimezone(zone).utcoffset() != local.utcoffset() for n in range(-12, 13)
    )
    if at in why:
        return why[at]
    if changes:
        return "gap" if is_fixed and "gap" in near else "gap-real" if not is_fixed else "change"
    return "days"


def compared(expressions, name, year):
    """One zone: the lines of both files."""
    zone, vectors, differences = ZoneInfo(name), [], []
    begin, end = (datetime(y, 1, 1, tzinfo=timezone.utc) for y in (year, year + 3))
    for expression in expressions:
        theirs = by_croniter(expression, zone, begin, end)
        ours, why, is_fixed = by_rules(expression, zone, begin, end)
        text = "".join(f"{int(at.timestamp())}\n" for at in theirs)
        ends = (f"{theirs[0]:%Y-%m-%dT%H:%M:%SZ}", f"{theirs[-1]:%Y-%m-%dT%H:%M:%SZ}") if theirs else ("-", "-")
        digest = hashlib.sha256(text.encode()).hexdigest()
        vectors.append("\t".join([expression, name, str(year), str(len(theirs)), *ends, digest]))
        twice = {at for at, times in Counter(theirs).items() if times > 1}
        for at in sorted(set(theirs) ^ ours | twice):
            side = "ours" if at in ours and at not in twice else "theirs"
            because = reason(at, why, zone, is_fixed)
            differences.append("\t".join([expression, name, side, f"{at:%Y-%m-%dT%H:%M:%SZ}", because]))
    print(name, len(differences), file=sys.stderr)
    return vectors, differences


def main():
    expressions = [line for line in (HERE / "expressions.txt").read_text().splitlines() if line and line[0] != "#"]
    made_by = f"croniter {version('croniter')} and tzdata {version('tzdata')}"
    with Pool(2) as pool:
        parts = pool.starmap(compared, [(expressions, name, year) for name, year in ZONES], chunksize=1)
    vectors = [line for part in parts for line in part[0]]
    differences = [line for part in parts for line in part[1]]
    head = f"# Made by scripts/vectors.py with {made_by}. See README.md.\n"
    (HERE / "croniter.tsv").write_text(
        head + "# expression, zone, first of three years, count, first, last, SHA-256 of the Unix seconds, one a line\n"
        + "\n".join(vectors) + "\n"
    )
    (HERE / "differences.tsv").write_text(
        head + "# expression, zone, whose time it is, the time, why: see README.md\n" + "\n".join(differences) + "\n"
    )


if __name__ == "__main__":
    main()
