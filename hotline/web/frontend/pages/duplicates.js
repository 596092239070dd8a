// Who may be one and the same: said under a customer's title, and while somebody is written down.
import { ApiError, api } from "../lib/api.js";
import { all, clone, find, part } from "../lib/dom.js";

const WAIT = 400; // milliseconds that typing rests before it is looked up

/** [data-duplicates-of=ID] on a record; form[data-duplicates=ID], empty for somebody new. */
export function startDuplicates(root) {
  if (root.dataset.duplicatesOf) {
    void look(root, new URLSearchParams({ id: root.dataset.duplicatesOf }), root.dataset.duplicatesOf);
    return;
  }
  const place = find("[data-part=duplicates]");
  if (!place) return;
  let timer = 0;
  let asked = 0;
  root.addEventListener("input", ({ target }) => {
    if (!/name|kind|value/.test(target.name ?? "")) return;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++asked;
      const known = typed(root);
      if ([...known.keys()].every((key) => key === "id")) place.hidden = true;
      else await look(place, known, root.dataset.duplicates, () => mine === asked);
    }, WAIT);
  });
}

/** What stands in the form: its name, the first number and the first email. */
function typed(form) {
  const known = new URLSearchParams();
  const name = form.elements.name?.value.trim() ?? "";
  if (name.length > 1) known.set("name", name);
  for (const input of all("input[name*=value]", form)) {
    const text = input.value.trim();
    if (text.includes("@") && !known.has("email")) known.set("email", text);
    else if (/\d{4}/.test(text.replace(/\D/g, "")) && !known.has("phone")) known.set("phone", text.slice(0, 64));
  }
  if (form.dataset.duplicates) known.set("id", form.dataset.duplicates);
  return known;
}

async function look(place, known, id, current = () => true) {
  let found;
  try {
    found = (await api("GET", `/customers/duplicates?${known}`)).items;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return; // a hint that fails is no trouble: the record is
  }
  if (!current()) return;
  const list = part(place, "list");
  list.replaceChildren(
    ...found.map(({ customer, reasons }) => {
      const row = clone("duplicate-row");
      const link = part(row, "name");
      link.textContent = customer.name;
      link.href = `/customers/${customer.id}`;
      part(row, "more").textContent = [customer.reference, customer.contact_points[0]?.display].filter(Boolean).join(" · ");
      for (const reason of all("[data-reason]", row)) reason.hidden = !reasons.includes(reason.dataset.reason);
      const merge = part(row, "merge");
      if (merge && id) merge.href = `/customers/${id}/merge?with=${customer.id}`;
      else merge?.remove();
      return row;
    }),
  );
  place.hidden = found.length === 0;
}
