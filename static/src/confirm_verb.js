import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

/**
 * Ask before a button of a job does its work: what would happen stands in the server's words. The button's method is called again once the
 * user has confirmed it, and what it returns is opened.
 */
function confirmVerb({ services }, { params }) {
    const { job_id: jobId, method, title, text, label } = params;
    services.dialog.add(ConfirmationDialog, {
        title,
        body: text,
        confirmLabel: label,
        cancelLabel: _t("Leave It"),
        confirm: async () => {
            const next = await services.orm.call("batch.job", method, [[jobId]], {
                confirmed: true,
            });
            await services.action.doAction(next);
        },
        cancel: () => {},
    });
}

registry.category("actions").add("batch_executor.confirm_verb", confirmVerb);
