from . import peer
from . import slow
