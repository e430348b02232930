"""Who defines a method: what would be skipped is skipped only where all code of it is known."""

#: Where known code is: Odoo's ORM, the modules `base`, `bus` and `mail`, and this addon.
KNOWN = ("odoo.orm.", "odoo.addons.base.", "odoo.addons.bus.", "odoo.addons.mail.", "odoo.addons.batch_executor.")


def all_known(model, *names, below=None, also=(), known=KNOWN):
    """Whether only known code defines these methods of a model.

    This is asked anew each time: automation rules replace methods of a class while it is in use.

    :param model: a recordset
    :param below: a class; what overrides this class is not looked at, as it is not skipped
    :param also: further modules whose code is known
    :param known: prefixes of the names of modules whose code is known
    """
    classes = type(model).__mro__
    if below is not None:
        classes = classes[classes.index(below) :]
    for class_ in classes:
        for name in names:
            method = class_.__dict__.get(name)
            if method is not None and not is_known(method, (*known, *also)):
                return False
    return True


def is_known(function, known=KNOWN):
    """Whether known code defines a function, and all that is wrapped around it.

    :param function: a function, or a staticmethod, a classmethod
    :param known: prefixes of the names of modules whose code is known
    """
    function = getattr(function, "__func__", function)
    while function is not None:
        # not `__module__`, which a wrapper takes over
        module = getattr(function, "__globals__", {}).get("__name__")
        if not f"{module}.".startswith(known):
            return False
        function = getattr(function, "__wrapped__", None)
    return True
