"""Signatures over programs: an in-toto statement in a DSSE envelope, the bundle of OpenSSF model-signing."""

from tallystick.signing._bundle import Signed, sign_program, verify_program
from tallystick.signing._statement import statement_of

__all__ = ["Signed", "sign_program", "statement_of", "verify_program"]
