#!/usr/bin/env python3
"""When freeze windows are closed, by Python's zoneinfo: an oracle for FreezeWindowOracleTests.

Prints windows (`window ZONE|FROM|TO`), each followed by samples (`INSTANT UNTIL`, in seconds since 1970 UTC; UNTIL is `-` where the window
is open). Minute by minute around the changes of each zone's clocks, and at the windows' own edges. All of it is past, so that newer
versions of the time zone database say the same.
"""

import bisect
import datetime
import random
import sys
import zoneinfo

UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

# Northern, southern, none, half an hour, two hours, below zero in winter, at midnight, given up, a Friday, a day left out.
ZONES = {
    2023: [
        "UTC", "Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kathmandu", "Asia/Kolkata", "Australia/Sydney",
        "Australia/Lord_Howe", "America/St_Johns", "Pacific/Chatham", "Antarctica/Troll", "Europe/Dublin", "Africa/Casablanca",
        "America/Havana", "Asia/Beirut", "America/Asuncion", "Asia/Almaty", "Africa/Cairo", "Asia/Jerusalem", "America/Santiago",
    ],
    2011: ["Pacific/Apia", "Europe/Moscow"],
}  # fmt: skip


def local(instant, zone):
    return datetime.datetime.fromtimestamp(instant, zone).replace(tzinfo=None)


def offset(instant, zone):
    return datetime.datetime.fromtimestamp(instant, zone).utcoffset()


def instant_of(wall, zone, fold):
    """The first (fold 0) or last (fold 1) time that clocks show `wall`, or the next that they do show."""
    while True:
        aware = wall.replace(tzinfo=zone, fold=fold)
        instant = int(aware.timestamp())
        if local(instant, zone) == wall:
            return instant
        wall, fold = wall + MINUTE, 0


def changes(zone, begin, end):
    """The first minutes after the zone's clocks were set."""
    found = []
    for hour in range(begin, end, 3600):
        if offset(hour, zone) != offset(hour + 3600, zone):
            found.append(next(t for t in range(hour + 60, hour + 3601, 60) if offset(t, zone) != offset(hour, zone)))
    return found


def weekly(moment):
    return f"{DAYS[moment.weekday()]} {moment:%H:%M}"


def closed_times(window, zone, begin, end):
    """What a window closes between two instants, ends excluded; what overlaps or follows without a gap is one."""
    first, last = window
    ranges = []
    if first[0].isdigit():
        ranges.append([datetime.datetime.fromisoformat(text) for text in window])
    else:
        monday = local(begin, zone).replace(hour=0, minute=0)
        monday -= datetime.timedelta(days=monday.weekday() + 14)
        while monday < local(end, zone) + datetime.timedelta(days=14):
            edges = []
            for text in (first, last):
                day, time = text.split(" ")
                hour, minute = map(int, time.split(":"))
                edges.append(monday + datetime.timedelta(days=DAYS.index(day), hours=hour, minutes=minute))
            if edges[1] <= edges[0]:
                edges[1] += datetime.timedelta(days=7)
            ranges.append(edges)
            monday += datetime.timedelta(days=7)
    merged = []
    for start, stop in sorted((instant_of(a, zone, 0), instant_of(b, zone, 1)) for a, b in ranges):
        if start >= stop:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        else:
            merged.append([start, stop])
    return merged


def samples_of(zone_name, year):
    zone = zoneinfo.ZoneInfo(zone_name)
    begin = int(datetime.datetime(year, 7, 1, tzinfo=UTC).timestamp())
    end = int(datetime.datetime(year + 2, 7, 1, tzinfo=UTC).timestamp())
    clocks = changes(zone, begin, end)

    def around(change):
        minutes = [*range(-130, -40, 7), *range(-40, 41), *range(41, 131, 7)]
        return [change + 60 * minute for minute in minutes]

    windows = {}
    for window in [("Fri 16:00", "Mon 08:00"), ("Mon 22:00", "Tue 06:00"), ("Sun 02:30", "Sun 02:15"), ("Mon 00:00", "Tue 00:00")]:
        windows[window] = {t for change in clocks for t in around(change)}
    for change in clocks:
        # What clocks showed, or would have shown, when they were set; and what they showed instead.
        for wall in {local(change - 60, zone) + MINUTE, local(change, zone)}:
            hours = datetime.timedelta(hours=1)
            for start, stop in [
                (wall - 15 * MINUTE, wall + 15 * MINUTE),
                (wall + 20 * MINUTE, wall + 26 * hours),
                (wall - 26 * hours, wall + 20 * MINUTE),
            ]:
                windows.setdefault((weekly(start), weekly(stop)), set()).update(around(change))
            for start, stop in [(wall + 10 * MINUTE, wall + 50 * MINUTE), (wall - 70 * hours, wall + 30 * MINUTE)]:
                windows.setdefault((f"{start:%Y-%m-%dT%H:%M}", f"{stop:%Y-%m-%dT%H:%M}"), set()).update(around(change))
    chance = random.Random(zone_name)
    for window, instants in windows.items():
        closed = closed_times(window, zone, begin, end)
        edges = [edge for times in closed for edge in times if begin <= edge < end]
        for edge in edges[:2] + chance.sample(edges, min(10, len(edges))):
            instants.update((edge - 60, edge - 1, edge, edge + 1, edge + 60))
        instants.update(chance.randrange(begin, end) for _ in range(20))
        print(f"window {zone_name}|{window[0]}|{window[1]}")
        starts = [start for start, _ in closed]
        for instant in sorted(instants):
            at = bisect.bisect_right(starts, instant) - 1
            print(instant, closed[at][1] if at >= 0 and instant < closed[at][1] else "-")


for year, names in ZONES.items():
    for name in sys.argv[1:] or names:
        if name in names:
            samples_of(name, year)
