"""`OperationsCase`: runs one operation over HTTP, and reads what it has done."""

from .api_case import ApiCase


def upsert(*data, key=("ref",), model="res.partner", **keys):
    return {"operation_type": "upsert", "model": model, "data": list(data), "key": list(key), **keys}


def call(method, *ids, model="res.partner", **keys):
    keys = {**keys, "record_ids": list(ids)} if ids else keys
    return {"operation_type": "call", "model": model, "method": method, **keys}


def delete(*ids, model="res.partner", **keys):
    return {"operation_type": "delete", "model": model, "data": list(ids), **keys}


class OperationsCase(ApiCase):
    def partners(self, *names, **values):
        with self.committed() as env:
            return env["res.partner"].create([{"name": name, **values} for name in names]).ids

    def read(self, ids, *names, model="res.partner", **context):  # pylint: disable=unknown-option-value,method-required-super
        with self.committed(active_test=False, **context) as env:
            rows = env[model].browse(ids).exists().read(list(names), load=None)
        return [tuple(row[name] for name in names) for row in rows]

    def run_one(self, operation, **options):
        [entry] = self.run_job([operation], **options)["results"]
        return entry


def update_by_domain(domain, **keys):
    return {"operation_type": "update", "model": "res.partner", "data": {"city": "Found"}, "domain": domain, **keys}
