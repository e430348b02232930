"""The external ids in the rows of an import: which ones its records get, and which ones they refer to."""

from dataclasses import dataclass

from .operation import Operation

#: Put before a database id, as a record that is named by it has no external id. No external id begins like this.
DATABASE_ID = ".id."


@dataclass(frozen=True, slots=True)
class IdColumns:
    """The columns of an import with ids."""

    own: tuple[int, ...]  # external ids of the record itself, or of its lines
    of_lines: tuple[int, ...]  # those of `own` of its lines
    own_database_ids: tuple[int, ...]
    referring: tuple[int, ...]  # external ids of other records
    within: tuple[int, ...]  # those of `referring` that may name a record of the same import
    module: str  # of external ids that are written without one

    def defined(self, item: list) -> list[str]:
        """The names that a record, given by its rows, and its lines have."""
        names = self._names(item, self.own)
        for place in self.own_database_ids:
            names += [f"{DATABASE_ID}{value}" for value in _cells(item, place)]
        return names

    def needed(self, item: list) -> list[str]:
        """The names of records of the same import that a record may refer to."""
        return self._names(item, self.within)

    def referred(self, item: list) -> list[str]:
        """The names of all records that a record refers to."""
        return self._names(item, self.referring)

    def ends_of_calls(self, items: list[list]) -> list[int]:
        """The places of the records with which a call of Odoo's import must end, so that all take effect one after the other.

        Odoo looks for the lines of all records before it stores the first one: a line that stands in two of them would be created twice,
        as would one that has a row of its own later.
        """
        ends: list[int] = []
        lines: set[str] = set()  # of the records of this call
        for place, item in enumerate(items if self.of_lines else ()):
            if not lines.isdisjoint(self.defined(item)):
                ends.append(place - 1)
                lines = set()
            lines.update(self._names(item, self.of_lines))
        return ends

    def _names(self, item, places):
        names = []
        for place in places:
            for value in _cells(item, place):
                if isinstance(value, str):
                    names += [name if "." in name else f"{self.module}.{name}" for name in map(str.strip, value.split(","))]
        return names


def _cells(item, place):
    """The values in a column of a record; what has not the form of a row is reported as a problem elsewhere."""
    for row in item:
        if isinstance(row, (list, tuple)) and place < len(row) and row[place]:
            yield row[place]


def defined_names(operation: Operation) -> list[list[str]]:
    """Of each record of a load, the names that it has."""
    columns = operation.id_columns
    return [columns.defined(item) for item in operation.items] if columns and (columns.own or columns.own_database_ids) else []


def needed_names(operation: Operation) -> list[list[str]]:
    """Of each record of a load, the names of records of the same import that it may refer to."""
    columns = operation.id_columns
    return [columns.needed(item) for item in operation.items] if columns and columns.within else []


def referred_names(operation: Operation) -> list[list[str]]:
    """Of each record of a load, the names of all records that it refers to."""
    columns = operation.id_columns
    return [columns.referred(item) for item in operation.items] if columns and columns.referring else []
