{
    "name": "Batch Executor: Benchmark",
    "version": "19.0.1.0.0",
    "author": "batch_executor contributors",
    "license": "LGPL-3",
    "summary": "What the benchmark needs inside Odoo; no part of the product",
    "depends": ["queue_job", "batch_executor"],
    "data": ["security/ir.model.access.csv"],
}
