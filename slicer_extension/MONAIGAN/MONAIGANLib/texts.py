"""Translation of the texts, also where these files are used without the application."""

try:
    from slicer.i18n import tr as _
except ImportError:

    def _(text):
        return text


__all__ = ["_"]
