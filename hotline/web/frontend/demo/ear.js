// The caller's ear: plays what the PBX plays to them, from where the PBX was told to fetch it.
const audio = new Audio();
audio.preload = "auto";
let context = null;
let serial = 0;
let call = null;
let on = localStorage.getItem("demo-sound") !== "off";

/** Whether prompts are heard. */
export const isOn = () => on;

/** Turns the sound on or off, also for the next time. */
export function turn(to) {
  on = to;
  localStorage.setItem("demo-sound", to ? "on" : "off");
  if (!to) audio.pause();
}

/** Follows the call on the handset; null for none. */
export function follow(key, line) {
  if (key === call && (line?.serial ?? 0) === serial) return;
  call = key;
  serial = line?.serial ?? 0;
  audio.pause();
  if (!line || !on) return;
  if (line.phase === "playing" && line.url) {
    audio.src = line.url;
    audio.play().catch(() => {}); // without a click before there is no sound: the words are on the screen
  } else if (line.phase === "recording") {
    beep();
  }
}

/** The tone after which a message is recorded. */
function beep() {
  context ??= new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 1000 });
  const level = new GainNode(context, { gain: 0.15 });
  tone.connect(level).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.35);
}
