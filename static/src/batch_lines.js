import { registry } from "@web/core/registry";
import { x2ManyField, X2ManyField } from "@web/views/fields/x2many/x2many_field";

/** A list field whose rows open in their own form view, with its buttons, instead of a dialog. */
export class BatchLinesField extends X2ManyField {
    async openRecord(record) {
        await this.switchToForm(record, {});
    }
}

registry.category("fields").add("batch_lines", { ...x2ManyField, component: BatchLinesField });
