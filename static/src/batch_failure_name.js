import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** A text that is one of some names; these stand, with their labels, in another field (option `choices`). */
export class BatchFailureNameField extends Component {
    static template = "batch_executor.BatchFailureNameField";
    static props = { ...standardFieldProps, choices: String };

    get choices() {
        return this.props.record.data[this.props.choices] || [];
    }

    change(ev) {
        return this.props.record.update({ [this.props.name]: ev.target.value || false });
    }
}

registry.category("fields").add("batch_failure_name", {
    component: BatchFailureNameField,
    displayName: _t("Choice"),
    supportedTypes: ["char"],
    extractProps: ({ options }) => ({ choices: options.choices }),
});
