import { reactive } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { session } from "@web/session";
import { PROGRESS } from "./live_jobs";

/** Least milliseconds between two calls of the server, and milliseconds without a message after which it is called. */
const CALL_EVERY = 2000;
const SILENT_FOR = 5000;
const RUNS = ["pending", "running"];

/**
 * The user's running jobs, as status objects, the newest first. The server says by the bus when one begins, goes on or ends. It is
 * called only for jobs that are not known yet, and after a silence: so without running jobs, and in a hidden tab, never.
 */
export const runningJobsService = {
    dependencies: ["bus_service", "orm"],

    start(env, { bus_service: bus, orm }) {
        const state = reactive({ jobs: [] });
        let calledAt = 0;
        let heardAt = 0;
        let isStale = Boolean(session.batch_runs);
        let timer;

        const isDue = () => {
            const now = Date.now();
            return (
                now - calledAt >= CALL_EVERY &&
                (isStale || (state.jobs.length && now - heardAt >= SILENT_FOR))
            );
        };
        const look = async () => {
            if (document.hidden || !isDue()) {
                return;
            }
            calledAt = heardAt = Date.now();
            isStale = false;
            try {
                state.jobs = await orm.silent.call("batch.running", "jobs", []);
            } catch {
                // ignored, as the user did not start it; the next call is due after a silence
            }
            keepLooking();
        };
        const keepLooking = () => {
            if ((state.jobs.length || isStale) && !timer) {
                timer = browser.setInterval(look, 1000);
            } else if (!state.jobs.length && !isStale && timer) {
                browser.clearInterval(timer);
                timer = undefined;
            }
        };
        const onProgress = (job) => {
            const place = state.jobs.findIndex((known) => known.job_id === job.job_id);
            const runs = RUNS.includes(job.state);
            if (place >= 0) {
                heardAt = Date.now();
                state.jobs.splice(place, 1, ...(runs ? [job] : []));
            } else if (runs) {
                isStale = true;
                look();
            }
            keepLooking();
        };

        bus.subscribe(PROGRESS, onProgress);
        document.addEventListener("visibilitychange", look);
        look();
        keepLooking();
        return state;
    },
};

registry.category("services").add("batch_running_jobs", runningJobsService);
