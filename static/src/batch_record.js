import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** The name of a record, as a link to it where it is there. */
export class BatchRecordField extends Component {
    static template = "batch_executor.BatchRecordField";
    static props = { ...standardFieldProps };

    setup() {
        this.action = useService("action");
    }

    get name() {
        return this.props.record.data[this.props.name] || "";
    }

    get url() {
        const { model, record_id: id, record_exists: exists } = this.props.record.data;
        return exists && `/odoo/${model.includes(".") ? model : `m-${model}`}/${id}`;
    }

    open() {
        const { model, record_id: id } = this.props.record.data;
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id: id,
            views: [[false, "form"]],
        });
    }
}

registry.category("fields").add("batch_record", {
    component: BatchRecordField,
    displayName: _t("Link to a Record"),
    supportedTypes: ["char"],
    fieldDependencies: [
        { name: "model", type: "char" },
        { name: "record_id", type: "integer" },
        { name: "record_exists", type: "boolean" },
    ],
});
