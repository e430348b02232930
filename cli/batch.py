"""`odoo-bin batch`: lanes in processes of their own, see `run/worker/` and docs/worker.md.

Odoo loads this file as `odoo.cli.batch`, without the addon and before it knows where that is: so it does no more than read the options.
"""

import optparse
import os
import sys

from odoo.cli import Command
from odoo.cli import server as cli_server
from odoo.modules.module import load_openerp_module
from odoo.service.server import load_server_wide_modules
from odoo.tools import config

#: Each is a process of its own, with its connections: more than this is a typing error.
MOST_LANES = 500


class Batch(Command):
    """Run batch jobs in processes that do nothing else"""

    def run(self, args):
        """Read the options, then run the lanes until SIGTERM or SIGINT. SIGHUP starts them anew, one after the other."""
        config.parser.prog = self.prog
        options = self._options()
        config.parser.add_option_group(options)
        given = config.parse_config(args, setup_logging=True)
        config["pidfile"] = given.pidfile or ""  # the one that the configuration names is the server's
        for option in options.option_list:  # Odoo has taken the defaults of its own options only
            config.options.setdefault(option.dest, option.my_default)
        if config["init"] or config["update"]:
            config.parser.error("modules are installed and upgraded by the server, not by this command")
        if not 1 <= config["batch_lanes"] <= MOST_LANES:
            config.parser.error(f"--lanes must be from 1 to {MOST_LANES}")
        if not 0 <= config["batch_nice"] <= 19:
            config.parser.error("--nice must be from 0 to 19")
        if config["batch_database_list"]:
            config["db_name"] = []
        elif not config["db_name"]:
            config.parser.error("say for which databases: -d DATABASE,... or --database-list")
        load_server_wide_modules()
        load_openerp_module("batch_executor")
        from odoo.addons.batch_executor.run import worker  # the addon can be imported from here on

        if config["batch_lane"]:
            sys.exit(worker.run_lane())
        cli_server.check_root_user()
        cli_server.check_postgres_user()
        cli_server.report_configuration()
        cli_server.setup_pid_file()
        sys.exit(worker.supervise())

    def _options(self):
        group = optparse.OptionGroup(config.parser, "Batch options")
        group.add_option(
            "--lanes", dest="batch_lanes", type="int", my_default=os.cpu_count() or 1,
            help="number of lanes, each a process of its own (default: as many as there are processors)",
        )  # fmt: skip
        group.add_option(
            "--database-list", dest="batch_database_list", action="store_true", my_default=False, file_loadable=False,
            help="work for all databases of this PostgreSQL user that have the addon, new ones included, instead of those of -d",
        )  # fmt: skip
        group.add_option(
            "--nice", dest="batch_nice", type="int", my_default=10,
            help="how much the lanes give way to other processes of this host, from 0 to 19 (default: 10, as Odoo's cron workers)",
        )  # fmt: skip
        # how the command starts its own processes
        group.add_option("--lane", dest="batch_lane", type="int", my_default=0, file_loadable=False, help=optparse.SUPPRESS_HELP)
        return group
