"""The order across the pages of a file: records that have to do with each other take effect as in one operation, wherever they stand.

A page becomes an operation. It follows the earlier ones that hold what its records name, or the same records. A record that names one of
a *later* page is put off: it comes after all pages, in an operation of such records, and so does what follows it in turn.

Only hashes of names are kept, so that a file needs a few bytes for each of its records.
"""

from array import array
from bisect import bisect_right
from collections.abc import Hashable, Iterable

from .rounds import depths


class FileOrder:
    """Collects the names of the records of a file, page by page, and puts its operations in order.

    :param keeps_apart: two records with the same name can't be in one operation (those of an upsert with the same key)
    """

    def __init__(self, keeps_apart: bool = False):
        self.keeps_apart = keeps_apart
        self.count = 0  # records so far
        self.firsts = array("q")  # of each page, the number of its first record
        self.defined, self.definers = array("q"), array("q")  # hashes of names, and the records that they belong to
        self.needed, self.needers = array("q"), array("q")
        self.edges: tuple[array, array] = array("q"), array("q")  # of each edge, a record and one that comes before it
        self.late = bytearray()  # of each record, whether it is put off

    def add_page(self, count: int, defined: Iterable[Iterable[Hashable]] = (), needed: Iterable[Iterable[Hashable]] = ()):
        """Add the records of the next page.

        :param count: how many there are
        :param defined: of each record, the names by which it can be referred to, or found; or nothing, if none has a name
        :param needed: of each record, names of other records that it refers to; likewise
        """
        self.firsts.append(self.count)
        for names, hashes, records in ((defined, self.defined, self.definers), (needed, self.needed, self.needers)):
            for record, found in enumerate(names, self.count):
                for name in found:
                    hashes.append(hash(name))
                    records.append(record)
        self.count += count

    def settle(self) -> None:
        """Find out what follows what, once all pages are added."""
        self._find_edges()
        self.late = bytearray(self.count)
        self._put_off()

    def page_of(self, record: int) -> int:
        """The page that a record stands in."""
        return bisect_right(self.firsts, record) - 1

    def late_records(self) -> list[tuple[int, int]]:
        """Records that are put off, in the order in which they take effect, each as `(level, record)`.

        Records of one level don't follow each other. Those that wait for each other in a circle have the last level.
        """
        records = [record for record, is_late in enumerate(self.late) if is_late]
        places = {record: place for place, record in enumerate(records)}
        before: list[set[int]] = [set() for _record in records]
        for record, earlier in zip(*self.edges, strict=True):
            if self.late[record] and self.late[earlier]:
                before[places[record]].add(places[earlier])
        return sorted(zip(depths(before), records, strict=True))

    def waits(self) -> dict[int, set[int]]:
        """Of each page, the earlier pages that it follows; without the records that are put off."""
        found: dict[int, set[int]] = {}
        for record, earlier in zip(*self.edges, strict=True):
            if not self.late[record]:
                page, before = self.page_of(record), self.page_of(earlier)
                if page != before:
                    found.setdefault(page, set()).add(before)
        return found

    def late_needs(self) -> dict[int, list[int]]:
        """Of each record that is put off, the records that it follows."""
        found: dict[int, list[int]] = {}
        for record, earlier in zip(*self.edges, strict=True):
            if self.late[record]:
                found.setdefault(record, []).append(earlier)
        return found

    def _find_edges(self):
        """Make edges: a record follows the one before it with the same name, and the first one with a name that it needs."""
        defined, definers, needed, needers = self.defined, self.definers, self.needed, self.needers
        # sorting is stable: records with the same name stay in the order of the file
        by_name = sorted(range(len(defined)), key=defined.__getitem__)
        wanted = iter(sorted(range(len(needed)), key=needed.__getitem__))
        need = next(wanted, None)
        first = last = None  # definitions of the present name
        for place in by_name:
            if first is None or defined[place] != defined[first]:
                first = place
                while need is not None and needed[need] < defined[first]:
                    need = next(wanted, None)
                while need is not None and needed[need] == defined[first]:
                    self._add_edge(needers[need], definers[first])
                    need = next(wanted, None)
            else:
                self._add_edge(definers[place], definers[last])
            last = place
        for used in (defined, definers, needed, needers):
            del used[:]

    def _add_edge(self, record, earlier):
        if record != earlier:
            self.edges[0].append(record)
            self.edges[1].append(earlier)

    def _put_off(self):
        """Mark the records that must come after all pages: those that follow a later page, and what follows these."""
        stack = []
        for record, earlier in zip(*self.edges, strict=True):
            page, before = self.page_of(record), self.page_of(earlier)
            if (before > page or (self.keeps_apart and before == page)) and not self.late[record]:
                self.late[record] = True
                stack.append(record)
        if not stack:
            return
        followers: dict[int, list[int]] = {}
        for record, earlier in zip(*self.edges, strict=True):
            followers.setdefault(earlier, []).append(record)
        for record in stack:  # it grows meanwhile
            for follower in followers.get(record, ()):
                if not self.late[follower]:
                    self.late[follower] = True
                    stack.append(follower)
