import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { expect, test, waitForNone } from "@odoo/hoot";
import {
    clickSave,
    contains,
    defineModels,
    fields,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";

class Tag extends models.Model {
    _name = "batch.test.tag";

    name = fields.Char();

    _records = [
        { id: 1, name: "Gold" },
        { id: 2, name: "Silver" },
    ];
}

class Thing extends models.Model {
    _name = "batch.test.thing";

    title = fields.Char({ string: "Title" });
    tag_ids = fields.Many2many({ string: "Tags", relation: "batch.test.tag" });
    shade = fields.Selection({ string: "Shade", selection: [["dark", "Dark"]] });
}

class Holder extends models.Model {
    _name = "batch.test.holder";

    model_name = fields.Char();
    values = fields.Text();
}

defineMailModels();
defineModels([Tag, Thing, Holder]);

/** A form with these values; what it saves is a step. */
async function mountValues(values) {
    Holder._records = [
        { id: 1, model_name: "batch.test.thing", values: values && JSON.stringify(values) },
    ];
    onRpc("batch.test.holder", "web_save", ({ args }) => {
        expect.step(JSON.parse(args[1].values));
    });
    await mountView({
        resModel: "batch.test.holder",
        resId: 1,
        type: "form",
        arch: `
            <form>
                <field name="model_name"/>
                <field name="values" widget="batch_values"
                       options="{'model': 'model_name', 'commands': True}"/>
            </form>`,
    });
}

test.tags("desktop");
test("values are shown by field, and what is typed is saved", async () => {
    await mountValues({ title: "Old", shade: "dark", unknown: [1] });
    expect(".o_batch_value[data-name=title] .o_form_label").toHaveText("Title");
    expect(".o_batch_value[data-name=title] input").toHaveValue("Old");
    expect(".o_batch_value[data-name=unknown] input").toHaveValue("[1]", {
        message: "of a field that is not there: as JSON",
    });
    await contains(".o_batch_value[data-name=title] input").edit("New");
    expect(".o_batch_value[data-name=title] input").toHaveValue("New");
    await contains(".o_batch_value[data-name=shade] button").click();
    await clickSave();
    expect.verifySteps([{ title: "New", unknown: [1] }]);
});

test.tags("desktop");
test("many2many values keep what they do to the records that are there", async () => {
    await mountValues({ tag_ids: [[4, 1]] });
    expect(".o_batch_value select").toHaveValue("4");
    expect(".o_batch_value .o_tag").toHaveText("Gold");
    await contains(".o_batch_value select").select("3");
    await clickSave();
    expect.verifySteps([{ tag_ids: [[3, 1]] }]);
});

test.tags("desktop");
test("commands that mean more than one thing are left as they are", async () => {
    await mountValues({
        tag_ids: [
            [0, 0, { name: "Bronze" }],
            [4, 1],
        ],
    });
    expect(".o_batch_value select").toHaveCount(0);
    expect(".o_batch_value input").toHaveValue('[[0,0,{"name":"Bronze"}],[4,1]]');
});

test.tags("desktop");
test("values of another model are dropped with it", async () => {
    await mountValues({ title: "Old" });
    await contains(".o_field_widget[name=model_name] input").edit("batch.test.tag");
    await waitForNone(".o_batch_value");
    expect(".o_batch_values").toHaveCount(1);
});
