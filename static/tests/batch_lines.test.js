import { expect, test } from "@odoo/hoot";
import { contains, mockService, mountView } from "@web/../tests/web_test_helpers";
import { BatchJob, BatchOperation, defineBatchModels, RUNNING } from "./batch_test_helpers";

defineBatchModels();

test.tags("desktop");
test("a row opens as a page of its own, not in a dialog", async () => {
    BatchOperation._records = [{ id: 5, operation_id: "op-5" }];
    BatchJob._records = [{ ...RUNNING, shown_operation_ids: [5] }];
    mockService("action", {
        doAction(action) {
            expect.step([action.res_model ?? action.type, action.res_id]);
        },
    });
    await mountView({
        resModel: "batch.job",
        resId: 1,
        type: "form",
        arch: `
            <form>
                <field name="shown_operation_ids" widget="batch_lines" readonly="1">
                    <list><field name="operation_id"/></list>
                </field>
            </form>`,
    });
    await contains(".o_data_row td[name=operation_id]").click();
    expect.verifySteps([["batch.operation", 5]]);
    expect(".modal").toHaveCount(0);
});
