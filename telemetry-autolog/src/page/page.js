"use strict";

const REFRESH_MS = 5000;
const element = (id) => document.getElementById(id);
// kept in this page alone: closing it forgets the token
const token = element("token");
let sessions = [];
// how far this machine's clock is ahead of the service's
let ahead = 0;

async function ask(path, body) {
  const headers = {};
  if (token.value) headers.Authorization = `Bearer ${token.value}`;
  const request = { headers, cache: "no-store" };
  if (body) {
    headers["Content-Type"] = "application/json";
    request.method = "POST";
    request.body = JSON.stringify(body);
  }
  const response = await fetch(path, request);
  const answer = await response.json();
  const date = Date.parse(response.headers.get("Date"));
  // the header knows whole seconds only: somewhere within this one
  if (date) ahead = Date.now() - (date + 500);
  if (!response.ok) throw new Error(answer.error || answer.status || response.statusText);
  return answer;
}

function say(text, bad) {
  const message = element("message");
  message.textContent = text;
  message.className = bad ? "bad" : "";
}

async function refresh() {
  try {
    sessions = (await ask("/api/autolog/list")).sessions;
    if (element("message").className) say("");
  } catch (error) {
    sessions = [];
    say(error.message, true);
  }
  draw();
}

async function change(path, body, done) {
  try {
    await ask(path, body);
    say(done);
  } catch (error) {
    say(error.message, true);
    return;
  }
  await refresh();
}

function remaining(session) {
  const seconds = Math.max(0, Math.floor((Date.parse(session.expires_at) + ahead - Date.now()) / 1000));
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

function cell(row, text, name) {
  const made = row.insertCell();
  made.textContent = text ?? "";
  if (name) made.className = name;
  return made;
}

function draw() {
  const table = element("sessions");
  element("count").textContent = sessions.length;
  table.replaceChildren();
  for (const session of sessions) {
    const row = table.insertRow();
    row.dataset.id = session.id;
    cell(row, session.app, "app");
    cell(row, session.environment);
    cell(row, session.endpoint ?? "all");
    cell(row, session.level);
    cell(row, remaining(session), "remaining");
    cell(row, session.trigger_source, "trigger");
    cell(row, session.reason, "reason");
    cell(row, session.error_count);
    cell(row, session.alerts.length);
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    const { app, environment, endpoint } = session;
    close.addEventListener("click", () =>
      change("/api/autolog/disable", { app, environment, endpoint }, `Closed ${app}.`));
    cell(row, "").append(close);
  }
}

function tick() {
  for (const row of element("sessions").rows) {
    const session = sessions.find((one) => one.id === row.dataset.id);
    if (session) row.querySelector(".remaining").textContent = remaining(session);
  }
}

element("open").addEventListener("submit", (event) => {
  event.preventDefault();
  const body = {};
  for (const [name, value] of new FormData(event.target)) if (value) body[name] = value;
  body.service ??= body.app;
  if (body.ttl_minutes) body.ttl_minutes = Number(body.ttl_minutes);
  change("/api/autolog/enable", body, `Opened ${body.app}.`);
});
token.addEventListener("change", refresh);
setInterval(tick, 1000);
setInterval(refresh, REFRESH_MS);
refresh();
