"""Create records."""

from ...engine.payload import copied
from .base import Handler


class CreateHandler(Handler):
    rights = ("create",)
    reads_first = False

    @staticmethod
    def check(checker, operation, model):
        checker.check_fields(operation, model, enumerate(operation.items))

    def values(self, position):
        return self.items[position]

    def apply(self, positions):
        # copies: a model's create may change what it is given, and it may be needed again
        records = self.model.create([copied(self.items[position]) for position in positions])
        if len(records) != len(positions):
            raise ValueError(
                self.env._(
                    "create() of %(model)s returned %(got)s records for %(asked)s",
                    model=self.model._name,
                    got=len(records),
                    asked=len(positions),
                )
            )
        return dict(zip(positions, records._ids, strict=True))
