"""PySide6 under the name `qt`, with the manners of PythonQt that modules rely on."""

from __future__ import annotations

import sys
import types
from typing import Any

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

#: Properties that are also plain calls which everyone uses as calls.
_CALLS = {"singleShot"}
_CONVERT = {
    "bool": bool,
    "int": int,
    "double": float,
    "float": float,
    "QString": str,
    "QStringList": lambda value: [str(one) for one in value],
}


def install() -> types.ModuleType:
    """Make the module `qt` and teach every QObject the manners; cannot be undone.

    Returns:
        The module.
    """
    module = types.ModuleType("qt")
    for source in (QtCore, QtGui, QtWidgets):
        for name in dir(source):
            if not name.startswith("_"):
                setattr(module, name, getattr(source, name))
    module.QUiLoader = QtUiTools.QUiLoader  # type: ignore[attr-defined]
    sys.modules["qt"] = module
    get = QtCore.QObject.__getattribute__
    put = QtCore.QObject.__setattr__

    def getattribute(self: Any, name: str) -> Any:
        if name == "connect":
            return lambda *words: _connect(self, get, *words)
        if name == "disconnect":
            return lambda *words: _disconnect(self, get, *words)
        if name == "name":
            return get(self, "objectName")()
        if not name.startswith("_") and name not in _CALLS and _is_property(self, get, name):
            value = get(self, name) if _in_python(self, name) else get(self, "property")(name)
            return tuple(value) if isinstance(value, list) else value
        return get(self, name)

    def setattribute(self: Any, name: str, value: Any) -> None:
        if name == "name":
            get(self, "setObjectName")(value)
        elif not name.startswith("_") and _is_property(self, get, name):
            converted = _CONVERT.get(_property(self, get, name).typeName(), lambda one: one)(value)
            if _in_python(self, name):
                put(self, name, converted)
            else:
                get(self, "setProperty")(name, converted)
        else:
            put(self, name, value)

    QtCore.QObject.__getattribute__ = getattribute  # type: ignore[method-assign,assignment]
    QtCore.QObject.__setattr__ = setattribute  # type: ignore[method-assign,assignment]
    return module


def _property(self: Any, get: Any, name: str) -> Any:
    meta = get(self, "metaObject")()
    return meta.property(meta.indexOfProperty(name))


def _in_python(self: Any, name: str) -> bool:
    """Whether a property is one of a Python class, which reads and writes like any attribute."""
    return any(isinstance(vars(one).get(name), QtCore.Property) for one in type(self).__mro__)


def _is_property(self: Any, get: Any, name: str) -> bool:
    try:
        meta = get(self, "metaObject")()
    except (AttributeError, RuntimeError):  # before its constructor has run
        return False
    return meta.indexOfProperty(name) >= 0


def _signal(self: Any, get: Any, signature: str) -> Any:
    name, _, arguments = signature.partition("(")
    signal = get(self, name)
    kinds = {"bool": bool, "int": int, "double": float, "QString": str}
    wanted = arguments.rstrip(")")
    return signal[kinds[wanted]] if wanted in kinds and "," not in wanted and hasattr(signal, "__getitem__") else signal


def _connect(self: Any, get: Any, signature: str, *words: Any) -> Any:
    if not isinstance(signature, str) or signature.startswith("2"):  # PySide's own
        return get(self, "connect")(signature, *words)
    receiver = words[-1]
    if len(words) == 2:  # object and slot by name
        receiver = getattr(words[0], words[1].partition("(")[0])
    return _signal(self, get, signature).connect(receiver)


def _disconnect(self: Any, get: Any, *words: Any) -> Any:
    if words and isinstance(words[0], str) and not words[0].startswith("2"):
        return _signal(self, get, words[0]).disconnect(*words[1:])
    return get(self, "disconnect")(*words)
