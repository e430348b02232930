"""Savepoints that also undo changes outside the database."""

from ..engine.verdict import ENDED
from ..exceptions import BatchExecutionError, TransactionEnded
from .interruption import Interruption


class UndoableSavepoint:
    """A flushing savepoint that on rollback also removes new postcommit hooks and clears changed registry caches.

    :param env: an environment on the transaction
    :raises Exception: whatever the flush raises
    """

    def __init__(self, env):
        self.env = env

    def __enter__(self):
        self.hooks = len(self.env.cr.postcommit._funcs)
        self.hook_data = set(self.env.cr.postcommit.data)
        self.savepoint = self.env.cr.savepoint()
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        kept = False
        if _tells_the_end(exc_value):
            self.savepoint.closed = True  # it no longer exists, as its transaction has ended
        try:
            self.savepoint.close(rollback=exc_type is not None)
            kept = exc_type is None
        finally:
            if not kept:
                self._forget()

    def rollback(self):
        """Undo everything since the savepoint was made; the savepoint stays open."""
        self.savepoint.rollback()
        self._forget()

    def _forget(self):
        hooks = self.env.cr.postcommit._funcs
        while len(hooks) > self.hooks:
            hooks.pop()
        for name in set(self.env.cr.postcommit.data) - self.hook_data:  # a hook that has data is not added again
            del self.env.cr.postcommit.data[name]
        # clear caches that may hold rolled back data; changes from before the savepoint must still be signalled
        registry = self.env.registry
        changed = set(registry.cache_invalidated)
        registry.reset_changes()
        registry.cache_invalidated.update(changed)


def _tells_the_end(error):
    """Whether an error means that user code has ended the transaction."""
    if isinstance(error, BatchExecutionError):
        error = error.__cause__
    return isinstance(error, TransactionEnded) or (isinstance(error, Interruption) and error.kind == ENDED)
