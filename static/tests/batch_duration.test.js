import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { allowTranslations, patchWithCleanup } from "@web/../tests/web_test_helpers";
import { formatDuration } from "@batch_executor/batch_duration";
import { recordsText, warningsText } from "@batch_executor/batch_progress";
import { localization } from "@web/core/l10n/localization";

describe.current.tags("headless");

beforeEach(() => {
    allowTranslations();
    patchWithCleanup(localization, { decimalPoint: ".", thousandsSep: ",", grouping: [3, 0] });
});

test("seconds below a minute have decimals, longer durations hours and minutes", () => {
    const cases = [
        [0, "0.00 s"],
        [0.154, "0.15 s"],
        [8.3, "8.30 s"],
        [12.34, "12.3 s"],
        [59.94, "59.9 s"],
        [59.96, "0:01:00"],
        [60, "0:01:00"],
        [1419.5, "0:23:40"],
        [3599.6, "1:00:00"],
        [90_061, "25:01:01"],
    ];
    for (const [seconds, text] of cases) {
        expect(`${formatDuration(seconds)}`).toBe(text);
    }
});

test("no duration is no text", () => {
    for (const nothing of [false, null, undefined]) {
        expect(formatDuration(nothing)).toBe("");
    }
});

test("one is not many", () => {
    expect(`${recordsText(1)}, ${warningsText(1)}`).toBe("1 record, 1 warning");
    expect(`${recordsText(0)}, ${warningsText(1200)}`).toBe("0 records, 1,200 warnings");
});
