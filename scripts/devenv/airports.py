"""The demo's data: the world's airports, as contacts to create."""

from __future__ import annotations

import json

from .client import Client
from .console import run
from .environment import Environment

OPERATION_SIZE = 1000
# Also some operations of one record each, as an integration that sends events would.
SINGLE_OPERATIONS = 200
LOAD = "import airportsdata, json; print(json.dumps(list(airportsdata.load('ICAO').values())))"
NO_SUCH_ID = 2_000_000_000
# What goes wrong in real imports; each is written over one airport.
MISTAKES = [
    {"name": False},
    {"state_id": NO_SUCH_ID},
    {"tz": "US/Pacific-New"},  # left the time zone database in 2020
    {"country_id": NO_SUCH_ID},
    {"parent_id": NO_SUCH_ID},
]


def load(env: Environment, limit: int | None) -> list[dict]:
    return json.loads(run([env.python, "-c", LOAD], doing="reading the airports"))[:limit]


def contacts(client: Client, airports: list[dict]) -> list[dict]:
    """Turn airports into values of `res.partner`, with a few mistakes among them."""
    countries = {row["code"]: row["id"] for row in _read(client, "res.country", "code")}
    rows = _read(client, "res.country.state", "name", "country_id")
    states = {(row["country_id"][0], row["name"]): row["id"] for row in rows}
    values = [_contact(airport, countries, states) for airport in airports]
    for number, mistake in enumerate(MISTAKES, start=1):
        if values:
            values[len(values) * number // (len(MISTAKES) + 1)].update(mistake)
    return values


def operations(values: list[dict]) -> list[dict]:
    """Cut into operations: most records in large ones, the last in ones of their own."""
    singles = min(SINGLE_OPERATIONS, len(values) // 10)
    bulk, alone = values[: len(values) - singles], values[len(values) - singles :]
    slices = [bulk[start : start + OPERATION_SIZE] for start in range(0, len(bulk), OPERATION_SIZE)]
    return [_create(part) for part in [*slices, *([value] for value in alone)]]


def _create(data: list[dict]) -> dict:
    return {
        "operation_type": "create",
        "model": "res.partner",
        "data": data,
        "context": {"tracking_disable": True},
    }


def _contact(airport: dict, countries: dict, states: dict) -> dict:
    country = countries.get(airport["country"], False)
    return {
        "name": airport["name"],
        "ref": airport["icao"],
        "city": airport["city"],
        "is_company": True,
        "country_id": country,
        "state_id": states.get((country, airport["subd"]), False),
        "tz": airport["tz"],
    }


def _read(client: Client, model: str, *fields: str) -> list[dict]:
    return client.call(model, "search_read", domain=[], fields=list(fields))
