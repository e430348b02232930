"""Handlers: what each operation type does to records. Each type has its own file, and is listed here.

To add a type of operation:

1. `engine/operation.py`: a constant for its name, beside the others.
2. `engine/operations/<type>.py`: its label in the backend, the keys it is submitted with, and how they are parsed. List it in
   `engine/operations/__init__.py`.
3. `run/handlers/<type>.py`: the access rights it needs, the checks against the database, and what it does. List it below.
4. `docs/api.md`: the table of operations (a test compares it with 2).
5. `batch_executor.py`, if Python callers should have a class for it.

Some files handle single types, for a property that only these have. Change them only if the new type has the property too:

- its records have keys, as in an upsert: `engine/key_order.py`, `run/upsert_lock.py`, `run/inline.py`
- its items contain values, which `group_by` can use: `engine/planner.py`, `run/grouping.py`; for pairs of id and values also
  `engine/mended.py`
- its items are lists that don't begin with an id, or numbers that are not ids: `run/inline_results.py`
- its result is neither ids nor true: `engine/report.py`, `store/results.py`
- its records no longer exist afterwards: `models/batch_operation.py`
"""

from ...engine.operation import ACTION, CALL, CREATE, DELETE, LOAD, UNDO, UPDATE, UPSERT
from .action import ActionHandler
from .call import CallHandler
from .create import CreateHandler
from .delete import DeleteHandler
from .load import LoadHandler
from .undo import UndoHandler
from .update import UpdateHandler
from .upsert import UpsertHandler

HANDLERS = {
    CREATE: CreateHandler,
    UPDATE: UpdateHandler,
    UPSERT: UpsertHandler,
    DELETE: DeleteHandler,
    LOAD: LoadHandler,
    CALL: CallHandler,
    ACTION: ActionHandler,
    UNDO: UndoHandler,
}
