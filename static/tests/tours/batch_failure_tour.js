import { registry } from "@web/core/registry";

const FORM = ".o_form_view";
const toFailures = (name) => [
    {
        content: `open the job ${name}`,
        trigger: `.o_list_view .o_data_row td[name=name]:contains(${name})`,
        run: "click",
    },
    {
        content: "look at the failures",
        trigger: `${FORM} .o_notebook a[name=failures]`,
        run: "click",
    },
];
const cause = (text) => `.o_batch_causes li:contains(${text})`;
const backTo = (name) => ({
    content: "go back",
    trigger: `.o_breadcrumb a:contains(${name})`,
    run: "click",
});

registry.category("web_tour.tours").add("batch_failure_causes", {
    steps: () => [
        ...toFailures("Tour causes"),
        {
            content: "a cause has its records",
            trigger: `${cause("type")} .o_batch_cause:contains(3)`,
            run: "click",
        },
        {
            content: "they are listed, the message first",
            trigger: ".o_list_view .o_data_row:eq(2) td.o_data_cell:first[name=message]",
        },
        { trigger: ".o_list_view .o_data_row td[name=label]:contains(Tour X)" },
        backTo("Tour causes"),
        { trigger: `${FORM} .o_notebook a[name=failures]`, run: "click" },
        {
            content: "replace a value",
            trigger: `${cause("type")} .o_batch_cause_replace`,
            run: "click",
        },
        {
            content: "choose the field",
            trigger: ".modal div[name=name] select",
            run: "select type",
        },
        {
            content: "only the value of the first one would be replaced",
            trigger: ".modal div[name=old] input:value(nonsense 0)",
        },
        { content: "but any is meant", trigger: ".modal div[name=is_any] input", run: "click" },
        { trigger: ".modal:not(:has(div[name=old]))" },
        {
            content: "and the new value",
            trigger:
                ".modal .o_batch_values[data-name=type] .o_field_selection, .modal [data-name=type] .o_field_selection",
        },
        { trigger: ".modal [data-name=type] .o_field_selection input", run: "click" },
        { trigger: ".o_select_menu_item:contains(Other)", run: "click" },
        {
            content: "run them again",
            trigger: ".modal button[name=action_replace_and_retry]",
            run: "click",
        },
        {
            content: "how many is said",
            trigger: ".o_notification:contains(Replaced: 3 records)",
        },
        {
            content: "that cause is gone",
            trigger: `${FORM} .o_batch_progress_large:contains(4 succeeded)`,
        },
        {
            content: "dismiss the other one",
            trigger: `${cause("Contacts require a name")} .o_batch_cause_dismiss`,
            run: "click",
        },
        { content: "and mean it", trigger: ".modal .btn-primary:contains(Dismiss)", run: "click" },
        {
            content: "nothing stands any more",
            trigger: `${FORM} .o_notebook:not(:has(a[name=failures]))`,
        },
        { content: "it can still be found", trigger: "button:contains(Dismissed)", run: "click" },
        { trigger: ".o_list_view .o_data_row:contains(Contacts require a name)" },
    ],
});

registry.category("web_tour.tours").add("batch_failure_by_field", {
    steps: () => [
        ...toFailures("Tour fields"),
        {
            trigger: ".o_field_widget[name=shown_failure_ids] .o_data_row td[name=message]",
            run: "click",
        },
        {
            content: "the value that can't be is shown",
            trigger: `${FORM} [data-name=type] .o_batch_sent:contains(nonsense)`,
        },
        { content: "a text", trigger: `${FORM} [data-name=name] input`, run: "edit By field" },
        {
            content: "a selection",
            trigger: `${FORM} [data-name=type] .o_field_selection input`,
            run: "click",
        },
        { trigger: ".o_select_menu_item:contains(Other)", run: "click" },
        { content: "another field", trigger: `${FORM} .o_batch_add_field`, run: "click" },
        {
            trigger: `${FORM} .o_batch_add_field option[value=country_id]:not(:visible)`,
            run: () => {},
        },
        { trigger: `${FORM} .o_batch_add_field`, run: "select country_id" },
        { trigger: `${FORM} [data-name=country_id] input`, run: "edit Belg" },
        { trigger: ".o-autocomplete--dropdown-item:contains(Belgium)", run: "click" },
        { content: "run it again", trigger: "button[name=action_retry]", run: "click" },
        { trigger: `${FORM} .oe_title .badge:contains(Retried)` },
        {
            content: "what became of it is shown by itself",
            trigger: `${FORM} .oe_title .badge:contains(Succeeded)`,
        },
        {
            content: "it can't be mended any more",
            trigger: `${FORM} [data-name=name]:contains(By field):not(:has(input))`,
        },
    ],
});

registry.category("web_tour.tours").add("batch_failure_file", {
    steps: () => [
        ...toFailures("Tour file"),
        {
            content: "download, mend, and keep the file for the upload",
            trigger: `${FORM} a[href$='failures.csv']`,
            async run() {
                const answer = await fetch(this.anchor.href);
                const mended = (await answer.text()).replaceAll("nonsense,", "other,");
                window.batchMended = new File([mended], "failures.csv", { type: "text/csv" });
            },
        },
        { content: "upload", trigger: ".o_batch_upload", run: "click" },
        {
            trigger:
                ".modal div[name=file] input[type=file]:not(:visible), .modal div[name=file] input.o_input_file:not(:visible)",
            run() {
                const files = new DataTransfer();
                files.items.add(window.batchMended);
                this.anchor.files = files.files;
                this.anchor.dispatchEvent(new Event("change", { bubbles: true }));
            },
        },
        {
            trigger:
                ".modal div[name=file]:contains(failures.csv), .modal div[name=file] input:value(failures.csv)",
        },
        { content: "run it", trigger: ".modal button[name=action_upload]", run: "click" },
        { trigger: ".o_notification:contains(Retried: 1 record.)" },
        { trigger: `${FORM} .o_batch_progress_large:contains(2 succeeded)` },
    ],
});
