"""The values of one row while they are being read: what was put, how sure it is, where it came from, what is odd.

What is put is decided by the readers: `contacts`, `firmographics` and `lead`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lead_pipeline.domain.confidence import ConfidencePolicy, judge_confidence
from lead_pipeline.domain.extraction import ExtractedRow
from lead_pipeline.domain.leads import Confidence
from lead_pipeline.domain.normalize.emails import EmailStatus, read_email_status
from lead_pipeline.domain.normalize.text import clean_value


@dataclass(slots=True, kw_only=True)
class Cells:
    """Raw cells in, canonical values out. Lives for one row."""

    row: ExtractedRow
    policy: ConfidencePolicy
    request_email_status: str | None = None
    values: dict[str, object] = field(default_factory=dict)
    confidences: dict[str, Confidence] = field(default_factory=dict)
    source_paths: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    personal_email: str | None = None  # a key only; never written to a record
    email_status: EmailStatus = field(init=False)  # what the row says, else what the search asked for

    def __post_init__(self) -> None:
        """Read the e-mail status first: every judgement of the address needs it."""
        self.email_status = read_email_status(self.text("email_status") or self.request_email_status)

    def text(self, name: str) -> str | None:
        """Return a raw cell as cleaned text; None when blank."""
        value = self.row.values.get(name)
        return value if isinstance(value, str) else clean_value(value)

    def put(
        self, name: str, value: object, *, came_from: str | None = None, confidence: Confidence | None = None
    ) -> None:
        """Keep a canonical value; None leaves it absent.

        Args:
            name: Canonical field.
            value: JSON value.
            came_from: Raw value that it was read from, when its name differs.
            confidence: How sure the reader is; else the rule of `confidence` decides.
        """
        if value is None:
            return
        self.values[name] = value
        path = self.row.source_paths.get(came_from or name)
        if path is not None:
            self.source_paths[name] = path
        judged = confidence or judge_confidence(
            name,
            self.policy,
            explicit=self.row.explicit_confidences.get(came_from or name),
            email_status=self.email_status,
        )
        if judged is not None:
            self.confidences[name] = judged

    def remark(self, flag: str) -> None:
        """Note something that a person may want to know."""
        self.flags.add(str(flag))
