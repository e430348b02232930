import { registry } from "@web/core/registry";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";
import { rereadJobs, useLiveJobs } from "./live_jobs";

export class BatchJobFormController extends FormController {
    setup() {
        super.setup();
        useLiveJobs({
            isUnfinished: () => !this.model.root.isNew && !this.model.root.data.is_final,
            concerns: (jobStatus) => jobStatus.job_id === this.model.root.resId,
            refresh: () => this.refresh(),
            every: 3000,
        });
    }

    async refresh() {
        const record = this.model.root;
        if (record.isNew || this.formInDialog) {
            return;
        }
        const ended = await rereadJobs(this.model, [record]);
        if (ended && record === this.model.root && !(await record.isDirty())) {
            await record.load(); // also the lists on other pages and the messages
        }
    }
}

registry
    .category("views")
    .add("batch_job_form", { ...formView, Controller: BatchJobFormController });
