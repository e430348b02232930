import { registry } from "@web/core/registry";

const open = (name) => ({
    content: `open the job ${name}`,
    trigger: `.o_list_view .o_data_row td[name=name]:contains(${name})`,
    run: "click",
});
const backTo = (name) => ({
    content: `go back to ${name}`,
    trigger: `.o_breadcrumb a:contains(${name})`,
    run: "click",
});
const button = ".oe_stat_button[name]:contains(Failures):contains(1)";

registry.category("web_tour.tours").add("batch_figures", {
    steps: () => [
        open("Figures undone"),
        { trigger: ".o_form_view .o_batch_progress_large:contains(4 failed)" },
        { content: "one failed, three were undone with it", trigger: button, run: "click" },
        {
            content: "the list has as many as the button said",
            trigger: ".o_list_view .o_data_row:only-child, .o_list_view tbody:has(.o_data_row)",
            run({ queryAll }) {
                const rows = queryAll(".o_list_view .o_data_row");
                if (rows.length !== 1) {
                    throw new Error(`the button said 1, the list has ${rows.length}`);
                }
            },
        },
        backTo("Figures undone"),
        {
            content: "options",
            trigger: ".o_form_view .o_notebook a[name=options]",
            run: "click",
        },
        {
            content: "no timeout is no limit",
            trigger: ".o_form_view .tab-pane.active:contains(No limit)",
        },
        backTo("Batch Jobs"),
        open("Figures of one"),
        {
            content: "one is not many",
            trigger: ".o_form_view .o_batch_progress_large:contains(1 record)",
        },
        {
            content: "its operations",
            trigger: ".oe_stat_button:contains(Operations)",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row td[name=operation_id]:contains(op-1)",
            run: "click",
        },
        {
            content: "the operation says how long it took",
            trigger: ".o_form_view .o_field_widget[name=duration]:contains( s)",
        },
        {
            content: "configuration",
            trigger: ".o_menu_sections button:contains(Configuration)",
            run: "click",
        },
        {
            trigger: ".o-dropdown--menu .dropdown-item:contains(Settings)",
            run: "click",
        },
        {
            content: "more lanes than a server can run",
            trigger: ".modal .o_field_widget[name=batch_lanes] input",
            run: "edit 400 && press Tab",
        },
        { content: "are warned of", trigger: ".modal .alert:contains(400 lanes)" },
        { content: "and refused", trigger: ".modal button[name=action_save]", run: "click" },
        { content: "with the reason", trigger: ".modal:contains(max_connections)" },
    ],
});
