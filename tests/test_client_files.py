"""Files handed over by the Python client: whole, in pieces, behind a proxy that cuts, and after a crash."""

import io
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from unittest.mock import patch

from odoo.service.server import RequestHandler
from odoo.tests.common import BaseCase

from ..engine.csv_rows import guess_separator
from .client_case import HAS_CLIENT, ClientCase, proxy
from .extras import needs

if HAS_CLIENT:
    from odoo_batch import BatchError, ConnectionFailed, Refused, wire
    from odoo_batch._sync import job as sync_job
    from odoo_batch.files import CSV, NDJSON, Source


class Files:
    """Makes files."""

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def file(self, name, text, encoding="utf-8"):
        path = self.folder / name
        path.write_text(text, encoding=encoding)
        return path

    def rows(self, count, prefix, separator=";"):
        """A CSV file of partners, with line ends inside of cells, stray quotes and blank rows."""
        lines = [separator.join(["id", "ref", "name", "comment"])]
        for index in range(count):
            lines.append(separator.join([f"client.{prefix}_{index}", f"{prefix}-{index:03}", f'"N ""{index}"",\n{separator}"', '5" pipe']))
            lines += [""] if index % 7 == 0 else []
        return "\n".join(lines) + "\n"


@needs("httpx")
class TestPieces(Files, BaseCase):
    def pieces(self, content, limit, name="", **parameters):
        with Source(io.BytesIO(content)) as source:
            if name:
                source.name, source.media_type = name, NDJSON
            return [(piece.first, piece.first_row, b"".join(piece.chunks())) for piece in source.pieces(limit, parameters, lambda *_: 0)]

    def test_csv_is_cut_between_records(self):
        content = self.rows(100, "p").encode()
        head = content[: content.index(b"\n") + 1]
        pieces = self.pieces(content, 700)
        self.assertGreater(len(pieces), 5)
        self.assertEqual(head + b"".join(piece.removeprefix(head) for _first, _row, piece in pieces), content)
        for first, row, piece in pieces:
            self.assertLessEqual(len(piece), 700)
            self.assertTrue(piece.startswith(head + b"client.p_%d;" % first))
            self.assertEqual(row, 2 + first + (first + 6) // 7)

    def test_rows_of_lines_stay_with_their_record(self):
        record = b"A;B;\n;;C\n\n;;D\n"
        with Source(io.BytesIO(b"\nname;ref;child_ids/name\n" + record * 5)) as source:
            pieces = [b"".join(piece.chunks()) for piece in source.pieces(30, {}, lambda *_: 0, ["child_ids"])]
        self.assertEqual(pieces, [b"\nname;ref;child_ids/name\n" + record] * 5)

    def test_a_record_without_end_is_refused_before_it_fills_the_memory(self):
        for limits in ({"RECORD_ROWS": 50}, {"RECORD_BYTES": 200}):
            with patch.multiple("odoo_batch.rows", **limits), Source(io.BytesIO(b"child_ids/name\n" + b"abc\n" * 60)) as source:
                with self.assertRaisesRegex(Refused, "begins in row 2 has more than") as caught:
                    list(source.pieces(30, {}, lambda *_: 0, ["child_ids"]))
                self.assertIn(caught.exception.problems[0]["row"], (52, 54))
                self.pieces(b"name\n" + b"abc\n" * 60, 30)

    def test_lines_of_json_are_cut_between_them(self):
        content = b"".join(b'{"name": "%d"}\n%s' % (index, b"\n" * (index % 3 == 0)) for index in range(50)).rstrip(b"\n")
        pieces = self.pieces(content, 100)
        self.assertEqual(b"".join(piece for _first, _row, piece in pieces), content)
        for first, row, piece in pieces:
            self.assertEqual(json.loads(piece.strip().split(b"\n")[0])["name"], str(first))
            self.assertEqual(content.split(b"\n")[row - 1], piece.split(b"\n")[0])

    def test_rows_that_refer_to_later_pieces_are_noticed(self):
        def refers_ahead(text, limit, lines=()):
            with Source(io.StringIO(text)) as source:
                return source.refers_ahead(limit, {}, lines)

        rows = [f"c.{index},c.{index + 1}" for index in range(9, 0, -1)]
        for limit, text, expected in (
            (40, "\n".join(["id,parent_id/id", *rows]), False),
            (40, "\n".join(["id,parent_id/id", *rows[::-1]]), True),
            (4000, "\n".join(["id,parent_id/id", *rows[::-1]]), False),
            (40, "\n".join(["id,parent", *rows[::-1]]), False),
            (40, "\n".join(["id,parent_id/id", *rows[::-1][:2], "d.1,base.be", "d.2,base.be", "d.3,c.1"]), False),
        ):
            self.assertEqual(refers_ahead(text, limit), expected, text)
        text = "id,child_ids/id,category_id/id\na.1,,\na.2,,b.1\na.3,,\na.4,,\na.5,b.1,\n"
        self.assertTrue(refers_ahead(text, 50, ["child_ids"]))
        self.assertTrue(refers_ahead(text.replace("/id", ":id"), 50, ["child_ids"]))
        self.assertTrue(refers_ahead("\n".join(["\ufeffid,parent_id:id", *rows[::-1]]), 40))

    def test_what_a_file_is(self):
        for name, text, expected in (
            ("a.csv", "", CSV), ("a.ndjson", "", NDJSON), ("a.jsonl", "", NDJSON), ("a", '{"a": 1}', NDJSON), ("a.dat", "id,name", CSV),
        ):  # fmt: skip
            with Source(self.file(name, text)) as source:
                self.assertEqual(source.media_type, expected, name)
        with self.assertRaisesRegex(BatchError, "absent.csv can't be read"):
            Source(self.folder / "absent.csv")
        for text, separator in (("a;b\n1,5;2\n", ";"), ("a,b\n1,2\n", ","), ("a\tb\n1\t2\n", "\t"), ("a|b,c\n1|2\n", "|"), ("a\n1\n", ",")):
            with Source(io.StringIO(text)) as source:
                self.assertEqual(source.separator(), separator, text)
            self.assertEqual(guess_separator(text, '"'), separator, "the server finds another one")

    def test_wide_characters_are_sent_in_utf_8(self):
        with Source(self.file("a.csv", "name\nÉlan\n", "utf-16")) as source:
            self.assertEqual(source.settings({}), {"encoding": "utf-8"})
            self.assertEqual(b"".join(source.whole(lambda *_: 0).chunks()).decode(), "name\nÉlan\n")
        with Source(self.file("b.csv", "name\nÉlan\n", "utf-16-le")) as source:
            self.assertEqual(source.settings({"encoding": "UTF-16LE"}), {"encoding": "utf-8"})
        with Source(self.file("c.csv", "name\n")) as source, self.assertRaisesRegex(Refused, "not in the encoding utf-16"):
            source.settings({"encoding": "utf-16"})
        # signs of ASCII inside of others, other line ends, and a mark that goes over what was given
        text = "name;ref\n\u30fd\u8868;1\n\u2501;2\n"
        for encoding, given in (
            ("shift_jis", "Shift-JIS"), ("iso2022_jp", "iso-2022-jp"), ("gb18030", "GBK"), ("utf-7", "utf-7"), ("utf-32", None), ("utf-32", "latin-1"),
        ):  # fmt: skip
            with Source(self.file("d.csv", text, encoding)) as source:
                self.assertEqual(source.settings({"encoding": given})["encoding"], "utf-8", encoding)
                self.assertEqual(b"".join(source.whole(lambda *_: 0).chunks()).decode(), text, encoding)
        with Source(self.file("e.csv", "name\nA\n", "cp037")) as source:
            source.settings({"encoding": "cp037"})
            self.assertEqual(b"".join(source.whole(lambda *_: 0).chunks()), b"name\nA\n")
        for given in (None, "latin-1", "cp1252", "ISO-8859-15", "utf8", "rot13", "unicode_escape", "no-encoding"):
            with Source(self.file("f.csv", "name\nA\n")) as source:
                self.assertEqual(source.settings({"encoding": given}), {"encoding": given}, given)

    def test_blank_rows_are_those_of_the_server(self):
        for encoding, text in (("utf-8", "name\n\xa0\nA\nB\n"), ("cp1252", "name\n\xa0\n\u2026\nB\n")):
            with Source(io.BytesIO(text.encode(encoding))) as source:
                settings = source.settings({"encoding": encoding})
                pieces = [(piece.first, piece.first_row) for piece in source.pieces(7, settings, lambda *_: 0)]
            self.assertEqual(pieces[-1], (1, 4), encoding)

    def test_a_pipe_is_copied(self):
        path = self.folder / "pipe.csv"
        os.mkfifo(path)
        threading.Thread(target=path.write_text, args=["name\nA\n"], daemon=True).start()
        with Source(path) as source:
            self.assertEqual((source.size, source.media_type), (7, CSV))
            self.assertEqual(b"".join(source.whole(lambda *_: 0).chunks()), b"name\nA\n")


class TestLoadFile(Files, ClientCase):
    def test_csv(self):
        told = []
        path = self.file("partners.csv", self.rows(20, "csv"))
        job = self.client.load_file(path, "res.partner", name="A file", on_progress=lambda sent, total: told.append((sent, total)))
        self.assertEqual(told[-1], (path.stat().st_size,) * 2)
        [entry] = self.finished(job).result()
        self.assertEqual((job.name, job.state, len(self.names_of(entry["result"]))), ("A file", "completed", 20))
        self.assertEqual(self.names_of(entry["result"])[1], 'N "1",\n;')
        self.assertEqual(len(self.new_refs("csv-")), 20)

    def test_lines_of_json_by_a_key(self):
        text = "".join(json.dumps({"ref": f"json-{index}", "name": f"J {index}"}) + "\n" for index in range(5))
        for _turn in range(2):
            job = self.finished(self.client.load_file(io.StringIO(text), "res.partner", key="ref", skip_unchanged=True))
        [entry] = job.result(outcomes=True)
        self.assertEqual((entry["outcomes"], len(self.new_refs("json-"))), (["unchanged"] * 5, 5))

    def test_how_a_file_is_read(self):
        path = self.file("latin.csv", "name,partner_latitude\nÉlan,\"1.234,5\"\n", "latin-1")
        settings = {"encoding": "latin-1", "float_thousand_separator": ".", "float_decimal_separator": ","}
        job = self.finished(self.client.load_file(path, "res.partner", csv=settings, context={"default_city": "Namur"}))
        [entry] = job.result()
        with self.committed() as env:
            partner = env["res.partner"].browse(entry["result"])
            self.assertEqual((partner.name, partner.partner_latitude, partner.city), ("Élan", 1234.5, "Namur"))

    def test_a_refusal_names_rows(self):
        before = self.count_jobs()
        path = self.file("wrong.csv", "name,nmae\nA,B\n")
        with self.assertRaisesRegex(Refused, "nmae"):
            self.client.load_file(path, "res.partner")
        path = self.file("wrong.ndjson", '{"name": "A"}\n\n{"name": \n')
        with self.assertRaises(Refused) as caught:
            self.client.load_file(path, "res.partner")
        self.assertEqual([problem["row"] for problem in caught.exception.problems], [3])
        self.assertEqual(self.count_jobs(), before)

    def test_the_asynchronous_client_loads_alike(self):
        path = self.file("async.csv", self.rows(30, "async"))

        async def program(client):
            whole = await client.load_file(path, "res.partner")
            await whole.wait(check=True)
            client.piece_bytes = 500
            pieces = await client.load_file(path, "res.partner", skip_unchanged=True)
            await pieces.wait(check=True)
            return (await whole.result(), await pieces.result(), pieces.status["stats"])

        [whole], [pieces], stats = self.asynchronously(program)
        self.assertEqual(whole["result"], pieces["result"])
        self.assertGreater(stats["total_operations"], 2)
        self.assertEqual(stats["unchanged_records"], 30)

    def cut_files(self):
        """From now on, files are cut for requests of 700 bytes."""
        self.startPatcher(patch.object(self.client, "piece_bytes", 700))

    def test_pieces_are_one_result_and_rows_are_those_of_the_file(self):
        self.cut_files()
        lines = self.rows(60, "piece").replace('"N ""50"",\n;"', "")
        job = self.finished(self.client.load_file(io.StringIO(lines), "res.partner"))
        self.assertGreater(job.status["stats"]["total_operations"], 2)
        [entry] = job.result()
        self.assertEqual((entry["operation_id"], entry["record_count"], entry["result"].index(False)), ("file", 60, 50))
        [failure] = job.failures()
        self.assertEqual((failure["operation_id"], failure["index"], failure["row"]), ("file", 50, 2 + 50 + 8))

    def test_a_file_whose_rows_refer_to_later_ones_is_sent_whole(self):
        self.cut_files()
        rows = "".join(f"client.ahead_{index},Ahead {index},client.ahead_{index + 1}\n" for index in range(59))
        text = f"id,name,parent_id/id\n{rows}client.ahead_59,Ahead 59,\n"
        job = self.finished(self.client.load_file(io.StringIO(text), "res.partner"))
        self.assertEqual((job.state, job.status["stats"]["total_operations"]), ("completed", 1))

    def test_a_refusal_in_a_later_piece_stores_nothing(self):
        self.cut_files()
        text = "".join(json.dumps({"ref": f"late-{index}", "name": "x" * 50}) + "\n" for index in range(30)) + '{"nmae": "X"}\n'
        with self.assertRaisesRegex(Refused, "nmae") as caught:
            self.client.load_file(io.StringIO(text), "res.partner", idempotency_key="late")
        self.assertEqual([problem["row"] for problem in caught.exception.problems], [31])
        self.work()
        self.assertEqual(self.new_refs("late-"), [])
        job = self.client.load_file(io.StringIO(text.replace("nmae", "name")), "res.partner", idempotency_key="late")
        self.assertEqual(self.finished(job).state, "completed")

    def test_what_was_interrupted_goes_on(self):
        self.cut_files()
        text = self.rows(60, "again")

        def stop(sent, total):
            if sent > total / 2:
                raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.client.load_file(io.StringIO(text), "res.partner", idempotency_key="again", on_progress=stop)
        draft = self.client.find_job("again")
        self.assertEqual(draft.state, "draft")
        sent = []
        job = self.client.load_file(io.StringIO(text), "res.partner", idempotency_key="again", on_progress=lambda *place: sent.append(place))
        self.assertEqual((job.id, self.finished(job).state), (draft.id, "completed"))
        self.assertGreater(sent[0][0], len(text) / 3)
        again = self.client.load_file(io.StringIO(text), "res.partner", idempotency_key="again")
        self.assertEqual((again.id, len(self.new_refs("again-"))), (job.id, 60))

    def interrupted(self, text, key):
        """The draft that an interrupted call leaves."""

        def stop(sent, total):
            if sent > total / 2:
                raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            self.client.load_file(io.StringIO(text), "res.partner", idempotency_key=key, on_progress=stop)
        return self.client.find_job(key)

    def test_the_same_key_is_for_the_same_call_only(self):
        self.cut_files()
        monday, tuesday = self.rows(60, "monday"), self.rows(60, "tuesday")
        draft = self.interrupted(monday, "daily")

        def load(text, **options):
            return self.client.load_file(io.StringIO(text), **{"model": "res.partner", "idempotency_key": "daily", **options})

        def assert_refused():
            for text, options in (
                (tuesday, {}), (monday, {"model": "res.users"}), (monday, {"csv": {"date_format": "%d"}}), (monday, {"return_ids": False}),
            ):  # fmt: skip
                with self.assertRaisesRegex(Refused, "used before"):
                    load(text, **options)
            with patch.object(self.client, "piece_bytes", 300), self.assertRaisesRegex(Refused, "used before"):
                load(monday)

        assert_refused()
        self.assertEqual(draft.refresh().state, "draft")
        job = load(monday)
        self.assertEqual((job.id, self.finished(job).state), (draft.id, "completed"))
        assert_refused()
        self.assertEqual((len(self.new_refs("monday-")), len(self.new_refs("tuesday-"))), (60, 0))

    def test_what_another_process_has_started_meanwhile_is_started(self):
        self.cut_files()
        text = self.rows(60, "twice")
        draft = self.interrupted(text, "twice")
        start = sync_job.Job.start

        def start_twice(job):
            start(self.client.job(draft.id))
            return start(job)

        with patch.object(sync_job.Job, "start", start_twice):
            job = self.client.load_file(io.StringIO(text), "res.partner", idempotency_key="twice")
        self.assertEqual((job.id, job.state), (draft.id, "pending"))
        self.assertEqual((self.finished(job).state, len(self.new_refs("twice-"))), ("completed", 60))

    def test_what_has_become_several_operations_is_one_entry(self):
        text = "ref;name\none-1;A\none-2;B\none-1;C\n"
        job = self.finished(self.client.load_file(io.StringIO(text), "res.partner", key="ref"))
        self.assertEqual(job.status["stats"]["total_operations"], 2)
        [entry] = job.result()
        first, _second, last = entry["result"]
        self.assertEqual((entry["operation_id"], first, len(self.new_refs("one-"))), ("file", last, 2))

    def test_options_are_read_alike_whatever_the_size(self):
        text = self.rows(20, "typed")
        for _turn in range(2):
            job = self.client.load_file(
                io.StringIO(text), "res.partner", name=2024, max_failures="5%", max_concurrency="2", quiet="true", draft="true"
            )
            self.assertEqual((job.name, job.state), ("2024", "draft"))
            job.cancel()
            self.cut_files()

    def test_an_upload_that_stops_is_sent_again(self):
        self.cut_files()
        self.patch(RequestHandler, "timeout", property(lambda _handler: 0.5, lambda _handler, _value: None))
        stops = iter([1])
        text = self.rows(60, "stopped")
        with patch("odoo_batch.files.CHUNK", 200), patch.object(wire, "FIRST_PAUSE_S", 0.001):
            job = self.client.load_file(io.StringIO(text), "res.partner", on_progress=lambda *_place: time.sleep(next(stops, 0)))
        self.assertIsNone(next(stops, None))
        self.assertEqual((self.finished(job).state, len(self.new_refs("stopped-"))), ("completed", 60))

    def test_behind_a_proxy_that_cuts_each_record_is_there_once(self):
        before = self.count_jobs()[0]
        with proxy(seed=24) as between, self.new_client(between.url, attempts=60) as client, self.lanes_at_work():
            for turn in range(4):
                text = self.rows(40, f"cut{turn}")
                client.piece_bytes = 100_000 if turn % 2 else 900
                [entry] = client.load_file(io.StringIO(text), "res.partner").wait(check=True).result()
                self.assertEqual(len(set(entry["result"])), 40)
                self.assertEqual(len(self.new_refs(f"cut{turn}-")), 40)
        self.assertGreater(between.cuts, 2)
        self.assertEqual(self.count_jobs()[0], before + 4)

    def test_a_server_that_is_away_ends_it_in_words(self):
        with self.new_client("http://127.0.0.1:9", attempts=2) as client, self.assertRaisesRegex(ConnectionFailed, "in 2 attempts"):
            client.load_file(io.StringIO("name\nA\n"), "res.partner")
