import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** How many records of each model a job has created, updated and deleted. Each number opens the list of these changes. */
export class BatchChangeKindsField extends Component {
    static template = "batch_executor.BatchChangeKindsField";
    static props = { ...standardFieldProps };

    setup() {
        this.action = useService("action");
        this.actions = [
            ["create", _t("Created")],
            ["update", _t("Updated")],
            ["delete", _t("Deleted")],
        ];
    }

    get models() {
        return this.props.record.data[this.props.name]?.models || [];
    }

    open({ model, label }, action, title) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: `${label}: ${title}`,
            res_model: "batch.change",
            views: [
                [false, "list"],
                [false, "kanban"],
                [false, "form"],
            ],
            domain: [
                ["job_id", "=", this.props.record.resId],
                ["model", "=", model],
                ["action", "=", action],
            ],
        });
    }
}

registry.category("fields").add("batch_change_kinds", {
    component: BatchChangeKindsField,
    displayName: _t("Changes by Model"),
    supportedTypes: ["json"],
    isEmpty: (record, name) => !record.data[name],
});
