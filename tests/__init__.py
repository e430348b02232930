from . import test_control
from . import test_api_submit
