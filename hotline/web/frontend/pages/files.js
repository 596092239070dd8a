// Files of a customer: chosen or dropped, sent one after the other, each with its progress. They are sent as they are;
// what they are, the server finds out.
import { csrf } from "../lib/api.js";
import { find, part } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { goOn } from "../shell/toast.js";

export function startFiles(root) {
  const input = find("input[type=file]", root);
  input.addEventListener("change", () => void take(root, [...input.files], input));
  for (const type of ["dragover", "dragleave", "drop"]) {
    root.addEventListener(type, (event) => {
      event.preventDefault();
      root.classList.toggle("is-over", type === "dragover");
      if (type === "drop") void take(root, [...event.dataTransfer.files], input);
    });
  }
}

async function take(root, files, input) {
  if (!files.length || root.getAttribute("aria-busy") === "true") return;
  root.setAttribute("aria-busy", "true");
  let stored = 0;
  for (const file of files) stored += (await send(root, file)) ? 1 : 0;
  root.removeAttribute("aria-busy");
  input.value = "";
  // What went wrong stays to be read; the page is read again only when all is well.
  if (stored === files.length) goOn("reload", stored === 1 ? t("File added.") : t("Files added."));
}

function send(root, file) {
  const line = document.createElement("li");
  const name = document.createElement("bdi");
  name.textContent = file.name;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.setAttribute("aria-label", file.name);
  line.append(name, bar);
  part(root, "list").append(line);
  return new Promise((resolve) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of how much is sent
    request.open("POST", `/api/v1${root.dataset.files}?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("X-CSRF-Token", csrf());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
    });
    const end = (reason) => {
      bar.remove();
      if (reason) {
        line.className = "form-error";
        line.append(` ${reason}`);
      }
      resolve(!reason);
    };
    request.addEventListener("load", () => end(request.status < 300 ? "" : said(request)));
    for (const type of ["error", "abort", "timeout"]) {
      request.addEventListener(type, () => end(t("No connection to hotline. Nothing was changed.")));
    }
    request.send(file);
  });
}

function said(request) {
  const known = {
    413: t("This file is too large."),
    415: t("Programs are not accepted."),
    507: t("There is no room for more files."),
  };
  if (known[request.status]) return known[request.status];
  try {
    const answer = JSON.parse(request.responseText);
    return answer.said || answer.detail;
  } catch {
    return t("Not sent. Try again.");
  }
}
