from . import batch_executor
from . import batch_files
