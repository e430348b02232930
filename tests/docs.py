"""Read the fenced blocks of a page of documentation, and compare what it shows with what happens.

In an answer as a page shows it, `…` stands for anything (as a text, as part of one, or as the rest of a list); keys that
are not shown may be there. Instants, durations and rates are examples. Ids and uuids are examples too: each stands for
the one the server gave at that place, from then on and in later requests as well.
"""

import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(?P<info>\S[^\n]*)?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
RST_BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
MEASURED = ("duration", "operations_per_second", "records_per_second")
#: Keys whose values (and those in lists below them) name something the server made up.
NAMING = ("id", "job_id", "uuid", "url", "record_id", "result", "origin_job_id")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the words after it, and where it stands."""

    language: str
    words: tuple
    text: str
    line: int
    heading: str

    @property
    def settings(self):
        """Words like `file=x.py`, as a dict; a word alone is a key without a value."""
        return {name: value for name, _is, value in (word.partition("=") for word in self.words)}

    def json(self):
        return json.loads(self.text)


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    """All fenced blocks of a page that name a language, in order."""
    text = read(page)
    found = []
    heading, end = "", 0
    for match in FENCE.finditer(text):
        heading = (HEADING.findall(text, end, match.start()) or [heading])[-1]
        end = match.end()
        language, *words = (match["info"] or "text").split()
        found.append(Block(language, tuple(words), match["text"], text.count("\n", 0, match.start()) + 1, heading))
    return found


def rst_blocks(page):
    """All code blocks of a page in reStructuredText: `(language, text)`."""
    return [(language, textwrap.dedent(text)) for language, text in RST_BLOCK.findall(read(page))]


def anchor(heading):
    """What a heading is linked by."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def table(page, heading):
    """The first table under a heading of a page: its rows as lists of cells, without the head."""
    section = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^# |^## |\Z)", read(page), re.MULTILINE | re.DOTALL)[1]
    rows = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


class Comparison:
    """Compares answers as shown with answers as given, and remembers which id stands for which."""

    def __init__(self):
        self.given_for = {}

    def put_in(self, value):
        """A request as shown, with the ids and uuids the server has really given."""
        if isinstance(value, dict):
            return {key: self.put_in(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.put_in(item) for item in value]
        is_name = isinstance(value, (int, str)) and not isinstance(value, bool)
        return self.given_for.get(value, value) if is_name else value

    def differences(self, shown, given, whole=False, path="answer", key=""):
        """Where the two differ, in words.

        :param whole: an object must have all the keys it has
        """
        if shown == "…":
            return
        if isinstance(shown, dict) and isinstance(given, dict):
            for name in shown.keys() - given.keys():
                yield f"{path}.{name} is shown, but is not there"
            for name in given.keys() - shown.keys() if whole else ():
                yield f"{path}.{name} is not shown"
            for name in shown.keys() & given.keys():
                yield from self.differences(shown[name], given[name], whole, f"{path}.{name}", name)
        elif isinstance(shown, list) and isinstance(given, list):
            if shown[-1:] == ["…"]:
                shown, given = shown[:-1], given[: len(shown) - 1]
            if len(shown) != len(given):
                yield f"{path}: {len(shown)} entries are shown, {len(given)} are there: {given!r}"
            for place, (item, other) in enumerate(zip(shown, given, strict=False)):
                yield from self.differences(item, other, whole, f"{path}[{place}]", key)
        elif not self._agree(shown, given, key):
            yield f"{path}: {shown!r} is shown, it is {given!r}"

    def _agree(self, shown, given, key):
        if isinstance(shown, bool) or isinstance(given, bool) or type(shown) is not type(given):
            return shown is given or (key in MEASURED and {type(shown), type(given)} == {int, float})
        if key in MEASURED:
            return given >= 0
        if key in NAMING and shown:
            return self.given_for.setdefault(shown, given) == given
        if isinstance(shown, str):
            if INSTANT.fullmatch(shown):
                return bool(INSTANT.fullmatch(given))
            return bool(re.fullmatch(".*".join(map(re.escape, shown.split("…"))), given.rstrip(), re.DOTALL))
        return shown == given
