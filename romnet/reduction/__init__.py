"""Offline numerics: bases, reduced quadratures, gappy operators, the reduced model."""
