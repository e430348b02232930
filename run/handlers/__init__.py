"""What each type of operation does to records: one file each, listed here.

To add a type of operation:

1. `engine/operations/<type>.py`: the keys it is submitted with and what they mean. List it in `engine/operations/__init__.py`; its
   label in the backend stands there as well.
2. `run/handlers/<type>.py`: the rights it needs, what only the database can check, and what it does. List it below.
3. `docs/api.md`: the table of operations (a test compares it with 1).

Where callers in Python should have a class for it, that is in `batch_executor.py`.
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
