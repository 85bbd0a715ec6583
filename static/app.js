// Enhancements only: every page works without this file.
const on = (type, fn) => document.addEventListener(type, fn);
const live = text => {
  const e = document.getElementById("live");
  if (e) { e.textContent = ""; requestAnimationFrame(() => e.textContent = text); }
};
const store = (key, value) => { try { return value === undefined ? localStorage.getItem(key) : localStorage.setItem(key, value); } catch { return null; } };

// Theme: the button flips what is seen now; the server remembers it, and writes it into pages, so that nothing flashes.
on("submit", e => {
  if (!e.target.matches("[data-theme-toggle]")) return;
  e.preventDefault();
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = root.dataset.theme = dark ? "light" : "dark";
  fetch(e.target.action, { method: "POST", body: new URLSearchParams({ theme }), redirect: "manual", keepalive: true }).catch(() => {});
  live((dark ? "Light" : "Dark") + " theme");
});

// A button fills a field.
on("click", e => {
  const button = e.target.closest("[data-fill]"), field = button && document.querySelector(button.dataset.fill);
  if (!field) return;
  field.value = button.value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
});

// The browser's time zone is one click away.
const zone = document.querySelector("[data-here]");
if (zone) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone, field = document.getElementById("f-zone"), button = zone.querySelector("button");
  button.textContent = here;
  zone.hidden = !here || here === field.value;
  button.addEventListener("click", () => { field.value = here; zone.hidden = true; field.focus(); });
}

// Copy: the label changes for two seconds and is announced once. Where the
// clipboard is refused the text is selected instead.
on("click", async e => {
  const button = e.target.closest("[data-copy]");
  const source = button && document.querySelector(button.dataset.copy);
  if (!source) return;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
  } catch {
    getSelection().selectAllChildren(source);
    return live("Press Ctrl C to copy");
  }
  live("Copied");
  if (button.dataset.done) return;
  const label = button.querySelector("span"), old = label?.textContent;
  button.dataset.done = "1";
  if (label) label.textContent = "Copied";
  setTimeout(() => { delete button.dataset.done; if (label) label.textContent = old; }, 2000);
});

// Dialogs: a link to a confirm page shows that page's form in a dialog. With
// data-dialog="#id" the dialog is in the page already.
on("click", async e => {
  const link = e.target.closest("a[data-dialog]");
  if (!link || e.ctrlKey || e.metaKey || e.shiftKey || !window.HTMLDialogElement) return;
  e.preventDefault();
  let dialog = link.dataset.dialog && document.querySelector(link.dataset.dialog);
  if (!dialog) {
    try {
      const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const form = answer.ok && page.querySelector("main .confirm");
      if (!form) throw 0;
      dialog = document.createElement("dialog");
      dialog.append(document.adoptNode(form));
      const title = form.querySelector("h1");
      if (title) dialog.setAttribute("aria-label", title.textContent);
      document.body.append(dialog);
      dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    } catch {
      return location.assign(link.href);
    }
  }
  dialog.showModal();
});
on("click", e => {
  const dialog = e.target.closest("dialog");
  if (dialog && (e.target === dialog || e.target.closest("[data-close]"))) { e.preventDefault(); dialog.close(); }
});

// Menus are <details>: they close on Escape, on a click elsewhere, and when the
// focus leaves them.
const shut = except => document.querySelectorAll("details.menu[open]").forEach(m => { if (m !== except) m.open = false; });
on("click", e => shut(e.target.closest("details.menu")));
on("focusin", e => shut(e.target.closest("details.menu")));
on("keydown", e => {
  if (e.key !== "Escape") return;
  const open = document.querySelector("details.menu[open]");
  if (open) { open.open = false; open.querySelector("summary").focus(); }
  else if (location.hash === "#nav") location.hash = "main";
});

