import { Component, onMounted, onPatched, useRef, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** A long text of which a few lines are shown until the user asks for the rest. Its direction is kept to itself. */
export class BatchTextField extends Component {
    static template = "batch_executor.BatchTextField";
    static props = { ...standardFieldProps };

    setup() {
        this.text = useRef("text");
        this.state = useState({ isOpen: false, isLong: false });
        onMounted(() => this.measure());
        onPatched(() => this.measure());
    }

    get value() {
        return this.props.record.data[this.props.name] || "";
    }

    get label() {
        return this.state.isOpen ? _t("Show less") : _t("Show all");
    }

    measure() {
        const { scrollHeight, clientHeight } = this.text.el;
        const isLong = this.state.isOpen || scrollHeight > clientHeight + 1;
        if (isLong !== this.state.isLong) {
            this.state.isLong = isLong;
        }
    }

    toggle() {
        this.state.isOpen = !this.state.isOpen;
    }
}

registry.category("fields").add("batch_text", {
    component: BatchTextField,
    displayName: _t("Folded Text"),
    supportedTypes: ["char", "text"],
    isEmpty: (record, name) => !record.data[name],
});
