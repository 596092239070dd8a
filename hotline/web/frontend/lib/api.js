// Requests to /api/v1, and to the desk's own addresses (/desk/…), with the session's cookie and its CSRF token.
import { t } from "./i18n.js";

/** A refusal or a lost line. `code` is the problem's name, "offline" when nothing answered. */
export class ApiError extends Error {
  constructor(code, detail, status, errors = []) {
    super(detail);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.errors = errors;
  }

  /** Whether the same request may succeed later. */
  get retry() {
    return this.code === "offline" || this.status === 429 || this.status >= 500;
  }
}

export const csrf = () => document.querySelector('meta[name="csrf"]')?.content ?? "";

/** Sends JSON, answers JSON (null for an empty answer), raises ApiError. */
export async function api(method, path, body = undefined, { signal, headers = {} } = {}) {
  let response;
  try {
    response = await fetch(path.startsWith("/desk/") ? path : `/api/v1${path}`, {
      method,
      signal,
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(method === "GET" ? {} : { "X-CSRF-Token": csrf() }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("offline", t("No connection to hotline. Nothing was changed."), 0);
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    // Not ours: a proxy's error page. The status says enough.
  }
  if (response.ok) return answer;
  throw new ApiError(
    answer?.code ?? "error",
    answer?.said || reason(answer?.code, response.status, answer?.detail),
    response.status,
    answer?.errors ?? [],
  );
}

/** What a person reads where the server could not say it in their language: signed out, or a proxy's answer. */
function reason(code, status, detail) {
  switch (code) {
    case "not_signed_in":
      return t("You are signed out. Sign in again in another tab, then go on here.");
    case "forbidden":
      return t("Your role does not allow this.");
    case "not_found":
      return t("This record is gone, or you may not see it.");
    case "conflict":
    case "stale":
      return t("Somebody changed this meanwhile. Reload to see the change.");
    case "too_many":
      return t("Too many requests. Wait a little.");
    case "unavailable":
      return t("A part that this needs is away at the moment. Try again soon.");
    default:
      return detail || t("This did not work (error {status}).", { status });
  }
}
