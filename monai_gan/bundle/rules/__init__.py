"""The rules that a bundle is verified against: a rule returns what it found, or raises with what to correct."""

from __future__ import annotations
