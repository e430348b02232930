"""What a query does to its transaction, told from texts, names and comments that only look like it."""

import time

from odoo.tests.common import BaseCase

from odoo.addons.batch_executor.engine.transaction_sql import END, RELEASE, SAVEPOINT, SETTING, UNDO, controls

from .properties import given, st

#: Queries that begin or end a transaction.
ENDS = (
    "COMMIT",
    " commit;",
    "commit work",
    "COMMIT AND CHAIN",
    "END",
    "end transaction",
    "ABORT",
    "BEGIN",
    "begin isolation level serializable",
    "START TRANSACTION READ ONLY",
    "start\n transaction",
    "PREPARE TRANSACTION 'x'",
    "prepare /* now */ transaction 'x'",
    "COMMIT PREPARED 'x'",
    "ROLLBACK",
    "rollback work",
    "ROLLBACK AND NO CHAIN",
    "ROLLBACK PREPARED 'x'",
    "/* now */ COMMIT",
    "/**/COMMIT",
    "/* /* nested */ */ COMMIT",
    "-- a comment\nCOMMIT",
    "-- a comment\rCOMMIT",
    "\t\f\v\r\n COMMIT",
    "SELECT 1; COMMIT",
    "SELECT 1; /* c */ COMMIT",
    "SELECT 1; -- c\n COMMIT",
    "SELECT 1;\n/* a;b */ -- ;\nEND",
    ";COMMIT",
    ";;;COMMIT;",
    "SELECT 'it''s'; COMMIT",
    "SELECT '\\'; COMMIT --'",
    "SELECT U&'\\'; COMMIT",
    "SELECT E'\\\\'; COMMIT",
    "SELECT E'a' 'b'; COMMIT",
    "SELECT E'a''b'; COMMIT",
    "SELECT namE'a\\'; COMMIT; --'",
    'SELECT 1 AS "a""b"; COMMIT',
    "SELECT $$a$$; COMMIT",
    "SELECT $a$ $$ $b$ $a$; COMMIT",
    "SELECT $1$2; COMMIT",
    "SELECT a$b$c; COMMIT; SELECT d$b$",
    "SELECT 1 /* ; */; COMMIT",
    "SELECT 2 */* c */ 3; COMMIT",
    "SELECT 2 - - 3; COMMIT",
    "SELECT 1 /*/ ; */; COMMIT",
    "RELEASE a; ROLLBACK",
    "DO $x$ BEGIN NULL; END $x$; COMMIT",
)
#: Queries that do nothing of the kind.
PLAIN = (
    "",
    " ",
    ";",
    "-- COMMIT",
    "/* COMMIT",
    "SELECT 1",
    "select 1; select 2;",
    "INSERT INTO a VALUES ('; commit')",
    "SELECT '; commit'; -- ; rollback\nSELECT 1",
    "SELECT 'a''; commit; --'",
    "SELECT E'\\'; commit; --'",
    "SELECT e'\\\\\\'; commit; --'",
    "SELECT E'a'\n  'b\\'; commit; --'",
    "SELECT E'it''s \\'; commit; --'",
    'SELECT 1 AS "; end"; SELECT 2 AS "a""; commit"',
    "SELECT $$; commit; $$",
    "SELECT $a$; commit; $$; end; $a$",
    "SELECT $ä1$; commit; $ä1$",
    "DO $$ BEGIN COMMIT; END $$",
    "/* ; commit /* nested; end */ ; abort */ SELECT 1; SELECT 2",
    "-- ; commit\nSELECT 1; SELECT 2",
    "SELECT 1; SELECT '; commit",
    "SELECT 1; SELECT $a$; commit",
    "PREPARE plan AS SELECT 1",
    "EXECUTE commit",
    "COMMENT ON TABLE a IS 'b'",
    "commit\u00a0",
    "committed",
    "begin_of_name; ended; _abort",
    "(COMMIT)",
    "WITH a AS (SELECT 1) SELECT * FROM a",
    "CREATE FUNCTION a() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
    "DISCARD TEMP",
)
#: Queries -> what they do.
OTHERS = {
    "SAVEPOINT a": [(SAVEPOINT, "a")],
    'savepoint "A b"': [(SAVEPOINT, "A b")],
    "ROLLBACK TO a": [(UNDO, "a")],
    "ROLLBACK TO SAVEPOINT Abc": [(UNDO, "abc")],
    'rollback work to savepoint "Abc"': [(UNDO, "Abc")],
    "ROLLBACK/**/TRANSACTION--x\nTO a": [(UNDO, "a")],
    "RELEASE a": [(RELEASE, "a")],
    'RELEASE SAVEPOINT "a"': [(RELEASE, "a")],
    "ROLLBACK TO": [(UNDO, "")],
    'RELEASE "a': [(RELEASE, "")],
    "savepoint a;rollback to a ; release a": [(SAVEPOINT, "a"), (UNDO, "a"), (RELEASE, "a")],
    "SET search_path = a": [(SETTING, None)],
    "set local lock_timeout = '1s'": [(SETTING, None)],
    "SELECT 1; RESET ALL": [(SETTING, None)],
    "SET TRANSACTION READ ONLY": [(SETTING, None)],
    "SELECT set_config('a.b', 'c', true)": [(SETTING, None)],
    "SELECT pg_catalog.set_config('a.b', 'c', true)": [(SETTING, None)],
}
#: Pieces of which long queries are made that could cost more than their length.
PIECES = {
    "comments": "/**/",
    "nested comments": "/*",
    "closed comments": "/* */ */",
    "line comments": "-- x\n",
    "blanks": " \n",
    "doubled quotes": "'a;b'''",
    "escapes": "E'\\''",
    "escapes and lines": "E'a'\n\n ",
    "quotes without an end": "e'",
    "quoted names": '"a;"',
    "dollars": "a$",
    "dollar tags": "$a",
    "dollar quotes": "$a$;$a$",
    "semicolons": ";",
    "semicolons in texts": "';'",
    "bodies": "CREATE BEGIN \n",
    "savepoints": "SAVEPOINT a;",
    "one long name": "a",
}


