import { registry } from "@web/core/registry";
import { isState, openJob } from "./steps";

const input = (name) =>
    `.o_field_widget[name=${name}] input, .o_field_widget[name=${name}] textarea`;
const saved = [
    { content: "save", trigger: ".o_form_button_save", run: "click" },
    { content: "it is saved", trigger: ".o_form_saved, .o_form_button_save:not(:visible)" },
];

registry.category("web_tour.tours").add("batch_webhook_new", {
    steps: () => [
        { content: "a new webhook", trigger: ".o_list_button_add", run: "click" },
        { trigger: input("name"), run: "edit tour-webhook" },
        { trigger: input("url"), run: "edit https://shop.example.com/batch" },
        ...saved,
    ],
});

registry.category("web_tour.tours").add("batch_limit_new", {
    steps: () => [
        { content: "a new limit", trigger: ".o_list_button_add", run: "click" },
        { content: "limits nothing yet", trigger: ".o_form_view .alert:contains(limits nothing)" },
        { trigger: input("name"), run: "edit tour-limit" },
        { trigger: input("max_in_flight"), run: "edit 2 && click body" },
        {
            content: "now it does",
            trigger: ".o_form_view:not(:has(.alert:contains(limits nothing)))",
        },
        ...saved,
    ],
});

registry.category("web_tour.tours").add("batch_scheduled_action_new", {
    steps: () => [
        { content: "a new scheduled action", trigger: ".o_list_button_add", run: "click" },
        { trigger: input("name"), run: "edit Tour: each day to Ghent" },
        { trigger: ".o_field_widget[name=model_id] input", run: "edit res.partner" },
        { trigger: ".o-autocomplete--dropdown-item a:contains(/^Contact$/)", run: "click" },
        {
            content: "of our type",
            trigger: ".o_field_widget[name=state] .o_selection_badge:contains(Run as Batch Job)",
            run: "click",
        },
        {
            content: "the filter is that of contacts",
            trigger: ".o_field_widget[name=batch_domain]:contains(Match)",
        },
        {
            content: "so are the fields",
            trigger: ".o_field_widget[name=update_path] .o_model_field_selector",
            run: "click",
        },
        { trigger: ".o_model_field_selector_popover_search input", run: "edit city" },
        { trigger: ".o_model_field_selector_popover_item[data-name=city] button", run: "click" },
        { trigger: input("value"), run: "edit Ghent" },
        ...saved,
    ],
});

const refused = (...texts) => [
    {
        content: "a dialog says what is wrong, and is none of an error",
        trigger: `.modal:not(.o_error_dialog):contains(Validation Error)${texts
            .map((text) => `:contains(${text})`)
            .join("")}`,
    },
    {
        content: "close it",
        trigger: ".modal:contains(Validation Error) .modal-footer button",
        run: "click",
    },
    { trigger: "body:not(:has(.modal:contains(Validation Error)))" },
];

registry.category("web_tour.tours").add("batch_refusals", {
    steps: () => [
        openJob("Refused"),
        isState("Paused"),
        { trigger: input("max_concurrency"), run: "edit -3" },
        { trigger: ".o_form_button_save", run: "click" },
        ...refused("must be a whole number"),
        { content: "discard", trigger: ".o_form_button_cancel", run: "click" },
        {
            content: "a new batch",
            trigger: ".o_menu_sections [data-menu-xmlid='batch_executor.batch_wizard_menu']",
            run: "click",
        },
        { trigger: ".modal .o_field_widget[name=model_name] .o_select_menu_toggler", run: "click" },
        { trigger: ".o_select_menu_item:contains(/^Contact$/)", run: "click" },
        {
            trigger: ".modal .o_field_widget[name=batch_type] label:contains(Delete)",
            run: "click",
        },
        { trigger: `.modal ${input("max_chunk_size").split(",")[0]}`, run: "edit -5" },
        {
            content: "what would happen",
            trigger: ".modal button[name=action_plan]",
            run: "click",
        },
        ...refused("Chunk Size"),
    ],
});
