import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { ListController } from "@web/views/list/list_controller";
import { listView } from "@web/views/list/list_view";

/** Buttons that act on all that matches when the user has selected that: by the domain, as there may be too many for ids. */
const BY_DOMAIN = {
    action_retry: "retry_matching",
    action_dismiss: "dismiss_matching",
    action_restore: "restore_matching",
};

export class BatchFailureListController extends ListController {
    setup() {
        super.setup();
        this.orm = useService("orm");
    }

    async beforeExecuteActionButton(clickParams) {
        const { root } = this.model;
        const method = BY_DOMAIN[clickParams.name];
        if (!root.isDomainSelected || !method) {
            return super.beforeExecuteActionButton(clickParams);
        }
        await this.orm.call("batch.failure", method, [root.domain]);
        await root.load();
        return false;
    }
}

registry
    .category("views")
    .add("batch_failure_list", { ...listView, Controller: BatchFailureListController });
