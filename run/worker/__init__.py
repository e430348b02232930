"""The command `odoo-bin batch`: lanes outside Odoo's scheduler, each a process of its own, and a process that looks after them.

They run chunks as any other lane does, and share the queue with those that are scheduled actions.
"""

from .process import run_lane
from .supervisor import supervise
