"""Records that are alike but for what they are about: Odoo creates two of them, and the others are copies of their rows."""

from odoo.tools import SQL

from .methods import all_known, is_known

#: Fewer than these are created as Odoo does: copying takes some statements more.
LEAST = 6
#: How many Odoo creates.
LEARNED = 2
X2MANY = ("one2many", "many2many")
#: Methods that create records. Where other code defines one of them, it may do to each record what a copy would miss.
CREATING = (
    "_create",
    "_prepare_create_values",
    "_add_missing_default_values",
    "_add_precomputed_values",
    "_compute_field_value",
    "_modified",
    "_modified_triggers",
    "_validate_fields",
    "default_get",
    "modified",
)  # fmt: skip


class NotAlike(Exception):
    """The records that Odoo has created differ in more than they may, or in something that can't be copied."""


def create_alike(model, vals_list, apart, create):
    """Create records with equal values, as `create` would; it creates the first ones, or all.

    :param model: the model, in a superuser environment
    :param list vals_list: values of the records, which `may_be_alike`
    :param tuple apart: names of the fields whose values may differ
    :param create: function that creates records from a list of values
    :returns: the records
    """
    hooks = _hooks(model.env.cr)
    learned = create(vals_list[:LEARNED])
    rest = vals_list[LEARNED:]
    try:
        if _hooks(model.env.cr) != hooks:
            raise NotAlike
        copies = Family(learned, apart).extend(rest)
    except NotAlike:
        copies = create(rest)
    return learned.browse(learned._ids + copies._ids)


def may_be_alike(model, vals_list, apart):
    """Whether records may be created by `create_alike`: their values are equal, and all code that creates them is known.

    :param model, vals_list, apart: as for `create_alike`
    """
    return (
        len(vals_list) >= LEAST
        and model.env.su
        and not ("id" in vals_list[0] and "_import_current_module" in model.env.context)  # that would be an external id
        and _are_equal(vals_list, apart)
        and _is_plain(model, vals_list[0])
        and all_known(model, *CREATING)
    )


def _is_plain(model, vals):
    """Whether a record of the model is no more than the values that it is created with.

    :param dict vals: values of one record
    """
    return not (
        model._constraint_methods
        or model._inherits
        or model._parent_store
        or model._check_company_auto
        or any(_does_more(field, field.name in vals) for field in model._fields.values())
    )


def _does_more(field, is_given):
    """Whether the value of a field is computed, depends on the record or chance, or is kept elsewhere than in its column or relation."""
    if field.store and (field.compute or field.company_dependent or field.translate or not (field.column_type or field.type in X2MANY)):
        return True
    has_value = is_given or field.default
    return bool(has_value and field.inverse) or not (is_given or not field.default or is_known(field.default))


def _hooks(cr):
    """How many hooks wait for the end of the transaction."""
    return [len(hooks._funcs) for hooks in (cr.precommit, cr.postcommit, cr.prerollback, cr.postrollback)]


def _are_equal(vals_list, apart):
    first = vals_list[0]
    for vals in vals_list:
        if vals.keys() != first.keys():
            return False
        if not all(name in apart or _is_same(value, first[name]) for name, value in vals.items()):
            return False
    return True


def _is_same(one, other):
    """Whether two values are equal and of the same types: to Python, True is 1, and markup is its text."""
    if one is other:
        return True
    if type(one) is not type(other) or one != other:
        return False
    return not isinstance(one, (list, tuple)) or all(map(_is_same, one, other))


