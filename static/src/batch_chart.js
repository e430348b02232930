import { Component, onWillStart, onWillUnmount, useEffect, useRef } from "@odoo/owl";
import { loadBundle } from "@web/core/assets";
import { cookie } from "@web/core/browser/cookie";
import { getCustomColor } from "@web/core/colors/colors";

const colorScheme = cookie.get("color_scheme");
export const TEXT_COLOR = getCustomColor(colorScheme, "#374151", "#e4e4e4");
export const GRID_COLOR = getCustomColor(colorScheme, "rgba(0,0,0,.1)", "rgba(255,255,255,.15)");
/** Bootstrap's colours, as lists and progress bars have them. */
export const COLORS = {
    running: "#0d6efd",
    succeeded: "#28a745",
    retried: "#6f42c1",
    partial: "#ffac00",
    failed: "#dc3545",
};

/** A chart of Chart.js, which is changed in place when its configuration changes. */
export class BatchChart extends Component {
    static template = "batch_executor.BatchChart";
    static props = {
        config: { type: Object }, // of Chart.js; a new object where something has changed
        height: { type: Number }, // in pixels
        label: { type: String }, // what the chart says, for those who don't see it
    };

    setup() {
        this.canvas = useRef("canvas");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            (config) => {
                if (this.chart) {
                    Object.assign(this.chart, { data: config.data, options: config.options });
                    this.chart.update("none");
                } else {
                    this.chart = new Chart(this.canvas.el, config);
                }
            },
            () => [this.props.config]
        );
        onWillUnmount(() => this.chart?.destroy());
    }

    get style() {
        return `position: relative; height: ${this.props.height}px`;
    }
}
