import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { SelectMenu } from "@web/core/select_menu/select_menu";
import { useBus, useService } from "@web/core/utils/hooks";
import { Record } from "@web/model/record";
import { makeActiveField, useRecordObserver } from "@web/model/relational_model/utils";
import { Field, getPropertyFieldInfo } from "@web/views/fields/field";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** Types of fields that have an editor here; values of others are kept, and shown as JSON. */
const EDITED = new Set([
    "boolean",
    "char",
    "date",
    "datetime",
    "float",
    "html",
    "integer",
    "many2many",
    "many2one",
    "monetary",
    "selection",
    "text",
]);
const SET = 6;
const ADD = 4;
const REMOVE = 3;

/** What commands of a many2many field do to records that exist; null if it is not one thing for all of them. */
function commandOf(commands) {
    if (!Array.isArray(commands) || commands.every(Number.isInteger)) {
        return Array.isArray(commands) && !commands.length ? ADD : SET; // nothing yet, or plain ids
    }
    const kinds = new Set(commands.map((command) => command?.[0]));
    const [kind] = kinds;
    return kinds.size === 1 && [SET, ADD, REMOVE].includes(kind) ? kind : null;
}

/** Ids of the records that such commands name. */
function idsOf(commands) {
    return (commands || []).flatMap((command) => {
        if (Number.isInteger(command)) {
            return [command];
        }
        return command[0] === SET ? command[2] : [command[1]];
    });
}

function commandsFor(command, ids) {
    return command === SET ? [[SET, 0, ids]] : ids.map((id) => [command, id]);
}

/** The value of a field in the editor of that field. */
export class BatchValue extends Component {
    static template = "batch_executor.BatchValue";
    static components = { Field, Record };
    // no prop changes while somebody types: the record below would be made anew
    static props = {
        bus: Object,
        choosesCommand: Boolean,
        definition: Object,
        initial: Function,
        model: String,
        name: String,
        update: Function,
    };

    setup() {
        const { bus, definition, initial, model, name } = this.props;
        const value = initial(name);
        const { type, string, relation, selection } = definition;
        // the domain of the model's own field may name fields that are not here
        const info = getPropertyFieldInfo({
            name,
            type,
            string,
            relation,
            selection,
            domain: "[]",
        });
        const active = { ...makeActiveField(), ...info };
        if (info.relatedFields) {
            const names = Object.keys(info.relatedFields);
            active.related = {
                activeFields: Object.fromEntries(
                    names.map((related) => [related, makeActiveField()])
                ),
                fields: info.relatedFields,
            };
        }
        this.fieldInfo = info;
        this.command = type === "many2many" ? commandOf(value) : null;
        this.commands = [
            [ADD, _t("Add")],
            [REMOVE, _t("Remove")],
            [SET, _t("Replace by")],
        ];
        this.recordProps = {
            resModel: model,
            fields: { [name]: { ...definition, name, domain: [] } },
            activeFields: { [name]: active },
            values: { [name]: type === "many2many" ? idsOf(value) : value },
            mode: "edit",
            hooks: {
                onRootLoaded: (record) => (this.record = record),
                onRecordChanged: (record, changes) => this.onChanged(record, changes),
            },
        };
        // before the form is saved: what is being typed
        useBus(bus, "NEED_LOCAL_CHANGES", ({ detail }) =>
            detail.proms.push(this.record?.isDirty())
        );
    }

    onChanged(record, changes) {
        const { definition, name, update } = this.props;
        if (definition.type === "many2many") {
            return update(name, commandsFor(this.command, record.data[name].currentIds));
        }
        return name in changes && update(name, changes[name]);
    }

    onCommandChosen(ev) {
        this.command = Number(ev.target.value);
        return this.onChanged(this.record);
    }
}

/** A JSON object of values, field by field. Options: `model` names the field that holds the model; with
 * `commands`, many2many fields are offered to be added to and removed from. */
export class BatchValuesField extends Component {
    static template = "batch_executor.BatchValuesField";
    static components = { BatchValue, SelectMenu };
    static props = {
        ...standardFieldProps,
        modelField: String,
        choosesCommand: { type: Boolean, optional: true },
    };

    setup() {
        this.fieldService = useService("field");
        this.state = useState({ definitions: {} });
        this.text = this.props.record.data[this.props.name];
        this.version = 0; // of the values, as far as others have changed them
        useRecordObserver((record, props) => this.load(record, props.modelField));
    }

    async load(record, modelField) {
        const model = record.data[modelField];
        if (model === this.loadedFor) {
            return;
        }
        const isOther = this.loadedFor !== undefined;
        this.loadedFor = model;
        this.state.definitions = model ? await this.fieldService.loadFields(model) : {};
        if (isOther && record.data[this.props.name]) {
            await record.update({ [this.props.name]: false }); // its fields were those of another model
        }
    }

    get model() {
        return this.props.record.data[this.props.modelField];
    }

    /** The values, or null where the text is no JSON object. */
    get values() {
        try {
            const values = JSON.parse(this.props.record.data[this.props.name] || "{}");
            return values && typeof values === "object" && !Array.isArray(values) ? values : null;
        } catch {
            return null;
        }
    }

    get rows() {
        const text = this.props.record.data[this.props.name];
        if (text !== this.text) {
            this.text = text;
            this.version += 1;
        }
        return Object.entries(this.values).map(([name, value]) => {
            const definition = this.state.definitions[name];
            const isEdited =
                !this.props.readonly &&
                EDITED.has(definition?.type) &&
                (definition.type !== "many2many" || commandOf(value) !== null);
            return {
                key: `${this.model} ${this.version} ${name}`,
                name,
                value,
                definition,
                isEdited,
                label: definition?.string || name,
            };
        });
    }

    get choices() {
        const { values } = this;
        return Object.entries(this.state.definitions)
            .filter(
                ([name, field]) => !(name in values) && !field.readonly && EDITED.has(field.type)
            )
            .map(([value, field]) => ({
                value,
                label: odoo.debug ? `${field.string} (${value})` : field.string,
            }));
    }

    get placeholder() {
        return _t("Add a field…");
    }

    shown(value) {
        return JSON.stringify(value);
    }

    removeLabel(row) {
        return _t("Remove %s", row.label);
    }

    initial(name) {
        return this.values[name];
    }

    add(name) {
        if (name) {
            const { type } = this.state.definitions[name];
            const isMany = type === "many2many";
            this.update(name, isMany ? (this.props.choosesCommand ? [] : [[SET, 0, []]]) : false);
        }
    }

    update(name, value) {
        return this.store({ ...this.values, [name]: value });
    }

    updateShown(name, ev) {
        try {
            ev.target.classList.remove("is-invalid");
            return this.update(name, JSON.parse(ev.target.value));
        } catch {
            ev.target.classList.add("is-invalid");
        }
    }

    remove(name) {
        const { values } = this;
        delete values[name];
        return this.store(values);
    }

    store(values) {
        this.text = JSON.stringify(values, null, 2);
        return this.props.record.update({ [this.props.name]: this.text });
    }
}

export const batchValuesField = {
    component: BatchValuesField,
    displayName: _t("Values by field"),
    supportedTypes: ["text"],
    extractProps: ({ options }) => ({
        modelField: options.model,
        choosesCommand: Boolean(options.commands),
    }),
};

registry.category("fields").add("batch_values", batchValuesField);