// Keys: g and a letter follow the sidebar, / searches, c makes a new one, ? lists them. Not while somebody types, and not for who switched them off.
let g = 0;
on("keydown", e => {
  if (!("keys" in document.body.dataset) || e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input,textarea,select,dialog,ts-chart")) return;
  const go = to => {
    const e2 = document.querySelector(to);
    if (!e2) return;
    e.preventDefault();
    e2.matches("input") ? e2.focus() : e2.click();
  };
  const after = Date.now() - g < 1500;
  g = e.key === "g" ? Date.now() : 0;
  if (after && /^[a-z]$/.test(e.key)) go(`[data-g=${e.key}]`);
  else if (e.key === "/") go("main input[type=search],[data-palette]");
  else if (e.key === "c") go(".head .btn.pri[href]");
  else if (e.key === "?") go("[data-help]");
});

// Palette: the search as a dialog. The arrows move through what was found, Enter opens the first. A whole key is cut to its last four characters: it has no
// business in an address.
const palette = () => {
  let dialog = document.querySelector("dialog.palette");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.className = "palette";
    dialog.setAttribute("aria-label", "Search");
    dialog.innerHTML = `<form action="/search" role="search"><input type="search" name="q" aria-label="Search everything" placeholder="Search everything" autocomplete="off" maxlength="128" autofocus></form><div></div>`;
    document.body.append(dialog);
    const field = dialog.querySelector("input"), found = dialog.lastChild;
    let asked = 0, wait;
    const ask = async () => {
      const mine = ++asked;
      const answer = await fetch("/search?q=" + encodeURIComponent(field.value), { headers: { "HX-Request": "true" } }).catch(() => 0);
      if (!answer?.ok || mine !== asked) return;
      found.innerHTML = await answer.text();
      const n = found.querySelectorAll("li").length;
      live(n + (n === 1 ? " result" : " results"));
    };
    field.addEventListener("input", () => {
      if (/^[A-Za-z0-9]{20,}$/.test(field.value)) field.value = field.value.slice(-4);
      clearTimeout(wait);
      wait = setTimeout(ask, 120);
    });
    dialog.addEventListener("keydown", e => {
      const links = [...found.querySelectorAll("a")], at = links.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[e.key];
      if (to !== undefined) { e.preventDefault(); (links[Math.min(to, links.length - 1)] || field).focus(); }
      else if (at >= 0 && e.key.length === 1 && !e.ctrlKey && !e.metaKey) field.focus();
    });
    dialog.addEventListener("submit", e => {
      const first = found.querySelector("a");
      if (first) { e.preventDefault(); first.click(); }
    });
    ask();
  }
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("input").select();
};
on("click", e => {
  if (!e.target.closest("[data-palette]") || e.ctrlKey || e.metaKey || e.shiftKey) return;
  e.preventDefault();
  palette();
});
on("keydown", e => { if ((e.ctrlKey || e.metaKey) && e.key === "k") { e.preventDefault(); palette(); } });

// Filters send themselves; a slider and its number keep each other's value.
on("change", e => { if (e.target.matches("[data-submit]")) e.target.form.requestSubmit(); });
on("input", e => {
  const twin = e.target.dataset?.sync && document.querySelector(e.target.dataset.sync);
  if (!twin) return;
  twin.value = e.target.value;
  twin.dispatchEvent(new Event("change", { bubbles: true }));
});

// What was rehearsed is old once its form is changed.
on("input", e => { const form = e.target.closest("#plan-form"); if (form) form.dataset.changed = ""; });
on("click", e => { const button = e.target.closest("[value=rehearse]"); if (button) delete button.form.dataset.changed; });

// A double click sends a form once.
const sent = new WeakMap();
on("submit", e => {
  if (e.defaultPrevented || e.target.method !== "post") return;
  if (e.timeStamp - sent.get(e.target) < 1000) e.preventDefault();
  else sent.set(e.target, e.timeStamp);
});

// Snippets: the language that was chosen last is chosen everywhere, and on the
// pages to come.
on("change", e => {
  const lang = e.target.dataset.lang;
  if (!lang) return;
  document.cookie = `code=${lang};path=/;max-age=31536000;samesite=lax`;
  document.querySelectorAll("input[data-lang]").forEach(i => { if (i.dataset.lang === lang) i.checked = true; });
});

// A success message leaves by itself; problems stay until they are read.
setTimeout(() => document.querySelectorAll("[data-leave]").forEach(e => e.remove()), 6000);

// Times in words are kept true.
const words = s => s < 60 ? "just now" : s < 3600 ? many(s / 60, "minute") : s < 86400 ? many(s / 3600, "hour") : s < 30 * 86400 ? many(s / 86400, "day") : "";
const many = (n, unit) => `${n = Math.floor(n)} ${unit}${n === 1 ? "" : "s"} ago`;
setInterval(() => document.querySelectorAll("time[data-ago]").forEach(t => {
  const s = (Date.now() - Date.parse(t.dateTime)) / 1000, text = s >= 0 && words(s);
  if (text && text !== t.textContent) t.textContent = text;
}), 30000);

