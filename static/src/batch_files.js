import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

const KINDS = ["csv", "xlsx"];

/** Links to a file of a job: its failures, what became of each record, or what was changed. */
export class BatchFiles extends Component {
    static template = "batch_executor.BatchFiles";
    static props = {
        readonly: { type: Boolean, optional: true },
        record: Object,
        file: {
            type: String,
            validate: (name) => ["failures", "results", "changes"].includes(name),
        },
    };

    get label() {
        return {
            failures: _t("Failures as a file"),
            results: _t("Outcomes of all records as a file"),
            changes: _t("Changes as a file"),
        }[this.props.file];
    }

    get links() {
        const { file, record } = this.props;
        return KINDS.map((kind) => ({
            name: `${file}.${kind}`,
            label: _t("Download %s", kind.toUpperCase()),
            url: `/batch/v1/jobs/${record.data.uuid}/${file}.${kind}`,
        }));
    }
}

registry.category("view_widgets").add("batch_files", {
    component: BatchFiles,
    extractProps: ({ attrs }) => ({ file: attrs.file }),
    fieldDependencies: [{ name: "uuid", type: "char" }],
});
