import { expect, test } from "@odoo/hoot";
import { contains, mountView } from "@web/../tests/web_test_helpers";
import { BatchJob, defineBatchModels, RUNNING } from "./batch_test_helpers";

defineBatchModels();

async function mountText(text) {
    BatchJob._records = [{ ...RUNNING, error: text }];
    await mountView({
        resModel: "batch.job",
        resId: 1,
        type: "form",
        arch: `<form><field name="error" widget="batch_text" readonly="1"/></form>`,
    });
}

test("a short text stands there whole", async () => {
    await mountText("Contacts require a name");
    expect(".o_batch_text").toHaveText("Contacts require a name");
    expect(".o_batch_text button").toHaveCount(0);
});

test("a long text is folded until it is asked for", async () => {
    await mountText("A line of many.\n".repeat(40));
    expect(".o_batch_folded").toHaveCount(1);
    expect(".o_batch_text button").toHaveText("Show all");
    expect(".o_batch_text button").toHaveAttribute("aria-expanded", "false");
    await contains(".o_batch_text button").click();
    expect(".o_batch_folded").toHaveCount(0);
    expect(".o_batch_text button").toHaveAttribute("aria-expanded", "true");
    await contains(".o_batch_text button").click();
    expect(".o_batch_folded").toHaveCount(1);
});

test("its direction stays its own", async () => {
    await mountText("\u202Edesrever");
    expect(".o_batch_message").toHaveAttribute("dir", "auto");
    expect(".o_batch_message").toHaveStyle({ unicodeBidi: /isolate/ });
});
