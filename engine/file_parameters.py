"""The parameters of a file that is sent to be imported, which are part of the address: allowed values, and how they go together."""

import codecs
import itertools
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from .kinds import Kind, boolean, integer, one_of, text
from .operation import CREATE, LOAD, UPDATE, UPSERT
from .options import READERS
from .problems import Problems
from .reader import MAX_NAME, is_name

CSV, NDJSON = "csv", "ndjson"
#: Media types of the body, and what they are.
MEDIA_TYPES = {
    "text/csv": CSV,
    "application/csv": CSV,
    "application/x-ndjson": NDJSON,
    "application/ndjson": NDJSON,
    "application/jsonl": NDJSON,
    "application/x-jsonlines": NDJSON,
}
#: Types of operations that files are for; the first one is the default for CSV.
FILE_TYPES = (LOAD, CREATE, UPDATE, UPSERT)
#: Codecs of Python that are no encodings of files: they take long, or read texts of programs.
NO_ENCODINGS = frozenset(("idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined", "mbcs", "oem"))


def _names(description):
    def read(value):
        if not isinstance(value, list) or not value or not all(map(is_name, value)):
            raise ValueError("must be names, separated by commas")
        return list(dict.fromkeys(value))

    return Kind(read, {"type": "array", "items": {"type": "string"}, "minItems": 1, "description": description})


def _character(description):
    def read(value):
        if not isinstance(value, str) or len(value) != 1 or value in "\0\r\n":
            raise ValueError("must be one character")
        return value

    return Kind(read, {"type": "string", "minLength": 1, "maxLength": 1, "description": description})


def _context():
    def read(value):
        if not isinstance(value, dict):
            raise ValueError("must be a JSON object")
        return value

    return Kind(read, {"type": "object", "description": "Odoo's context, as JSON."})


def _encoding():
    def read(value):
        name = codec_of(value)
        if name is None:
            raise ValueError("must be an encoding, as utf-8, utf-16 or latin-1")
        return name

    return Kind(read, {"type": "string", "minLength": 1, "description": "Encoding of a CSV. Absent: that of its BOM, else UTF-8."})


def codec_of(name: str) -> str | None:
    """The name that Python knows an encoding by; None where it knows none."""
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError, UnicodeError):
        return None
    return codec.name if codec._is_text_encoding and codec.name.replace("-", "_") not in NO_ENCODINGS else None


@lru_cache(maxsize=100)
def keeps_ascii(encoding: str) -> bool:
    """Whether each byte of ASCII stands for its character, and is part of no other one: only then can a file be cut without decoding it.

    So it is in UTF-8, Latin-1 and their like; not in UTF-16, Shift-JIS, ISO-2022 and EBCDIC.
    """
    try:
        if bytes(range(128)).decode(encoding) != bytes(range(128)).decode("ascii"):
            return False
    except UnicodeError:
        return False
    pairs = itertools.product(range(128, 256), range(128))
    return all(bytes(pair).decode(encoding, "replace").endswith(chr(pair[1])) for pair in pairs)


#: What the file is for.
OPERATION = {
    "model": text(MAX_NAME, "Technical name of the model."),
    "type": one_of(FILE_TYPES, "What to do with its records: `load` where absent for a CSV, `create` for NDJSON."),
    "key": _names("Upsert: names of the fields that identify a record."),
    "operation_id": text(
        MAX_NAME, "Name of its operation. A file with more records than one takes goes on in `<name>-2`, `<name>-3`, …"
    ),
    "return_ids": boolean("Whether the result has ids; true where absent."),
    "group_by": text(MAX_NAME, "Name of a field: records with the same value of it never run in two lanes at once."),
    "context": _context(),
}
#: How a CSV is read, named as in Odoo's import.
READING = {
    "separator": _character("Between the cells. Absent: found in the first rows, among comma, semicolon, tab and vertical bar."),
    "quoting": _character('Around cells with separators or line ends; " where absent.'),
    "encoding": _encoding(),
    "float_thousand_separator": _character("In numbers, as 1.234,56."),
    "float_decimal_separator": _character("In numbers, as 1.234,56."),
    "date_format": text(MAX_NAME, "Of dates, as %d/%m/%Y."),
    "datetime_format": text(MAX_NAME, "Of dates with a time, as %d/%m/%Y %H:%M."),
}
#: What `load` does with what it does not find; Odoo's import has them in the context.
LOADING = {
    "name_create_enabled_fields": _names("Fields whose records are made from their name where there are none."),
    "import_set_empty_fields": _names("Fields that are left empty where nothing is found."),
    "import_skip_records": _names("Fields whose records are skipped where nothing is found for them."),
}
#: What is said of the file, for an import and for a draft.
OF_FILE = {**OPERATION, **READING, **LOADING}
#: For a draft, which takes a large file in pieces: where a piece begins.
PIECE = {"first_row": integer(1, description="Number in the whole file of the first row (of a CSV, below its header) of this piece.")}
OF_PIECE = {**OF_FILE, **PIECE}


