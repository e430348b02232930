from . import models
from . import controllers
from .exceptions import BatchExecutionError, BatchValidationError
from .batch_executor import (
    ActionOperation,
    BatchExecutor,
    CallOperation,
    CreateOperation,
    DeleteOperation,
    LoadOperation,
    UpdateOperation,
    UpsertOperation,
)
from .hooks import post_load, uninstall_hook
