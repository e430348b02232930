import { _t } from "@web/core/l10n/translation";
import { makeContext } from "@web/core/context";
import { patch } from "@web/core/utils/patch";
import { ActionMenus } from "@web/search/action_menus/action_menus";
import { ListController } from "@web/views/list/list_controller";
import { session } from "@web/session";

patch(ActionMenus.prototype, {
    /** A batch action on all that a list finds gets the list's domain; Odoo would send the first 20,000 ids. */
    async executeAction(action) {
        if (!action.is_batch || !this.props.isDomainSelected) {
            return super.executeAction(action);
        }
        const selection = { active_model: this.props.resModel, active_domain: this.props.domain };
        return this.actionService.doAction(action.id, {
            additionalContext: makeContext([this.props.context, selection]),
            onClose: this.props.onActionExecuted,
        });
    },
});

patch(ListController.prototype, {
    getStaticActionMenuItems() {
        return {
            ...super.getStaticActionMenuItems(),
            batch: {
                // jobs and their parts are changed by their own buttons only
                isAvailable: () =>
                    session.batch_run_in_lists && !this.props.resModel.startsWith("batch."),
                sequence: 60,
                icon: "fa fa-cogs",
                description: _t("Run in batch…"),
                callback: () => this.runInBatch(),
            },
        };
    },

    /** Open the wizard for the selected records, or for all that the list finds. */
    async runInBatch() {
        const { root } = this.model;
        const targets = root.isDomainSelected
            ? { domain: this.props.domain }
            : { record_ids: root.selection.map((record) => record.resId) };
        const action = await this.model.orm.call(
            "batch.wizard",
            "open_for",
            [this.props.resModel],
            {
                ...targets,
                context: root.context,
            }
        );
        return this.actionService.doAction(action);
    },
});
