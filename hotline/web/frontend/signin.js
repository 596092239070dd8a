// The sign-in page: nothing of the desk is loaded before somebody is known.
import { find } from "./lib/dom.js";
import { rememberZone } from "./lib/cookies.js";
import { load } from "./lib/i18n.js";
import { startForms } from "./pages/forms.js";
import { startTheme } from "./shell/theme.js";
import { startMenus } from "./shell/menus.js";

load(JSON.parse(find("#page-data").textContent).messages);
rememberZone();
startTheme();
startMenus();
startForms();
document.documentElement.dataset.ready = "yes";
