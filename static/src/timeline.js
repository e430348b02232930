/** What became of a chunk: the dataset of the chart it belongs to. */
export function fateOf(chunk) {
    if (chunk.state === "running") {
        return "running";
    }
    if (chunk.failed_records) {
        return chunk.processed_records ? "partial" : "failed";
    }
    return chunk.attempt > 1 ? "retried" : "succeeded";
}

/**
 * What each lane did, from the chunks of a timeline.
 *
 * @param {Object[]} chunks of `batch.overview.read_timeline`, the first claimed first
 * @returns {Object[]} lanes in the order of their hosts and numbers, with sums, and their chunks with `from` and `to`: seconds since the
 *     first chunk of all was claimed
 */
export function lanesOf(chunks) {
    const start = Math.max(0, ...chunks.map((chunk) => chunk.started_s));
    const lanes = new Map();
    for (const chunk of chunks) {
        const key = `${chunk.host} ${chunk.lane}`;
        if (!lanes.has(key)) {
            lanes.set(key, {
                key,
                host: chunk.host,
                lane: chunk.lane,
                chunks: [],
                records: 0,
                failed: 0,
                retried: 0,
                busy: 0,
            });
        }
        const lane = lanes.get(key);
        const from = start - chunk.started_s;
        const to = Math.max(start - (chunk.ended_s === false ? 0 : chunk.ended_s), from);
        lane.chunks.push({ ...chunk, from, to, fate: fateOf(chunk) });
        lane.records += chunk.processed_records + chunk.failed_records;
        lane.failed += chunk.failed_records;
        lane.retried += chunk.attempt > 1;
        lane.busy += to - from;
    }
    return [...lanes.values()].sort((a, b) => a.host.localeCompare(b.host) || a.lane - b.lane);
}
