import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { formatFloat } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { formatDuration } from "./batch_duration";

/** Size of the drawing, in units of its own. */
const WIDTH = 600;
const HEIGHT = 40;
/** Fewer points make no line. */
const LEAST_POINTS = 3;

/**
 * The rates between the points of a history.
 *
 * @param {[number, number][]} points after how many seconds how many records had run
 * @returns {{from: number, to: number, rate: number}[]} in seconds, and records per second
 */
export function ratesOf(points) {
    const rates = [];
    let [from, before] = [0, 0];
    for (const [to, records] of points) {
        if (to > from) {
            rates.push({ from, to, rate: Math.max(records - before, 0) / (to - from) });
        }
        [from, before] = [to, records];
    }
    return rates;
}

/** A line of a job's pace: records per second over the time it was worked on. */
export class BatchPaceField extends Component {
    static template = "batch_executor.BatchPaceField";
    static props = { ...standardFieldProps };

    get rates() {
        const rates = ratesOf(JSON.parse(this.props.record.data[this.props.name] || "[]"));
        return rates.length >= LEAST_POINTS ? rates : [];
    }

    get viewBox() {
        return `0 0 ${WIDTH} ${HEIGHT}`;
    }

    get line() {
        const { rates } = this;
        const end = rates.at(-1).to;
        const most = Math.max(...rates.map(({ rate }) => rate)) || 1;
        const place = (seconds, rate) =>
            `${((seconds / end) * WIDTH).toFixed(1)},${(
                HEIGHT -
                1 -
                (rate / most) * (HEIGHT - 2)
            ).toFixed(1)}`;
        return rates.map(({ from, to, rate }) => place((from + to) / 2, rate)).join(" ");
    }

    get area() {
        const first = this.line.split(",")[0];
        const last = this.line.split(" ").at(-1).split(",")[0];
        return `${first},${HEIGHT} ${this.line} ${last},${HEIGHT}`;
    }

    get text() {
        const { rates } = this;
        const shown = (rate) => formatFloat(rate, { digits: [16, rate < 10 ? 1 : 0] });
        return _t("Records per second: %(last)s of late, %(most)s at most, over %(duration)s", {
            last: shown(rates.at(-1).rate),
            most: shown(Math.max(...rates.map(({ rate }) => rate))),
            duration: formatDuration(rates.at(-1).to),
        });
    }
}

registry.category("fields").add("batch_pace", {
    component: BatchPaceField,
    displayName: _t("Batch Pace"),
    supportedTypes: ["text"],
    isEmpty: () => false,
});
