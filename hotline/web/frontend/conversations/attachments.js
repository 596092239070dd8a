// Files of a reply: chosen, dropped or pasted, sent at once each with its progress, taken off again.
import { csrf } from "../lib/api.js";
import { clone, find, part } from "../lib/dom.js";
import { t } from "../lib/i18n.js";

const KB = 1024;

/** "812 B", "24 kB", "3.1 MB". */
export const size = (bytes) => (bytes < KB ? `${bytes} B` : bytes < KB * KB ? `${Math.round(bytes / KB)} kB` : `${(bytes / KB / KB).toFixed(1)} MB`);

/** `onChange(files)` runs when a file is there or gone; files are {id, name, bytes}. */
export function createAttachments(form, conversationId, onChange) {
  const list = part(form, "files");
  const input = part(form, "file");
  let files = [];
  let sending = 0;

  function line(name) {
    const made = clone("composer-file");
    part(made, "name").textContent = name;
    list.append(made);
    return made;
  }

  function kept(file, made) {
    part(made, "state").textContent = size(file.bytes);
    part(made, "remove").addEventListener("click", () => {
      made.remove();
      files = files.filter((one) => one.id !== file.id);
      onChange(files);
      find("textarea", form)?.focus();
    });
  }

  function send(file) {
    const made = line(file.name);
    const bar = part(made, "progress");
    bar.hidden = false;
    bar.setAttribute("aria-label", file.name);
    sending += 1;
    const request = new XMLHttpRequest(); // fetch tells nothing of how much is sent
    request.open("POST", `/api/v1/conversations/${encodeURIComponent(conversationId)}/files?name=${encodeURIComponent(file.name || "file")}`);
    request.setRequestHeader("X-CSRF-Token", csrf());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
    });
    const end = (reason) => {
      sending -= 1;
      bar.hidden = true;
      if (!reason) {
        const answer = JSON.parse(request.responseText);
        const stored = { id: answer.id, name: answer.name, bytes: answer.bytes ?? file.size };
        files = [...files, stored];
        kept(stored, made);
        onChange(files);
        return;
      }
      made.classList.add("is-bad");
      part(made, "state").textContent = reason;
      part(made, "remove").addEventListener("click", () => made.remove());
      onChange(files);
    };
    request.addEventListener("load", () => end(request.status < 300 ? "" : said(request)));
    for (const type of ["error", "abort", "timeout"]) request.addEventListener(type, () => end(t("No connection. Take it off and try again.")));
    request.send(file);
  }

  const take = (some) => {
    for (const file of some) send(file);
  };

  input?.addEventListener("change", () => {
    take([...input.files]);
    input.value = "";
  });
  for (const type of ["dragover", "dragleave", "drop"]) {
    form.addEventListener(type, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      form.classList.toggle("is-over", type === "dragover");
      if (type === "drop") take([...event.dataTransfer.files]);
    });
  }
  form.addEventListener("paste", (event) => {
    const some = [...(event.clipboardData?.files ?? [])];
    if (!some.length) return;
    event.preventDefault();
    take(some);
  });

  return {
    get files() {
      return files;
    },
    get busy() {
      return sending > 0;
    },
    /** Shows the files of a draft. */
    restore(some) {
      files = [...some];
      list.replaceChildren();
      for (const file of files) kept(file, line(file.name));
    },
    choose: () => input?.click(),
  };
}

function said(request) {
  const known = { 413: t("This file is too large."), 415: t("Files of this kind cannot be sent.") };
  if (known[request.status]) return known[request.status];
  try {
    const answer = JSON.parse(request.responseText);
    return answer.said || answer.detail;
  } catch {
    return t("Not sent. Try again.");
  }
}
