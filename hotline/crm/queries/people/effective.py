"""What somebody may do at this moment: the permissions of their role and of the grants that still run, and their teams.

Every statement that makes a viewer selects these columns, so that a change holds at the very next request.
"""

from __future__ import annotations

from typing import Final

#: The columns ``permissions, teams`` of a user ``u`` with their role ``r``; ``{now}`` is the present.
EFFECTIVE: Final = """
ARRAY(SELECT unnest(r.permissions)
      UNION SELECT unnest(g.permissions || COALESCE(gr.permissions, '{{}}'))
      FROM role_grant g LEFT JOIN role gr ON gr.name = g.role
      WHERE g.user_id = u.id AND g.revoked_at IS NULL AND g.expires_at > {now}) AS permissions,
ARRAY(SELECT tm.team_id FROM team_member tm WHERE tm.user_id = u.id) AS teams
"""

#: Whether a role of a user ``u`` (their own ``r``, or one granted for a time) asks for a second factor.
TOTP_REQUIRED: Final = """
r.require_totp OR EXISTS (
    SELECT 1 FROM role_grant tg JOIN role tr ON tr.name = tg.role
    WHERE tg.user_id = u.id AND tg.revoked_at IS NULL AND tg.expires_at > {now} AND tr.require_totp)
"""
