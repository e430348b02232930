{
    "name": "Batch Executor",
    "summary": "Thousands of creates, updates, upserts, deletes, imports and calls in one request, run inside the server",
    "version": "19.0.1.0.0",
    "category": "Technical",
    "author": "Batch Executor contributors",
    "license": "LGPL-3",
    "depends": ["base", "web", "bus", "mail"],
    "data": [
        "security/batch_executor_groups.xml",
        "security/ir.model.access.csv",
        "security/batch_executor_security.xml",
        "views/batch_sizing_views.xml",
        "views/batch_failure_views.xml",
        "views/batch_warning_views.xml",
        "views/batch_chunk_views.xml",
        "views/batch_operation_views.xml",
        "views/batch_job_views.xml",
        "views/batch_settings_views.xml",
        "views/batch_executor_menus.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "batch_executor/static/src/**/*",
            ("remove", "batch_executor/static/src/batch_graph.js"),
        ],
        # where Odoo's graph view is: it is loaded when it is needed
        "web.assets_backend_lazy": ["batch_executor/static/src/batch_graph.js"],
        "web.assets_tests": ["batch_executor/static/tests/tours/**/*"],
    },
    "application": True,
    "post_init_hook": "post_init_hook",
    "uninstall_hook": "uninstall_hook",
}
