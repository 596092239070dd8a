"""The company's settings of campaigns: how many reviewers, and how long what they said holds."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from hotline.crm.section import Section


class Campaigns(Section):
    """What a campaign's approval takes, by channel and size."""

    section: ClassVar[str] = "campaigns"

    two_reviewers_sms: int = Field(
        20_000, ge=0, le=10_000_000, description="SMS to more people than this need two reviewers; 0: always."
    )
    two_reviewers_whatsapp: int = Field(
        20_000, ge=0, le=10_000_000, description="WhatsApp to more people than this needs two reviewers; 0: always."
    )
    two_reviewers_email: int = Field(
        20_000, ge=0, le=10_000_000, description="Email to more people than this needs two reviewers; 0: always."
    )
    two_reviewers_voice: int = Field(
        5_000, ge=0, le=10_000_000, description="Calls to more people than this need two reviewers; 0: always."
    )
    two_reviewers_inapp: int = Field(
        20_000, ge=0, le=10_000_000, description="In-app messages to more people need two reviewers; 0: always."
    )
    cap_messages: int = Field(
        0, ge=0, le=100, description="Marketing messages that a person gets at most, of all campaigns; 0: no limit."
    )
    cap_days: int = Field(7, ge=1, le=90, description="Days in which these are counted.")
    review_days: int = Field(7, ge=1, le=60, description="Days in which what was submitted must be reviewed.")
    approval_days: int = Field(14, ge=1, le=90, description="Days that an approval holds.")
    long_approval_days: int = Field(
        90, ge=1, le=400, description="Days that the approval of a recurring or triggered campaign holds."
    )

    @property
    def two_above(self) -> dict[str, int]:
        """The number by channel."""
        return {
            "sms": self.two_reviewers_sms,
            "whatsapp": self.two_reviewers_whatsapp,
            "email": self.two_reviewers_email,
            "voice": self.two_reviewers_voice,
            "inapp": self.two_reviewers_inapp,
        }

    def valid_days(self, kind: str) -> int:
        """How long an approval of a campaign of this kind holds."""
        return self.approval_days if kind == "once" else self.long_approval_days
