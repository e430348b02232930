import { Component, onMounted, onWillStart, onWillUnmount, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";

/** Milliseconds between two questions: what stands still is told a minute late anyway. */
const EVERY = 15000;

/** Says why nothing runs although work waits, above a list, a form or the overview. */
export class BatchStandstill extends Component {
    static template = "batch_executor.BatchStandstill";
    static props = {
        readonly: { type: Boolean, optional: true },
        record: { type: Object, optional: true }, // of a form
        found: { type: [Object, Boolean], optional: true }, // where another answer tells it already
    };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ found: false });
        let timer;
        onWillStart(() => {
            this.ask(); // not awaited: the page does not wait for it
        });
        onMounted(() => {
            timer = setInterval(() => this.ask(), EVERY);
        });
        onWillUnmount(() => clearInterval(timer));
    }

    get found() {
        return this.props.found === undefined ? this.state.found : this.props.found;
    }

    async ask() {
        if (this.props.found !== undefined || document.hidden) {
            return;
        }
        try {
            this.state.found = await this.orm.silent.call("batch.overview", "read_standstill", []);
        } catch {
            // ignored, as the user did not ask: a lost connection is reported at the next click
        }
    }
}

registry.category("view_widgets").add("batch_standstill", { component: BatchStandstill });
