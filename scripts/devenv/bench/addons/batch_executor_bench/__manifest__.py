{
    "name": "Batch Executor: Benchmark",
    "license": "LGPL-3",
    "summary": "What the benchmark needs inside Odoo; no part of the product",
    "depends": ["queue_job", "batch_executor"],
}
