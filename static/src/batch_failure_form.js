import { registry } from "@web/core/registry";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";
import { useLiveJobs } from "./live_jobs";

const FINAL = ["completed", "partial", "failed", "cancelled"];

/** The form of a failure: while it is run again, it is read until it is known what became of that. */
export class BatchFailureFormController extends FormController {
    setup() {
        super.setup();
        useLiveJobs({
            isUnfinished: () => this.isRunAgain,
            concerns: (jobStatus) =>
                this.isRunAgain && jobStatus.job_id === this.model.root.data.job_id?.id,
            refresh: () => this.refresh(),
            every: 2000,
        });
    }

    get isRunAgain() {
        const { retried_at, retry_outcome, job_state } = this.model.root.data;
        return Boolean(retried_at) && !retry_outcome && !FINAL.includes(job_state);
    }

    async refresh() {
        const record = this.model.root;
        if (this.isRunAgain && !(await record.isDirty())) {
            await record.load();
        }
    }
}

registry
    .category("views")
    .add("batch_failure_form", { ...formView, Controller: BatchFailureFormController });
