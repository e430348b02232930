import { onWillStart } from "@odoo/owl";
import { ImportAction } from "@base_import/import_action/import_action";
import { ImportDataSidepanel } from "@base_import/import_data_sidepanel/import_data_sidepanel";
import { BaseImportModel } from "@base_import/import_model";
import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";
import { patch } from "@web/core/utils/patch";

/** Whether the user may have jobs. */
function useIsBatchUser(component) {
    onWillStart(async () => {
        component.isBatchUser = await user.hasGroup("batch_executor.group_batch_user");
    });
}

/** Odoo's import screen can hand its file over to a job. */
patch(BaseImportModel.prototype, {
    /**
     * @param {boolean} isTest try everything, and keep nothing
     * @returns {Promise<number|false>} id of the job; false where messages on the screen say why there is none
     */
    async importInBackground(isTest) {
        this._updateComments();
        this.importMessages = [];
        const fields = this.columns.map(
            (column) => Boolean(column.fieldInfo) && column.fieldInfo.fieldPath
        );
        const names = this.columns.map((column) => column.name.trim().toLowerCase());
        try {
            const { job_id: jobId, messages } = await this.orm.silent.call(
                "base_import.import",
                "import_in_background",
                [this.id, fields, names, this.formattedImportOptions],
                {
                    dryrun: isTest,
                    context: {
                        ...this.context,
                        tracking_disable: this.importOptions.tracking_disable,
                    },
                }
            );
            if (messages.length) {
                this._handleImportErrors(messages, []);
            }
            return jobId;
        } catch (error) {
            // as for an import in the foreground: errors are shown on the screen
            this._addMessage(
                "danger",
                (error.data?.message || error.message || String(error)).split("\n")
            );
            return false;
        }
    },
});

patch(ImportAction.prototype, {
    setup() {
        super.setup();
        useIsBatchUser(this);
        this.model.importOptionsValues.batch_skip_unchanged = { value: false };
        this.model.importOptionsValues.batch_track_changes = { value: false };
    },

    async handleBackgroundImport(isTest) {
        this.model.block(_t("Handing over"));
        let jobId = false;
        try {
            jobId = await this.model.importInBackground(isTest);
        } finally {
            this.model.unblock();
        }
        if (jobId) {
            await this.actionService.doAction({
                type: "ir.actions.act_window",
                res_model: "batch.job",
                res_id: jobId,
                views: [[false, "form"]],
            });
        }
    },
});

patch(ImportDataSidepanel.prototype, {
    setup() {
        super.setup();
        useIsBatchUser(this);
    },
});
