// What the API refuses, in its own (English) words; those that an agent meets are said in the page's language.
import { t } from "./i18n.js";

const N_ = (message) => message; // marks a message for extraction

const KNOWN = new Set([
  N_("The call is over."),
  N_("The call has not been answered yet."),
  N_("Nobody has answered this call, so nobody can transfer it."),
  N_("The agent is not signed in to a queue."),
  N_("Somebody else wrote this note."),
  N_("This customer was erased."),
  N_("No PBX is connected: HOTLINE_AMI_URLS is empty."),
  N_("whom to call?"),
  N_("this is the agent's own extension"),
  N_("this user has no extension"),
  N_("emergency numbers are never dialled by a program; use a phone"),
  N_("this user has no phone; add their interface, for example PJSIP/agent1"),
  N_("a call can be sent to a queue only by a blind transfer"),
  N_("this is no user, extension, queue or telephone number"),
  N_("Asterisk dials an attended transfer as keys, so it needs digits: give an extension"),
  N_("the agent may not sign in to it; add it to their queues first"),
  N_("something must stand here."),
]);

/** The refusal in the page's language; "" when it has no words for it. The field's name before a colon goes. */
export function refusal(detail) {
  const text = (detail ?? "").replace(/^[a-z_.]+: /, "");
  if (!KNOWN.has(text)) return "";
  const said = t(text);
  return said.charAt(0).toUpperCase() + said.slice(1);
}
