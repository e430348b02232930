import { expect, test } from "@odoo/hoot";
import { mockDate } from "@odoo/hoot-mock";
import { mountView } from "@web/../tests/web_test_helpers";
import { BatchJob, defineBatchModels, RUNNING } from "./batch_test_helpers";

defineBatchModels();

async function mountProgress(values, options = "{'large': True}") {
    BatchJob._records = [{ ...RUNNING, ...values }];
    await mountView({
        resModel: "batch.job",
        resId: 1,
        type: "form",
        arch: `<form><field name="percentage" widget="batch_progress" options="${options}"/></form>`,
    });
}

test("succeeded and failed records are parts of one bar, the others leave it empty", async () => {
    await mountProgress();
    expect(".progress-bar").toHaveCount(2);
    expect(".progress-bar.bg-success").toHaveStyle({ width: "75%" }, { inline: true });
    expect(".progress-bar.bg-danger").toHaveStyle({ width: "10%" }, { inline: true });
});

test("a screen reader is told the percentage", async () => {
    await mountProgress();
    expect("[role=progressbar]").toHaveAttribute("aria-valuenow", "85");
    expect("[role=progressbar]").toHaveAttribute("aria-label");
});

test("99.99 % is not shown as 100 %", async () => {
    await mountProgress({ percentage: 99.99 });
    expect(".o_batch_percentage").toHaveText("99.9 %");
});

test("the large bar counts the records, and names only what there is", async () => {
    await mountProgress({ failed_records: 0 });
    expect(".o_batch_progress_large").toHaveText(/600 records\s+450 succeeded/);
    expect(".o_batch_progress_large").not.toHaveText(/failed|not run|warning/);
});

test("a small bar shows no counts", async () => {
    await mountProgress({}, "{}");
    expect(".o_batch_progress").not.toHaveText(/succeeded/);
});

test("a job without records divides by nothing", async () => {
    await mountProgress({
        total_records: 0,
        processed_records: 0,
        failed_records: 0,
        percentage: 100,
    });
    expect(".o_batch_percentage").toHaveText("100 %");
    expect(".progress-bar.bg-success").toHaveStyle({ width: "0%" }, { inline: true });
});

test("only a running job's bar moves", async () => {
    await mountProgress({ state: "paused" });
    expect(".progress-bar-animated").toHaveCount(0);
});

test("pace and time left are in units that fit", async () => {
    mockDate("2026-03-01 12:00:00", 0);
    await mountProgress({ records_per_second: 1250.5, eta: "2026-03-01 12:26:00" });
    expect(".o_batch_progress_large").toHaveText(/1,250.5 records\/s · about 26 min left/);
});
