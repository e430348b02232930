"""The demo's data: the world's airports, as contacts to create or, the next time, to update."""

from __future__ import annotations

import airportsdata

from .client import Client

OPERATION_SIZE = 1000
#: Also some operations of one record each, as an integration that sends events would.
SINGLE_OPERATIONS = 200
NO_SUCH_ID = 2_000_000_000
#: What goes wrong in real imports; each is written over one airport.
MISTAKES = [
    {"name": False},
    {"state_id": NO_SUCH_ID},
    {"tz": "US/Pacific-New"},  # left the time zone database in 2020
    {"country_id": NO_SUCH_ID},
    {"parent_id": NO_SUCH_ID},
]


def contacts(client: Client, limit: int | None) -> list[dict]:
    """Airports as values of `res.partner`, with a few mistakes among them."""
    countries = {row["code"]: row["id"] for row in _read(client, "res.country", "code")}
    rows = _read(client, "res.country.state", "name", "country_id")
    states = {(row["country_id"][0], row["name"]): row["id"] for row in rows}
    airports = list(airportsdata.load("ICAO").values())[:limit]
    values = [_contact(airport, countries.get(airport["country"], False), states) for airport in airports]
    for number, mistake in enumerate(MISTAKES, start=1):
        values[len(values) * number // (len(MISTAKES) + 1)].update(mistake)
    return values


def _contact(airport: dict, country: int, states: dict) -> dict:
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


def operations(values: list[dict]) -> list[dict]:
    """Cut into operations: most records in large ones, the last in ones of their own."""
    bulk = len(values) - min(SINGLE_OPERATIONS, len(values) // 10)
    cuts = [*range(0, bulk, OPERATION_SIZE), *range(bulk, len(values))]
    common = {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "context": {"tracking_disable": True}}
    return [{**common, "data": values[start:end]} for start, end in zip(cuts, [*cuts[1:], len(values)], strict=True)]
