"""The operation `action`: run a server action on records."""

from odoo.exceptions import AccessError

from ..errors import failure
from ..trust import action_refusal, server_action
from .call import CallHandler

#: Context key under which a server action of the type *Run as Batch Job* does its work at once: no job starts another one.
AT_ONCE = "batch_executor_at_once"


class ActionHandler(CallHandler):
    """Runs the action once per operation, on that operation's records, as `CallHandler` calls a method."""

    fails_as_a_whole = False

    @staticmethod
    def check(checker, operation, model):
        """Check that the user may run the action on records of this model, and check the domain; stores the id of the action."""
        given = operation.params["action"]
        if given:
            action = checker.once(("action", given), lambda: server_action(checker.env, given))
            refusal = checker.once(
                ("refusal", given, model._name), lambda: action_refusal(action, model._name, checker.env.user)
            )
            if refusal:
                text = checker.env._("server action %(action)s can't be run: %(problem)s", action=given, problem=refusal)
                checker.add(operation, text, "action")
            operation.params["action"] = action.id
        CallHandler.check_tracked(checker, operation, model)
        checker.check_domain(operation, model)

    def prepare(self, positions):
        """Fail all records if the action must no longer run, as it may have changed; else those that don't exist."""
        action = server_action(self.env, self.params["action"])
        if refusal := action_refusal(action, self.model._name, self.env.user):
            return dict.fromkeys(positions, failure(AccessError.__name__, refusal))
        return super().prepare(positions)

    def _method(self):
        """As `CallHandler._method`: runs the action as the job's user."""
        actions = self.env["ir.actions.server"]

        def run(records):
            context = {"active_model": records._name, "active_ids": list(records.ids), "active_id": records[:1].id, AT_ONCE: True}
            return actions.with_context(**context).browse(self.params["action"]).run()

        return run
