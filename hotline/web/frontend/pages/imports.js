// The imports page: a file is sent as it is, with how far it came; a refusal says what to do.
import { csrf } from "../lib/api.js";
import { part } from "../lib/dom.js";
import { t } from "../lib/i18n.js";

export function startImports(root) {
  const file = part(root, "file");
  const drop = part(root, "drop");
  part(root, "choose").addEventListener("click", () => file.click());
  file.addEventListener("change", () => file.files[0] && send(root, file.files[0]));
  for (const type of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.toggle("is-over", type === "dragover");
      if (type === "drop" && event.dataTransfer?.files[0]) send(root, event.dataTransfer.files[0]);
    });
  }
}

/** XMLHttpRequest, since fetch does not tell how much of a body was sent. */
function send(root, file) {
  if (file.size > Number(part(root, "file").dataset.largest)) {
    refused(root, t("This file is larger than 2 GB. Split it, or leave columns out that are not needed."));
    return;
  }
  const request = new XMLHttpRequest();
  part(root, "problem").hidden = true;
  part(root, "drop").hidden = true;
  part(root, "sending").hidden = false;
  part(root, "what").textContent = t("Sending {name}…", { name: file.name });
  part(root, "stop").onclick = () => request.abort();
  part(root, "stop").focus();
  request.upload.addEventListener("progress", (event) => {
    part(root, "bar").style.width = `${(100 * event.loaded) / (event.total || 1)}%`;
    if (event.loaded === event.total) part(root, "what").textContent = t("Looking at {name}…", { name: file.name });
  });
  request.addEventListener("load", () => {
    const answer = parsed(request.responseText);
    if (request.status === 201) location.assign(`/imports/${answer.id}`);
    else refused(root, why(answer, request.status));
  });
  request.addEventListener("error", () => refused(root, t("No connection to hotline. Nothing was changed.")));
  request.addEventListener("abort", () => refused(root, t("Stopped. Nothing was kept.")));
  request.open("POST", `/api/v1/imports?name=${encodeURIComponent(file.name.slice(-200))}`);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRF-Token", csrf());
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The reasons that people meet, in their language. */
function why(answer, status) {
  const detail = answer?.detail ?? "";
  const known = [
    ["it is empty", t("This file is empty.")],
    ["no row below", t("There is no row below the headings.")],
    ["old Excel", t("This is a workbook of an old Excel. Save it as XLSX or CSV.")],
    ["PDF", t("This is a PDF. Export the table as CSV or XLSX.")],
    ["packed", t("This file is packed. Unpack it first.")],
    ["web page", t("This is a web page, not a table. Export the table as CSV or XLSX.")],
    ["no text", t("This is no table. Export the table as CSV or XLSX.")],
    ["columns", t("This table has more than 500 columns. Leave out those that are not needed.")],
    ["no end", t("The first row has no end: this is no table, or it has an unusual delimiter.")],
    ["password", t("This workbook is damaged or protected by a password. Save it without one.")],
    ["far more than", t("This workbook unpacks to far more than a table holds. It is not opened.")],
    ["too large", t("This workbook is too large to open safely. Save the sheet as CSV.")],
    ["entities", t("This workbook holds XML entities, which no table needs. It is not opened.")],
    ["breaks off", t("The sheet is damaged or breaks off. Save it anew.")],
  ];
  const found = known.find(([words]) => detail.includes(words));
  if (found) return found[1];
  if (status === 413) return t("This file is larger than 2 GB. Split it, or leave columns out that are not needed.");
  if (status === 507) return t("There is no room for it on the server's disk.");
  return detail || t("This did not work (error {status}).", { status });
}

function refused(root, text) {
  part(root, "drop").hidden = false;
  part(root, "sending").hidden = true;
  part(root, "file").value = "";
  const place = part(root, "problem");
  place.textContent = text;
  place.hidden = false;
  part(root, "choose").focus();
}
