"""What the settings of Twilio's calls, of messages and of email are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hotline.web.desktop.company.settings_label import Label
from hotline.web.desktop.words import N_

LABELS: Final[Mapping[str, Label]] = {
    "messages.auto_answer": Label(N_("Tell who writes that it arrived, with the ticket's number")),
    "messages.auto_answer_hours": Label(N_("Nobody is told so twice within"), "", N_("hours")),
    "messages.auto_answer_text": Label(
        N_("What they are told"),
        N_("{ticket}, {hours} and {company} are filled in. Empty: hotline's own words."),
    ),
    "messages.stop_words": Label(
        N_("Further words that stop messages"),
        N_("By comma, beside those known everywhere: STOP, UNSUBSCRIBE, 退订. Only a message that is the word alone."),
    ),
    "messages.stop_text": Label(N_("What STOP is answered"), N_("Once. Empty: hotline's own words.")),
    "messages.start_text": Label(N_("What START is answered"), N_("Empty: hotline's own words.")),
    "messages.help_text": Label(
        N_("What HELP is answered"),
        N_("Who you are, how to reach you, what it costs, how to stop. Empty: hotline's own words."),
    ),
    "messages.brand": Label(N_("How messages name the company"), N_("Empty: the company's name.")),
    "messages.files_per_message": Label(N_("Of a message are taken in at most"), "", N_("files")),
    "messages.largest_mb": Label(N_("Largest file of a message"), "", N_("MB")),
    "messages.close_after_days": Label(
        N_("An answered conversation is closed after"), N_("Counted from its last message."), N_("days")
    ),
    "mail.address": Label(N_("Address"), N_("Customers write to it and get answers from it. Empty: no mail is sent.")),
    "mail.name": Label(N_("Name beside it"), N_("Empty: the company's name.")),
    "mail.tagged_addresses": Label(
        N_("Answers come back to the address with a tag"),
        N_(
            "support+tag@…: a reply finds its conversation by it, and a mail that did not arrive its message. Your "
            "mail server must deliver it as it delivers the address."
        ),
    ),
    "mail.signature": Label(N_("Signature"), N_("It stands below each answer. Empty: nothing.")),
    "mail.quote": Label(N_("An answer quotes the message that it answers")),
    "mail.largest_mb": Label(N_("Largest mail that is taken in"), "", N_("MB")),
    "mail.messages_per_hour": Label(
        N_("One address may write"),
        N_("What it writes beyond that opens no ticket and gets no automatic answer: two machines may be talking."),
        N_("mails in an hour"),
    ),
    "mail.soft_bounces": Label(
        N_("An address gets no more mail after"), N_("In a row, that did not arrive for now."), N_("failed mails")
    ),
    "campaigns.two_reviewers_sms": Label(N_("Two reviewers for SMS to more than"), N_("0: always two."), N_("people")),
    "campaigns.two_reviewers_whatsapp": Label(N_("For WhatsApp to more than"), "", N_("people")),
    "campaigns.two_reviewers_email": Label(N_("For email to more than"), "", N_("people")),
    "campaigns.two_reviewers_voice": Label(N_("For calls to more than"), "", N_("people")),
    "campaigns.two_reviewers_inapp": Label(N_("For in-app messages to more than"), "", N_("people")),
    "campaigns.cap_messages": Label(
        N_("One person gets at most"),
        N_("Of all campaigns and channels together; a campaign may say less. 0: no limit."),
        N_("marketing messages"),
    ),
    "campaigns.cap_days": Label(N_("Counted within"), "", N_("days")),
    "campaigns.review_days": Label(
        N_("What was submitted is reviewed within"), N_("After that it must be submitted again."), N_("days")
    ),
    "campaigns.approval_days": Label(
        N_("An approval holds for"), N_("A push that is not through by then stops."), N_("days")
    ),
    "campaigns.long_approval_days": Label(
        N_("That of recurring and triggered pushes holds for"), N_("Then it must be reviewed anew."), N_("days")
    ),
    "prices.sms": Label(
        N_("Each part of an SMS"),
        N_("A line for each beginning of numbers: +86 0.045. A price alone is for all other numbers."),
    ),
    "prices.whatsapp": Label(N_("Each WhatsApp message"), N_("Written in the same way.")),
    "prices.voice": Label(N_("Each call"), N_("Written in the same way.")),
    "twilio_ivr.prompts": Label(
        N_("Prompts that are played"),
        N_("Everything else is read by Twilio's voices."),
        choices={
            "recorded": N_("those that you recorded"),
            "all": N_("all, as the PBX's callers hear them"),
            "none": N_("none"),
        },
    ),
    "twilio_ivr.voices": Label(
        N_("Twilio's voices"), N_("Like Polly.Joanna-Neural or Google.en-GB-Neural2-A. Empty: the usual ones.")
    ),
    "twilio_ivr.speech": Label(
        N_("Callers may say what they want"), N_("Instead of pressing a key. Twilio charges for listening.")
    ),
    "twilio_ivr.transcribe": Label(
        N_("Twilio writes down voicemails"), N_("In English only, up to two minutes. Twilio charges for it.")
    ),
    "twilio_ivr.delete_at_twilio": Label(
        N_("Delete recordings at Twilio"), N_("As soon as they are stored here, encrypted.")
    ),
    "twilio_voice.route": Label(
        N_("Where callers wait"),
        N_("Automatic: at the Asterisk where HOTLINE_TWILIO_SIP_URL is set, else here, with agents rung by Twilio."),
        choices={
            "auto": N_("automatic"),
            "asterisk": N_("at the Asterisk"),
            "direct": N_("in hotline's own queues"),
        },
    ),
    "twilio_voice.default_queue": Label(N_("Queue of who chose none")),
    "twilio_voice.strategy": Label(
        N_("Who is rung"),
        N_("In hotline's own queues. The skill that counts is the one named like the queue."),
        choices={
            "ring_all": N_("everybody who is free"),
            "longest_idle": N_("who had rest longest, one after the other"),
            "tiers": N_("the most skilled, then the next level too"),
        },
    ),
    "twilio_voice.ring_seconds": Label(N_("A phone rings for"), "", N_("seconds")),
    "twilio_voice.most_waiting": Label(
        N_("At most wait in one queue"), N_("Who comes then goes on in their flow at once."), N_("callers")
    ),
    "twilio_voice.longest_wait_seconds": Label(
        N_("A caller waits at most"), N_("Then they go on in their flow, to a voicemail for example."), N_("seconds")
    ),
    "twilio_voice.wait_without_agents": Label(N_("Callers wait although nobody is signed in")),
    "twilio_voice.accept_key": Label(
        N_("Agents press 1 to take a call"),
        N_("So that no voicemail takes it."),
        choices={"numbers": N_("at telephone numbers"), "all": N_("on every phone"), "none": N_("never")},
    ),
    "twilio_voice.whisper": Label(
        N_("Agents hear who calls"), N_("The kind before they take the call, the name when they have.")
    ),
    "twilio_voice.pause_after_missed": Label(
        N_("Pause an agent who missed"), N_("In a row, in hotline's own queues. 0: never."), N_("calls")
    ),
    "twilio_voice.offer_callback": Label(
        N_("Offer a call back"), N_("Who waits presses 1 and is called back; their ticket says until when.")
    ),
    "twilio_voice.music_url": Label(
        N_("Waiting music"), N_("The https address of an MP3 or WAV. Empty: hotline's own music.")
    ),
    "twilio_voice.detect_machines": Label(
        N_("Detect answering machines"), N_("When agents call out: a machine is nobody reached. Twilio charges for it.")
    ),
}
