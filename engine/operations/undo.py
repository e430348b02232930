from ..operation import UNDO
from .base import OperationType


class Undo(OperationType):
    """Takes back what an operation of another job has changed. The verb `undo` makes these operations: nobody submits them."""

    name = UNDO
    label = "Undo"
    is_submitted = False
