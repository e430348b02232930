"""What an outcome comes to in numbers."""

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine import states
from odoo.addons.batch_executor.engine.outcome import Failure, Outcome, Warned
from odoo.addons.batch_executor.engine.tally import (
    CANCELLED,
    FAILED,
    PROCESSED,
    OperationTally,
    count_records,
    counter_of,
)

OUTCOME = Outcome(
    ids={0: 70, 1: True},
    failures={2: Failure("ValueError", "no name"), 6: Failure("ValueError", "no city")},
    skipped={3: "its parent failed"},
    rolled_back={4},
    warnings={0: [Warned("ActionReturned", "hm"), Warned("ActionReturned", "hm")], 5: [Warned("ActionReturned", "hm")]},
)


class TestTally(BaseCase):
    def test_each_record_adds_to_one_counter_and_a_chunk_is_the_sum(self):
        counters = [counter_of(OUTCOME, position) for position in range(8)]
        self.assertEqual(counters, [PROCESSED, PROCESSED, FAILED, CANCELLED, FAILED, None, FAILED, None])
        expected = {counter: counters.count(counter) for counter in (PROCESSED, FAILED, CANCELLED)}
        self.assertEqual(count_records(OUTCOME), expected)

    def test_records_of_an_undone_selection_are_known_by_their_number_only(self):
        self.assertEqual(count_records(Outcome(good=5)), {PROCESSED: 5, FAILED: 0, CANCELLED: 0})
        self.assertEqual(count_records(Outcome(undone=5)), {PROCESSED: 0, FAILED: 5, CANCELLED: 0})
        self.assertEqual(count_records(Outcome(unrun=5)), {PROCESSED: 0, FAILED: 0, CANCELLED: 5})

    def test_an_operation_keeps_ids_by_place_and_the_first_error(self):
        tally = OperationTally(record_count=7, data_length=7)
        for position in range(7):
            tally.add(OUTCOME, position, 6 - position)
        self.assertEqual((tally.processed, tally.failed, tally.cancelled, tally.warnings), (2, 3, 1, 3))
        self.assertEqual(tally.ids, [False] * 6 + [70])
        self.assertEqual((tally.error, tally.skip_reason), ("no name", "its parent failed"))
        self.assertEqual(tally.state, states.RUNNING)  # of the one at 5 nothing is known yet

    def test_what_a_method_returned_is_kept_whatever_it_is(self):
        for answer in (True, False, None, [1, 2]):
            tally = OperationTally(record_count=2, data_length=1)
            outcome = Outcome(ids={0: True, 1: True}, answers={0: answer})
            for position in range(2):
                tally.add(outcome, position, position)
            self.assertEqual((tally.ids, tally.state), ([answer], states.COMPLETED))

    def test_what_is_undone_has_failed_unless_that_was_meant_to_be(self):
        for is_dry_run, counts in ((False, (0, 5, 1)), (True, (2, 3, 1))):
            tally = OperationTally(record_count=7, data_length=7)
            for position in range(7):
                tally.add(OUTCOME, position, position)
            tally.undo(is_dry_run)
            self.assertEqual((tally.processed, tally.failed, tally.cancelled, tally.ids), (*counts, None))

    def test_what_never_ran_is_cancelled(self):
        tally = OperationTally(record_count=3, data_length=3)
        tally.add(OUTCOME, 0, 0)
        tally.cancel_rest()
        self.assertEqual((tally.cancelled, tally.state), (2, states.PARTIAL))

    def test_an_operation_of_which_all_was_skipped_is_skipped(self):
        tally = OperationTally(record_count=1, data_length=1)
        tally.add(Outcome(skipped={0: "its parent failed"}), 0, 0)
        self.assertEqual(tally.state, states.SKIPPED)
