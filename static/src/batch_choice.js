import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { SelectMenu } from "@web/core/select_menu/select_menu";
import { useService } from "@web/core/utils/hooks";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** A field whose choices the wizard `batch.wizard` says: models, buttons of a model, server actions of a model. */
export class BatchChoiceField extends Component {
    static template = "batch_executor.BatchChoiceField";
    static components = { SelectMenu };
    static props = {
        ...standardFieldProps,
        kind: String,
        modelField: { type: String, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ choices: [] });
        useRecordObserver((record, props) => this.load(record, props));
    }

    async load(record, { kind, modelField }) {
        const model = modelField ? record.data[modelField] : false;
        if (this.loadedFor === model) {
            return;
        }
        this.loadedFor = model;
        const pairs =
            modelField && !model
                ? []
                : await this.orm.call("batch.wizard", "choices", [kind, model]);
        this.state.choices = pairs.map(([value, label]) => ({ value, label }));
    }

    get value() {
        return this.props.record.data[this.props.name] || null;
    }

    get label() {
        const chosen = this.state.choices.find((choice) => choice.value === this.value);
        return chosen ? chosen.label : this.value || "";
    }

    get placeholder() {
        return this.state.choices.length ? _t("Choose…") : _t("Nothing to choose");
    }

    choose(value) {
        return this.props.record.update({ [this.props.name]: value || false });
    }
}

export const batchChoiceField = {
    component: BatchChoiceField,
    displayName: _t("Choice of a batch"),
    supportedTypes: ["char", "integer"],
    extractProps: ({ options }) => ({ kind: options.kind, modelField: options.model }),
};

registry.category("fields").add("batch_choice", batchChoiceField);
