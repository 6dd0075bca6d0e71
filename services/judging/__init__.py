"""Judging an outcome: evidence of a failed upstream call in, a verdict out.

Pure and shared: the key pool acts on the verdict's effect, the edge and the files
service on its retry directive. One table, so that they never disagree.
"""

from services.judging.evidence import Evidence, Operation, Phase
from services.judging.judge import judge
from services.judging.project_number import project_number
from services.judging.verdict import Effect, Fault, Retry, Verdict

__all__ = [
    "Effect",
    "Evidence",
    "Fault",
    "Operation",
    "Phase",
    "Retry",
    "Verdict",
    "judge",
    "project_number",
]
