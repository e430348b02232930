import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/**
 * The changed fields of a record: the values before and after, with what differs marked. The server says them in words, and how much is
 * the same at their ends (`head`, `tail`). Option `table`: one row for each field.
 */
export class BatchDifferencesField extends Component {
    static template = "batch_executor.BatchDifferencesField";
    static props = { ...standardFieldProps, table: { type: Boolean, optional: true } };

    get found() {
        return this.props.record.data[this.props.name] || { fields: [], more: 0 };
    }

    /** The values to show of a field: before and after, or just the one that there is. */
    sides({ before, after }) {
        const isUpdate = before !== null && after !== null;
        return [
            { name: "before", text: before, isMarked: isUpdate },
            { name: "after", text: after, isMarked: isUpdate },
        ].filter(({ text }) => text !== null);
    }

    /** The columns of the table: a created record has nothing before, a deleted one nothing after. */
    get columns() {
        return [
            ["before", _t("Before")],
            ["after", _t("After")],
        ].filter(([name]) => this.found.fields.some((field) => field[name] !== null));
    }

    isEmpty({ head, tail }, side) {
        return !(head || side.text || tail);
    }

    get moreText() {
        const { more } = this.found;
        return more === 1 ? _t("and one more field") : _t("and %s more fields", more);
    }
}

registry.category("fields").add("batch_differences", {
    component: BatchDifferencesField,
    displayName: _t("Changed Values"),
    supportedTypes: ["json"],
    isEmpty: (record, name) => !record.data[name],
    extractProps: ({ options }) => ({ table: Boolean(options.table) }),
});
