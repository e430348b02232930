"""Side effects of the engine: lanes, user code, transactions. Only this package opens cursors and savepoints or commits."""
