import { registry } from "@web/core/registry";
import { backTo, isState, openJob } from "./steps";

const tours = registry.category("web_tour.tours");
const isWay = (...labels) => ({
    content: `the way is ${labels}`,
    trigger: ".o_form_view .o_statusbar_status",
    run() {
        const shown = [
            ...this.anchor.querySelectorAll(".o_arrow_button:not(.dropdown-toggle):not(.d-none)"),
        ];
        const found = shown.map((button) => button.textContent.trim()).reverse();
        if (found.join() !== labels.join()) {
            throw new Error(`the way shown is ${found}, not ${labels}`);
        }
    },
});

tours.add("batch_job_form_way", {
    steps: () => [
        openJob("View failed"),
        isState("Failed"),
        isWay("Pending", "Running", "Failed"),
        { trigger: "button[name=action_retry]:contains(Retry Failed)" },
        {
            content: "keep it",
            trigger: "button[name=action_keep]:contains(/^Keep$/)",
            run: "click",
        },
        { content: "it is kept", trigger: ".oe_title .badge:contains(Kept)" },
        { trigger: "button[name=action_keep]:contains(Keep No Longer)" },
        backTo("Batch Jobs"),
        openJob("View mixed"),
        isState("Partial"),
        isWay("Pending", "Running", "Partial"),
        {
            content: "what it does",
            trigger: ".oe_title .o_field_widget[name=contents_text]:contains(Create 3 × Contact)",
        },
        {
            content: "its name keeps its direction to itself",
            trigger: ".o_field_widget[name=name]",
            run() {
                if (getComputedStyle(this.anchor).unicodeBidi !== "isolate") {
                    throw new Error("the name is not isolated");
                }
            },
        },
        {
            content: "records of which model?",
            trigger: "button[name=action_view_records]",
            run: "click",
        },
        {
            trigger: ".modal .o_batch_choose_records button:contains(Contact):contains(3 sent)",
            run: "click",
        },
        { content: "the two that were made", trigger: ".o_list_view, .o_kanban_view" },
        { trigger: ".o_pager_limit:contains(2)" },
        backTo("View mixed"),
        { content: "when each chunk ran", trigger: ".o_notebook a[name=timeline]", run: "click" },
        { trigger: ".o_batch_timeline canvas" },
        { trigger: ".o_batch_timeline tbody tr td:contains(5)" },
        backTo("Batch Jobs"),
        openJob("View paused"),
        isState("Paused"),
        isWay("Pending", "Paused", "Running", "Completed"),
        {
            content: "change its pace",
            trigger: ".o_field_widget[name=priority] input",
            run: "edit 7",
        },
        { trigger: ".o_field_widget[name=max_concurrency] input", run: "edit 3" },
        { trigger: ".o_form_button_save", run: "click" },
        { trigger: ".o_form_saved, .o_form_button_save:not(:visible)" },
        backTo("Batch Jobs"),
        openJob("View cancelled"),
        isState("Cancelled"),
        isWay("Pending", "Cancelled"),
        { content: "a long error is folded", trigger: ".o_batch_text .o_batch_folded" },
        { trigger: ".o_batch_text button:contains(Show all)", run: "click" },
        { trigger: ".o_batch_text:not(:has(.o_batch_folded)):contains(line 29)" },
        {
            content: "run what was not run",
            trigger: "button[name=action_retry]:contains(Run the Rest)",
            run: "click",
        },
        isState("Completed"),
        backTo("Batch Jobs"),
        openJob("View stopped"),
        {
            content: "it says that it also runs what was not run",
            trigger: "button[name=action_retry]:contains(Retry Failed and Run the Rest)",
        },
        backTo("Batch Jobs"),
        openJob("View later"),
        isState("Pending"),
        isWay("Pending", "Running", "Completed"),
        { content: "do not wait", trigger: "button[name=action_run_now]", run: "click" },
        isState("Completed"),
    ],
});

