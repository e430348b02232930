import { registry } from "@web/core/registry";
import { statusBarField, StatusBarField } from "@web/views/fields/statusbar/statusbar_field";
import { wayOf } from "./job_way";

/** A status bar of a job that shows the way it took: the order of all states is no way that any job takes. */
export class BatchWayField extends StatusBarField {
    getAllItems() {
        const { state, is_final, duration, cancel_requested_at } = this.props.record.data;
        const items = new Map(super.getAllItems().map((item) => [item.value, item]));
        return wayOf({
            state,
            is_final,
            hasStarted: duration > 0,
            isCancelling: Boolean(cancel_requested_at),
        }).map((value) => items.get(value));
    }
}

registry.category("fields").add("batch_way", {
    ...statusBarField,
    component: BatchWayField,
    fieldDependencies: [
        { name: "is_final", type: "boolean", readonly: true },
        { name: "duration", type: "float", readonly: true },
        { name: "cancel_requested_at", type: "datetime", readonly: true },
    ],
});
