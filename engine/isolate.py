"""Text that users have chosen, such as names, inside sentences."""

import re

FIRST_STRONG, POP = "\u2068", "\u2069"
#: Characters that turn the direction of what comes after them, or end the marks around the text.
DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def isolate(text: str) -> str:
    """The text between marks that keep its direction to itself: U+202E in a name must not reverse the words after it."""
    return f"{FIRST_STRONG}{DIRECTIONS.sub('', text or '')}{POP}"
