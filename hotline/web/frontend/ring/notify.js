// Desktop notifications, only with the person's permission and only while no tab of hotline is looked at.
import { t } from "../lib/i18n.js";
import { plain } from "../lib/text.js";
import { namesOf, numberOf } from "./words.js";

const shown = new Map();

/** "granted", "denied", "default" or "unavailable" (not a secure context, or a browser without). */
export const permission = () => ("Notification" in globalThis && isSecureContext ? Notification.permission : "unavailable");

/** Asks the person. Call it from a click only. */
export const askPermission = () => Notification.requestPermission();

/** Tells of a ticket of one's own, while no tab of hotline is looked at; a click opens it. */
export function notifyTicket(ticket, text) {
  if (permission() !== "granted" || document.hasFocus()) return;
  const notification = new Notification(text, { body: plain(ticket.subject, 80), tag: `ticket-${ticket.id}`, silent: true });
  notification.addEventListener("click", () => {
    window.focus();
    location.assign(`/tickets/${encodeURIComponent(ticket.id)}`);
  });
}

/** Shows new rings and takes ended ones away. */
export function notifyRings(rings, leads) {
  const ids = new Set(rings.map((ring) => ring.ring_id));
  for (const [id, notification] of shown) {
    if (!ids.has(id)) {
      notification.close();
      shown.delete(id);
    }
  }
  if (permission() !== "granted" || !leads || document.hasFocus()) return;
  for (const ring of rings) {
    if (shown.has(ring.ring_id)) continue;
    const notification = new Notification(t("Ringing: {number}.", { number: numberOf(ring) }), {
      body: [namesOf(ring), ring.queue].filter(Boolean).join(" · "),
      tag: ring.ring_id,
      requireInteraction: true,
      silent: true, // the ring sounds already
    });
    notification.addEventListener("click", () => {
      window.focus();
      if (!document.querySelector("[data-desk]")) location.assign("/");
    });
    shown.set(ring.ring_id, notification);
  }
}
