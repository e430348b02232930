import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { expect, test } from "@odoo/hoot";
import {
    contains,
    defineModels,
    fields,
    mockService,
    models,
    mountView,
} from "@web/../tests/web_test_helpers";

class Change extends models.Model {
    _name = "batch.test.change";

    label = fields.Char();
    model = fields.Char();
    record_id = fields.Integer();
    record_exists = fields.Boolean();
    differences = fields.Json();
}

defineMailModels();
defineModels([Change]);

const CITY = { name: "city", label: "City", head: "", before: "Basel", after: "Bern", tail: "" };

async function mountChange(values, options = "{}") {
    Change._records = [{ id: 1, ...values }];
    await mountView({
        resModel: "batch.test.change",
        resId: 1,
        type: "form",
        arch: `
            <form>
                <field name="label" widget="batch_record"/>
                <field name="differences" widget="batch_differences" options="${options}"/>
            </form>`,
    });
}

const mountFields = (list, { more = 0, options } = {}) =>
    mountChange({ differences: { fields: list, more } }, options);

test("only the part that differs is marked", async () => {
    const street = { head: "1", before: "2", after: "4", tail: " rue de Paris" };
    await mountFields([{ name: "street", label: "Street", ...street }]);
    expect(".o_batch_difference").toHaveText("Street: 12 rue de Paris14 rue de Paris", {
        inline: true,
    });
    expect("del").toHaveText("2");
    expect("ins").toHaveText("4");
});

test("an empty value is said to be empty, and nothing is marked where nothing was added", async () => {
    await mountFields([
        { ...CITY, after: "" },
        { name: "price", label: "Price", head: "100", before: "", after: "0", tail: "" },
    ]);
    expect("[data-name=city]").toHaveText("City: Baselempty", { inline: true });
    expect("[data-name=price] del").toHaveCount(0);
    expect("[data-name=price] ins").toHaveText("0");
});

test("a created record has values, not differences", async () => {
    await mountFields([{ ...CITY, before: null }]);
    expect(".o_batch_difference").toHaveText("City: Bern", { inline: true });
    expect(".o_batch_difference ins, .o_batch_difference .fa").toHaveCount(0);
});

test("values are text, whatever is in them, and keep their direction to themselves", async () => {
    const evil = "<img src=x onerror='document.title=1'>\u202e";
    await mountFields([
        { ...CITY, label: evil, head: evil, before: evil, after: evil, tail: evil },
    ]);
    expect(".o_batch_differences img").toHaveCount(0);
    expect("del").toHaveText(evil);
    expect(".o_batch_difference > bdi").toHaveCount(3, { message: "the label and both values" });
});

test("what is left out is counted", async () => {
    await mountFields([CITY], { more: 3 });
    expect(".o_batch_differences + div").toHaveText("and 3 more fields");
});

test("values that were not read are not said to be empty", async () => {
    await mountChange({ differences: { fields: [], more: 0, too_long: true } });
    expect(".o_field_batch_differences").toHaveText(/Too long for a list/);
});

test("in a table the values stand under before and after", async () => {
    await mountFields([CITY, { ...CITY, name: "zip", before: null, after: "3000" }], {
        options: "{'table': True}",
    });
    expect("[data-name=city] td:eq(0)").toHaveText("Basel");
    expect("[data-name=zip] td:eq(0)").toHaveText("");
    expect("[data-name=zip] td:eq(1)").toHaveText("3000");
});

test("a record that is there is linked, another one is named", async () => {
    mockService("action", {
        doAction({ res_model: model, res_id: id }) {
            expect.step([model, id]);
        },
    });
    const known = { label: "Azure", model: "res.partner", record_id: 7 };
    await mountChange({ ...known, record_exists: true });
    expect(".o_batch_record").toHaveAttribute("href", "/odoo/res.partner/7");
    await contains(".o_batch_record").click();
    expect.verifySteps([["res.partner", 7]]);
});

test("the name of a record that is gone is no link", async () => {
    await mountChange({ label: "Azure", model: "res.partner", record_id: 7 });
    expect(".o_field_batch_record").toHaveText("Azure");
    expect(".o_batch_record").toHaveCount(0);
});
