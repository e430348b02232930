import { registry } from "@web/core/registry";

/** The file that the test has put on the server, by the name that it has put into a cookie. */
async function fileOfTheTest() {
    const name = decodeURIComponent(document.cookie.match(/batch_import_file=([^;]*)/)[1]);
    const answer = await fetch(`/batch_import_tour/${name}`);
    return new File([await answer.blob()], name, { type: answer.headers.get("Content-Type") });
}

const openTheScreen = () => [
    { content: "open the menu of the list", trigger: ".o_cp_action_menus .fa-cog", run: "click" },
    { content: "import", trigger: ".o-dropdown--menu .o_import_menu", run: "click" },
    {
        content: "choose a file",
        trigger: ".o_import_file",
        async run() {
            const input = document.querySelector("input[type=file]");
            const chosen = new DataTransfer();
            chosen.items.add(await fileOfTheTest());
            input.files = chosen.files;
            input.dispatchEvent(new Event("change", { bubbles: true }));
        },
    },
    { content: "its columns are known", trigger: ".o_import_data_content:contains(Country)" },
];

registry.category("web_tour.tours").add("batch_import_in_background", {
    steps: () => [
        ...openTheScreen(),
        { content: "import it in the background", trigger: "button.o_batch_import", run: "click" },
        { content: "its job opens", trigger: ".o_form_view button[name=action_cancel]" },
    ],
});

registry.category("web_tour.tours").add("batch_import_is_for_batch_users", {
    steps: () => [
        ...openTheScreen(),
        {
            content: "Odoo's own buttons are there, ours are not",
            trigger: ".o_control_panel:has(button:contains(Import)):not(:has(.o_batch_import))",
        },
    ],
});
