import { registry } from "@web/core/registry";

/** The file that the test has put on the server, by the name that it has put into a cookie. */
async function fileOfTheTest() {
    const name = decodeURIComponent(document.cookie.match(/batch_import_file=([^;]*)/)[1]);
    const answer = await fetch(`/batch_import_tour/${name}`);
    return new File([await answer.blob()], name, { type: answer.headers.get("Content-Type") });
}

async function chooseFile(place = "") {
    const input = document.querySelector(`${place}input[type=file]`);
    const chosen = new DataTransfer();
    chosen.items.add(await fileOfTheTest());
    input.files = chosen.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
}

const choose = (field, label) => [
    {
        content: `open the choices of ${field}`,
        trigger: `.modal .o_field_widget[name=${field}] .o_select_menu_toggler`,
        run: "click",
    },
    { trigger: `.o_select_menu_item:contains(${label})`, run: "click" },
];

const openTheScreen = () => [
    { content: "open the menu of the list", trigger: ".o_cp_action_menus .fa-cog", run: "click" },
    { content: "import", trigger: ".o-dropdown--menu .o_import_menu", run: "click" },
    {
        content: "choose a file",
        trigger: ".o_import_file",
        run: () => chooseFile(),
    },
    {
        content: "its columns are known",
        trigger: ".o_import_data_content:contains(Country)",
        timeout: 60_000, // Odoo reads the whole file for it
    },
];

registry.category("web_tour.tours").add("batch_import_in_background", {
    steps: () => [
        ...openTheScreen(),
        {
            content: "remember what it changes",
            trigger: ".o_batch_import_options .o-checkbox:contains(Remember changes) input",
            run: "click",
        },
        { trigger: ".o_batch_import_options .o-checkbox:contains(Remember changes) input:checked" },
        { content: "import it in the background", trigger: "button.o_batch_import", run: "click" },
        {
            content: "its job opens",
            trigger: ".o_form_view button[name=action_cancel]",
            timeout: 60_000,
        },
    ],
});

registry.category("web_tour.tours").add("batch_import_is_for_batch_users", {
    steps: () => [
        ...openTheScreen(),
        {
            content: "Odoo's own buttons are there, ours are not",
            trigger:
                ".o_control_panel:has(button:contains(Import)):not(:has(.o_batch_import, .o_batch_import_options))",
        },
    ],
});

registry.category("web_tour.tours").add("batch_new_from_a_file", {
    steps: () => [
        {
            content: "the menu",
            trigger: ".o_menu_sections [data-menu-xmlid='batch_executor.batch_wizard_menu']",
            run: "click",
        },
        ...choose("source", "JSON lines"),
        ...choose("model_name", "/^Contact$/"),
        {
            content: "the file",
            trigger: ".modal .o_field_widget[name=file] .o_select_file_button",
            run: () => chooseFile(".modal "),
        },
        { trigger: ".modal button[name=action_plan]", run: "click" },
        {
            content: "its first lines are tried",
            trigger: ".modal .o_field_widget[name=plan]:contains(Line 3)",
        },
        { trigger: ".modal button[name=action_run]", run: "click" },
        { content: "its job opens", trigger: ".o_form_view .o_field_widget[name=state]" },
    ],
});

registry.category("web_tour.tours").add("batch_upsert_from_a_spreadsheet", {
    steps: () => [
        {
            content: "the menu",
            trigger: ".o_menu_sections [data-menu-xmlid='batch_executor.batch_wizard_menu']",
            run: "click",
        },
        ...choose("source", "/^A file/"),
        ...choose("model_name", "/^Contact$/"),
        {
            content: "the file",
            trigger: ".modal .o_field_widget[name=file] .o_select_file_button",
            run: () => chooseFile(".modal "),
        },
        {
            content: "by a key",
            trigger: ".modal .o_field_widget[name=file_type] input[data-value=upsert]",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=key_fields] input",
            run: "edit ref",
        },
        { trigger: ".modal button[name=action_plan]", run: "click" },
        {
            content: "its first rows are tried",
            trigger: ".modal .o_field_widget[name=plan]:contains(Row 3)",
        },
        { trigger: ".modal button[name=action_run]", run: "click" },
        { content: "its job opens", trigger: ".o_form_view .o_field_widget[name=state]" },
    ],
});
