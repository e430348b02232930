import { registry } from "@web/core/registry";

const search = (text) => [
    { content: `filter by ${text}`, trigger: ".o_searchview_input", run: `edit ${text}` },
    { trigger: ".o_searchview_autocomplete .o-dropdown-item", run: "click" },
    { trigger: `.o_facet_value:contains(${text})` },
    { content: "the list is that of the filter", trigger: ".o_pager_limit:contains(90)" },
];
const selectAll = [
    { content: "tick the page", trigger: "thead .o_list_record_selector input", run: "click" },
    { content: "then all that is found", trigger: ".o_select_domain", run: "click" },
    { trigger: ".o_selection_box:contains(All)" },
];
const menu = (entry) => [
    {
        content: "open the menu",
        trigger: ".o_cp_action_menus .dropdown-toggle:contains(Actions)",
        run: "click",
    },
    {
        content: `choose ${entry}`,
        trigger: `.o-dropdown--menu .o-dropdown-item:contains(${entry})`,
        run: "click",
    },
];
const jobIsOpen = {
    content: "the job is open",
    trigger: ".o_form_view .o_field_widget[name=state]",
};

registry.category("web_tour.tours").add("batch_server_action", {
    steps: () => [
        { content: "a new server action", trigger: ".o_list_button_add", run: "click" },
        {
            trigger: ".o_field_widget[name=name] input, .o_field_widget[name=name] textarea",
            run: "edit Tour: move to Ghent",
        },
        { trigger: ".o_field_widget[name=model_id] input", run: "edit res.partner" },
        { trigger: ".o-autocomplete--dropdown-item a:contains(/^Contact$/)", run: "click" },
        {
            content: "of our type",
            trigger: ".o_field_widget[name=state] .o_selection_badge:contains(Run as Batch Job)",
            run: "click",
        },
        { trigger: ".o_field_widget[name=batch_type]" },
        {
            content: "the field",
            trigger: ".o_field_widget[name=update_path] .o_model_field_selector",
            run: "click",
        },
        { trigger: ".o_model_field_selector_popover_search input", run: "edit city" },
        { trigger: ".o_model_field_selector_popover_item[data-name=city] button", run: "click" },
        {
            content: "its value",
            trigger: ".o_field_widget[name=value] textarea, .o_field_widget[name=value] input",
            run: "edit Ghent",
        },
        { content: "in the menu", trigger: "button[name=create_action]", run: "click" },
        { trigger: "button[name=unlink_action]" },
    ],
});

registry.category("web_tour.tours").add("batch_server_action_run", {
    steps: () => [
        ...search("Tour group"),
        ...selectAll,
        ...menu("Tour: move to Ghent"),
        jobIsOpen,
        {
            content: "it ends under our eyes",
            trigger: ".o_arrow_button_current:contains(Completed)",
        },
        { trigger: ".o_batch_progress_large:contains(90 succeeded)" },
    ],
});

registry.category("web_tour.tours").add("batch_run_in_batch", {
    steps: () => [
        ...search("Tour group"),
        ...selectAll,
        ...menu("Run in batch"),
        {
            content: "a field",
            trigger: ".modal .o_batch_values > .o_select_menu .o_select_menu_toggler",
            run: "click",
        },
        { trigger: ".o_select_menu_item:contains(/^City$/)", run: "click" },
        {
            content: "its value",
            trigger: ".modal .o_batch_value[data-name=city] input",
            run: "edit Namur",
        },
        {
            content: "another field",
            trigger: ".modal .o_batch_values > .o_select_menu .o_select_menu_toggler",
            run: "click",
        },
        { trigger: ".o_select_menu_item:contains(/^Country$/)", run: "click" },
        {
            content: "a record",
            trigger: ".modal .o_batch_value[data-name=country_id] input",
            run: "edit Belgium",
        },
        { trigger: ".o-autocomplete--dropdown-item a:contains(Belgium)", run: "click" },
        {
            content: "a third field",
            trigger: ".modal .o_batch_values > .o_select_menu .o_select_menu_toggler",
            run: "click",
        },
        { trigger: ".o_select_menu_item:contains(/^Tags$/)", run: "click" },
        {
            content: "records to be added",
            trigger: ".modal .o_batch_value[data-name=category_id] input",
            run: "edit Tour tag",
        },
        { trigger: ".o-autocomplete--dropdown-item a:contains(/^Tour tag$/)", run: "click" },
        { trigger: ".modal .o_batch_value[data-name=category_id] .o_tag:contains(Tour tag)" },
        {
            content: "all are shown",
            trigger: ".modal .o_batch_value[data-name=city] input:value(Namur)",
        },
        { trigger: ".modal .o_batch_value[data-name=country_id] input:value(Belgium)" },
        { content: "what would happen", trigger: ".modal button[name=action_plan]", run: "click" },
        {
            trigger:
                ".modal .o_field_widget[name=plan]:contains(90 records):contains(Namur):contains(Belgium)",
        },
        { trigger: ".modal button[name=action_run]", run: "click" },
        jobIsOpen,
        { trigger: ".o_arrow_button_current:contains(Completed)" },
        { trigger: ".o_batch_progress_large:contains(90 succeeded)" },
    ],
});

registry.category("web_tour.tours").add("batch_new", {
    steps: () => [
        {
            content: "the overview says how to start",
            trigger: ".o_batch_overview .o_batch_start:contains(Run in batch)",
        },
        {
            content: "the list of jobs",
            trigger: ".o_menu_sections [data-menu-xmlid='batch_executor.batch_job_menu']",
            run: "click",
        },
        {
            content: "has a button",
            trigger: ".o_control_panel button:contains(/^New$/)",
            run: "click",
        },
        { trigger: ".modal .o_field_widget[name=model_name] .o_select_menu_toggler", run: "click" },
        { trigger: ".o_select_menu_item:contains(/^Contact$/)", run: "click" },
        { content: "the filter", trigger: ".modal .o_field_widget[name=domain]:contains(Match)" },
        {
            content: "what can be chosen is that of the model",
            trigger: ".modal .o_field_widget[name=batch_type] label:contains(Run a Server Action)",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=action_id] .o_select_menu_toggler",
            run: "click",
        },
        { trigger: ".o_select_menu_item:contains(Tour action)", run: "click" },
        { trigger: ".modal button[special=cancel]", run: "click" },
        { trigger: "body:not(:has(.modal))" },
    ],
});
