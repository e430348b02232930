import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("batch_told", {
    steps: () => [
        {
            content: "a job waits: the systray says so",
            trigger: ".o_batch_running .badge:contains(1)",
        },
        { content: "see which", trigger: ".o_batch_running", run: "click" },
        {
            trigger:
                ".o_batch_running_job:contains(Tour waits):contains(waits for its turn) .progress[aria-valuenow='0']",
        },
        { content: "open it", trigger: ".o_batch_running_job:contains(Tour waits)", run: "click" },
        { trigger: ".o_form_view .oe_title input:value(Tour waits)" },
        { content: "cancel it", trigger: ".o_form_view button[name=action_cancel]", run: "click" },
        { trigger: ".modal .btn-primary", run: "click" },
        { content: "nothing runs any more", trigger: ".o_main_navbar:not(:has(.o_batch_running))" },
        {
            content: "go to the jobs",
            trigger: ".o_menu_sections [data-menu-xmlid='batch_executor.batch_job_menu']",
            run: "click",
        },
        {
            content: "open the paused one",
            trigger: ".o_data_row:contains(Tour paused) td[name=name]",
            run: "click",
        },
        {
            content: "let it go on",
            trigger: ".o_form_view button[name=action_resume]",
            run: "click",
        },
        {
            content: "its end is told",
            trigger:
                ".o_notification:contains(Tour paused):contains(finished: 1 succeeded, 1 failed, 1 cause)",
            timeout: 30000,
        },
        {
            content: "and in the chatter",
            trigger: ".o-mail-Message:contains(1 succeeded, 1 failed)",
        },
        { content: "go elsewhere", trigger: ".o_breadcrumb a:contains(Batch Jobs)", run: "click" },
        { trigger: ".o_list_view" },
        {
            content: "the notification leads to it",
            trigger: ".o_notification button:contains(Open)",
            run: "click",
        },
        { trigger: ".o_form_view .oe_title input:value(Tour paused)" },
    ],
});

registry.category("web_tour.tours").add("batch_told_preference", {
    steps: () => [
        { trigger: ".o_field_widget[name=batch_notify]" },
        {
            content: "only failures",
            trigger: ".o_field_widget[name=batch_notify] label:contains(Failures only)",
            run: "click",
        },
        { trigger: ".o_form_button_save", run: "click" },
        { trigger: ".o_form_saved, .o_form_status_indicator_buttons.invisible" },
    ],
});
