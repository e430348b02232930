"""Savepoints that take back more than PostgreSQL does."""

from ..engine.verdict import ENDED
from ..exceptions import BatchExecutionError, TransactionEnded
from .interruption import Interruption


class UndoableSavepoint:
    """A flushing savepoint that also takes back what Odoo's does not: hooks for after the commit, and registry caches."""

    def __init__(self, env):
        self.env = env

    def __enter__(self):
        self.hooks = len(self.env.cr.postcommit._funcs)
        self.savepoint = self.env.cr.savepoint()
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        kept = False
        if _tells_the_end(exc_value):
            self.savepoint.closed = True  # gone with its transaction
        try:
            self.savepoint.close(rollback=exc_type is not None)
            kept = exc_type is None
        finally:
            if not kept:
                self._forget()

    def rollback(self):
        self.savepoint.rollback()
        self._forget()

    def _forget(self):
        hooks = self.env.cr.postcommit._funcs
        while len(hooks) > self.hooks:
            hooks.pop()
        # drop what was cached from records that no longer exist; what earlier parts changed must still be signalled
        registry = self.env.registry
        changed = set(registry.cache_invalidated)
        registry.reset_changes()
        registry.cache_invalidated.update(changed)


def _tells_the_end(error):
    """Whether an error says that the transaction has been ended behind our back."""
    if isinstance(error, BatchExecutionError):
        error = error.__cause__
    return isinstance(error, TransactionEnded) or (isinstance(error, Interruption) and error.kind == ENDED)
