// Helps only: every page works without this file.
"use strict";

const body = document.body;
const each = (selector, act) => document.querySelectorAll(selector).forEach(act);

// The answer to a form is a page like any other for who comes back to it: it is opened anew, and nothing is sent twice.
if ("posted" in body.dataset) history.replaceState(history.state, "", location.href);

// 显示/隐藏 beside every password.
each('input[type="password"]', (input) => {
  const { labelShow, labelHide } = body.dataset;
  if (!labelShow || !labelHide) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button secondary";
  button.setAttribute("aria-controls", input.id);
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? labelHide : labelShow;
    const label = input.labels && input.labels[0];
    if (label) button.setAttribute("aria-label", `${button.textContent} ${label.textContent.trim()}`);
  };
  button.addEventListener("click", () => show(input.type === "password"));
  if (input.form) input.form.addEventListener("submit", () => show(false));
  show(false);
  input.after(button);
});

// The server's own countdown until another code may be asked for.
each("[data-countdown]", (button) => {
  const seconds = Number(button.dataset.countdown);
  const wait = button.dataset.labelWait || body.dataset.labelWait;
  const ready = button.dataset.labelReady || body.dataset.labelReady;
  if (!(seconds > 0) || !wait || !ready) return;
  const end = Date.now() + seconds * 1000;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? wait.replace("{s}", left) : ready;
    if (left > 0) setTimeout(tick, 500);
  };
  tick();
});

// Another picture without losing what is typed; on any trouble the link does what it does anyway.
each("[data-captcha-refresh]", (link) => {
  const box = link.closest("form") || document;
  const find = (selector) => box.querySelector(selector);
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      const answer = await fetch(link.dataset.url, { cache: "no-store", headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const { token, picture, sound } = await answer.json();
      find('input[name$="captcha_token"]').value = token;
      find("[data-captcha-picture]").src = picture;
      find("[data-captcha-sound]").href = sound;
      const input = find('input[name$="captcha"]');
      input.value = "";
      input.focus();
      const status = find("[data-captcha-status]");
      status.textContent = "";
      setTimeout(() => (status.textContent = status.dataset.labelDone), 100);
    } catch {
      location.assign(link.href);
    }
  });
});

each("[data-captcha-sound]", (link) => {
  let player;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (player) player.pause();
    player = new Audio(link.href);
    player.play().catch(() => location.assign(link.href));
  });
});

// A form is sent once. It opens again when the page comes back, or, for a download, after ten seconds.
const sent = new Set();
const reopen = () => {
  sent.forEach((button) => (button.disabled = false));
  sent.clear();
};
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "get") return;
  setTimeout(() => {
    [...form.elements].forEach((button) => {
      if (button.type !== "submit" || button.disabled) return;
      button.disabled = true;
      sent.add(button);
    });
  });
  setTimeout(reopen, 10000);
});
addEventListener("pageshow", reopen);

// Drop-downs close like menus do.
const dropdowns = (keep) =>
  each("details.dropdown[open]", (box) => {
    if (!keep(box)) box.open = false;
  });
document.addEventListener("click", (event) => dropdowns((box) => box.contains(event.target)));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const box = event.target.closest && event.target.closest("details.dropdown[open]");
  dropdowns(() => false);
  if (box) box.querySelector("summary").focus();
});

// Function tree: a box for a whole branch and for each of its groups, half-ticked when some are; and how many are ticked.
each("[data-tree]", (tree) => {
  const leaves = (box) => [...box.querySelectorAll("input[type=checkbox][name]")];
  const count = () =>
    tree.querySelectorAll("[data-branch], [data-count]").forEach((place) => {
      const all = place.matches("[data-branch]") ? leaves(place) : leaves(tree);
      const on = all.filter((leaf) => leaf.checked).length;
      const whole = place.querySelector("[data-whole]");
      if (whole) [whole.checked, whole.indeterminate] = [on > 0 && on === all.length, on > 0 && on < all.length];
      const figure = place.matches("[data-count]") ? place : place.querySelector("output");
      if (figure) figure.textContent = `${on} / ${all.length}`;
    });
  tree.querySelectorAll("[data-whole]").forEach((whole) => (whole.closest("label").hidden = "fixed" in whole.closest("label").dataset));
  tree.addEventListener("change", ({ target }) => {
    if (target.matches("[data-whole]"))
      leaves(target.closest("[data-branch]")).forEach((leaf) => (leaf.checked = leaf.disabled ? leaf.checked : target.checked));
    count();
  });
  count();
});

// A refused form: read what is wrong first.
const summary = document.querySelector(".error-summary");
if (summary) summary.focus();
