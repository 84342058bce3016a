"""The publications behind the stages of a study, as text and as BibTeX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from romnet.study.read import LocatedStudy
from romnet.study.stages import stages_of


@dataclass(frozen=True)
class Publication:
    """A paper that a method comes from.

    Attributes
    ----------
    key
        As stages and docstrings name it.
    authors
        In their order, as ``F. Casenave``.
    title, journal, short
        Of the paper, of the journal, and how the journal is abbreviated.
    volume, year
        As numbers in words.
    pages
        First and last, or the number of the article; empty if not known.
    doi, arxiv
        Identifiers; empty if not known.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    journal: str
    short: str
    volume: str
    year: int
    pages: str = ""
    doi: str = ""
    arxiv: str = ""

    @property
    def text(self) -> str:
        """The reference in one line; the identifier comes last."""
        pages = f" {self.pages.replace('--', '-')}" if self.pages else ""
        found = f", doi {self.doi}" if self.doi else f", arXiv {self.arxiv}" if self.arxiv else ""
        names = ", ".join(self.authors)
        return f"{names}, {self.title}, {self.short} {self.volume} ({self.year}){pages}{found}"

    @property
    def bibtex(self) -> str:
        """The reference as an entry of BibTeX.

        Examples
        --------
        >>> print(PUBLICATIONS["Yaghoobi2015"].bibtex)
        @article{Yaghoobi2015,
          author = {M. Yaghoobi and D. Wu and M. E. Davies},
          title = {{Fast non-negative orthogonal matching pursuit}},
          journal = {IEEE Signal Processing Letters},
          volume = {22},
          year = {2015},
        }
        """
        fields = {
            "author": " and ".join(self.authors),
            "title": f"{{{self.title}}}",
            "journal": self.journal,
            "volume": self.volume,
            "pages": self.pages,
            "year": str(self.year),
            "doi": self.doi,
            "eprint": self.arxiv,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@article{{{self.key},", *lines, "}"])


_CASENAVE, _AKKARI, _RYCKELYNCK = "F. Casenave", "N. Akkari", "D. Ryckelynck"

PUBLICATIONS = {
    one.key: one
    for one in (
        Publication(
            "Casenave2020",
            (_CASENAVE, _AKKARI, "F. Bordeu", "C. Rey", _RYCKELYNCK),
            "A nonintrusive distributed reduced-order modeling framework for nonlinear structural "
            "mechanics",
            "International Journal for Numerical Methods in Engineering",
            "Int. J. Numer. Methods Eng.",
            "121",
            2020,
            "32--53",
            doi="10.1002/nme.6187",
        ),
        Publication(
            "Casenave2019",
            (_CASENAVE, _AKKARI),
            "An error indicator-based adaptive reduced order model for nonlinear structural "
            "mechanics",
            "Mathematical and Computational Applications",
            "Math. Comput. Appl.",
            "24",
            2019,
            "41",
            doi="10.3390/mca24020041",
        ),
        Publication(
            "Daniel2020",
            ("T. Daniel", _CASENAVE, _AKKARI, _RYCKELYNCK),
            "Model order reduction assisted by deep neural networks (ROM-net)",
            "Advanced Modeling and Simulation in Engineering Sciences",
            "Adv. Model. Simul. Eng. Sci.",
            "7",
            2020,
            "16",
            doi="10.1186/s40323-020-00153-6",
        ),
        Publication(
            "Daniel2022",
            ("T. Daniel", _CASENAVE, _AKKARI, "A. Ketata", _RYCKELYNCK),
            "Physics-informed cluster analysis and a priori efficiency criterion for the "
            "construction of local reduced-order bases",
            "Journal of Computational Physics",
            "J. Comput. Phys.",
            "458",
            2022,
            arxiv="2103.13683",
        ),
        Publication(
            "Daniel2022b",
            ("T. Daniel", _CASENAVE, _AKKARI, _RYCKELYNCK, "C. Rey"),
            "Uncertainty quantification for industrial numerical simulation using dictionaries of "
            "reduced order models",
            r"Mechanics \& Industry",
            "Mech. Ind.",
            "23",
            2022,
            "3",
        ),
        Publication(
            "Hernandez2017",
            ("J. A. Hernández", "M. A. Caicedo", "A. Ferrer"),
            "Dimensional hyper-reduction of nonlinear finite element models via empirical cubature",
            "Computer Methods in Applied Mechanics and Engineering",
            "Comput. Methods Appl. Mech. Eng.",
            "313",
            2017,
            "687--722",
        ),
        Publication(
            "Yaghoobi2015",
            ("M. Yaghoobi", "D. Wu", "M. E. Davies"),
            "Fast non-negative orthogonal matching pursuit",
            "IEEE Signal Processing Letters",
            "IEEE Signal Process. Lett.",
            "22",
            2015,
        ),
    )
}


def cited(keys: Iterable[str]) -> tuple[Publication, ...]:
    """Return the publications of some keys, in the order of the list.

    Raises
    ------
    KeyError
        If there is no such key.

    Examples
    --------
    >>> [one.year for one in cited({"Hernandez2017", "Casenave2020"})]
    [2020, 2017]
    """
    wanted = set(keys)
    unknown = wanted - set(PUBLICATIONS)
    if unknown:
        raise KeyError(min(unknown))
    return tuple(one for key, one in PUBLICATIONS.items() if key in wanted)


def citations_of(located: LocatedStudy) -> tuple[Publication, ...]:
    """Return the publications behind the stages of a study.

    Parameters
    ----------
    located
        The study; nothing needs to have been computed.

    Notes
    -----
    Collective: no.
    """
    return cited(key for stage in stages_of(located).values() for key in stage.citations)


def software_bibtex(version: str) -> str:
    """Return the entry of romnet itself.

    Examples
    --------
    >>> print(software_bibtex("0.1.0"))
    @software{romnet,
      author = {{The romnet developers}},
      title = {{romnet: nonintrusive reduced-order models of nonlinear structures}},
      version = {0.1.0},
    }
    """
    return "\n".join(
        (
            "@software{romnet,",
            "  author = {{The romnet developers}},",
            "  title = {{romnet: nonintrusive reduced-order models of nonlinear structures}},",
            f"  version = {{{version}}},",
            "}",
        )
    )
