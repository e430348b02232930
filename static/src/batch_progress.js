import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatFloat, formatInteger } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

export const recordsText = (count) =>
    count === 1 ? _t("1 record") : _t("%s records", formatInteger(count));
export const warningsText = (count) =>
    count === 1 ? _t("1 warning") : _t("%s warnings", formatInteger(count));

/** A progress bar of a job's records: succeeded and failed. Records that were not run leave the bar empty. */
export class BatchProgressField extends Component {
    static template = "batch_executor.BatchProgressField";
    static props = { ...standardFieldProps, isLarge: { type: Boolean, optional: true } };

    get data() {
        return this.props.record.data;
    }

    get percentage() {
        const value = this.data[this.props.name];
        // rounded down, so that 100 means all records
        const digits = [16, value < 100 ? 1 : 0];
        return formatFloat(Math.floor(value * 10) / 10, { digits }) + " %";
    }

    get parts() {
        const { processed_records, failed_records, total_records, state } = this.data;
        const share = 100 / (total_records || 1);
        const width = (count) => `width: ${count * share}%`;
        const moving = state === "running" ? "progress-bar-striped progress-bar-animated" : "";
        return [
            { name: "succeeded", color: `bg-success ${moving}`, style: width(processed_records) },
            { name: "failed", color: "bg-danger", style: width(failed_records) },
        ];
    }

    get counts() {
        const {
            processed_records,
            failed_records,
            cancelled_records,
            warning_count,
            total_records,
        } = this.data;
        return [
            { color: "", text: recordsText(total_records), isShown: true },
            {
                color: "text-success",
                text: _t("%s succeeded", formatInteger(processed_records)),
                isShown: true,
            },
            {
                color: "text-danger",
                text: _t("%s failed", formatInteger(failed_records)),
                isShown: failed_records,
            },
            {
                color: "text-muted",
                text: _t("%s not run", formatInteger(cancelled_records)),
                isShown: cancelled_records,
            },
            {
                color: "text-warning",
                text: warningsText(warning_count),
                isShown: warning_count,
            },
        ].filter((count) => count.isShown);
    }

    get pace() {
        const { eta, records_per_second } = this.data;
        return [
            records_per_second &&
                _t("%s records/s", formatFloat(records_per_second, { digits: [16, 1] })),
            eta && this.timeLeft,
        ]
            .filter(Boolean)
            .join(" · ");
    }

    get timeLeft() {
        const seconds = Math.max(Math.ceil((this.data.eta.toMillis() - Date.now()) / 1000), 1);
        if (seconds < 120) {
            return _t("about %s s left", seconds);
        }
        if (seconds < 7200) {
            return _t("about %s min left", Math.round(seconds / 60));
        }
        return _t("about %s h left", Math.round(seconds / 3600));
    }
}

const dependency = (name, type) => ({ name, type, readonly: true });

export const batchProgressField = {
    component: BatchProgressField,
    displayName: _t("Batch Progress"),
    supportedTypes: ["float"],
    supportedOptions: [{ label: _t("Large, with counts"), name: "large", type: "boolean" }],
    fieldDependencies: [
        dependency("state", "selection"),
        dependency("is_final", "boolean"),
        dependency("total_records", "integer"),
        dependency("processed_records", "integer"),
        dependency("failed_records", "integer"),
        dependency("cancelled_records", "integer"),
        dependency("warning_count", "integer"),
        dependency("records_per_second", "float"),
        dependency("eta", "datetime"),
    ],
    extractProps: ({ options }) => ({ isLarge: Boolean(options.large) }),
};

registry.category("fields").add("batch_progress", batchProgressField);
