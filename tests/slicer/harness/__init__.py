"""A desktop for Slicer modules without Slicer's desktop: PySide6 in place of PythonQt, stand-ins for a few widgets.

What is real: the scene and all nodes, logics and storage (slicer-core), and Slicer's own Python layer, taken at test
time from a checkout that SLICER_SOURCE_DIR names. What is not: how widgets look and behave in detail, the views, the IO
and module managers. Nothing of Slicer's text is kept here.
"""
