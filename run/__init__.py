"""Effects around the decisions of `engine`: lanes, user code, transactions. Only this package opens cursors and savepoints."""
