"""What differs between two texts: what they have in common at their ends, and what stands between."""

import unicodedata
from dataclasses import dataclass

#: What stands for the part of a text that is left out.
GAP = "…"
#: A longer run of letters is not taken for one word: some languages write without blanks.
LONGEST_WORD = 30
ZERO_WIDTH_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class Difference:
    """Two texts: `head + before + tail` and `head + after + tail`, each part shortened for reading."""

    head: str
    before: str
    after: str
    tail: str


def difference(before: str, after: str, around: int, longest: int) -> Difference:
    """Tell where two texts differ. No word is divided: of two names that begin alike, all is marked.

    :param around: most characters kept on each side of what differs
    :param longest: most characters kept of each of the parts that differ
    """
    head = _common_start(before, after)
    before, after = before[len(head) :], after[len(head) :]
    tail = _common_start(before[::-1], after[::-1])[::-1]
    before, after = before[: len(before) - len(tail)], after[: len(after) - len(tail)]
    return Difference(
        head if len(head) <= around else GAP + head[-around:],
        shortened(before, longest),
        shortened(after, longest),
        tail if len(tail) <= around else tail[:around] + GAP,
    )


def shortened(text: str, longest: int) -> str:
    """The text, or its first characters."""
    return text if len(text) <= longest else text[: longest - 1] + GAP


def _common_start(one: str, other: str) -> str:
    """What two texts begin with, up to the last whole word."""
    end = next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other)))
    start = end
    if any(map(_is_letter, one[end : end + 1] + other[end : end + 1])):
        while start and end - start <= LONGEST_WORD and _is_letter(one[start - 1]):
            start -= 1
    return one[: start if end - start <= LONGEST_WORD else end]


def _is_letter(char: str) -> bool:
    """Whether a character is a letter, or belongs to one, as an accent does."""
    return char == ZERO_WIDTH_JOINER or unicodedata.category(char)[0] in "LM"
