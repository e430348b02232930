import { Component, onMounted, onWillStart, onWillUnmount, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatFloat, formatInteger } from "@web/views/fields/formatters";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { BatchChart, COLORS, GRID_COLOR, TEXT_COLOR } from "./batch_chart";
import { formatDuration } from "./batch_duration";
import { recordsText } from "./batch_progress";
import { BatchStandstill } from "./batch_standstill";
import { PROGRESS } from "./live_jobs";

/** Milliseconds between two reads: after a message about progress, while jobs are unfinished, and otherwise. */
const AFTER_MESSAGE = 1000;
const WHILE_BUSY = 2000;
const WHILE_IDLE = 10000;
/** Seconds after which a claim that no worker holds is taken for lost, as `store/rescue.py` does. */
const CLAIM_GRACE_S = 2;
/** And between two reads of the causes of failure, as part of the others. */
const CAUSES_EVERY = 15000;

/** Lanes, queue, throughput, jobs and causes of failure on one page, live. */
export class BatchOverview extends Component {
    static template = "batch_executor.BatchOverview";
    static components = { BatchChart, BatchStandstill, Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.bus = useService("bus_service");
        this.state = useState({ data: null, causes: null, config: null });
        this.display = { controlPanel: {} };
        let timer;
        let isStale = false;
        let readAt = 0;
        let isReading = false;
        const read = async () => {
            isReading = true;
            isStale = false;
            readAt = Date.now();
            try {
                await this.read();
            } catch {
                // ignored, as the user did not ask: a lost connection is reported at the next click
            } finally {
                isReading = false;
            }
        };
        const tick = () => {
            const waited = Date.now() - readAt;
            const every = isStale ? AFTER_MESSAGE : this.isBusy ? WHILE_BUSY : WHILE_IDLE;
            if (!isReading && !document.hidden && waited >= every) {
                read();
            }
        };
        const onProgress = () => {
            isStale = true;
        };
        onWillStart(async () => {
            await this.read();
            readAt = Date.now();
        });
        onMounted(() => {
            this.bus.subscribe(PROGRESS, onProgress);
            timer = setInterval(tick, 500);
        });
        onWillUnmount(() => {
            clearInterval(timer);
            this.bus.unsubscribe(PROGRESS, onProgress);
        });
    }

    async read() {
        const withCauses = !this.causesAt || Date.now() - this.causesAt >= CAUSES_EVERY;
        const data = await this.orm.silent.call("batch.overview", "read_overview", [withCauses]);
        if (withCauses) {
            this.causesAt = Date.now();
            this.state.causes = data.causes;
        }
        const sign = JSON.stringify(data.throughput);
        if (sign !== this.sign) {
            this.sign = sign;
            this.state.config = this.configOf(data.throughput);
        }
        this.state.data = data;
    }

    get data() {
        return this.state.data;
    }

    get isBusy() {
        const { running, pending } = this.data.counts;
        return Boolean(running || pending);
    }

    // -- numbers -----------------------------------------------------------------------------------

    get tiles() {
        const { counts } = this.data;
        return [
            { name: "running", label: _t("Running"), number: counts.running, filter: "running" },
            { name: "pending", label: _t("Waiting"), number: counts.pending, filter: "pending" },
            {
                name: "scheduled",
                label: _t("Scheduled"),
                number: counts.scheduled,
                filter: "scheduled",
            },
            { name: "paused", label: _t("Paused"), number: counts.paused, filter: "paused" },
            { name: "draft", label: _t("Drafts"), number: counts.draft, filter: "draft" },
        ].map((tile) => ({ ...tile, text: formatInteger(tile.number) }));
    }

    get queueText() {
        const { records_left, oldest_s } = this.data.counts;
        const left = _t("%s left", recordsText(records_left));
        return oldest_s === false
            ? left
            : _t("%(left)s · the oldest job waits for %(time)s", {
                  left,
                  time: this.duration(oldest_s),
              });
    }

    duration(seconds) {
        return formatDuration(seconds);
    }

    integer(number) {
        return formatInteger(number);
    }

    // -- throughput --------------------------------------------------------------------------------

    get throughputText() {
        const { total, minutes, is_cut } = this.data.throughput;
        const text = _t("%(records)s in the last %(minutes)s minutes", {
            records: recordsText(total),
            minutes: minutes.length,
        });
        return is_cut ? _t("%s, of the jobs looked at", text) : text;
    }

