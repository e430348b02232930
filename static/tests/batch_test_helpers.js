import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { after } from "@odoo/hoot";
import { defineModels, getService, models, patchWithCleanup } from "@web/../tests/web_test_helpers";
import { PROGRESS } from "@batch_executor/live_jobs";

/** The models as the server defines them; tests fill in records. */
export class BatchJob extends models.ServerModel {
    _name = "batch.job";
}

export class BatchOperation extends models.ServerModel {
    _name = "batch.operation";
}

export function defineBatchModels() {
    defineMailModels();
    defineModels([BatchJob, BatchOperation]);
}

/** A running job: 600 records, of which 450 have succeeded and 60 failed. */
export const RUNNING = {
    id: 1,
    name: "Import",
    state: "running",
    is_final: false,
    total_records: 600,
    processed_records: 450,
    failed_records: 60,
    percentage: 85,
};

/**
 * What the bus brings comes at once from now on, in the test's own time; to be called before a view is mounted.
 *
 * @returns {(jobId: number) => void} tells of a job's progress, as the server does
 */
export function takeOverBus() {
    const listeners = new Set();
    patchWithCleanup(getService("bus_service"), {
        subscribe(type, callback) {
            return type === PROGRESS ? listeners.add(callback) : super.subscribe(...arguments);
        },
        unsubscribe(type, callback) {
            return type === PROGRESS ? listeners.delete(callback) : super.unsubscribe(...arguments);
        },
    });
    return (jobId) => listeners.forEach((callback) => callback({ job_id: jobId }));
}

/** From now on the page is in a tab that nobody sees. */
export function hidePage() {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    after(() => delete document.hidden);
}
