"""What is decided about attempts that came to nothing, and how long they wait."""

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.backoff import BASE_S, CAP_S, next_delay
from odoo.addons.batch_executor.engine.verdict import CONFLICT, FAIL, HALVE, LOST, RETRY, TIMEOUT, decide

from .properties import given, st


class TestVerdict(BaseCase):
    def test_each_kind_of_interruption_ends_as_promised(self):
        table = [
            # interruption, attempt, size, retry_attempts -> action, error type
            (CONFLICT, 1, 100, 3, RETRY, None),
            (CONFLICT, 3, 100, 3, RETRY, None),
            (CONFLICT, 4, 100, 3, FAIL, "ConcurrencyError"),
            (CONFLICT, 1, 100, 0, FAIL, "ConcurrencyError"),
            (TIMEOUT, 1, 100, 3, HALVE, None),
            (TIMEOUT, 9, 2, 3, HALVE, None),
            (TIMEOUT, 1, 1, 3, RETRY, None),
            (TIMEOUT, 4, 1, 3, FAIL, "TimeoutError"),
            (TIMEOUT, 1, 1, 0, FAIL, "TimeoutError"),
            (LOST, 1, 100, 0, HALVE, None),
            (LOST, 3, 1, 3, RETRY, None),
            (LOST, 4, 1, 3, FAIL, "WorkerLostError"),
        ]
        for interruption, attempt, size, retries, action, error_type in table:
            with self.subTest(interruption=interruption, attempt=attempt, parts=size, retries=retries):
                verdict = decide(interruption, attempt=attempt, parts=size, retry_attempts=retries)
                self.assertEqual((verdict.action, verdict.error_type), (action, error_type))

    @given(st.sampled_from([CONFLICT, TIMEOUT, LOST]), st.integers(1, 10_000), st.integers(0, 50))
    def test_every_chunk_comes_to_an_end(self, interruption, size, retries):
        attempts = 0
        while size:
            attempt = 1
            while (action := decide(interruption, attempt=attempt, parts=size, retry_attempts=retries).action) == RETRY:
                attempt += 1
            attempts += attempt
            size = size // 2 if action == HALVE else 0
        self.assertLessEqual(attempts, 14 + retries + 1)

    def test_only_conflicts_and_timeouts_wait_and_halves_never_do(self):
        self.assertGreater(decide(CONFLICT, attempt=1, parts=9, retry_attempts=1).delay_s, 0)
        self.assertGreater(decide(TIMEOUT, attempt=1, parts=1, retry_attempts=1).delay_s, 0)
        self.assertEqual(decide(LOST, attempt=1, parts=1, retry_attempts=1).delay_s, 0)
        self.assertEqual(decide(TIMEOUT, attempt=1, parts=2, retry_attempts=1).delay_s, 0)


class TestBackoff(BaseCase):
    @given(st.integers(1, 10**9), st.floats(0, 1))
    def test_a_delay_is_never_nothing_and_never_above_the_cap(self, attempt, jitter):
        delay = next_delay(attempt, lambda: jitter)
        self.assertGreaterEqual(delay, BASE_S / 2)
        self.assertLessEqual(delay, CAP_S)

    @given(st.integers(1, 7))
    def test_it_doubles_until_the_cap(self, attempt):
        self.assertAlmostEqual(next_delay(attempt + 1, lambda: 1.0), 2 * next_delay(attempt, lambda: 1.0))

    def test_half_of_it_is_jitter(self):
        self.assertEqual(next_delay(3, lambda: 0.0), next_delay(3, lambda: 1.0) / 2)
        self.assertGreater(len({next_delay(3) for _ in range(20)}), 1)
