from . import batch_executor
from . import batch_files
from . import batch_import
from . import batch_metrics
from . import batch_openapi
