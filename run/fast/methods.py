"""Who defines a method: what would be skipped is skipped only where all code of it is known."""

#: Where known code is: Odoo's ORM, the modules `base`, `bus` and `mail`, and this addon.
KNOWN = ("odoo.orm.", "odoo.addons.base.", "odoo.addons.bus.", "odoo.addons.mail.", "odoo.addons.batch_executor.")


def all_known(model, *names, below=None, also=()):
    """Whether only known code defines these methods of a model.

    This is asked anew each time: automation rules replace methods of a class while it is in use.

    :param model: a recordset
    :param below: a class; what overrides this class is not looked at, as it is not skipped
    :param also: further modules whose code is known
    """
    known = (*KNOWN, *also)
    classes = type(model).__mro__
    if below is not None:
        classes = classes[classes.index(below) :]
    for class_ in classes:
        for name in names:
            method = class_.__dict__.get(name)
            if method is not None and not _module(method).startswith(known):
                return False
    return True


def _module(method):
    """The module that a function was written in; a staticmethod, a classmethod and a decorated function know it too."""
    return f"{getattr(method, '__module__', None)}."
