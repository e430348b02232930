import { onMounted, onWillUnmount } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";
import { ENDED, rereadJobs, useLiveJobs } from "./live_jobs";

export class BatchJobFormController extends FormController {
    setup() {
        super.setup();
        useLiveJobs({
            isUnfinished: () => !this.model.root.isNew && !this.model.root.data.is_final,
            concerns: (jobStatus) => jobStatus.job_id === this.model.root.resId,
            refresh: () => this.refresh(),
            every: 3000,
        });
        const bus = useService("bus_service");
        const onEnded = ({ job_id }) => {
            if (job_id === this.model.root.resId) {
                this.reload().catch(() => {}); // the user did not start it: what is wrong is reported at the next click
            }
        };
        onMounted(() => bus.subscribe(ENDED, onEnded));
        onWillUnmount(() => bus.unsubscribe(ENDED, onEnded));
    }

    async refresh() {
        const record = this.model.root;
        if (record.isNew || this.formInDialog) {
            return;
        }
        if (await rereadJobs(this.model, [record])) {
            await this.reload();
        }
    }

    /** Read all of the job again, also the lists on other pages and the messages, unless the user is changing something. */
    async reload() {
        const record = this.model.root;
        if (!record.isNew && !this.formInDialog && !(await record.isDirty())) {
            await record.load();
        }
    }
}

registry
    .category("views")
    .add("batch_job_form", { ...formView, Controller: BatchJobFormController });
