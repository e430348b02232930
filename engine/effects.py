"""What an operation did to each record that succeeded, and how that is stored: as runs of equal letters, `0c40 40u1 41n959`.

A run is the place of its first record in the operation's data, a letter, and the number of records.
"""

import re
from collections.abc import Iterable, Iterator

CREATED, UPDATED, UNCHANGED, DELETED = "created", "updated", "unchanged", "deleted"
EFFECTS = (CREATED, UPDATED, UNCHANGED, DELETED)
#: The counters of chunks, operations and jobs, one for each effect.
EFFECT_COLUMNS = tuple(f"{effect}_records" for effect in EFFECTS)

_LETTERS = {CREATED: "c", UPDATED: "u", UNCHANGED: "n", DELETED: "d"}
_BY_LETTER = {letter: effect for effect, letter in _LETTERS.items()}
_RUN = re.compile(r"(\d+)([cund])(\d+)")


def count_effects(effects: Iterable[str]) -> dict[str, int]:
    """Number of records of each effect, by column; none is left out."""
    effects = list(effects)
    return {f"{effect}_records": effects.count(effect) for effect in EFFECTS}


def encode_effects(effects: dict[int, str]) -> str | None:
    """The text that is stored of effects by place in the data; None for none."""
    runs = []
    for place in sorted(effects):
        letter = _LETTERS[effects[place]]
        if runs and runs[-1][1] == letter and runs[-1][0] + runs[-1][2] == place:
            runs[-1][2] += 1
        else:
            runs.append([place, letter, 1])
    return " ".join(f"{first}{letter}{count}" for first, letter, count in runs) or None


def decode_effects(text: str | None) -> Iterator[tuple[int, str]]:
    """Yield place in the data and effect, as they were encoded."""
    for first, letter, count in _RUN.findall(text or ""):
        effect = _BY_LETTER[letter]
        for place in range(int(first), int(first) + int(count)):
            yield place, effect


def aligned(text: str | None, data_length: int) -> list:
    """The effects in a stored text as a list aligned with the data of their operation, False where there is none."""
    outcomes: list = [False] * data_length
    put_effects(outcomes, text)
    return outcomes


def put_effects(outcomes: list, text: str | None) -> None:
    """Put the effects in a stored text into a list of `aligned`."""
    for place, effect in decode_effects(text):
        if place < len(outcomes):
            outcomes[place] = effect
