import { Component, onWillStart, onWillUnmount, onWillUpdateProps, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatInteger } from "@web/views/fields/formatters";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { BatchChart, COLORS, GRID_COLOR, TEXT_COLOR } from "./batch_chart";
import { formatDuration } from "./batch_duration";
import { recordsText } from "./batch_progress";
import { lanesOf } from "./timeline";

/** Least milliseconds between two reads. */
const EVERY = 4000;
const LANE_HEIGHT = 34;
const AXIS_HEIGHT = 90;

/** The chunks of a job over time, a row for each lane. It is read again when the counters of the job's form have changed. */
export class BatchTimeline extends Component {
    static template = "batch_executor.BatchTimeline";
    static components = { BatchChart };
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ lanes: [], isCut: false, count: 0, config: null });
        onWillStart(() => this.load(this.props.record));
        onWillUpdateProps(({ record }) => {
            if (this.signOf(record) !== this.sign) {
                this.loadSoon(record);
            }
        });
        onWillUnmount(() => clearTimeout(this.timer));
    }

    signOf({ resId, data }) {
        return [
            resId,
            data.state,
            data.processed_records,
            data.failed_records,
            data.cancelled_records,
        ].join();
    }

    /** Read what has changed, once `EVERY` is over; the form does not wait for it. */
    loadSoon(record) {
        this.record = record;
        this.timer ??= setTimeout(async () => {
            this.timer = undefined;
            try {
                await this.load(this.record);
            } catch {
                // ignored, as the user did not ask: a lost connection is reported at the next click
            }
        }, Math.max(this.loadedAt + EVERY - Date.now(), 0));
    }

    async load(record) {
        this.sign = this.signOf(record);
        this.loadedAt = Date.now();
        const { chunks, is_cut } = await this.orm.silent.call("batch.overview", "read_timeline", [
            record.resId,
        ]);
        const lanes = lanesOf(chunks);
        Object.assign(this.state, {
            lanes,
            isCut: is_cut,
            count: chunks.length,
            config: this.configOf(lanes),
        });
    }

    nameOf({ host, lane }) {
        const hosts = new Set(this.state.lanes.map((other) => other.host));
        const name = lane ? _t("Lane %s", lane) : host;
        return hosts.size > 1 && lane ? _t("%(lane)s on %(host)s", { lane: name, host }) : name;
    }

    busyOf({ busy }) {
        return formatDuration(busy);
    }

    countOf(number) {
        return formatInteger(number);
    }

    get height() {
        return this.state.lanes.length * LANE_HEIGHT + AXIS_HEIGHT;
    }

    get label() {
        return _t(
            "%(chunks)s chunks over time, in %(lanes)s lanes; the table below has their sums",
            {
                chunks: this.state.count,
                lanes: this.state.lanes.length,
            }
        );
    }

    get cutText() {
        return _t("The last %s chunks; there may be more.", formatInteger(this.state.count));
    }

    configOf(lanes) {
        this.state.lanes = lanes; // names depend on the hosts of all
        const labels = lanes.map((lane) => this.nameOf(lane));
        const fates = {
            succeeded: _t("Succeeded"),
            retried: _t("After Retries"),
            partial: _t("Some Failed"),
            failed: _t("All Failed"),
            running: _t("Running"),
        };
        const datasets = Object.entries(fates).map(([fate, label]) => ({
            label,
            backgroundColor: COLORS[fate],
            grouped: false,
            minBarLength: 2,
            maxBarThickness: LANE_HEIGHT - 12,
            data: lanes.flatMap((lane, row) =>
                lane.chunks
                    .filter((chunk) => chunk.fate === fate)
                    .map((chunk) => ({ x: [chunk.from, chunk.to], y: labels[row], chunk }))
            ),
        }));
        return {
            type: "bar",
            data: { labels, datasets: datasets.filter(({ data }) => data.length) },
            options: {
                indexAxis: "y",
                animation: false,
                maintainAspectRatio: false,
                onClick: (_event, [element], chart) => {
                    if (element) {
                        this.open(
                            chart.data.datasets[element.datasetIndex].data[element.index].chunk
                        );
                    }
                },
                scales: {
                    x: {
                        type: "linear",
                        min: 0,
                        grid: { color: GRID_COLOR },
                        ticks: {
                            color: TEXT_COLOR,
                            maxRotation: 0,
                            callback: (seconds) => formatDuration(seconds),
                        },
                    },
                    y: {
                        type: "category",
                        labels,
                        grid: { display: false },
                        ticks: { color: TEXT_COLOR },
                    },
                },
                plugins: {
                    legend: { labels: { color: TEXT_COLOR } },
                    tooltip: {
                        callbacks: {
                            title: ([item]) => item.label,
                            label: ({ raw }) => this.linesOf(raw.chunk),
                        },
                    },
                },
            },
        };
    }

    linesOf(chunk) {
        return [
            _t("Chunk %(id)s: %(records)s in %(duration)s", {
                id: chunk.id,
                records: recordsText(chunk.record_count),
                duration: formatDuration(chunk.to - chunk.from),
            }),
            chunk.failed_records && _t("%s failed", formatInteger(chunk.failed_records)),
            chunk.attempt > 1 && _t("attempt %s", chunk.attempt),
        ].filter(Boolean);
    }

    open(chunk) {
        this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "batch.chunk",
            res_id: chunk.id,
            views: [[false, "form"]],
        });
    }
}

registry.category("view_widgets").add("batch_timeline", { component: BatchTimeline });
