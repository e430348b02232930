import { Component, onWillUpdateProps, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Record } from "@web/model/record";
import { Field } from "@web/views/fields/field";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const VALUE = "value";
/** Types of fields that have a widget, and as which type they are edited; see `run/failure_values.py`. */
const EDITED_AS = {
    char: "char",
    text: "text",
    html: "text",
    integer: "integer",
    float: "float",
    monetary: "float",
    boolean: "boolean",
    date: "date",
    datetime: "datetime",
    selection: "selection",
    many2one: "many2one",
};
const NUMBERS = ["integer", "float"];

/** One value, by Odoo's own widget for a field of its type. Drawn again, it would begin anew: its props must stay the same. */
export class BatchFailureValue extends Component {
    static template = "batch_executor.BatchFailureValue";
    static components = { Field, Record };
    static props = { info: Object, readonly: Boolean, onChange: Function };

    setup() {
        const { type, label, relation, selection } = this.props.info;
        const field = {
            name: VALUE,
            type,
            string: label,
            relation,
            selection,
            readonly: false,
            required: false,
        };
        this.recordProps = {
            fields: { [VALUE]: field },
            activeFields: { [VALUE]: { context: "{}" } },
            values: { [VALUE]: this.props.info.value },
            hooks: {
                onRecordChanged: (record, changes) =>
                    this.props.onChange(this.props.info, changes[VALUE]),
            },
        };
    }

    fieldProps(record) {
        const { type, label } = this.props.info;
        // said to the field: Odoo edits a record that is not stored, whatever its mode
        const plain = {
            name: VALUE,
            record,
            id: this.props.info.id,
            readonly: this.props.readonly,
        };
        const lookUp = {
            canCreate: false,
            canCreateEdit: false,
            canQuickCreate: false,
            canOpen: false,
            string: label,
        };
        return type === "many2one" ? { ...plain, ...lookUp } : plain;
    }
}

/**
 * Edits some values, each with its name, label and widget. What they are stands in another field (option `described`), and the value of
 * this field is only what was changed: row (from "0") -> name -> new value.
 */
export class BatchFailureValuesField extends Component {
    static template = "batch_executor.BatchFailureValuesField";
    static components = { BatchFailureValue };
    static props = {
        ...standardFieldProps,
        described: String,
        canAdd: { type: String, optional: true },
        model: { type: String, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ shown: [], fields: null });
        this.onChange = (info, value) => this.change(info, value);
        this.version = 0;
        this.begin(this.props);
        onWillUpdateProps((next) => {
            const wasDiscarded = this.hasEdits && !next.record.data[next.name];
            if (wasDiscarded || this.signature(next) !== this.seen) {
                this.begin(next);
            }
            this.hasEdits = Boolean(next.record.data[next.name]);
        });
    }

    /** Show the values as they are stored. */
    begin(props) {
        this.seen = this.signature(props);
        this.edits = {};
        this.hasEdits = false;
        this.version++;
        this.state.shown = [];
        (props.record.data[props.described] || []).forEach((info) => this.show(info));
    }

    signature({ record, described }) {
        return JSON.stringify([record.resId, record.data[described]]);
    }

    show(info) {
        const id = `batch_value_${this.version}_${this.state.shown.length}`; // new where it must be drawn anew
        const label =
            info.row > 0
                ? _t("%(label)s (row %(row)s)", { label: info.label, row: info.row + 1 })
                : info.label;
        this.state.shown.push({ ...info, id, label });
    }

    get changeAsJson() {
        return _t("Change it as JSON");
    }

    get canAdd() {
        return (
            !this.props.readonly && this.props.canAdd && this.props.record.data[this.props.canAdd]
        );
    }

    /** Fields that have no value yet. */
    get addable() {
        const shown = new Set(this.state.shown.map(({ name }) => name));
        return (this.state.fields || []).filter(([name]) => !shown.has(name));
    }

    async loadFields() {
        if (!this.state.fields) {
            const model = this.props.record.data[this.props.model];
            const attributes = ["string", "type", "relation", "selection", "readonly", "required"];
            this.infos = await this.orm.call(model, "fields_get", [], { attributes });
            this.state.fields = Object.entries(this.infos)
                .filter(([, info]) => !info.readonly && info.type in EDITED_AS)
                .map(([name, info]) => [name, info.string])
                .sort((one, other) => one[1].localeCompare(other[1]));
        }
    }

    add(ev) {
        const name = ev.target.value;
        if (name) {
            const info = this.infos[name];
            const type = EDITED_AS[info.type];
            this.show({
                row: 0,
                name,
                label: info.string,
                type,
                relation: info.relation || false,
                selection: info.selection || [],
                value: NUMBERS.includes(type) ? 0 : false,
                sent: "",
            });
        }
    }

    /** Whether the value that was sent can't be shown by the widget. */
    isLost({ type, value, sent }) {
        return (
            sent && type !== "boolean" && !value && !(NUMBERS.includes(type) && Number(sent) === 0)
        );
    }

    change({ row, name }, value) {
        this.edits[row] = { ...this.edits[row], [name]: value };
        return this.props.record.update({ [this.props.name]: { ...this.edits } });
    }
}

registry.category("fields").add("batch_failure_values", {
    component: BatchFailureValuesField,
    displayName: _t("Values by Field"),
    supportedTypes: ["json"],
    isEmpty: () => false,
    extractProps: ({ options }) => ({
        described: options.described,
        canAdd: options.can_add,
        model: options.model,
    }),
});
