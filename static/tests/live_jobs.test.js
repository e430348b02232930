import { beforeEach, Deferred, expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame } from "@odoo/hoot-mock";
import {
    contains,
    makeMockEnv,
    MockServer,
    mountView,
    onRpc,
    toggleMenuItem,
    toggleSearchBarMenu,
} from "@web/../tests/web_test_helpers";
import { BatchJob, defineBatchModels, hidePage, RUNNING, takeOverBus } from "./batch_test_helpers";

const ENDED = {
    state: "completed",
    is_final: true,
    processed_records: 600,
    failed_records: 0,
    percentage: 100,
};
const FORM = `
    <form js_class="batch_job_form">
        <field name="is_final" invisible="1"/>
        <field name="name"/>
        <field name="percentage" widget="batch_progress" options="{'large': True}"/>
    </form>`;
const LIST = `
    <list js_class="batch_job_list">
        <field name="is_final" column_invisible="1"/>
        <field name="name"/>
        <field name="percentage" widget="batch_progress"/>
    </list>`;

let sendProgress;

defineBatchModels();

beforeEach(async () => {
    BatchJob._records = [{ ...RUNNING }];
    onRpc("batch.job", "web_read", () => expect.step("read"));
    onRpc("batch.job", "web_search_read", () => expect.step("search"));
    await makeMockEnv();
    sendProgress = takeOverBus();
});

async function mountForm() {
    await mountView({ resModel: "batch.job", resId: 1, type: "form", arch: FORM });
    expect.verifySteps(["read"]);
}

async function mountList() {
    await mountView({ resModel: "batch.job", type: "list", arch: LIST });
    expect.verifySteps(["search"]);
}

/** The server goes on. */
function change(values) {
    MockServer.env["batch.job"].write([1], values);
}

async function pass(milliseconds) {
    await advanceTime(milliseconds);
    await animationFrame();
}

test("a form reads a running job again, and shows what is new", async () => {
    await mountForm();
    change({ processed_records: 500 });
    await pass(3500);
    expect.verifySteps(["read"]);
    expect(".o_batch_progress").toHaveText(/500 succeeded/);
});

test("what the user has typed stays", async () => {
    await mountForm();
    await contains("[name=name] input").edit("Nightly import", { confirm: false });
    change({ processed_records: 500 });
    await pass(3500);
    expect.verifySteps(["read"]);
    expect("[name=name] input").toHaveValue("Nightly import");
    expect(".o_batch_progress").toHaveText(/500 succeeded/);
});

test("a job that has ended is not read again", async () => {
    await mountForm();
    change(ENDED);
    await pass(3500);
    expect.verifySteps(["read", "read"]); // its progress, then all of it
    await pass(60000);
    expect.verifySteps([]);
});

test("many messages cause one read in one and a half seconds", async () => {
    await mountForm();
    for (let message = 0; message < 32; message++) {
        sendProgress(1);
        await pass(100);
    }
    expect.verifySteps(["read", "read"]);
});

test("messages about another job cause none", async () => {
    await mountForm();
    sendProgress(2);
    await pass(2000);
    expect.verifySteps([]);
});

test("a page that nobody sees asks nothing", async () => {
    await mountForm();
    hidePage();
    sendProgress(1);
    await pass(60000);
    expect.verifySteps([]);
});

test("a lost connection is no error, and is tried again", async () => {
    await mountForm();
    let isLost = true;
    onRpc("batch.job", "web_read", () => {
        if (isLost) {
            expect.step("lost");
            throw new Error("no connection");
        }
    });
    await pass(3500);
    isLost = false;
    change({ processed_records: 500 });
    await pass(3500);
    expect.verifySteps(["lost", "read"]);
    expect(".o_batch_progress").toHaveText(/500 succeeded/);
});

test.tags("desktop");
test("a list shows the progress of its jobs", async () => {
    await mountList();
    change({ percentage: 90 });
    await pass(5500);
    expect.verifySteps(["read"]);
    expect(".o_batch_percentage").toHaveText("90.0 %");
});

test.tags("desktop");
test("a list loads new jobs, but not while some are selected", async () => {
    await mountList();
    MockServer.env["batch.job"].create({ name: "Another", state: "running", is_final: false });
    await contains(".o_data_row .o_list_record_selector input").click();
    sendProgress(2);
    await pass(2000);
    expect(".o_data_row").toHaveCount(1);
    await contains(".o_data_row .o_list_record_selector input").click();
    sendProgress(2);
    await pass(2000);
    expect(".o_data_row").toHaveCount(2);
    expect.verifySteps(["read", "read", "search"]);
});

test.tags("desktop");
test("a list does not forget a search that takes longer than a refresh", async () => {
    await mountView({
        resModel: "batch.job",
        type: "list",
        arch: LIST,
        searchViewArch: `<search><filter name="ended" string="Ended" domain="[('is_final', '=', True)]"/></search>`,
    });
    const isSlow = new Deferred();
    onRpc("batch.job", "web_search_read", () => isSlow);
    await toggleSearchBarMenu();
    await toggleMenuItem("Ended");
    sendProgress(2);
    await pass(2000);
    isSlow.resolve();
    await pass(100);
    expect(".o_data_row").toHaveCount(0);
    expect.verifySteps(["search", "read", "search", "search"]);
});
