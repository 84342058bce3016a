"""Sphinx: pages in Markdown, the Python reference from the docstrings."""

from importlib.metadata import version as version_of

project = "romnet"
author = "The romnet developers"
copyright = "the romnet developers"  # noqa: A001  (Sphinx reads this name)
version = release = version_of("romnet")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# Links to files beside docs/ (plug-ins, cases) are right in the repository; a built page has none.
suppress_warnings = ["myst.xref_missing"]

autosummary_generate = True
autodoc_typehints = "none"  # shapes stand in the docstrings
numpydoc_show_class_members = False  # autodoc lists them

html_theme = "furo"
html_title = "romnet"
