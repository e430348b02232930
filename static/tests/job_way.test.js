import { expect, test } from "@odoo/hoot";
import { wayOf } from "@batch_executor/job_way";

const way = (values) =>
    wayOf({ state: "pending", is_final: false, hasStarted: false, isCancelling: false, ...values });

test("a job that waits or runs is on its way to completed", () => {
    expect(way()).toEqual(["pending", "running", "completed"]);
    expect(way({ state: "running", hasStarted: true })).toEqual([
        "pending",
        "running",
        "completed",
    ]);
});

test("a draft comes before all", () => {
    expect(way({ state: "draft" })[0]).toBe("draft");
});

test("a pause stands where it was made", () => {
    expect(way({ state: "paused" })).toEqual(["pending", "paused", "running", "completed"]);
    expect(way({ state: "paused", hasStarted: true })).toEqual([
        "pending",
        "running",
        "paused",
        "completed",
    ]);
});

test("the end is the one it had, and no other", () => {
    expect(way({ state: "partial", is_final: true, hasStarted: true })).toEqual([
        "pending",
        "running",
        "partial",
    ]);
    expect(way({ state: "cancelled", is_final: true })).toEqual(["pending", "cancelled"]);
    expect(way({ state: "running", hasStarted: true, isCancelling: true }).at(-1)).toBe(
        "cancelled"
    );
});
