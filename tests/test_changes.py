"""What a job has changed: the table, and the verb `changes`."""

from types import SimpleNamespace

from ..engine.change import CREATE, UPDATE, Change
from ..engine.payload import Payload
from ..run.purge import purge_slice
from ..store import changes as store
from ..store.changes import changes_at, changes_by_id, store_changes
from .lane_case import LaneCase


class TestChangesTable(LaneCase):
    def test_changes_are_paged_found_by_place_and_deleted_with_their_job(self):
        job_id = self.submit(self.creates(3), track_changes=True)
        [chunk] = self.chunks(job_id)
        odd = {"name": "a\tb\\c\nd\x00e \ud800 '\"é", "active": True, "credit_limit": 0.1}
        changes = [Change(2, 7, UPDATE, odd, {"name": "b"}, {"name": {"en_US": "a"}}), Change(0, 8, CREATE, {}, odd)]
        claim = SimpleNamespace(job_id=job_id, chunk_id=chunk["id"], model="res.partner")
        with self.committed() as env:
            store_changes(env.cr, claim, Payload.decode(chunk["payload"]), changes)
        page = self.call(job_id, "changes", 0, 1)
        first = {
            "operation_id": "op-1", "index": 2, "model": "res.partner", "record_id": 7, "action": "update", "before": odd,
            "after": {"name": "b"},
        }  # fmt: skip
        self.assertEqual(page, {"changes": [first], "total": 2, "next_offset": 1})
        page = self.call(job_id, "changes", 1, 1)
        self.assertEqual((page["changes"][0]["after"], page["total"], page["next_offset"]), (odd, 2, False))
        with self.committed() as env:
            [created, updated] = changes_at(env.cr, chunk["operation_id"], 0, 0) + changes_at(env.cr, chunk["operation_id"], 1, 2)
            self.assertEqual([created["record_id"], updated["record_id"], updated["kept"]], [8, 7, {"name": {"en_US": "a"}}])
            self.assertEqual(changes_by_id(env.cr, [updated["id"]]), {updated["id"]: updated})
            env.cr.execute("DELETE FROM batch_job WHERE id = %s", [job_id])
            while purge_slice(env.cr):
                pass
            env.cr.execute("SELECT count(*) FROM batch_change WHERE job_id = %s", [job_id])
            self.assertEqual(env.cr.fetchall(), [(0,)])

    def test_a_page_ends_before_its_values_are_too_large(self):
        job_id = self.submit(self.creates(1), track_changes=True)
        [chunk] = self.chunks(job_id)
        claim = SimpleNamespace(job_id=job_id, chunk_id=chunk["id"], model="res.partner")
        lengths = [10, 10, 500, 10, 10]
        changes = [Change(0, number, UPDATE, {"name": "a" * length}, {"name": "b"}) for number, length in enumerate(lengths, 1)]
        with self.committed() as env:
            store_changes(env.cr, claim, Payload.decode(chunk["payload"]), changes)
        self.patch(store, "PAGE_BYTES", 100)
        found, offset = [], 0
        while offset is not False:
            page = self.call(job_id, "changes", offset)
            self.assertEqual(page["total"], 5)
            found.append([change["record_id"] for change in page["changes"]])
            offset = page["next_offset"]
        self.assertEqual(found, [[1, 2], [3], [4, 5]])
