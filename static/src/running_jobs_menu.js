import { Component, useState } from "@odoo/owl";
import { Dropdown } from "@web/core/dropdown/dropdown";
import { DropdownItem } from "@web/core/dropdown/dropdown_item";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatDuration } from "./batch_duration";

/** As many jobs as the server returns: there may be more. */
const MOST_JOBS = 20;

/** The systray's item with the user's running jobs. It is not there while none runs. */
export class RunningJobsMenu extends Component {
    static template = "batch_executor.RunningJobsMenu";
    static components = { Dropdown, DropdownItem };
    static props = {};

    setup() {
        this.running = useState(useService("batch_running_jobs"));
        this.action = useService("action");
    }

    get jobs() {
        return this.running.jobs;
    }

    get count() {
        return this.jobs.length < MOST_JOBS ? String(this.jobs.length) : _t("%s+", MOST_JOBS);
    }

    /** The share of all their records that has run. */
    get percentage() {
        const sum = (key) => this.jobs.reduce((total, job) => total + job[key], 0);
        return Math.floor((100 * sum("completed")) / (sum("total") || 1));
    }

    get label() {
        return _t("Running batch jobs: %(count)s, %(percentage)s %", {
            count: this.count,
            percentage: this.percentage,
        });
    }

    percentageOf(job) {
        return Math.floor(job.percentage);
    }

    paceOf(job) {
        if (job.state === "pending") {
            return _t("waits for its turn");
        }
        const share = _t("%s %", this.percentageOf(job));
        const seconds =
            job.eta &&
            Math.max(
                Math.ceil((luxon.DateTime.fromISO(job.eta).toMillis() - Date.now()) / 1000),
                1
            );
        return seconds
            ? _t("%(share)s, about %(time)s left", { share, time: formatDuration(seconds) })
            : share;
    }

    openJob(job) {
        return openJob(this.action, job.job_id);
    }

    openAll() {
        return openJobs(this.action);
    }
}

export function openJob(action, jobId) {
    return action.doAction({
        type: "ir.actions.act_window",
        res_model: "batch.job",
        res_id: jobId,
        views: [[false, "form"]],
    });
}

export function openJobs(action) {
    return action.doAction("batch_executor.batch_job_action", {
        additionalContext: { search_default_mine: 1 },
    });
}

registry
    .category("systray")
    .add("batch_executor.running_jobs", { Component: RunningJobsMenu }, { sequence: 30 });
