import { registry } from "@web/core/registry";

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
