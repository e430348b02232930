import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { ENDED } from "./live_jobs";
import { openJob, openJobs } from "./running_jobs_menu";

/** Milliseconds for which ends are collected, and most of them that are shown one by one. */
const COLLECT_FOR = 500;
const MOST_SHOWN = 3;
/** Milliseconds for which one is shown that does not stay. */
const SHOWN_FOR = 10000;

/**
 * Notifications of jobs that have ended. With several tabs, the visible one shows them, and tells the others. A hidden tab keeps those
 * that no other tab has shown until it is visible.
 */
export const endedJobsService = {
    dependencies: ["bus_service", "notification", "action"],

    start(env, { bus_service: bus, notification, action }) {
        const tabs = new BroadcastChannel("batch_executor.ended");
        const shown = new Set(); // ids of bus messages, which are the same in all tabs
        let ends = [];
        let timer;

        const add = (message, { type, sticky }, open) => {
            const close = notification.add(message, {
                type,
                sticky,
                autocloseDelay: SHOWN_FOR,
                buttons: [
                    {
                        name: _t("Open"),
                        onClick: () => {
                            close();
                            open();
                        },
                    },
                ],
            });
        };
        const show = () => {
            timer = undefined;
            const wanted = ends.filter(({ id }) => !shown.has(id));
            if (document.hidden || !wanted.length) {
                return;
            }
            ends = [];
            wanted.forEach(({ id }) => shown.add(id));
            tabs.postMessage(wanted.map(({ id }) => id));
            if (wanted.length <= MOST_SHOWN) {
                for (const end of wanted) {
                    add(end.message, end, () => openJob(action, end.job_id));
                }
                return;
            }
            const types = wanted.map(({ type }) => type);
            const type = ["danger", "warning", "success"].find((kind) => types.includes(kind));
            const message = _t("Batch jobs that have ended: %s", wanted.length);
            add(message, { type, sticky: wanted.some(({ sticky }) => sticky) }, () =>
                openJobs(action)
            );
        };

        tabs.onmessage = ({ data }) => data.forEach((id) => shown.add(id));
        bus.subscribe(ENDED, (end, { id }) => {
            if (end.message) {
                ends.push({ ...end, id });
                timer ??= browser.setTimeout(show, COLLECT_FOR);
            }
        });
        document.addEventListener("visibilitychange", show);
        bus.start();
    },
};

registry.category("services").add("batch_ended_jobs", endedJobsService);
