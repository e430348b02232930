"""The routes of files, as the description that machines read has them."""

from collections.abc import Iterator
from typing import Any

from .answers import list_of, object_of
from .file_parameters import MEDIA_TYPES, OF_FILE, OF_PIECE
from .kinds import Kind
from .operations.keys import named
from .options import READERS

Schema = dict[str, Any]

#: What can be downloaded of a job, with what a row of it is.
DOWNLOADS = {
    "failures": "The failed records that stand, to be mended and sent again.",
    "results": "What became of each record, in the order in which they were sent.",
    "changes": "What was changed, field by field, as far as the caller may read it.",
}
#: The kinds of files, by the end of their names.
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson",
}
SCHEMAS: dict[str, Schema] = {
    "FileRefusal": object_of(
        {"error": object_of({"type": {"type": "string"}, "message": {"type": "string"}}, {"problems": list_of(named("Problem"))})},
        description="An error of a route of files; a file that can't be imported has all its problems.",
    )
}
RESPONSES: dict[str, Schema] = {
    "FileRefused": {"description": "Refused: nothing was done.", "content": {"application/json": {"schema": named("FileRefusal")}}}
}
_REFUSED = {"$ref": "#/components/responses/FileRefused"}
_UUID = {"name": "uuid", "in": "path", "required": True, "schema": named("JobUuid")}
_BODY = {
    "required": True,
    "description": "The first row of a CSV names its columns; JSON lines are an object of values each. It may be compressed by gzip.",
    "content": {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES},
}


def paths(database: Schema) -> Iterator[tuple[str, Schema]]:
    """The paths of files.

    :param database: the parameter that names the database
    """
    yield _upload("/batch/v1/import", "import_file", "Import a file as a job.", [database], OF_FILE | READERS)
    yield _upload("/batch/v1/jobs/{uuid}/append", "append_file", "Add the records of a file to a draft.", [database, _UUID], OF_PIECE)
    for name, summary in DOWNLOADS.items():
        for kind, media_type in KINDS.items():
            content = {media_type: {"schema": {"type": "string"}}}
            yield (
                f"/batch/v1/jobs/{{uuid}}/{name}.{kind}",
                {
                    "get": {
                        "operationId": f"{name}_{kind}",
                        "tags": ["files"],
                        "summary": summary,
                        "parameters": [database, _UUID],
                        "responses": {"200": {"description": "The file.", "content": content}, "default": _REFUSED},
                    }
                },
            )


def _upload(path: str, operation_id: str, summary: str, parameters: list[Schema], kinds: dict[str, Kind]) -> tuple[str, Schema]:
    status = {"description": "Stored.", "content": {"application/json": {"schema": named("Status")}}}
    post = {
        "operationId": operation_id,
        "tags": ["files"],
        "summary": summary,
        "parameters": [*parameters, *(_query(name, kind) for name, kind in kinds.items())],
        "requestBody": _BODY,
        "responses": {"200": status, "default": _REFUSED},
    }
    return path, {"post": post}


def _query(name: str, kind: Kind) -> Schema:
    """A parameter of the address, as `Kind.typed` reads it."""
    schema = {key: value for key, value in kind.schema.items() if key != "description"}
    parameter = {"name": name, "in": "query", "description": kind.schema["description"]}
    if name == "model":
        parameter["required"] = True
    if schema["type"] == "object":
        return {**parameter, "content": {"application/json": {"schema": schema}}}
    return {**parameter, "schema": schema, **({"style": "form", "explode": False} if schema["type"] == "array" else {})}
