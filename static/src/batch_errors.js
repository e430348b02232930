import { odooExceptionTitleMap, WarningDialog } from "@web/core/errors/error_dialogs";
import { registry } from "@web/core/registry";

const MODULE = "odoo.addons.batch_executor.exceptions";

/** Our exceptions for people, by Odoo's which they are told as. Odoo finds a dialog by the name of a class, and asks for no base of it. */
const TOLD_AS = {
    "odoo.exceptions.ValidationError": ["BatchValidationError", "ParameterError"],
    "odoo.exceptions.UserError": ["BatchExecutionError", "ChangedSinceError", "NotUndoable"],
};

for (const [base, names] of Object.entries(TOLD_AS)) {
    for (const name of names) {
        registry.category("error_dialogs").add(`${MODULE}.${name}`, WarningDialog);
        odooExceptionTitleMap.set(`${MODULE}.${name}`, odooExceptionTitleMap.get(base));
    }
}
