from . import batch_executor