    configOf({ minutes }) {
        return {
            type: "bar",
            data: {
                labels: minutes.map((_count, place) => place - minutes.length + 1),
                datasets: [
                    {
                        data: minutes,
                        backgroundColor: COLORS.running,
                        barPercentage: 1,
                        categoryPercentage: 0.9,
                    },
                ],
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                scales: {
                    x: {
                        grid: { display: false },
                        ticks: {
                            color: TEXT_COLOR,
                            maxTicksLimit: 7,
                            maxRotation: 0,
                            callback: (place) => _t("%s min", place - minutes.length + 1),
                        },
                    },
                    y: {
                        beginAtZero: true,
                        grid: { color: GRID_COLOR },
                        ticks: { color: TEXT_COLOR, precision: 0 },
                    },
                },
                plugins: {
                    legend: { display: false },
                    tooltip: {
                        callbacks: {
                            title: ([item]) => _t("%s min", item.label),
                            label: ({ raw }) => recordsText(raw),
                        },
                    },
                },
            },
        };
    }

    // -- lanes -------------------------------------------------------------------------------------

    get lanesHint() {
        const active = this.data.lanes.filter((lane) => lane.active && lane.number).length;
        const { cron_workers } = this.data;
        return cron_workers && active > cron_workers
            ? _t(
                  "%(lanes)s lanes, but this server has %(workers)s cron workers (max_cron_threads): the other lanes wait, unless other servers run them.",
                  {
                      lanes: active,
                      workers: cron_workers,
                  }
              )
            : "";
    }

    laneName({ number, id }) {
        return number ? _t("Lane %s", number) : _t("Another process (%s)", id);
    }

    /** A claim is committed a moment before its work begins: until then nobody holds the chunk. */
    isGone({ chunk }) {
        return Boolean(chunk) && !chunk.is_alive && chunk.running_s > CLAIM_GRACE_S;
    }

    laneText(lane) {
        if (lane.chunk) {
            return this.isGone(lane)
                ? _t("its worker is gone")
                : _t("for %s", this.duration(lane.chunk.running_s));
        }
        if (!lane.active) {
            return _t("archived");
        }
        return lane.unseen_s === null || lane.unseen_s === false
            ? _t("never seen")
            : _t("seen %s ago", this.duration(Math.max(lane.unseen_s, 0)));
    }

    chunkText({ model, records, attempt }) {
        const text = _t("%(records)s of %(model)s", {
            records: recordsText(records),
            model,
        });
        return attempt > 1 ? _t("%(text)s, attempt %(attempt)s", { text, attempt }) : text;
    }

    // -- jobs --------------------------------------------------------------------------------------

    jobStyle(count, { total }) {
        return `width: ${(100 * count) / (total || 1)}%`;
    }

    stateOf({ state, starts_s }) {
        const labels = {
            pending: starts_s ? _t("Scheduled") : _t("Waiting"),
            running: _t("Running"),
            paused: _t("Paused"),
        };
        return labels[state];
    }

    badgeOf({ state }) {
        return state === "paused" ? "text-bg-warning" : "text-bg-info";
    }

    jobText(job) {
        if (job.starts_s) {
            return _t("starts in %s", this.duration(job.starts_s));
        }
        if (job.limit) {
            return _t("waits: the limit %s is used up", job.limit);
        }
        return [
            job.records_per_second &&
                _t("%s records/s", formatFloat(job.records_per_second, { digits: [16, 1] })),
            job.left_s && _t("about %s left", this.duration(job.left_s)),
        ]
            .filter(Boolean)
            .join(" · ");
    }

    // -- failures ----------------------------------------------------------------------------------

    causeCount({ number, has_more }) {
        return has_more ? _t("%s+", formatInteger(number)) : formatInteger(number);
    }

    causeText({ error_type, jobs }) {
        return jobs > 1 ? _t("%(type)s, in %(jobs)s jobs", { type: error_type, jobs }) : error_type;
    }

    // -- ways out ----------------------------------------------------------------------------------

    openNew() {
        this.action.doAction("batch_executor.batch_wizard_action");
    }

    openJobs(filter) {
        this.action.doAction("batch_executor.batch_job_action", {
            additionalContext: { [`search_default_${filter}`]: 1 },
        });
    }

    openCause({ cause, domain }) {
        this.action.doAction({
            type: "ir.actions.act_window",
            name: cause,
            res_model: "batch.failure",
            views: [
                [false, "list"],
                [false, "form"],
            ],
            domain,
        });
    }

    openRecord(model, id) {
        this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id: id,
            views: [[false, "form"]],
        });
    }
}

registry.category("actions").add("batch_executor.overview", BatchOverview);
