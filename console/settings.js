// Shows the settings of the environment that serves this page. A file of its own, because the page's content security
// policy runs no script that is written inside the page.
"use strict";
const NAMES = {
  stack: "Stack",
  region: "Region",
  regions: "Regions that can send load",
  apiEndpoint: "API",
  userPoolId: "Cognito user pool",
  userPoolClientId: "Cognito app client",
  identityPoolId: "Cognito identity pool",
  dataBucket: "Data bucket",
  liveData: "Live data",
};
const state = document.getElementById("state");
const list = document.getElementById("settings");

function say(value) {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function show(name, value) {
  const term = document.createElement("dt");
  const text = document.createElement("dd");
  term.textContent = NAMES[name] ?? name;
  text.textContent = say(value);
  list.append(term, text);
}

// The distribution answers an unknown address with the page itself, so only JSON counts as settings.
async function read() {
  const answer = await fetch("/config.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(`/config.json: HTTP ${answer.status}`);
  const settings = await answer.json().catch(() => null);
  if (settings === null || typeof settings !== "object" || Array.isArray(settings)) throw new Error("/config.json is not JSON with settings");
  return settings;
}

read().then(settings => {
  Object.entries(settings).forEach(([name, value]) => show(name, value));
  list.hidden = false;
  state.textContent = "These are the settings that clients of the API need. None of them is secret.";
  if (settings.stack) document.title = `${settings.stack} · Distributed load testing`;
  if (settings.apiEndpoint && settings.region) {
    document.getElementById("endpoint").textContent = settings.apiEndpoint;
    document.getElementById("region").textContent = settings.region;
  }
}).catch(error => {
  state.textContent = `This page does not know its environment: ${error.message}. The command at the end of the page prints the values.`;
});
