/* global ace */
import { registry } from "@web/core/registry";
import { backTo, isState, openJob } from "./steps";

registry.category("web_tour.tours").add("batch_job_mend_and_retry", {
    steps: () => [
        {
            content: "the list shows what failed",
            trigger: ".o_data_row:contains(Tour import) td[name=failed_records]:contains(1)",
        },
        openJob("Tour import"),
        isState("Partial"),
        { trigger: ".o_batch_progress_large:contains(2 succeeded):contains(1 failed)" },
        { content: "look at the failures", trigger: ".o_notebook a[name=failures]", run: "click" },
        {
            content: "they are summed up",
            trigger: ".o_batch_causes:contains(Contacts require a name)",
        },
        {
            content: "open the failed record",
            trigger: ".o_field_widget[name=shown_failure_ids] .o_data_row td[name=message]",
            run: "click",
        },
        { content: "as JSON", trigger: ".o_form_view .o_notebook a[name=values]", run: "click" },
        {
            content: "mend its values",
            trigger: ".o_form_view .o_field_widget[name=pretty_values] .ace_editor",
            run() {
                ace.edit(this.anchor).setValue('{"name": "Mended by hand", "ref": "tour"}');
            },
        },
        {
            content: "run it again",
            trigger: "button[name=action_retry]:contains(Retry)",
            run: "click",
        },
        {
            content: "it is history now",
            trigger: ".o_form_view .oe_title .badge:contains(Retried)",
        },
        backTo("Tour import"),
        { content: "the job ends under our eyes", ...isState("Completed") },
        { trigger: ".o_batch_progress_large:contains(3 succeeded)" },
    ],
});

registry.category("web_tour.tours").add("batch_job_cancel_and_resume", {
    steps: () => [
        openJob("Tour later"),
        isState("Pending"),
        { content: "cancel it", trigger: "button[name=action_cancel]", run: "click" },
        {
            content: "and mean it",
            trigger: ".modal .btn-primary:contains(Cancel the Job)",
            run: "click",
        },
        isState("Cancelled"),
        { trigger: ".o_batch_progress_large:contains(2 not run)" },
        backTo("Batch Jobs"),
        openJob("Tour paused"),
        isState("Paused"),
        {
            content: "edit its name: the button saves it",
            trigger: ".oe_title input",
            run: "edit Tour renamed",
        },
        { content: "go on", trigger: "button[name=action_resume]", run: "click" },
        isState("Completed"),
        { trigger: ".oe_title input:value(Tour renamed)" },
    ],
});

registry.category("web_tour.tours").add("batch_job_cancel_many", {
    steps: () => [
        { trigger: ".o_data_row:contains(Tour later) td[name=state]:contains(Pending)" },
        { content: "select all", trigger: "thead .o_list_record_selector input", run: "click" },
        {
            content: "cancel them",
            trigger: ".o_control_panel button[name=action_cancel]",
            run: "click",
        },
        { trigger: ".modal .btn-primary", run: "click" },
        {
            content: "what could not be is said",
            trigger: ".o_notification:contains(Done for 2 of 3 jobs)",
        },
        { trigger: ".o_data_row:contains(Tour later) td[name=state]:contains(Cancelled)" },
        { trigger: ".o_data_row:contains(Tour paused) td[name=state]:contains(Cancelled)" },
    ],
});
