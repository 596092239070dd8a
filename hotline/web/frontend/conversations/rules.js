// What is sent of a draft, and until when a conversation is put aside. Pure.

/** What is sent of a draft: the body of POST /conversations/{id}/messages. */
export function bodyOf(draft, { force = false } = {}) {
  if (draft.mode === "note") return { body: draft.note.trim(), note: true };
  return {
    body: draft.reply.trim(),
    ...(draft.files?.length ? { files: draft.files.map(({ id }) => id) } : {}),
    ...(draft.template ? { template: draft.template, variables: draft.variables ?? {} } : {}),
    ...(draft.subject === undefined ? {} : { subject: draft.subject }),
    ...(draft.seen ? { seen: draft.seen } : {}),
    ...(draft.close ? { state: "closed" } : {}),
    ...(force ? { force: true } : {}),
  };
}

/** The instant that a choice of the menu stands for, by this person's own calendar; null: until they write. */
export function moment(choice, from) {
  const at = new Date(from);
  if (choice === "hour") at.setHours(at.getHours() + 1);
  else if (choice === "tomorrow") at.setDate(at.getDate() + 1);
  else if (choice === "monday") at.setDate(at.getDate() + ((8 - at.getDay()) % 7 || 7));
  else return null;
  if (choice !== "hour") at.setHours(9, 0, 0, 0);
  return at;
}
