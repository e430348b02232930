import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { KanbanController } from "@web/views/kanban/kanban_controller";
import { kanbanView } from "@web/views/kanban/kanban_view";
import { ListArchParser } from "@web/views/list/list_arch_parser";
import { ListController } from "@web/views/list/list_controller";
import { listView } from "@web/views/list/list_view";
import { BatchStandstill } from "./batch_standstill";
import { rereadJobs, useLiveJobs } from "./live_jobs";

/** Keep the jobs of a list or kanban view up to date. */
function useLiveList(controller) {
    const { model } = controller;
    let hasNewJobs = false;
    const jobs = () => (model.isReady && !model.useSampleModel ? model.root.records : []);

    useLiveJobs({
        isUnfinished: () => jobs().some((job) => !job.data.is_final),
        concerns: (jobStatus) => {
            hasNewJobs ||= !jobs().some((job) => job.resId === jobStatus.job_id);
            return true;
        },
        refresh: async () => {
            const ended = await rereadJobs(model, jobs());
            // a full reload renders every row again: only if jobs are new or have ended, and nothing is selected
            if ((ended || hasNewJobs) && !model.root.selection.length) {
                hasNewJobs = false;
                await model.root.load(); // `model.load` would overtake a search that is on its way, and show the former one
            }
        },
        every: 5000,
    });
}

/** Whether a list or kanban view shows an unfinished job. */
const hasUnfinished = ({ model }) =>
    model.isReady && !model.useSampleModel && model.root.records.some((job) => !job.data.is_final);

export class BatchJobListController extends ListController {
    static template = "batch_executor.BatchJobListView";
    static components = { ...ListController.components, BatchStandstill };

    setup() {
        super.setup();
        useLiveList(this);
    }

    get hasUnfinished() {
        return hasUnfinished(this);
    }
}

export class BatchJobKanbanController extends KanbanController {
    static template = "batch_executor.BatchJobKanbanView";
    static components = { ...KanbanController.components, BatchStandstill };

    setup() {
        super.setup();
        useLiveList(this);
    }

    get hasUnfinished() {
        return hasUnfinished(this);
    }
}

/** Titles and ways out of the dialogs that buttons ask in: a list's architecture may not name them, unlike a form's. */
export class BatchJobListArchParser extends ListArchParser {
    parse(xmlDoc, ...args) {
        const dialogs = {
            action_cancel: [_t("Cancel the jobs?"), _t("Keep Them")],
            action_retry: [_t("Retry the jobs?"), _t("Leave Them")],
        };
        for (const [name, [title, label]] of Object.entries(dialogs)) {
            const button = xmlDoc.querySelector(`header > button[name=${name}]`);
            button?.setAttribute("confirm-title", title);
            button?.setAttribute("cancel-label", label);
        }
        return super.parse(xmlDoc, ...args);
    }
}

registry.category("views").add("batch_job_list", {
    ...listView,
    ArchParser: BatchJobListArchParser,
    Controller: BatchJobListController,
});
registry
    .category("views")
    .add("batch_job_kanban", { ...kanbanView, Controller: BatchJobKanbanController });