// Charts: the table inside is the data. The pointer or the arrow keys move a
// cross-hair; a click or Enter opens the calls of that time, and a click on a
// segment those of its outcome alone. Everything is read when it is needed, so
// a chart may be replaced while it is looked at.
customElements.define("ts-chart", class extends HTMLElement {
  connectedCallback() {
    if (this.wired) return;
    this.wired = true;
    this.at = -1;
    const here = e => { const p = this.plot; return p?.contains(e.target) && p; };
    const index = e => {
      const r = this.plot.getBoundingClientRect(), f = (e.clientX - r.left) / r.width, n = this.rows.length;
      return this.bars ? Math.floor(f * n) : Math.round(f * (n - 1));
    };
    this.addEventListener("pointermove", e => here(e) ? this.show(index(e)) : this.hide());
    this.addEventListener("pointerleave", () => this.hide());
    this.addEventListener("focusout", () => this.hide());
    // A span that is dragged over opens on a page of its own.
    let from = -1;
    const cut = i => Math.max(0, Math.min(this.rows.length - 1, i));
    this.addEventListener("pointerdown", e => { from = here(e) && this.dataset.zoom && e.button === 0 && e.pointerType !== "touch" ? cut(index(e)) : -1; });
    this.addEventListener("pointermove", e => { if (from >= 0 && e.buttons && here(e)) { e.preventDefault(); this.band(from, cut(index(e))); } });
    this.addEventListener("click", e => {
      if (!here(e)) return;
      const to = cut(index(e)), a = Math.min(from, to), b = Math.max(from, to), { start, step, zoom } = this.dataset;
      if (from < 0 || from === to) return this.open(to, e.target.dataset.narrow, e.ctrlKey || e.metaKey);
      const at = i => encodeURIComponent(new Date((+start + i * step) * 1000).toISOString().replace(".000", ""));
      location.assign(`${zoom}&from=${at(a)}&to=${at(b + 1)}`);
    });
    this.addEventListener("keydown", e => {
      if (!here(e)) return;
      const n = this.rows.length, step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -6, PageDown: 6 }[e.key];
      const to = step ? (this.at < 0 ? (step > 0 ? 0 : n - 1) : this.at + step) : { Home: 0, End: n - 1 }[e.key];
      if (to !== undefined) { e.preventDefault(); this.show(to, true); }
      else if (e.key === "Escape") this.hide();
      else if (e.key === "Enter") this.open(this.at);
    });
  }
  get plot() { return this.querySelector(".plot"); }
  get bars() { return this.dataset.kind === "bars"; }
  get rows() { return this.querySelector("table").tBodies[0].rows; }
  part(name) {
    let e = this.plot.querySelector("." + name);
    if (!e) { e = document.createElement("div"); e.className = name; this.plot.append(e); }
    e.hidden = false;
    return e;
  }
  show(i, say) {
    const rows = this.rows, n = rows.length;
    if (!n) return;
    i = this.at = Math.max(0, Math.min(n - 1, i));
    const cells = [...rows[i].cells], heads = [...this.querySelector("table").tHead.rows[0].cells].slice(1);
    const w = this.plot.clientWidth, x = this.bars ? (i + .5) * w / n : i * w / Math.max(1, n - 1);
    const cross = this.part("cross"), tip = this.part("tip");
    cross.classList.toggle("band", this.bars);
    cross.style.width = this.bars ? w / n + "px" : "";
    cross.style.left = (this.bars ? i * w / n : x) + "px";
    const line = (cls, ...content) => { const e = document.createElement("div"); e.className = cls; e.append(...content); return e; };
    tip.replaceChildren(line("h", cells[0].textContent), ...heads.map((head, j) => {
      const sw = document.createElement("span"), b = document.createElement("b");
      sw.className = "sw " + head.dataset.sw;
      b.textContent = cells[j + 1].textContent;
      return line("r", sw, head.textContent, b);
    }).reverse());
    const tw = tip.offsetWidth;
    tip.style.transform = `translate(${x + tw + 16 > w ? Math.max(0, x - tw - 12) : x + 12}px,6px)`;
    if (say) live(cells[0].textContent + ": " + heads.map((h, j) => h.textContent + " " + cells[j + 1].textContent).join(", "));
  }
  band(a, b) {
    const w = this.plot.clientWidth / this.rows.length, cross = this.part("cross");
    cross.classList.add("band");
    cross.style.left = Math.min(a, b) * w + "px";
    cross.style.width = (Math.abs(b - a) + 1) * w + "px";
  }
  hide() {
    this.at = -1;
    this.querySelectorAll(".cross,.tip").forEach(e => e.hidden = true);
  }
  open(i, narrow, beside) {
    const to = this.rows[i]?.querySelector("th a")?.href;
    if (to) open(narrow ? `${to}&${narrow}` : to, beside ? "_blank" : "_self");
  }
});
// How old a live page is.
let fresh = Date.now();
on("htmx:after:swap", () => fresh = Date.now());
setInterval(() => document.querySelectorAll("[data-fresh]").forEach(e => {
  const s = Math.round((Date.now() - fresh) / 1000);
  e.textContent = s < 60 ? `Updated ${s} s ago` : "Updated " + words(s);
}), 1000);
on("htmx:after:swap", () => document.querySelectorAll("ts-chart").forEach(c => c.at >= 0 && c.show(c.at)));

// Tabs: on a phone the current one may be beyond the edge.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const row = tab.parentElement;
  row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
}
