// The caller's microphone: what is said becomes a WAV as telephones have it, 16 bits and 8000 samples a second.
const RATE = 8000;

/** Whether this page may ask for a microphone. */
export const isThere = () => Boolean(navigator.mediaDevices?.getUserMedia && globalThis.MediaRecorder);

/** Begins to record; `stop()` of the answer gives the WAV. Rejects when the person or the browser refuses. */
export async function listen() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  const ended = new Promise((resolve) => {
    recorder.addEventListener("stop", resolve, { once: true });
  });
  recorder.start();
  return {
    async stop() {
      recorder.stop();
      await ended;
      for (const track of stream.getTracks()) track.stop();
      return wav(await samplesOf(await new Blob(parts).arrayBuffer()));
    },
  };
}

async function samplesOf(bytes) {
  const context = new AudioContext();
  const sound = await context.decodeAudioData(bytes);
  await context.close();
  const slow = new OfflineAudioContext(1, Math.max(1, Math.ceil(sound.duration * RATE)), RATE);
  const source = new AudioBufferSourceNode(slow, { buffer: sound });
  source.connect(slow.destination);
  source.start();
  return (await slow.startRendering()).getChannelData(0);
}

/** A WAV file of samples between -1 and 1. */
export function wav(samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const word = (at, text) => [...text].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, n) => view.setInt16(44 + 2 * n, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true));
  return new Blob([view], { type: "audio/wav" });
}
