import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatInteger } from "@web/views/fields/formatters";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

/** A dialog with a button for each model of which a job has created or changed records. */
export class ChooseRecords extends Component {
    static template = "batch_executor.ChooseRecords";
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
    }

    get models() {
        return this.props.action.params.models;
    }

    count({ records }) {
        return records ? _t("%s sent", formatInteger(records)) : "";
    }

    async open({ model }) {
        const { job_id } = this.props.action.params;
        const action = await this.orm.call("batch.job", "action_view_records", [[job_id], model]);
        await this.action.doAction(action);
    }
}

registry.category("actions").add("batch_executor.choose_records", ChooseRecords);