tours.add("batch_job_list_search", {
    steps: () => [
        { trigger: ".o_data_row:contains(View later) td[name=main_model_id]:contains(Contact)" },
        {
            content: "select it",
            trigger: ".o_data_row:contains(View later) .o_list_record_selector input",
            run: "click",
        },
        {
            content: "cancel it",
            trigger: ".o_control_panel button[name=action_cancel]:contains(Cancel Jobs)",
            run: "click",
        },
        {
            content: "the dialog says what its buttons do",
            trigger: ".modal .modal-title:contains(Cancel the jobs?)",
        },
        { trigger: ".modal .btn-primary:contains(Cancel the Jobs)" },
        {
            content: "change one's mind",
            trigger: ".modal .btn-secondary:contains(Keep Them)",
            run: "click",
        },
        { trigger: ".o_data_row:contains(View later) td[name=state]:contains(Pending)" },
        { trigger: ".o_list_record_selector input:checked", run: "click" },
        { content: "search for it", trigger: ".o_searchview_input", run: "edit contact" },
        {
            trigger: ".o_searchview_autocomplete .o-dropdown-item:contains(Search Model for)",
            run: "click",
        },
        { trigger: ".o_searchview_facet:contains(Model)" },
        { trigger: ".o_data_row:contains(View later)" },
        { content: "filters", trigger: ".o_searchview_dropdown_toggler", run: "click" },
        { trigger: ".o_filter_menu .o_menu_item:contains(Scheduled)", run: "click" },
        { trigger: ".o_list_view:not(:has(.o_data_row:contains(View failed)))" },
        { trigger: ".o_data_row:contains(View later)" },
        { trigger: ".o_group_by_menu .o_menu_item:contains(Model)", run: "click" },
        {
            content: "groups have the names of models",
            trigger: ".o_group_header:contains(Contact (1))",
        },
        { content: "as a calendar", trigger: ".o_switch_view.o_calendar", run: "click" },
        { trigger: ".o_calendar_renderer .fc-event:contains(View later)" },
        { content: "as a graph", trigger: ".o_switch_view.o_graph", run: "click" },
        { trigger: ".o_graph_renderer canvas" },
        { content: "as a pivot table", trigger: ".o_switch_view.o_pivot", run: "click" },
        { trigger: ".o_pivot table" },
        { content: "as cards", trigger: ".o_switch_view.o_kanban", run: "click" },
        { trigger: ".o_kanban_record:contains(View later):contains(Pending)" },
    ],
});

tours.add("batch_overview", {
    steps: () => [
        {
            content: "how many jobs there are of each kind",
            trigger: ".o_batch_tile[data-name=scheduled]:contains(1)",
        },
        { trigger: ".o_batch_tile[data-name=paused]:contains(1)" },
        {
            content: "what has run",
            trigger: ".o_batch_throughput:contains(records in the last 60 minutes)",
        },
        { trigger: ".o_batch_overview canvas" },
        { content: "the lanes", trigger: ".o_batch_lane:contains(Lane 1)" },
        {
            content: "a job",
            trigger: ".o_batch_overview_job a:contains(View paused)",
            run: "click",
        },
        isState("Paused"),
        { content: "it goes on", trigger: "button[name=action_resume]", run: "click" },
        isState("Completed"),
        backTo("Batch Overview"),
        { trigger: ".o_batch_tile[data-name=paused]:contains(0)" },
        { content: "to the list", trigger: ".o_batch_tile[data-name=scheduled]", run: "click" },
        { trigger: ".o_searchview_facet:contains(Scheduled)" },
        { trigger: ".o_data_row:contains(View later)" },
    ],
});

const BANNER = ".o_batch_standstill[data-reason=archived]:contains(all lanes are archived)";
tours.add("batch_standstill", {
    steps: () => [
        { content: "the overview says it", trigger: `.o_batch_overview ${BANNER}` },
        { trigger: ".o_batch_tile[data-name=pending]", run: "click" },
        { content: "so does the list", trigger: `.o_list_view ${BANNER}` },
        openJob("View waiting"),
        { content: "and the form", trigger: `.o_form_view ${BANNER}` },
    ],
});

tours.add("batch_job_phone", {
    steps: () => [
        {
            content: "cards of all jobs, not one column",
            trigger: ".o_kanban_view .o_kanban_ungrouped .o_kanban_record:contains(View mixed)",
        },
        {
            content: "a new one can be made",
            trigger: ".o_control_panel button:contains(/^New$/)",
            run: "click",
        },
        { trigger: ".modal:contains(New Batch)" },
        { trigger: ".modal .btn-close, .modal .oi-arrow-left", run: "click" },
        { trigger: ".o_kanban_record:contains(View mixed):contains(Partial):contains(1 failed)" },
        { trigger: ".o_kanban_record:contains(View later):contains(starts)" },
        { content: "open one", trigger: ".o_kanban_record:contains(View failed)", run: "click" },
        { trigger: ".o_form_view .o_batch_progress_large:contains(1 failed)" },
        {
            content: "nothing is wider than the screen",
            trigger: ".o_form_view",
            run() {
                if (document.documentElement.scrollWidth > window.innerWidth + 1) {
                    throw new Error(
                        `the page is ${document.documentElement.scrollWidth} wide, the screen ${window.innerWidth}`
                    );
                }
            },
        },
    ],
});
