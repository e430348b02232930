"""How a job came out of another one."""

#: It runs a plan (a dry run) for real; it takes back what another job has changed.
APPLY, UNDO = "apply", "undo"
#: The field of the other job that says so, for good.
DONE = {APPLY: "was_applied", UNDO: "was_undone"}
