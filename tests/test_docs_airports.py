"""Run the cells of docs/airports.md, in order, in one program, as a notebook does."""

from . import docs
from .extras import needs
from .test_docs_recipes import RecipeCase

#: What ends the output of a cell.
END = "=== end of cell ==="


@needs("airportsdata", "httpx", "pandas")
class TestAirports(RecipeCase):
    page = "docs/airports.md"

    def test_its_cells_print_what_it_shows(self):
        cells = [block for block in self.blocks if "cell" in block.settings]
        program = "".join(f"{cell.text}\nprint({END!r})\n" for cell in cells)
        printed = self.run_program(docs.Block("python", ("run",), program, 1, self.page)).split(f"{END}\n")[:-1]
        shown = [after.text if after.language == "text" else "" for cell, after in self._pairs()]
        for cell, wanted, given in zip(cells, shown, printed, strict=True):
            with self.subTest(f"line {cell.line}"):
                self.assertEqual(list(docs.Comparison().differences(wanted.rstrip(), given.rstrip())), [])

    def _pairs(self):
        """Each cell, and the block after it."""
        after = [*self.blocks[1:], self.blocks[0]]
        return [(block, other) for block, other in zip(self.blocks, after, strict=True) if "cell" in block.settings]
