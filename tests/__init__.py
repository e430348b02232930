# Pure decisions, and the structure of the code.
from . import test_engine_forecast
from . import test_engine_isolation
from . import test_engine_payload
from . import test_engine_planner
from . import test_engine_sizing
from . import test_engine_spec
from . import test_engine_tally
from . import test_engine_transaction_sql
from . import test_engine_turns
from . import test_engine_values
from . import test_engine_verdict
from . import test_stock_odoo
from . import test_structure

# In Odoo: on a test's own transaction, on committed data with lanes, or over HTTP.
from . import test_api_doors
from . import test_api_operations
from . import test_api_options
from . import test_api_references
from . import test_api_results
from . import test_api_size
from . import test_api_submit
from . import test_atomic
from . import test_bad_input
from . import test_calls
from . import test_claim
from . import test_concurrency
from . import test_control
from . import test_dead_rows
from . import test_execute
from . import test_failures
from . import test_fuzz
from . import test_groups
from . import test_guard
from . import test_hooks
from . import test_hostile
from . import test_inside
from . import test_lane
from . import test_language
from . import test_mended
from . import test_merged_writes
from . import test_order
from . import test_outlives
from . import test_permissions
from . import test_permissions_lanes
from . import test_permissions_oracles
from . import test_plans
from . import test_python
from . import test_recovery
from . import test_selection
from . import test_sessions
from . import test_sizing
from . import test_steps
from . import test_storing
from . import test_time
from . import test_timeouts
from . import test_tours
from . import test_upsert_keys
from . import test_upsert_order
from . import test_values
from . import test_views
from . import test_waiting
from . import test_warnings
from . import test_words

# The pages of documentation: each example is run. Some need clients that Odoo does not.
from . import test_docs_api
from . import test_docs_queue_job
from . import test_docs_recipes
from . import test_docs_security
from . import test_docs_zenoo

# Servers of their own, which they may crash: they need the environment that scripts/test sets up.
from . import test_chaos
from . import test_hosts
from . import test_memory
from . import test_pins
