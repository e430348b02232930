import { onMounted, onWillUnmount, status, useComponent } from "@odoo/owl";
import { useService } from "@web/core/utils/hooks";
import { getFieldsSpec } from "@web/model/relational_model/utils";

export const PROGRESS = "batch_executor/progress";
/** The end of a job is told: its messages are there, a moment after its last progress. */
export const ENDED = "batch_executor/ended";
/** Least milliseconds between two refreshes caused by bus messages: with its timeline, a page asks the server once a second at most. */
const BUS_EVERY = 1500;

/**
 * Refresh a view while it shows unfinished jobs: after bus messages about progress, and at intervals, because some
 * browsers get no such messages (for other users' jobs, or without a websocket).
 *
 * @param {Object} params
 * @param {() => boolean} params.isUnfinished whether the view shows an unfinished job
 * @param {(status: Object) => boolean} params.concerns whether a refresh may show something new after this status
 * @param {() => Promise<void>} params.refresh
 * @param {number} params.every milliseconds between two refreshes without bus messages
 */
export function useLiveJobs({ isUnfinished, concerns, refresh, every }) {
    const component = useComponent();
    const bus = useService("bus_service");
    let busy = false;
    let isStale = false; // a bus message has come since the last refresh
    let refreshedAt = 0;
    let timer;

    const run = async () => {
        if (busy || document.hidden || status(component) !== "mounted") {
            return;
        }
        busy = true;
        isStale = false;
        refreshedAt = Date.now();
        try {
            await refresh();
        } catch {
            // ignored, as the user did not start it: a lost connection or a deleted job is reported at the next click
        } finally {
            busy = false;
        }
    };
    const tick = () => {
        const waited = Date.now() - refreshedAt;
        if ((isStale && waited >= BUS_EVERY) || (waited >= every && isUnfinished())) {
            run();
        }
    };
    const onProgress = (jobStatus) => {
        if (concerns(jobStatus)) {
            isStale = true;
            tick();
        }
    };
    onMounted(() => {
        refreshedAt = Date.now();
        bus.subscribe(PROGRESS, onProgress);
        timer = setInterval(tick, 500);
    });
    onWillUnmount(() => {
        clearInterval(timer);
        bus.unsubscribe(PROGRESS, onProgress);
    });
}

/**
 * Read records again and show the changes; unsaved input of the user stays.
 *
 * @param {Object} model the view's model
 * @param {Object[]} records of one list, or the record of a form
 * @returns {Promise<boolean>} whether a job has ended since the last read
 */
export async function rereadJobs(model, records) {
    if (!records.length) {
        return false;
    }
    const { activeFields, fields, resModel, context } = records[0];
    const readonlyFields = Object.fromEntries(
        Object.entries(activeFields).filter(([name]) => fields[name].readonly)
    );
    const specification = getFieldsSpec(readonlyFields, fields, records[0].evalContext);
    const rows = await model.orm.silent.webRead(
        resModel,
        records.map((record) => record.resId),
        { context, specification }
    );
    const byId = Object.fromEntries(rows.map((row) => [row.id, row]));
    return model.mutex.exec(() => {
        let ended = false;
        for (const record of records) {
            const row = byId[record.resId];
            if (row) {
                ended ||= row.is_final && !record.data.is_final;
                record._applyValues(withoutTurnedPages(record, row));
            }
        }
        return ended;
    });
}

/** The row without lists that the user has turned to another page: reading them again would go back to the first page. */
function withoutTurnedPages(record, row) {
    return Object.fromEntries(Object.entries(row).filter(([name]) => !record.data[name]?.offset));
}
