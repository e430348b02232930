import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** The name of a job; of a dry run, with a badge that says so. */
export class BatchJobNameField extends Component {
    static template = "batch_executor.BatchJobNameField";
    static props = { ...standardFieldProps };

    get name() {
        return this.props.record.data[this.props.name] || "";
    }

    get isDryRun() {
        return this.props.record.data.dry_run;
    }
}

registry.category("fields").add("batch_job_name", {
    component: BatchJobNameField,
    displayName: _t("Name of a Job"),
    supportedTypes: ["char"],
    fieldDependencies: [{ name: "dry_run", type: "boolean" }],
});
