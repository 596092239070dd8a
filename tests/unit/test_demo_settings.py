"""The demo works away from the company: not on its records, and by none of its accounts."""

from __future__ import annotations

from hotline.cli.demo import demo_settings
from hotline.settings import EMBEDDED, load_settings


def test_nothing_of_the_companys_is_used() -> None:
    own = load_settings(
        {
            "HOTLINE_DATABASE_URL": "postgresql://u:p@db.example/hotline",
            "HOTLINE_DATA_DIR": "/srv/hotline",
            "HOTLINE_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
            "HOTLINE_TWILIO_AUTH_TOKEN": "a-token",
            "HOTLINE_TWILIO_SIP_URL": "sip:hotline@pbx.example.com",
            "HOTLINE_SMTP_URL": "smtp://mail.example.com",
        },
        env_file=None,
    )
    found = demo_settings(own, asterisk=False)
    assert found.database_url.get_secret_value() == EMBEDDED
    assert found.data_dir.name == "hotline-demo"
    assert (found.twilio_account_sid, found.twilio_auth_token, found.twilio_sip_url) == ("", (), "")
    assert found.smtp_url.get_secret_value() == ""
