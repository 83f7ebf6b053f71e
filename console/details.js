// The page that a gate's link leads to: /details/TEST shows a scenario's latest run, /details/TEST#RUN a certain one.
import { get, isSignedIn, signIn, signOut } from "/api.js";

const ENDS = ["complete", "failed", "cancelled"];
const LOOK_EVERY_MS = 5000;
const SVG = "http://www.w3.org/2000/svg";
const PLOTS = [
  { title: "95th percentile", unit: " ms", value: point => point.latencyMsP95 },
  { title: "Samples a second", unit: "", value: point => point.succeeded + point.failed },
  { title: "Failed samples a second", unit: "", value: point => point.failed },
  { title: "Virtual users", unit: "", value: point => point.virtualUsers },
];

const $ = id => document.getElementById(id);
const test = /^\/details\/([\w-]+)\/?$/.exec(location.pathname)?.[1];
const wanted = () => /^#([\w-]+)$/.exec(location.hash)?.[1];
let settings, challenge = null, looking = 0;

function element(name, text = "", more = {}) {
  return Object.assign(document.createElement(name), { textContent: text }, more);
}

const count = number => Number(number).toLocaleString("en");
const share = (part, all) => count(part) + (Number(part) && Number(all) ? ` (${(part / all * 100).toFixed(1)}%)` : "");
// The API has seconds, as AWS DLT's does.
const ms = seconds => (Number(seconds) * 1000).toLocaleString("en", { maximumFractionDigits: Number(seconds) < 0.1 ? 1 : 0 });

function row(cells) {
  const line = element("tr");
  cells.forEach((cell, index) => line.append(element(index ? "td" : "th", cell, index ? {} : { scope: "row" })));
  return line;
}

async function show() {
  const turn = ++looking;
  const scenario = await get(settings, `/scenarios/${test}?history=false`);
  const id = wanted() ?? scenario.testRunId;
  const name = scenario.testName ?? test;
  $("run-name").textContent = name;
  $("run-next").textContent = scenario.nextRun ? `It starts by itself next at ${scenario.nextRun} (${scenario.scheduleTimezone}).` : "";
  if (!id) { $("run-state").textContent = "This scenario has never been run."; return; }
  const run = await get(settings, `/scenarios/${test}/testruns/${id}`);
  const { testRuns } = await get(settings, `/scenarios/${test}/testruns?limit=20`);
  const ended = ENDS.includes(run.status);
  const points = ended && run.results ? await get(settings, `/scenarios/${test}/testruns/${id}/series`) : [];
  if (turn !== looking) return;
  document.title = `${run.status} · ${name}`;
  $("run-state").textContent = `Run ${id}: ${run.status}${run.partial ? ", partial" : ""}, started ${run.startTime ?? "–"} UTC. ${run.errorReason ?? ""}`;
  results(run.results?.total);
  $("run-plots").replaceChildren(...(points.length ? PLOTS.map(kind => plot(kind, points)) : []));
  others(testRuns, id);
  if (!ended) setTimeout(() => { if (turn === looking) attempt(show); }, LOOK_EVERY_MS);
}

function results(total) {
  $("run-results").hidden = !total;
  if (!total) return;
  const line = (label, part) => row([label, count(part.throughput), share(part.fail, part.throughput),
    ...["avg_rt", "p50_0", "p90_0", "p95_0", "p99_0", "p100_0"].map(key => ms(part[key]))]);
  $("run-labels").replaceChildren(line("All", total), ...(total.labels ?? []).map(part => line(part.label, part)));
  $("run-codes").textContent = (total.rc ?? []).map(({ code, count: times }) => `${code} × ${count(times)}`).join(" · ");
}

function others(runs, shown) {
  $("run-others").hidden = runs.length < 2;
  $("run-list").replaceChildren(...runs.map(run => {
    const item = element("li"), link = element("a", run.startTime ?? run.testRunId, { href: "#" + run.testRunId });
    if (run.testRunId === shown) link.setAttribute("aria-current", "true");
    item.append(link, ` ${run.status}` + (run.requests === undefined ? "" : `, ${count(run.requests)} samples, ${share(run.errors, run.requests)} failed`));
    return item;
  }));
}

// A line over time. Of a long run each stretch shows its largest value, so that no peak is lost.
function plot({ title, unit, value }, points) {
  const stride = Math.ceil(points.length / 600), kept = [];
  for (let index = 0; index < points.length; index += stride) {
    const values = points.slice(index, index + stride).map(value).filter(found => found !== null && found !== undefined);
    if (values.length) kept.push([points[index].second, values.reduce((a, b) => Math.max(a, b))]);
  }
  const highest = kept.reduce((most, [, y]) => Math.max(most, y), 0), last = Math.max(points.at(-1).second, 2);
  const told = `highest ${highest.toLocaleString("en", { maximumFractionDigits: 1 })}${unit} in ${last} s`;
  const x = second => ((second - 1) / (last - 1) * 596 + 2).toFixed(1), y = number => (98 - number / (highest || 1) * 94).toFixed(1);
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 600 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${title}: ${told}`);
  path.setAttribute("d", kept.map(([second, number], index) => `${index ? "L" : "M"}${x(second)} ${y(number)}`).join("") + (kept.length === 1 ? "h6" : ""));
  svg.append(path);
  const figure = element("figure");
  figure.append(element("figcaption", `${title}, ${told}`), svg);
  return figure;
}

// Does something that may be refused, and says so. Who is no longer signed in is asked again.
async function attempt(deed) {
  $("problem").textContent = "";
  try {
    await deed();
  } catch (error) {
    $("problem").textContent = error.status === 404 ? "There is no such run: it was deleted, or the link is wrong." : error.message;
  }
  $("sign-in").hidden = isSignedIn();
  $("sign-out").hidden = $("run").hidden = !isSignedIn();
}

$("sign-in").addEventListener("submit", event => {
  event.preventDefault();
  attempt(async () => {
    challenge = await signIn(settings, $("user").value, $("password").value, challenge, $("reply").value);
    $("asked").hidden = challenge === null;
    $("reply").required = challenge !== null;
    const isPassword = challenge?.name === "NEW_PASSWORD_REQUIRED";
    $("reply-name").textContent = isPassword ? "A password of your own" : "The code of your authenticator";
    $("reply").type = isPassword ? "password" : "text";
    if (challenge) { $("reply").value = ""; $("reply").focus(); } else { $("password").value = ""; await show(); }
  });
});
$("sign-out").addEventListener("click", () => { signOut(); attempt(async () => {}); });

if (test) {
  $("details").hidden = false;
  $("start").hidden = true;
  addEventListener("hashchange", () => attempt(show));
  attempt(async () => {
    const answer = await fetch("/config.json", { cache: "no-store" });
    settings = await answer.json();
    if (isSignedIn()) await show();
  });
}
