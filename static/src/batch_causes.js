import { Component } from "@odoo/owl";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { BatchFiles } from "./batch_files";

/** The causes of a job's failures: to list, to retry, to dismiss, or to replace one value in all failures of a cause. */
export class BatchCausesField extends Component {
    static template = "batch_executor.BatchCausesField";
    static components = { BatchFiles };
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.dialog = useService("dialog");
    }

    get found() {
        return this.props.record.data[this.props.name] || { causes: [], more: false };
    }

    get isFinal() {
        return this.props.record.data.is_final;
    }

    /** Whether the user may mend values: those of the own job, unless it takes back what another one did, which has no values. */
    get canMend() {
        const { is_own: isOwn, origin_kind: origin } = this.props.record.data;
        return isOwn && origin !== "undo";
    }

    list(cause) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: _t("Failures of One Cause"),
            res_model: "batch.failure",
            views: [
                [false, "list"],
                [false, "kanban"],
                [false, "form"],
            ],
            domain: cause.domain,
        });
    }

    retry(cause) {
        this.ask("retry_matching", cause, {
            title: _t("Retry this cause?"),
            body: _t(
                "All failed records of this cause (%s) are run again, with the values they have now.",
                cause.count
            ),
            confirmLabel: _t("Retry"),
            cancelLabel: _t("Leave Them"),
        });
    }

    dismiss(cause) {
        this.ask("dismiss_matching", cause, {
            title: _t("Dismiss this cause?"),
            body: _t(
                "Its failures (%s) are no longer listed or retried. The job still counts them as failed; who dismissed them is kept.",
                cause.count
            ),
            confirmLabel: _t("Dismiss"),
            cancelLabel: _t("Keep Them"),
        });
    }

    replace(cause) {
        return this.action.doAction("batch_executor.batch_failure_replace_action", {
            additionalContext: { default_domain: cause.domain, default_message: cause.message },
            onClose: () => this.props.record.load(),
        });
    }

    upload() {
        return this.action.doAction("batch_executor.batch_failure_upload_action", {
            additionalContext: { active_id: this.props.record.resId },
            onClose: () => this.props.record.load(),
        });
    }

    ask(method, cause, texts) {
        this.dialog.add(ConfirmationDialog, {
            ...texts,
            confirm: async () => {
                await this.orm.call("batch.failure", method, [cause.domain]);
                await this.props.record.load();
            },
            cancel: () => {},
        });
    }
}

registry.category("fields").add("batch_causes", {
    component: BatchCausesField,
    displayName: _t("Causes of Failure"),
    supportedTypes: ["json"],
    isEmpty: (record, name) => !record.data[name],
    fieldDependencies: [
        { name: "is_final", type: "boolean" },
        { name: "is_own", type: "boolean" },
        { name: "origin_kind", type: "selection" },
        { name: "uuid", type: "char" },
    ],
});
