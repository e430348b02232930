"""The types of operations, one file each: how callers submit them.

`run/handlers` has what each type does; its docstring tells how to add a type.
"""

from .action import Action
from .base import OperationType
from .call import Call
from .create import Create
from .delete import Delete
from .load import Load
from .undo import Undo
from .update import Update
from .upsert import Upsert

TYPES: dict[str, OperationType] = {
    kind.name: kind for kind in (Create(), Update(), Upsert(), Delete(), Load(), Call(), Action(), Undo())
}
#: The types that callers may submit.
SUBMITTED = {name: kind for name, kind in TYPES.items() if kind.is_submitted}
ALIASES = {alias: kind.name for kind in TYPES.values() for alias in kind.aliases}
#: Types with their labels, for fields of the backend.
TYPE_LABELS = [(name, kind.label) for name, kind in TYPES.items()]
#: The types whose result is ids.
PRODUCES_IDS = tuple(kind.name for kind in TYPES.values() if kind.produces_ids)
#: The types that tell of each record whether it was created, updated, left unchanged or deleted.
HAS_EFFECTS = tuple(kind.name for kind in TYPES.values() if kind.has_effects)
