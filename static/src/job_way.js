/**
 * The states of a job on its way: those it went through, its present one, and the next ones if all goes well.
 *
 * @param {Object} job
 * @param {string} job.state
 * @param {boolean} job.is_final
 * @param {boolean} job.hasStarted
 * @param {boolean} job.isCancelling whether it is cancelled as soon as its chunks in flight have ended
 * @returns {string[]}
 */
export function wayOf({ state, is_final, hasStarted, isCancelling }) {
    if (is_final) {
        return hasStarted ? ["pending", "running", state] : ["pending", state];
    }
    const way = state === "draft" ? ["draft", "pending"] : ["pending"];
    if (state === "paused" && !hasStarted) {
        way.push("paused");
    }
    way.push("running");
    if (state === "paused" && hasStarted) {
        way.push("paused");
    }
    return [...way, isCancelling ? "cancelled" : "completed"];
}
