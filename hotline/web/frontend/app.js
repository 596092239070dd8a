// Every page after sign-in.
import htmx from "htmx.org";
import { all, find } from "./lib/dom.js";
import { csrf } from "./lib/api.js";
import { countFrom, setClock, startClocks } from "./lib/clock.js";
import { rememberZone } from "./lib/cookies.js";
import { load } from "./lib/i18n.js";
import { startDesk } from "./desk/desk.js";
import { startPlayers } from "./lib/player.js";
import { sendWaiting, startDrafts } from "./pages/formDrafts.js";
import { startForms } from "./pages/forms.js";
import { startPages } from "./pages/index.js";
import { startTickets } from "./pages/tickets.js";
import { notifyRings } from "./ring/notify.js";
import { prepareSound, retractTone, startRing, stopRing } from "./ring/sound.js";
import { startOwnTickets } from "./ring/tickets.js";
import { titleFor } from "./ring/title.js";
import { namesOf, who } from "./ring/words.js";
import { startActs } from "./shell/acts.js";
import { startDial } from "./shell/dial.js";
import { startKeys } from "./shell/keys.js";
import { startLines } from "./shell/lines.js";
import { setTimeFormat, startLine } from "./shell/line.js";
import { openMenu, startMenus } from "./shell/menus.js";
import { startOutbound } from "./shell/outbound.js";
import { startPalette } from "./shell/palette.js";
import { startPresence } from "./shell/presence.js";
import { rowKeys, startRows } from "./shell/rows.js";
import { startReveal } from "./shell/reveal.js";
import { startTheme } from "./shell/theme.js";
import { readOffers, startToasts } from "./shell/toast.js";
import { share } from "./stream/shared.js";
import { ringsOf } from "./stream/state.js";

globalThis.htmx = htmx;

const page = JSON.parse(find("#page-data").textContent);
load(page.messages);
setClock(page.now);
rememberZone();
startTheme();
startMenus();
startForms();
startToasts(page.user);
startActs();
startReveal();
startClocks();

const palette = startPalette();
startRows();
startKeys({
  ...rowKeys,
  "Ctrl K": () => palette?.open(),
  "?": () => find("#keys")?.showModal(),
  "Alt P": () => openMenu(find("#presence")),
  "Alt N": () => toNote(),
});

function toNote() {
  const tab = find("#tab-ticket");
  if (tab && !find("#note")?.checkVisibility()) tab.checked = true;
  const field = find("#note-field");
  if (!field?.checkVisibility()) return false;
  field.focus();
  return true;
}

document.addEventListener("htmx:config:request", ({ detail }) => {
  detail.ctx.request.headers["X-CSRF-Token"] = csrf();
});

const stream = share({ user: page.user, login: page.login });
const { notifications = {}, sounds, time_format: timeFormat } = page.preferences ?? {};
prepareSound(sounds);
setTimeFormat(timeFormat);
startLine(stream);
startLines(stream);
startOutbound(stream);
startPresence(stream);
startDial(stream);

startPlayers();
document.addEventListener("htmx:after:swap", () => {
  startPlayers();
  readOffers(document);
});
startPages({ stream, page });
startDrafts(page.user, {
  onSwap: (main) => {
    htmx.process(main);
    startPlayers();
    startPages({ stream, page });
  },
});
stream.onLine(({ state }) => state === "up" && sendWaiting());

const desk = find("[data-desk]");
if (desk) startDesk(desk, stream, page.user);

startOwnTickets(stream, page);
startTickets(stream, page);

let before = new Set();
stream.listen("snapshot", (data) => data.at && setClock(data.at));
stream.onChange((state, event) => {
  const rings = ringsOf(state);
  titleFor(rings);
  notifyRings(rings, stream.leads && notifications.calls !== false);
  if (rings.length) startRing();
  else stopRing();
  if (event.type === "call.retracted" && before.size > rings.length) retractTone();
  before = new Set(rings.map((ring) => ring.ring_id));
  if (!desk) elsewhere(rings[0]);
});

/** On other pages a ringing call is one line that leads to the desk; the page under it stays as it is. */
function elsewhere(ring) {
  const line = find("#ring-line");
  if (!line) return;
  line.hidden = !ring;
  if (!ring) return;
  find("[data-part=number]", line).textContent = who(ring);
  find("[data-part=names]", line).textContent = ring.caller?.number ? namesOf(ring) : "";
  countFrom(find("[data-part=clock]", line), ring.at);
}

document.documentElement.dataset.ready = "yes";
for (const element of all("[data-autofocus]")) element.focus();
