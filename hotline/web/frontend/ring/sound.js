// One ring per browser: it starts soft and rises over three rounds, then stays. Browsers let a page sound only after
// the person has touched it, so the tab that may sound takes a lock of its own; the stream may be read by another.

const VOLUMES = [0.06, 0.14, 0.26];
const ROUND = 3.2; // seconds
const KEY = "hl.sound";

let wanted = { ring: true, volume: 100, ticks: true }; // the person's own settings
let context = null;
let rounds = null; // while it rings: {timer, round}
let mine = false; // this browser's one sounding tab is this one

/** "on" or "off", remembered in this browser. */
export const soundIs = () => (localStorage.getItem(KEY) === "off" ? "off" : "on");

export function setSound(value) {
  localStorage.setItem(KEY, value);
  if (value === "off") stopRing();
}

/** Waits for the first touch, then queues for the right to sound. `sounds` are the person's settings. */
export function prepareSound(sounds = wanted) {
  wanted = { ...wanted, ...sounds };
  const unlock = async () => {
    context ??= new AudioContext();
    if (context.state === "suspended") await context.resume();
    if (context.state !== "running") return;
    removeEventListener("pointerdown", unlock);
    removeEventListener("keydown", unlock);
    if (!navigator.locks) mine = true;
    else {
      void navigator.locks.request("hotline-sound", () => {
        mine = true;
        if (rounds) playRound();
        return new Promise(() => {});
      });
    }
  };
  addEventListener("pointerdown", unlock);
  addEventListener("keydown", unlock);
}

/** Rings until stopRing. Asking again while it rings changes nothing. */
export function startRing() {
  if (rounds || soundIs() === "off" || !wanted.ring) return;
  rounds = { round: 0, timer: 0 };
  playRound();
  rounds.timer = setInterval(playRound, ROUND * 1000);
}

export function stopRing() {
  if (!rounds) return;
  clearInterval(rounds.timer);
  rounds = null;
  document.documentElement.removeAttribute("data-sounding");
}

/** The short tone for a call that was taken back. */
export function retractTone() {
  if (mine && context && wanted.ring && soundIs() === "on") tone(440, context.currentTime, 0.12, 0.08, 330);
}

/** A tick for a deadline of one's own that comes near; a ringing phone is never talked over. */
export function warnTick() {
  if (mine && context && !rounds && wanted.ticks && soundIs() === "on") tone(1320, context.currentTime, 0.05, 0.05);
}

function playRound() {
  if (!rounds || !mine || !context) return;
  const volume = VOLUMES[Math.min(rounds.round, VOLUMES.length - 1)] * (wanted.volume / 100);
  rounds.round += 1;
  document.documentElement.dataset.sounding = String(rounds.round);
  const start = context.currentTime + 0.02;
  // Two warbles and a rest, like a desk phone: high and low in turn.
  for (const offset of [0, 0.9]) {
    for (let step = 0; step < 8; step += 1) {
      tone(step % 2 ? 784 : 988, start + offset + step * 0.075, 0.07, volume);
    }
  }
}

function tone(frequency, at, length, volume, to = frequency) {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.type = "triangle";
  oscillator.frequency.setValueAtTime(frequency, at);
  if (to !== frequency) oscillator.frequency.linearRampToValueAtTime(to, at + length);
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(volume, at + 0.012);
  gain.gain.setValueAtTime(volume, at + length - 0.02);
  gain.gain.linearRampToValueAtTime(0, at + length);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + length + 0.01);
}
