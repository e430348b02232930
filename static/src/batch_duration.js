import { Component, xml } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatFloat } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/**
 * A number of seconds for people: "0.15 s", "12.3 s", from a minute on "0:23:40".
 *
 * @param {number|false|null} seconds
 * @returns {string}
 */
export function formatDuration(seconds) {
    if (seconds === false || seconds === null || seconds === undefined) {
        return "";
    }
    // rounded before the choice, so that 59.96 is 0:01:00 and not 60.0 s
    if (Math.round(seconds * 10) < MINUTE * 10) {
        return _t("%s s", formatFloat(seconds, { digits: [16, seconds < 10 ? 2 : 1] }));
    }
    const whole = Math.round(seconds);
    const twoDigits = (number) => String(number).padStart(2, "0");
    const minutes = Math.floor((whole % HOUR) / MINUTE);
    return `${Math.floor(whole / HOUR)}:${twoDigits(minutes)}:${twoDigits(whole % MINUTE)}`;
}

/** A float of seconds, as `formatDuration` writes it. Sums in lists, and pivots, are written so too. */
export class BatchDurationField extends Component {
    static template = xml`<span t-esc="text"/>`;
    static props = { ...standardFieldProps };

    get text() {
        return formatDuration(this.props.record.data[this.props.name]);
    }
}

export const batchDurationField = {
    component: BatchDurationField,
    displayName: _t("Duration"),
    supportedTypes: ["float"],
    isEmpty: () => false,
};

registry.category("fields").add("batch_duration", batchDurationField);
registry.category("formatters").add("batch_duration", formatDuration);
