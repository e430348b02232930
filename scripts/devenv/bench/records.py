"""The records that everybody creates."""

from __future__ import annotations

import secrets

PARTNER = "res.partner"


def new_mark() -> str:
    """What tells the records of one measurement from all others."""
    return secrets.token_hex(6)


def partners(mark: str, count: int) -> list[dict]:
    return [
        {
            "name": f"Contact {number}",
            "ref": f"{mark}-{number}",
            "email": f"contact.{number}@{mark}.example.com",
            "phone": f"+1 555 {number:07d}",
            "street": f"{number} Main Street",
            "city": "Springfield",
            "zip": f"{number % 100_000:05d}",
        }
        for number in range(count)
    ]


def create(values: list[dict], model: str = PARTNER) -> dict:
    return {"operation_type": "create", "model": model, "data": values}


def one_each(values: list[dict]) -> list[dict]:
    """As many operations as records."""
    return [create([record]) for record in values]
