/** Steps that several tours take. */

export const openJob = (name) => ({
    content: `open the job ${name}`,
    trigger: `.o_list_view .o_data_row td[name=name]:contains(${name})`,
    run: "click",
});
export const isState = (label) => ({
    content: `the job is ${label}`,
    trigger: `.o_form_view .o_arrow_button_current:contains(${label})`,
    timeout: 60_000, // lanes may have to run it first
});
export const backTo = (name) => ({
    content: "go back",
    trigger: `.o_breadcrumb a:contains(${name})`,
    run: "click",
});
