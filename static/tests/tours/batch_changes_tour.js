import { registry } from "@web/core/registry";
import { isState, openJob } from "./steps";

const FORM = ".o_form_view";
const tab = (name) => ({ trigger: `${FORM} .o_notebook a[name=${name}]`, run: "click" });
/** The link to a file of the job: what it leads to has this text. */
const download = (name, text) => ({
    trigger: `${FORM} .o_batch_files a[href$='${name}']:visible`,
    async run() {
        const answer = await fetch(this.anchor.href);
        if (!(await answer.text()).includes(text)) {
            throw new Error(`${name} does not have ${text}`);
        }
    },
});
const difference = (before, after) =>
    `${FORM} .o_batch_difference:has(del:contains(${before})):has(ins:contains(${after}))`;

registry.category("web_tour.tours").add("batch_plan_apply_undo", {
    steps: () => [
        {
            content: "the list tells it from real jobs",
            trigger: ".o_data_row:contains(Tour plan) td[name=name] .badge:contains(Dry Run)",
        },
        { content: "as cards", trigger: ".o_switch_view.o_kanban", run: "click" },
        { trigger: ".o_kanban_record:contains(Tour plan) .badge:contains(Dry Run)" },
        { content: "as a list", trigger: ".o_switch_view.o_list", run: "click" },
        openJob("Tour plan"),
        isState("Completed"),
        tab("plan"),
        { content: "what would be", trigger: `${FORM}:contains(3 would be updated)` },
        { trigger: difference("Basel", "Bern") },
        {
            content: "there is nothing to undo",
            trigger: `${FORM}:not(:has(button[name=action_undo]))`,
        },
        { content: "run it for real", trigger: "button[name=action_apply]", run: "click" },
        { trigger: ".modal .modal-body:contains(3 would be updated)" },
        { trigger: ".modal .btn-primary:contains(Run for Real)", run: "click" },
        {
            content: "the new job says where it comes from",
            trigger: `${FORM} .o_field_widget[name=origin_job_id]:contains(Tour plan)`,
        },
        { trigger: ".o_breadcrumb:contains(for real)" },
        isState("Completed"),
        tab("changes"),
        { trigger: `${FORM}:contains(3 updated)` },
        { trigger: difference("Basel", "Bern") },
        download("changes.csv", "city,Basel,Bern"),
        tab("operations"),
        download("results.csv", "op-1,2,updated,"),
        tab("changes"),
        {
            content: "somebody changes one of the records",
            trigger: `${FORM} .o_batch_record:contains(Tour conflict)`,
            async run() {
                const { orm } = odoo.__WOWL_DEBUG__.root.env.services;
                const id = Number(this.anchor.getAttribute("href").split("/").pop());
                await orm.write("res.partner", [id], { city: "Ghent" });
            },
        },
        {
            content: "all changes, by model",
            trigger: `${FORM} .o_batch_change_kinds button:contains(3)`,
            run: "click",
        },
        { trigger: ".o_list_view .o_data_row:eq(2)" },
        {
            content: "one of them in full",
            trigger: ".o_list_view .o_data_row:contains(Tour conflict) td[name=action]",
            run: "click",
        },
        { trigger: `${FORM} table.o_batch_differences td del:contains(Basel)` },
        {
            content: "back to the job, past the list",
            trigger: ".o_breadcrumb a:contains(Tour plan)",
            run: "click",
        },
        { content: "undo", trigger: "button[name=action_undo]", run: "click" },
        {
            content: "what stays is said",
            trigger: ".modal .modal-body:contains(Brought back to what they were: 2 records)",
        },
        { trigger: ".modal .modal-body:contains(Changed since, and left as they are: 1 record)" },
        { trigger: ".modal .btn-primary:contains(Undo)", run: "click" },
        {
            content: "the undo is a job of its own",
            trigger: `${FORM} .o_field_widget[name=name] input:value(Undo of Tour plan), ${FORM} .o_field_widget[name=name]:contains(Undo of Tour plan)`,
        },
        isState("Partial"),
        tab("failures"),
        {
            content: "the conflict is named",
            trigger: `${FORM} .o_batch_causes li:contains(ChangedSinceError):contains(City)`,
        },
        {
            content: "back to what was undone",
            trigger: `${FORM} .o_field_widget[name=origin_job_id] a`,
            run: "click",
        },
        { trigger: `${FORM} .o_field_widget[name=undo_job_id]:contains(Undo of Tour plan)` },
        {
            content: "it is undone once",
            trigger: `${FORM}:not(:has(button[name=action_undo]))`,
        },
    ],
});
