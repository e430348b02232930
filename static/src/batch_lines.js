import { registry } from "@web/core/registry";
import { x2ManyField, X2ManyField } from "@web/views/fields/x2many/x2many_field";

/** Lines that are things of their own: a click opens their form, with its buttons, in place of a dialog. */
export class BatchLinesField extends X2ManyField {
    async openRecord(record) {
        await this.switchToForm(record, {});
    }
}

registry.category("fields").add("batch_lines", { ...x2ManyField, component: BatchLinesField });
