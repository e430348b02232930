"""Text that users have chosen, such as names, inside sentences."""

FIRST_STRONG, POP = "\u2068", "\u2069"


def isolate(text: str) -> str:
    """The text between marks that keep its direction to itself: U+202E in a name must not reverse the words after it."""
    return f"{FIRST_STRONG}{text}{POP}"