@dataclass(slots=True)
class FileParameters:
    """What is to be done with a file."""

    format: str
    operation: dict[str, Any] = field(default_factory=dict)  # keys of the raw operation, without its data
    reading: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)  # of the submission, not checked yet
    context: dict[str, Any] | None = None
    first_row: int | None = None  # number of the first row below the header; None: as it stands

    @property
    def type(self) -> str:
        """The type of the operation."""
        return self.operation["operation_type"]

    def described(self) -> list:
        """All that the parameters say, for a hash; not the idempotency key itself."""
        options = {name: value for name, value in self.options.items() if name != "idempotency_key"}
        return [self.format, self.operation, self.reading, options, self.context]

    @property
    def model(self) -> str | None:
        """The name of the model; None where it is invalid."""
        return self.operation.get("model")


def parse_parameters(
    texts: dict[str, list[str]], file_format: str, problems: Problems, *, takes_options: bool, charset: str | None = None
) -> FileParameters:
    """Check the parameters of a file.

    :param texts: all values of each parameter
    :param file_format: `CSV` or `NDJSON`
    :param problems: what is wrong is added to it
    :param takes_options: whether options of the submission are among them: they are not for a draft
    :param charset: of the content type
    """
    known = {**OF_FILE, **READERS} if takes_options else OF_PIECE
    found = FileParameters(file_format)
    given = {}
    for name, values in texts.items():
        kind = known.get(name)
        if kind is None:
            meant = get_close_matches(name[:MAX_NAME], known, 1)
            problems.add(f"unknown parameter {name[:MAX_NAME]!r}" + (f"; did you mean {meant[0]!r}?" if meant else ""), key=name)
        elif len(values) > 1:
            problems.add("is given twice", key=name)
        elif name not in OF_PIECE:
            found.options[name] = kind.typed(values[0])
        else:
            try:
                given[name] = kind.read_text(values[0])
            except ValueError as error:
                problems.add(str(error), key=name)
    found.context = given.pop("context", None)
    found.first_row = given.pop("first_row", None)
    kind = given.pop("type", LOAD if file_format == CSV else CREATE)
    found.operation = {"operation_type": kind, **{name: given[name] for name in OPERATION if name in given}}
    found.reading = {name: given[name] for name in READING if name in given}
    if loading := {name: given[name] for name in LOADING if name in given}:
        found.operation["context"] = _load_context(loading)
    if "model" not in texts:
        problems.add("the technical name of a model is required, as model=res.partner", key="model")
    _check_together(found, given, problems)
    _add_charset(found, charset, problems)
    return found


def _load_context(loading):
    """The context of an import with these parameters, as Odoo's import screen makes it."""
    created = loading.pop("name_create_enabled_fields", ())
    return {"import_file": True, "name_create_enabled_fields": dict.fromkeys(created, True), **loading}


def _check_together(found, given, problems):
    if found.format == NDJSON:
        if found.type == LOAD:
            problems.add("load takes rows of cells: send a CSV", key="type")
        for name in READING:
            if name in given:
                problems.add("goes with a CSV", key=name)
    for name in LOADING:
        if name in given and found.type != LOAD:
            problems.add("goes with type=load", key=name)
    if "key" in given and found.type != UPSERT:
        problems.add("goes with type=upsert", key="key")
    if found.type == UPSERT and "key" not in given:
        problems.add("names of fields are required for an upsert, as key=ref,company_id", key="key")
    if "group_by" in given and found.type == LOAD:
        problems.add("does not go with type=load", key="group_by")
    if given.get("return_ids") is False and found.type == UPDATE:
        problems.add("does not go with type=update", key="return_ids")


def _add_charset(found, charset, problems):
    """Take the encoding from the content type, where no parameter says it."""
    if not charset:
        return
    name = codec_of(charset)
    if name is None:
        problems.add(f"there is no encoding {charset[:MAX_NAME]!r}", key="Content-Type")
    elif found.format == CSV:
        found.reading.setdefault("encoding", name)
    elif name not in ("utf-8", "ascii"):
        problems.add("JSON lines must be UTF-8", key="Content-Type")
