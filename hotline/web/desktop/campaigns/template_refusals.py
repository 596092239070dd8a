"""What is refused of a template, in the words in which it is refused → the same in words that are translated."""

from __future__ import annotations

import re
from typing import Final

from hotline.web.desktop.marking import N_

#: Said as they are, with a capital letter first.
AS_THEY_ARE: Final = frozenset(
    (
        N_("a language such as en or zh-CN."),
        N_("only an approved template, with its content_sid, has variables."),
        N_("one key: 0 to 9, * or #."),
        N_("either a text or a recording."),
        N_("an address that begins with https:// or with /."),
        N_("there is nothing to read in it."),
        N_("write it in one language at least."),
        N_("one of the languages that it is written in."),
        N_("this language is there already."),
        N_("whole hours, 1 to 8760."),
        N_("there is a template of this name already."),
        N_("There are too many templates already: archive some first."),
        N_("This template is archived: restore it first."),
        N_("There is no such template."),
        N_("There is no such variant."),
        N_("there is no such customer."),
        N_("Everything outbound is stopped."),
        N_("messages of this channel cannot be tried out."),
        N_("you have no email address: an administrator enters it with your other data."),
        N_("you have no telephone number: an administrator enters it with your other data."),
        N_("There is no such version."),
        N_("Your own address is a customer's, too: what they get must be reviewed."),
        N_("This link leads nowhere."),
        N_("Tests go to whoever asks for them: sign in as a person."),
        N_("write one on each line: 1 = {{ name }}"),
        N_("write a price on each line, after the beginning of the numbers: +86 0.045"),
    )
)

WITH_VALUES: Final = tuple(
    (re.compile(pattern, re.DOTALL), message)
    for pattern, message in (
        (r"a message of (?P<channel>\S+) has no such field\.", N_("A message of {channel} has no such field.")),
        (r"there is no value called (?P<name>\S+); there are .*", N_("There is no value called {name}; see the list.")),
        (
            r"(?P<written>\S.*?) (?:is no placeholder|cannot be read);.*",
            N_("{written} is no placeholder. Write a name in two braces, with a default if you like."),
        ),
        (
            r"(?P<written>\S.*?): there is no such filter; there are (?P<some>.*)\.",
            N_("{written}: there is no such filter. There are {some}."),
        ),
        (r"(?P<written>\S.*?): at most (?P<most>\d+) filters\.", N_("{written}: at most {most} filters.")),
        (r"(?P<written>\S+) begins or ends nothing; .*", N_("{written} begins or ends nothing: a brace is missing.")),
        (
            r"(?P<written>\S.*?) cannot choose where a link leads: .*",
            N_("{written} cannot choose where a link leads: write the host before it, https://www.example.com/…"),
        ),
        (
            r"(?P<written>\S.*?) cannot stand here: .*",
            N_("{written} cannot stand here: put it into a text, a quoted attribute or a link."),
        ),
        (r"(?P<what>\S+) does not belong into a mail\.", N_("{what} does not belong into a mail.")),
        (r"(?P<what>\S+) holds what runs instead of an address\.", N_("{what} holds what runs instead of an address.")),
        (r"line (?P<line>\d+) is not MJML: (?P<why>.*)\.", N_("Line {line} is not MJML: {why}.")),
        (r"this is not MJML: (?P<why>.*)\.", N_("This is not MJML: {why}.")),
        (r"the mail becomes longer than (?P<most>\d+) kB\.", N_("The mail becomes longer than {most} kB.")),
        (r"it must name the key, (?P<key>.)\.", N_("It must name the key, {key}.")),
        (r"there is no variable (?P<name>\S+)\.", N_("There is no variable {name}.")),
        (
            r"at most (?P<most>\d+) different links are tracked in one campaign\.",
            N_("At most {most} different links are tracked in one campaign."),
        ),
        (r"at most (?P<most>\d+) placeholders\.", N_("At most {most} placeholders.")),
        (r"The test did not leave: (?P<why>.*)", N_("The test did not leave: {why}")),
        (r"At most (?P<most>\d+) tests an hour; wait a little\.", N_("At most {most} tests an hour; wait a little.")),
    )
)
