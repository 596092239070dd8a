// The player of recordings and prompts: one plays at a time, any part is heard at once (the server answers by ranges).
import { api } from "./api.js";
import { all, clone, part } from "./dom.js";
import { t } from "./i18n.js";

const SPEEDS = [1, 1.25, 1.5, 2];
const players = new WeakMap();
let playing = null;

/** 75 → "1:15". */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Brings every player under `root` to life; done already, it stays as it is. */
export function startPlayers(root = document) {
  for (const element of all("[data-player]", root)) {
    if (!players.has(element)) players.set(element, new Player(element));
  }
}

/** A player for a recording of the API. */
export function playerOf(recording) {
  const element = clone("player-template");
  element.dataset.src = recording.audio;
  element.dataset.seconds = String(recording.seconds);
  const kind = recording.kind === "voicemail" ? t("Voicemail") : t("Recorded call");
  element.setAttribute("aria-label", `${kind}, ${clock(recording.seconds)}`);
  part(element, "length").textContent = clock(recording.seconds);
  part(element, "seek").max = String(recording.seconds);
  part(element, "download")?.setAttribute("href", `${recording.audio}?download=true`);
  const remove = part(element, "delete");
  if (remove) remove.dataset.id = recording.id;
  players.set(element, new Player(element));
  return element;
}

class Player {
  constructor(element) {
    this.element = element;
    this.audio = null;
    this.seeking = false;
    this.seek = part(element, "seek");
    this.time = part(element, "time");
    part(element, "play").addEventListener("click", () => this.toggle());
    part(element, "speed").addEventListener("click", () => this.faster());
    part(element, "delete")?.addEventListener("click", (event) => this.remove(event.currentTarget));
    this.seek.addEventListener("input", () => {
      this.seeking = true;
      this.show(Number(this.seek.value));
    });
    this.seek.addEventListener("change", () => {
      this.seeking = false;
      this.sound().currentTime = Number(this.seek.value);
      this.show(Number(this.seek.value));
    });
  }

  /** The sound, fetched when it is first wanted: to hear a recording is noted in the audit trail. */
  sound() {
    if (this.audio) return this.audio;
    const audio = new Audio();
    audio.preload = "none";
    audio.preservesPitch = true;
    audio.src = this.element.dataset.src;
    audio.addEventListener("timeupdate", () => this.seeking || this.show(audio.currentTime));
    audio.addEventListener("play", () => this.state(true));
    audio.addEventListener("pause", () => this.state(false));
    audio.addEventListener("ended", () => this.show(Number(this.seek.max)));
    audio.addEventListener("error", () => this.failed());
    this.audio = audio;
    return audio;
  }

  async toggle() {
    const audio = this.sound();
    if (!audio.paused) {
      audio.pause();
      return;
    }
    part(this.element, "error").hidden = true;
    if (audio.error) audio.load();
    if (audio.ended) audio.currentTime = 0;
    if (playing && playing !== audio) playing.pause();
    playing = audio;
    try {
      await audio.play();
    } catch (error) {
      if (error.name !== "AbortError") this.failed();
    }
  }

  faster() {
    const audio = this.sound();
    const next = SPEEDS[(SPEEDS.indexOf(audio.playbackRate) + 1) % SPEEDS.length];
    audio.playbackRate = next;
    audio.defaultPlaybackRate = next;
    part(this.element, "speed-text").textContent = `${next}×`;
  }

  show(seconds) {
    if (!this.seeking) this.seek.value = String(seconds);
    this.time.textContent = clock(seconds);
    this.seek.setAttribute("aria-valuetext", clock(seconds));
  }

  state(on) {
    this.element.classList.toggle("is-playing", on);
    const button = part(this.element, "play");
    const word = on ? t("Pause") : t("Play");
    button.setAttribute("aria-label", word);
    button.title = word;
  }

  failed() {
    this.state(false);
    this.say(t("This cannot be played: it was deleted, or its file is damaged."));
  }

  say(text) {
    const error = part(this.element, "error");
    error.textContent = text;
    error.hidden = false;
  }

  /** Nothing brings it back, so the button asks once. */
  async remove(button) {
    if (!button.classList.contains("btn-danger")) {
      const before = button.textContent;
      button.textContent = button.dataset.words;
      button.classList.replace("btn-ghost", "btn-danger");
      setTimeout(() => {
        if (!button.isConnected || button.disabled) return;
        button.textContent = before;
        button.classList.replace("btn-danger", "btn-ghost");
      }, 5000);
      return;
    }
    button.disabled = true;
    try {
      await api("DELETE", `/recordings/${button.dataset.id}`);
    } catch (error) {
      button.disabled = false;
      this.say(error.message);
      return;
    }
    this.audio?.pause();
    const gone = document.createElement("p");
    gone.className = "fs-sm text-3";
    gone.setAttribute("role", "status");
    gone.textContent = t("The recording is deleted.");
    this.element.replaceWith(gone);
  }
}
