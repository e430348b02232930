import { registry } from "@web/core/registry";
import { GraphRenderer } from "@web/views/graph/graph_renderer";
import { graphView } from "@web/views/graph/graph_view";

/** The same meaning of colours as in lists and progress bars: Bootstrap's success, warning, danger, ... */
export const STATE_COLORS = {
    draft: "#ced4da",
    pending: "#9ec5fe",
    running: "#0d6efd",
    paused: "#ffda6a",
    completed: "#28a745",
    partial: "#ffac00",
    failed: "#dc3545",
    cancelled: "#868e96",
};

/** A graph that gives states of jobs their colours, instead of those of their places. */
export class BatchJobGraphRenderer extends GraphRenderer {
    get stateColors() {
        const labels = new Map(
            this.model.metaData.fields.state.selection.map(([value, label]) => [
                label,
                STATE_COLORS[value],
            ])
        );
        // a label is the chain of its groups
        return (label) =>
            String(label)
                .split(" / ")
                .map((part) => labels.get(part))
                .find(Boolean);
    }

    getBarChartData() {
        const data = super.getBarChartData();
        const colorOf = this.stateColors;
        for (const dataset of data.datasets) {
            if (dataset.type === "line") {
                continue; // the sum over a stack
            }
            const bars = data.labels.map(colorOf);
            const color = colorOf(dataset.label) || (bars.every(Boolean) && bars);
            if (color) {
                dataset.backgroundColor = color;
            }
        }
        return data;
    }

    getLineChartData() {
        const data = super.getLineChartData();
        const colorOf = this.stateColors;
        for (const dataset of data.datasets) {
            const color = colorOf(dataset.label);
            if (color) {
                Object.assign(dataset, {
                    borderColor: color,
                    pointBackgroundColor: color,
                    hoverBackgroundColor: color,
                });
            }
        }
        return data;
    }

    getPieChartData() {
        const data = super.getPieChartData();
        const colors = data.labels.map(this.stateColors);
        if (colors.some(Boolean)) {
            for (const dataset of data.datasets) {
                dataset.backgroundColor = colors.map(
                    (color, index) => color || dataset.backgroundColor[index]
                );
                dataset.hoverBackgroundColor = dataset.backgroundColor;
            }
        }
        return data;
    }
}

registry
    .category("views")
    .add("batch_job_graph", { ...graphView, Renderer: BatchJobGraphRenderer });
