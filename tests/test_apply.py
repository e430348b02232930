"""`apply`: a finished dry run is run for real, and what was approved is what happens."""

import tracemalloc
from types import SimpleNamespace

from odoo.exceptions import AccessError, UserError

from ..engine.payload import Payload
from ..run.changes.approved import Approved
from ..run.forget import forget_old_values
from ..store import apply as store
from .lane_case import LaneCase


class ApplyCase(LaneCase):
    def plan(self, *operations, **options):
        """A dry run that has run; its id."""
        job = self.submit(*operations, **{"track_changes": True, "dry_run": True, **options})
        self.work()
        return job

    def apply(self, plan, lanes=1):
        """Run a plan for real; returns the id of the job that has done so."""
        status = self.call(plan, "apply")
        self.assertEqual((status["origin_job_id"], status["state"]), (plan, "pending"))
        self.work(lanes=lanes)
        self.check_counters(status["job_id"])
        return status["job_id"]

    def apply_backwards(self, plan):
        """As `apply`, of a plan of two chunks: the second runs before the first."""
        job = self.call(plan, "apply")["job_id"]
        with self.open_lane() as first, self.open_lane() as second:
            claim, other = first.claim(), second.claim()
            second.work_on(other)
            first.work_on(claim)
        self.work()
        self.check_counters(job)
        return job

    def delete(self, ids):
        return {"operation_type": "delete", "model": "res.partner.category", "record_ids": ids}

    def changes(self, job):
        return self.call(job, "changes")["changes"]

    def update(self, ids, **values):
        return {"operation_type": "update", "model": "res.partner", "record_ids": ids, "data": values}

    def by_domain(self, **values):
        domain = [["ref", "=like", f"{self.mark}-%"]]
        return {"operation_type": "update", "model": "res.partner", "domain": domain, "data": values}

    def upsert(self, *numbers, **values):
        data = [{"ref": f"{self.mark}-{number}", "name": f"Upserted {number}", **values} for number in numbers]
        return {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": data}

    def errors(self, job):
        return sorted((failure["operation_id"], failure["index"], failure["error_type"]) for failure in self.failures(job))


class TestApply(ApplyCase):
    def test_what_was_planned_happens_once_and_can_be_undone(self):
        ids = self.make_partners(3)
        plan = self.plan(
            self.update(ids[:1], name="Changed", city="Ghent"),
            self.upsert(1, 7),
            {"operation_type": "delete", "model": "res.partner", "record_ids": ids[2:]},
            {"operation_type": "create", "model": "res.partner", "data": [{"name": "New", "ref": f"{self.mark}-8"}]},
        )
        self.assertEqual(self.partners("name"), [(number, f"Partner {number}") for number in range(3)])
        planned = self.changes(plan)
        job = self.apply(plan)
        self.assertEqual((self.failures(job), self.job(job)["state"]), ([], "completed"))
        self.assertEqual(self.job(job)["name"], f"{self.job(plan)['name']} (for real)")
        self.assertEqual(self.job(job)["max_concurrency"], self.job(plan)["max_concurrency"])
        self.assertEqual(
            sorted(self.partners("name", "city")),
            [(0, "Changed", "Ghent"), (1, "Upserted 1", None), (7, "Upserted 7", None), (8, "New", None)],
        )
        made = self.changes(job)
        self.assertEqual(len(made), len(planned))
        for change, plan_ in zip(made, planned, strict=True):
            for name in ("operation_id", "index", "model", "action", "before"):
                self.assertEqual(change[name], plan_[name], name)
            if change["action"] == "update":
                self.assertEqual(change, plan_)
        with self.assertRaisesRegex(UserError, f"{job}: "):
            self.call(plan, "apply")
        undo = self.call(job, "undo")["job_id"]
        self.work()
        self.assertEqual(self.partners("name", "city"), [(0, "Partner 0", None), (1, "Partner 1", None)])
        self.assertEqual([(f["operation_id"], f["error_type"]) for f in self.failures(undo)], [("op-3", "NotUndoable")])

    def test_what_is_no_longer_what_the_plan_saw_is_left_alone(self):
        ids = self.make_partners(5)
        plan = self.plan(
            self.update(ids[:3], name="Changed"),
            {"operation_type": "delete", "model": "res.partner", "record_ids": ids[3:]},
        )
        with self.committed() as env:
            partners = env["res.partner"].browse(ids)
            partners[0].name = "Somebody"
            partners[1].city = "Ghent"  # not in the plan
            partners[2].unlink()
            partners[3].phone = "1"
        job = self.apply(plan)
        self.assertEqual(self.errors(job), [(op, index, "ChangedSinceError") for op, index in (("op-1", 0), ("op-1", 2), ("op-2", 0))])
        self.assertEqual(self.partners("name"), [(0, "Somebody"), (1, "Changed"), (3, "Partner 3")])
        self.assertIn("Name", self.failures(job)[0]["error"])

    def test_what_was_not_planned_does_not_happen(self):
        ids = self.make_partners(3)
        plan = self.plan(self.update(ids, city="Ghent"), self.upsert(1, 8))
        with self.committed() as env:
            partners = env["res.partner"].browse(ids)
            partners[1].ref = f"{self.mark}-x"  # the upsert would create it now
            partners.create({"name": "Eight", "ref": f"{self.mark}-8"})  # the upsert would update it now
        job = self.apply(plan)
        self.assertEqual(self.errors(job), [("op-2", 0, "ChangedSinceError"), ("op-2", 1, "ChangedSinceError")])
        self.assertEqual(self.sql("SELECT count(*) FROM res_partner WHERE ref LIKE %s", f"{self.mark}%"), [(4,)])
        self.assertEqual(self.sql("SELECT name FROM res_partner WHERE ref = %s", f"{self.mark}-8"), [("Eight",)])

    def test_other_values_than_planned_are_not_written(self):
        ids = self.make_partners(2)
        cities = iter("AAAZ")

        def probe(partners, *args):
            for partner in partners:
                partner.city = next(cities)

        self.set_probe(probe)
        plan = self.plan(self.probe(ids, track_fields=["city"]), max_chunk_size=1)
        self.assertEqual([change["after"] for change in self.changes(plan)], [{"city": "A"}] * 2)
        job = self.apply(plan)
        self.assertEqual((self.errors(job), self.partners("city")), ([("op-1", 1, "ChangedSinceError")], [(0, "A"), (1, None)]))
        self.assertIn("City", self.failures(job)[0]["error"])

    def test_a_record_that_the_plan_did_not_change_must_not_change(self):
        ids = self.make_partners(2, city="Ghent")
        plan = self.plan(self.update(ids, city="Ghent"))
        self.assertEqual(self.changes(plan), [])
        with self.committed() as env:
            env["res.partner"].browse(ids[0]).city = "Bruges"
        job = self.apply(plan)
        self.assertEqual((self.errors(job), self.partners("city")), ([("op-1", 0, "ChangedSinceError")], [(0, "Bruges"), (1, "Ghent")]))

    def test_what_failed_in_the_plan_does_not_succeed_unseen(self):
        ids = self.make_partners(2)
        self.set_probe(lambda partners, *args: None)
        plan = self.plan(self.update([ids[0], ids[1]], name="Changed"), {"operation_type": "update", "model": "res.partner", "data": [{"id": ids[0], "parent_id": ids[0]}]})
        self.assertEqual(len(self.failures(plan)), 1)
        job = self.apply(plan)
        self.assertEqual([operation for operation, _index, _type in self.errors(job)], ["op-2"])

    def test_what_undid_its_chunk_in_the_plan_does_so_again_and_is_named(self):
        ids = self.make_partners(8)
        for culprits in ((0,), (3,), (7,), (2, 5)):
            with self.subTest(culprits=culprits):
                data = [{"id": id_, "city": "Ghent", **({"name": False} if place in culprits else {})} for place, id_ in enumerate(ids)]
                plan = self.plan({"operation_type": "update", "model": "res.partner", "data": data}, self.creates(1), rollback="chunk")
                planned = self.told(plan)
                self.assertEqual([place for place, (kind, _text) in enumerate(planned) if kind != "RolledBack"], list(culprits))
                self.assertEqual(self.told(self.apply(plan)), planned)
                self.assertEqual({city for _number, city in self.partners("city")}, {None})

    def test_what_failed_in_the_plan_and_would_not_now_says_why_it_did(self):
        ids = self.make_partners(3)
        bad = set()

        def probe(partners):
            if bad & set(partners._ids):
                raise UserError("bad")
            partners.write({"city": "Ghent"})

        self.set_probe(probe)
        unplanned = "The plan does not change this record, but it would be changed now. In the plan it failed: "
        undone = "Rolled back, because another record of its chunk failed: bad"
        for rollback, reasons in (("chunk", [undone, "bad", undone]), ("record", [None, "bad", None])):
            with self.subTest(rollback=rollback):
                bad.add(ids[1])
                plan = self.plan(self.probe(ids, track_fields=["city"]), self.creates(1), rollback=rollback)
                bad.clear()
                told = self.told(self.apply(plan))
                self.assertEqual(told, [("ChangedSinceError", unplanned + reason) for reason in reasons if reason])
                cities = [city for _number, city in self.partners("city")][:3]
                self.assertEqual(cities, [None if reason else "Ghent" for reason in reasons])

    def test_what_deviates_from_its_plan_undoes_its_chunk(self):
        ids = self.make_partners(4, city="Ghent")
        with self.committed() as env:
            env["res.partner"].browse(ids[2:]).city = False
        plan = self.plan(self.update(ids, city="Ghent"), rollback="chunk")
        with self.committed() as env:
            env["res.partner"].browse(ids[1]).city = "Bruges"
        told = self.told(self.apply(plan))
        self.assertEqual([kind for kind, _text in told], ["RolledBack", "ChangedSinceError", "RolledBack", "RolledBack"])
        self.assertIn(told[1][1], told[0][1])
        self.assertEqual(self.partners("city"), [(0, "Ghent"), (1, "Bruges"), (2, None), (3, None)])

    def told(self, job):
        return [(failure["error_type"], failure["error"]) for failure in sorted(self.failures(job), key=lambda failure: failure["index"])]

    def test_a_domain_is_not_searched_again(self):
        self.make_partners(3)
        for options in ({}, {"track_changes": False}):
            with self.subTest(**options):
                plan = self.plan(self.by_domain(city="Ghent"), **options)
                with self.committed() as env:
                    env["res.partner"].create({"name": "Late", "ref": f"{self.mark}-9"})
                job = self.apply(plan)
                self.assertEqual(self.failures(job), [])
                self.assertEqual(self.partners("city"), [*((number, "Ghent") for number in range(3)), (9, None)])
                self.assertEqual(self.job(job)["total_records"], 3)
                self.delete_partners()
                self.make_partners(3)

    def test_without_tracked_changes_it_just_runs(self):
        ids = self.make_partners(2)
        plan = self.plan(self.update(ids, name="Changed"), track_changes=False)
        with self.committed() as env:
            env["res.partner"].browse(ids[0]).name = "Somebody"
        job = self.apply(plan)
        self.assertEqual((self.failures(job), self.partners("name")), ([], [(0, "Changed"), (1, "Changed")]))

    def test_references_dependencies_rounds_groups_and_options_come_along(self):
        ids = self.make_partners(2)
        operations = [
            {**self.creates(1), "operation_id": "company"},
            {
                "operation_type": "update",
                "model": "res.partner",
                "data": [{"id": id_, "parent_id": {"$ref": "company", "index": 0}} for id_ in ids],
                "group_by": "city",
            },
            {**self.update(ids[:1], comment="After"), "depends_on": ["company"]},
            {"operation_type": "update", "model": "res.partner", "data": [{"id": ids[1], "city": city} for city in "abc"]},
            {"operation_type": "update", "model": "res.partner", "record_ids": {"$ref": "company"}, "data": {"city": "Ghent"}},
        ]
        options = {"max_chunk_size": 1, "max_concurrency": 3, "retry_attempts": 1, "max_failures": 4, "priority": 2, "quiet": True, "notify": "never"}
        with self.committed() as env:
            env["res.partner"].browse(ids).write({"ref": f"{self.mark}-5", "city": "x"})
        plan = self.plan(*operations, **options, idempotency_key=self.mark)
        self.assertEqual(self.failures(plan), [])
        job = self.apply(plan, lanes=3)
        self.assertEqual(self.failures(job), [])
        company = self.call(job, "result")["results"][0]["result"][0]
        query = "SELECT parent_id, city, comment FROM res_partner WHERE id = ANY(%s) ORDER BY id"
        rows = self.sql(query, ids)
        self.assertEqual([row[0] for row in rows], [company] * 2)
        self.assertEqual((rows[0][2], rows[1][1]), ("<p>After</p>", "Ghent"), "the company hands its city on, last of all")
        self.assertEqual(self.sql("SELECT city FROM res_partner WHERE id = %s", company), [("Ghent",)])
        before, after = self.job(plan), self.job(job)
        self.assertEqual(after["max_concurrency"], 1, "records are changed more than once: just the order of the plan gives its result")
        for name in ("max_chunk_size", "retry_attempts", "max_failures", "priority", "quiet", "notify", "context", "rollback"):
            self.assertEqual(after[name], before[name], name)
        self.assertEqual((after["dry_run"], after["idempotency_key"], after["is_atomic"]), (False, None, False))

    def test_upserts_of_one_key_keep_their_order(self):
        operations = [self.upsert(0, 1, city=f"City {number}") for number in range(6)]
        for options in ({}, {"track_changes": False, "max_chunk_size": 1}, {"track_changes": False}, {"rollback": "job"}):
            with self.subTest(**options):
                plan = self.plan(*operations, **options)
                self.assertEqual(self.partners(), [])
                job = self.apply(plan, lanes=3)
                self.assertEqual((self.failures(job), self.partners("city")), ([], [(0, "City 5"), (1, "City 5")]))
                self.delete_partners()

    def test_upserts_of_one_key_keep_their_order_whatever_their_groups(self):
        def named(place, number, city):
            return {**self.upsert(number, name=f"Name {place}", city=city), "group_by": "city"}

        one_key = [named(place, 0, city) for place, city in enumerate("ABA")]
        in_contexts = [{**operation, "context": {"lang": lang}} for operation, lang in zip(one_key, ("en_US", False, "en_US"), strict=True)]
        for expected, operations, options in (
            ([(0, "Name 2")], one_key, {}),
            ([(0, "Name 2")], one_key, {"rollback": "job"}),
            ([(0, "Name 2")], in_contexts, {"max_chunk_size": 2}),
            ([(0, "Name 2")], [*one_key[:2], self.upsert(0, name="Name 2")], {}),
            (
                [(0, "Name 2"), (1, "Name 4"), (9, "Name 1")],
                [named(place, number, city) for place, (number, city) in enumerate([(0, "A"), (9, "A"), (0, "B"), (1, "C"), (1, "B")])],
                {"max_chunk_size": 2},
            ),
        ):
            with self.subTest(options=options, operations=len(operations)):
                plan = self.plan(*operations, **options)
                last = {change["record_id"]: change["after"]["name"] for change in self.changes(plan)}
                self.assertEqual(sorted(last.values()), sorted(name for _number, name in expected))
                job = self.apply(plan, lanes=3)
                self.assertEqual((self.errors(job), sorted(self.partners("name"))), ([], expected))
                self.delete_partners()

    def test_what_goes_with_others_is_deleted_as_planned(self):
        with self.committed() as env:
            category = env["res.partner.category"]
            parents = category.create([{"name": f"Parent {number}"} for number in range(2)])
            children = category.create([{"name": "Child", "parent_id": parent.id} for parent in parents])
            ids = [*children.ids, *parents.ids]
        plan = self.plan(self.delete(ids), max_chunk_size=2, max_concurrency=2)
        self.assertEqual([change["record_id"] for change in self.changes(plan)], ids)
        job = self.apply_backwards(plan)
        self.assertEqual((self.errors(job), self.job(job)["deleted_records"]), ([], 4))
        self.assertEqual(self.sql("SELECT id FROM res_partner_category WHERE id = ANY(%s)", ids), [])

    def test_where_the_plan_saw_records_go_with_others_they_do_so_again(self):
        with self.committed() as env:
            parent = env["res.partner.category"].create({"name": "Parent"})
            child = parent.create({"name": "Child", "parent_id": parent.id})
            ids = [parent.id, child.id]
        plan = self.plan(self.delete(ids), max_chunk_size=1, max_concurrency=2)
        self.assertEqual([change["record_id"] for change in self.changes(plan)], ids[:1])
        job = self.apply(plan, lanes=2)
        self.assertEqual((self.errors(job), self.job(job)["max_concurrency"]), ([], 1), "the child must not be the first")
        self.assertEqual(self.sql("SELECT id FROM res_partner_category WHERE id = ANY(%s)", ids), [])

    def test_what_another_record_hands_on_is_as_planned(self):
        company, *contacts = ids = self.make_partners(3)
        with self.committed() as env:
            env["res.partner"].browse(company).is_company = True
            env["res.partner"].browse(contacts).parent_id = company
            main = env.ref("base.main_company").id
        rows = [{"id": contacts[0], "company_id": main, "phone": "1"}, {"id": contacts[1], "company_id": main}, {"id": company, "company_id": main}]
        plan = self.plan({"operation_type": "update", "model": "res.partner", "data": rows}, max_chunk_size=2, max_concurrency=2)
        self.assertEqual([change["record_id"] for change in self.changes(plan)], [*contacts, company])
        job = self.apply_backwards(plan)
        self.assertEqual((self.errors(job), self.job(job)["max_concurrency"]), ([], 2))
        self.assertEqual(self.sql("SELECT company_id, phone FROM res_partner WHERE id = ANY(%s) ORDER BY id", ids), [(main, None), (main, "1"), (main, None)])

    def test_a_plan_of_all_or_nothing_is_run_as_one(self):
        ids = self.make_partners(2)
        plan = self.plan(self.update(ids, name="Changed"), rollback="job")
        with self.committed() as env:
            env["res.partner"].browse(ids[0]).name = "Somebody"
        job = self.call(plan, "apply")["job_id"]
        self.work()
        self.assertEqual((self.job(job)["state"], self.partners("name")), ("failed", [(0, "Somebody"), (1, "Partner 1")]))

    # -- refusals ------------------------------------------------------------------------------------

    def test_what_is_no_finished_plan_is_refused(self):
        ids = self.make_partners(2)
        update, bad = self.update(ids, name="Changed"), self.update([2**31 - 1], name="Gone")
        for message, made in (
            ("finished", lambda: self.submit(update, dry_run=True)),
            ("Only a dry run", lambda: self.plan(update, dry_run=False)),
            ("Nothing in this dry run", lambda: self.plan(bad)),
            ("stopped before its end", lambda: self.plan(self.update(ids[:1], name="x"), bad, update, max_failures=0, max_chunk_size=1)),
        ):
            with self.subTest(message), self.assertRaisesRegex(UserError, message):
                self.call(made(), "apply")

    def test_a_plan_whose_values_are_gone_is_refused(self):
        plan = self.plan(self.update(self.make_partners(1), name="Changed"))
        with self.settings(keep_payload_days=0), self.committed() as env:
            while forget_old_values(env):
                pass
        with self.assertRaisesRegex(UserError, "have been dropped"):
            self.call(plan, "apply")

    def test_a_plan_is_run_once_also_where_the_job_that_did_so_is_deleted(self):
        plan = self.plan(self.creates(1), {**self.creates(1), "data": [{"name": False}]})
        job = self.apply(plan)
        with self.committed() as env:
            env["batch.job"].browse(job).unlink()
        for verb in ("apply", "retry"):
            with self.assertRaisesRegex(UserError, "The job that did so was deleted"):
                self.call(plan, verb)
        with self.committed(self.user_id) as env:
            self.assertFalse(env["batch.job"].browse(plan).can_apply)
        self.assertEqual(len(self.partners()), 1)

    def test_a_retry_after_the_plan_was_deleted_says_so(self):
        ids = self.make_partners(1)
        plan = self.plan(self.update(ids, name="Changed"))
        with self.committed() as env:
            env["res.partner"].browse(ids).name = "Somebody"
        job = self.apply(plan)
        with self.committed() as env:
            env["batch.job"].browse(plan).unlink()
            env["res.partner"].browse(ids).name = "Partner 0"
        self.call(job, "retry")
        self.work()
        [failure] = self.failures(job)
        self.assertIn("the dry run was deleted", failure["error"])
        self.assertEqual(self.partners("name"), [(0, "Partner 0")])

    def test_only_the_submitter_may(self):
        plan = self.plan(self.update(self.make_partners(1), name="Changed"))
        with self.committed() as env:
            manager = self.new_user(env, f"manager-{self.mark}", "batch_executor.group_batch_manager", "base.group_system").id
        with self.assertRaises(AccessError), self.committed(manager) as env:
            env["batch.job"].browse(plan).apply()

    def test_what_a_plan_has_found_is_kept_with_it(self):
        ids = self.make_partners(3)
        plan = self.plan(self.by_domain(city="Ghent"), max_chunk_size=1)
        [selection] = [chunk for chunk in self.chunks(plan) if chunk["kind"] == "resolve"]
        self.assertEqual(Payload.decode(selection["payload"]).items[0]["found"], ids)


class TestMemory(ApplyCase):
    def test_large_values_of_a_plan_are_not_in_memory_together(self):
        ids, length = self.make_partners(20), 300_000
        plan = self.plan(self.update(ids, name="Changed"))
        self.sql("UPDATE batch_change SET before = json_build_object('comment', repeat('a', %s))::text WHERE job_id = %s", length, plan)
        [(operation,)] = self.sql("SELECT id FROM batch_operation WHERE job_id = %s", plan)
        payload = Payload([None] * 20, [operation] * 20, list(range(20)), {store.PLAN: plan})
        self.patch(store, "PAGE_BYTES", 1_000_000)
        with self.committed() as env:
            tracemalloc.start()
            try:
                approved = Approved(SimpleNamespace(model=env["res.partner"], env=env, payload=payload))
                _now, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        self.assertLess(peak, 20 * length * 3 // 4)
        self.assertEqual([change["before"] for [change] in approved.planned.values()], [{"comment": "a" * length}] * 20)
        self.assertNotEqual(approved.planned[0][0]["before"], {"comment": "b" * length})