class TestControls(BaseCase):
    def test_what_begins_or_ends_a_transaction_is_told(self):
        for query in ENDS:
            with self.subTest(query=query):
                self.assertIn(END, [kind for kind, _name in controls(query)])

    def test_what_only_looks_like_it_is_not(self):
        for query in PLAIN:
            with self.subTest(query=query):
                self.assertEqual(list(controls(query)), [])

    def test_savepoints_and_settings_are_told_by_name_and_kind(self):
        for query, expected in OTHERS.items():
            with self.subTest(query=query):
                self.assertEqual(list(controls(query)), expected)

    @given(st.lists(st.sampled_from(["'a;'", '";"', "$$;$$", "/*;*/", "--;\n", "E'\\';'", " a ", "1+"])))
    def test_whatever_stands_before_it_a_commit_is_found_and_its_text_is_not(self, pieces):
        before = "SELECT 1 " + " ".join(pieces)
        self.assertIn(END, [kind for kind, _name in controls(f"{before}; COMMIT")])
        self.assertEqual(list(controls(f"{before}, '; COMMIT'; SELECT 2")), [])

    def test_it_takes_time_in_proportion_to_the_length(self):
        def seconds(query):
            started = time.thread_time()  # others may be at work beside
            self.assertIsNotNone(sum(1 for _ in controls(query)))
            return time.thread_time() - started

        for name, piece in PIECES.items():
            for frame in ("%s;SELECT 1", "SELECT 1;SELECT %s;SELECT 2", "SAVEPOINT %s;"):
                with self.subTest(piece=name, frame=frame):
                    # were it quadratic, eight times the length would take 64 times as long
                    short = min(seconds(frame % (piece * 5_000)) for _ in range(3))
                    long = min(seconds(frame % (piece * 40_000)) for _ in range(3))
                    self.assertLess(long, 40 * max(short, 0.002))
