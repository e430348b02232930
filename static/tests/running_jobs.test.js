import { expect, test } from "@odoo/hoot";
import { reactive } from "@odoo/owl";
import { contains, mockService, mountWithCleanup } from "@web/../tests/web_test_helpers";
import { RunningJobsMenu } from "@batch_executor/running_jobs_menu";
import { defineBatchModels } from "./batch_test_helpers";

defineBatchModels();

const JOB = {
    job_id: 1,
    name: "Import",
    state: "running",
    completed: 30,
    total: 100,
    percentage: 30.9,
    eta: "",
};

async function mountMenu(jobs) {
    const running = reactive({ jobs });
    mockService("batch_running_jobs", running);
    await mountWithCleanup(RunningJobsMenu);
    return running;
}

test.tags("desktop");
test("nothing is in the bar while nothing runs", async () => {
    await mountMenu([]);
    expect(".o_batch_running").toHaveCount(0);
});

test.tags("desktop");
test("the ring is the share of all records, told to screen readers too", async () => {
    await mountMenu([JOB, { ...JOB, job_id: 2, completed: 0, total: 200, percentage: 0 }]);
    expect(".o_batch_running .badge").toHaveText("2");
    expect(".o_batch_running").toHaveAttribute("aria-label", "Running batch jobs: 2, 10 %");
});

test.tags("desktop");
test("each job shows its progress, rounded down", async () => {
    await mountMenu([
        { ...JOB, percentage: 99.99 },
        { ...JOB, job_id: 2, state: "pending", percentage: 0 },
    ]);
    await contains(".o_batch_running").click();
    expect(".o_batch_running_job").toHaveCount(2);
    expect(".o_batch_running_job:first [role=progressbar]").toHaveAttribute("aria-valuenow", "99");
    expect(".o_batch_running_job:last").toHaveText(/waits for its turn/);
});