class Family:
    """What Odoo has made of records that are alike: their rows, and their values in its cache.

    :param learned: the records
    :param tuple apart: names of the fields whose values may differ
    :raises NotAlike: they can't be copied
    """

    def __init__(self, learned, apart):
        self.learned = learned
        self.first = learned[0]
        self.env = learned.env
        self.inverses = self.env.registry.field_inverses
        self.apart = [learned._fields[name] for name in apart]
        self.cached = self._cached_values()
        self.references = self._references()
        self.columns = self._equal_columns()

    def _cached_values(self):
        """What the cache holds of each stored field of the first record."""
        cached = {}
        for field in self.learned._fields.values():
            if not field.store or field in self.apart or field.name == "id":
                continue
            values = field._get_cache(self.env)
            if field.type in X2MANY:
                self._check_links(field, [values.get(id_) for id_ in self.learned._ids])
            if self.first.id in values:
                cached[field] = values[self.first.id]
        if any(not pending.isdisjoint(self.learned._ids) for pending in self._pending()):
            raise NotAlike
        return cached

    def _check_links(self, field, values):
        """Check that all records are linked to the same other ones, and that these know nothing of it."""
        if None in values:  # the cache knows nothing
            values = [()] if self._has_none(field) else [(), (None,)]
        if len(set(map(frozenset, values))) > 1:
            raise NotAlike
        if values[0] and (field.type == "one2many" or self.inverses[field]):
            raise NotAlike

    def _has_none(self, field):
        """Whether the database knows that no record is linked to others."""
        if field.type == "many2many":
            table, column = SQL.identifier(field.relation), field.column1
        else:
            inverse = self.env[field.comodel_name]._fields[field.inverse_name]
            if inverse.type != "many2one" or not inverse.store:
                return False
            table, column = _table(self.env[field.comodel_name]), inverse.name
        query = SQL("SELECT 1 FROM %s WHERE %s IN %s LIMIT 1", table, SQL.identifier(column), self.learned._ids)
        return not self.env.execute_query(query)

    def _pending(self):
        """Ids of records with values that are not yet in the database, by field."""
        dirty = self.env.transaction.field_dirty
        return [dirty[field] for field in self.learned._fields.values() if field in dirty]

    def _references(self):
        """The one2many fields that the records appear in by a reference that may differ: `(reference, one2many)`."""
        found = []
        for field in self.apart:
            if field.type != "many2one_reference" or self.first[field.model_field] not in self.env:
                continue
            owners = self.env[self.first[field.model_field]].browse(self.learned.mapped(field.name))
            for inverse in self.inverses[field]:
                if inverse.model_name != owners._name:
                    continue
                domains = [inverse.get_comodel_domain(owner) for owner in owners]
                names = {condition.field_expr.partition(".")[0] for condition in domains[0].iter_conditions()}
                if any(domain != domains[0] for domain in domains) or not names.isdisjoint(self._own_names()):
                    raise NotAlike
                if self.first.filtered_domain(domains[0]):
                    found.append((field, inverse))
        return found

    def _own_names(self):
        return {"id", *(field.name for field in self.apart)}

    def _equal_columns(self):
        """Names of the columns that a copy takes over; the rows are equal in all of them.

        Columns that Odoo does not know are left to PostgreSQL, as Odoo leaves them.
        """
        query = SQL("SELECT * FROM %s WHERE id IN %s", _table(self.learned), self.learned._ids)
        rows = self.env.execute_query_dict(query)
        known = {field.name for field in self.learned._fields.values() if field.store and field.column_type} - self._own_names()
        if len(rows) != len(self.learned) or any(row[name] != rows[0][name] for row in rows for name in known):
            raise NotAlike
        return [name for name in rows[0] if name in known]

    def extend(self, vals_list):
        """Create copies of the records, each with its own values of the fields that may differ.

        :returns: the copies
        """
        own = [field for field in self.apart if field.name in vals_list[0]]
        copies = self.learned.browse(self._insert(own, vals_list))
        for field, value in self.cached.items():
            field._update_cache(copies, value)
            if field.type == "many2many" and value:
                self._insert_links(field, copies)
        for field in own:
            values = (field.convert_to_cache(vals[field.name], copies) for vals in vals_list)
            field._get_cache(self.env).update(zip(copies._ids, values, strict=True))
        self._add_to_inverses(copies)
        copies.modified(self.learned._fields, create=True)
        return copies

    def _insert(self, own, vals_list):
        """Insert the rows in the order of the values; returns their ids."""
        arrays = (
            SQL(
                "%s::%s[]",
                [field.convert_to_column_insert(vals[field.name], self.learned, vals) for vals in vals_list],
                SQL.identifier(field.column_type[0]),
            )
            for field in own
        )
        query = SQL(
            """
            INSERT INTO %(table)s (%(own)s, %(same)s)
            SELECT %(own_values)s, %(same_values)s
              FROM unnest(%(arrays)s) WITH ORDINALITY AS own(%(own)s, batch_place)
              JOIN %(table)s AS learned ON learned.id = %(id)s
             ORDER BY own.batch_place
            RETURNING id
            """,
            table=_table(self.learned),
            own=_listed(SQL.identifier(field.name) for field in own),
            own_values=_listed(SQL.identifier("own", field.name) for field in own),
            same=_listed(map(SQL.identifier, self.columns)),
            same_values=_listed(SQL.identifier("learned", name) for name in self.columns),
            arrays=_listed(arrays),
            id=self.first.id,
        )
        return [id_ for (id_,) in self.env.execute_query(query)]

    def _insert_links(self, field, copies):
        """Link the copies to the records that the first one is linked to."""
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO %(relation)s (%(own)s, %(other)s)
                SELECT copy.id, learned.%(other)s
                  FROM unnest(%(ids)s) AS copy(id)
                  JOIN %(relation)s AS learned ON learned.%(own)s = %(id)s
                """,
                relation=SQL.identifier(field.relation),
                own=SQL.identifier(field.column1),
                other=SQL.identifier(field.column2),
                ids=list(copies._ids),
                id=self.first.id,
            )
        )

    def _add_to_inverses(self, copies):
        """Add the copies to one2many fields in the cache, as Odoo adds new records."""
        for field, value in self.cached.items():
            if field.type == "many2one" and value and self.inverses[field]:
                field._update_inverses(copies, value)
        for field, inverse in self.references:
            owners = self.env[inverse.model_name]
            cache = inverse._get_cache(owners.env)
            for copy_id, owner_id in zip(copies._ids, map(field._get_cache(self.env).get, copies._ids), strict=True):
                if (known := cache.get(owner_id)) is not None:
                    inverse._update_cache(owners.browse(owner_id), (*known, copy_id))


def _table(model):
    """The table of a model of Odoo's, as SQL."""
    return SQL.identifier(model._table)


def _listed(parts):
    return SQL(", ").join(list(parts))
