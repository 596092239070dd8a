// The picture of a flow, wider than the screen as it may be, opens at the flow's start.

/** Scroll the picture so that the start stands in the middle. */
export function startFlow(picture) {
  const start = picture.querySelector(".start");
  if (!start) return;
  const from = picture.getBoundingClientRect();
  const at = start.getBoundingClientRect();
  picture.scrollLeft += at.left + at.width / 2 - (from.left + from.width / 2);
}
