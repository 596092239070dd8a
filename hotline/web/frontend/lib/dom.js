// The little that the page's modules need of the DOM.

/** The first match, or null. */
export const find = (selector, root = document) => root.querySelector(selector);
/** All matches as an array. */
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** A copy of the single element inside `<template id>`. */
export function clone(id) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) throw new Error(`no template ${id}`);
  return template.content.firstElementChild.cloneNode(true);
}

/** The element marked data-part="name" inside root. */
export function part(root, name) {
  return root.matches(`[data-part="${name}"]`) ? root : root.querySelector(`[data-part="${name}"]`);
}

/** Puts text into the named part, hiding the part (or the block that it names) when there is none. */
export function say(root, name, text) {
  const element = part(root, name);
  if (!element) return;
  if (element.textContent !== text) element.textContent = text;
  const block = element.closest("[data-block]");
  (block && root.contains(block) ? block : element).hidden = text === "";
}

/** Only while it differs, so that assistive technology and observers hear of real changes alone. */
export function attribute(element, name, value) {
  if (value === null || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, String(value));
  }
}

/** Whether the person is typing somewhere. */
export function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
