"""What each type of operation does to records: one file each, listed here.

To add a type of operation:

0. `engine/operation.py`: a constant for its name, beside the others.
1. `engine/operations/<type>.py`: its label in the backend, the keys it is submitted with and what they mean. List it in
   `engine/operations/__init__.py`.
2. `run/handlers/<type>.py`: the rights it needs, what only the database can check, and what it does. List it below.
3. `docs/api.md`: the table of operations (a test compares it with 1).

Where callers in Python should have a class for it, that is in `batch_executor.py`.

Some files name single types, for what only these have. They need no change, unless the new type has it too:

- keys of records, as an upsert: `engine/key_order.py`, `run/upsert_lock.py`, `run/inline.py`
- values in its items, and `group_by`: `engine/planner.py`, `run/grouping.py`; `engine/mended.py` for pairs of an id and values
- items that are lists but don't begin with an id, or whose numbers are no ids: `run/inline_results.py`
- an answer that is neither ids nor true: `engine/report.py`, `store/results.py`
- records that are gone afterwards: `models/batch_operation.py`
"""

from ...engine.operation import CALL, CREATE, DELETE, LOAD, UPDATE, UPSERT
from .call import CallHandler
from .create import CreateHandler
from .delete import DeleteHandler
from .load import LoadHandler
from .update import UpdateHandler
from .upsert import UpsertHandler

HANDLERS = {
    CREATE: CreateHandler,
    UPDATE: UpdateHandler,
    UPSERT: UpsertHandler,
    DELETE: DeleteHandler,
    LOAD: LoadHandler,
    CALL: CallHandler,
}
