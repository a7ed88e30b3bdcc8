"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byName = new Map(data.keys.map((key) => [key.name, key]));
const nodes = new Map([...document.querySelectorAll(".key")].map((node) => [node.dataset.key, node]));
const edges = [...document.querySelectorAll(".edges path")];
const [search, branch, group, leak, facts, count] =
  ["search", "branch", "group", "leak", "facts", "count"].map((id) => document.getElementById(id));
let kept = null;

document.querySelector("svg").setAttribute("role", "group");
for (const key of data.keys.filter((key) => key.below.length > 2)) {
  branch.add(new Option(`${key.name} and ${key.below.length} below`, key.name));
}
for (const name of data.groups) group.add(new Option(name, name));

function element(tag, text, children = []) {
  const made = document.createElement(tag);
  if (text !== null) made.textContent = text;
  made.append(...children);
  return made;
}

function link(name) {
  const made = element("a", name);
  made.href = "#" + encodeURIComponent(name);
  made.addEventListener("click", (event) => { event.preventDefault(); keep(name); nodes.get(name).focus(); });
  return made;
}

function links(names) {
  return [...new Set(names)].flatMap((name, at) => (at ? [", ", link(name)] : [link(name)]));
}

function list(pairs) {
  const made = document.createElement("dl");
  for (const [name, value] of pairs) {
    if (value === null || value.length === 0) continue;
    made.append(element("dt", name), element("dd", null, Array.isArray(value) ? value : [value]));
  }
  return made;
}

function input(parameter, at) {
  const octets = parameter.given === "fixed" ? `fixed ${parameter.octets}`
    : parameter.given === "key" ? `a key: ${parameter.keys.join(" or ")}`
    : `${parameter.form}; ${parameter.example.text} is ${parameter.example.octets}`;
  return [`P${at}`, `${parameter.name}: ${parameter.encoding}, ${octets}`];
}

function show(name) {
  const key = byName.get(name);
  facts.replaceChildren(element("h1", key.name));
  const children = data.keys.filter((other) => other.rows.some((row) => row.parent === name)).map((other) => other.name);
  facts.append(list([
    ["Length", `${key.octets} octets`],
    ["Held by", key.held_by.join(", ")],
    ["Derives", links(children)],
    ["If it leaks", key.fallen.length ? `${key.fallen.length} other keys fall` : "no other key falls"],
  ]));
  for (const row of key.rows) {
    facts.append(element("h2", `From ${row.parent}` + (row.named === row.name ? "" : `, as ${row.named}`)));
    facts.append(element("p", row.about));
    facts.append(list([
      ["Rule", row.function],
      ["Parent", [link(row.parent)]],
      ...row.parameters.map(input),
      ["Kept", row.kept],
      ["Derived by", row.derived_by.join(", ")],
      ["Held by", row.held_by.join(", ")],
      ["Renewed", row.renewed],
      ["Deleted", row.deleted],
      ["Source", `${row.source}: ${row.clause}`],
      ["Doubt", row.doubt],
    ]));
    facts.append(element("pre", null, [element("code", row.command)]));
  }
}

function words(key) {
  const rows = key.rows.map((row) => [row.named, row.function, row.clause, row.derived_by.join(" "), row.about].join(" "));
  return [key.name, key.name.replace(/[^a-z0-9]/gi, ""), key.held_by.join(" "), ...rows].join(" ").toLowerCase();
}

function paint(at) {
  const wanted = search.value.trim().toLowerCase();
  const below = branch.value ? new Set([branch.value, ...byName.get(branch.value).below]) : null;
  let found = data.keys.filter((key) =>
    (!wanted || words(key).includes(wanted)) && (!below || below.has(key.name)) &&
    (!group.value || key.groups.includes(group.value)));
  if (leak.checked && at) found = found.filter((key) => key.name === at || byName.get(at).fallen.includes(key.name));
  const names = new Set(found.map((key) => key.name));
  for (const [name, node] of nodes) {
    node.classList.toggle("out", !names.has(name));
    node.classList.toggle("at", name === at);
  }
  for (const edge of edges) {
    const { from, to } = edge.dataset;
    edge.classList.toggle("out", !names.has(from) || (to !== "" && !names.has(to)));
    edge.classList.toggle("on", at !== null && (to === at || from === at));
  }
  count.textContent = names.size === data.keys.length ? `${names.size} keys` : `${names.size} of ${data.keys.length} keys`;
}

function look(name) { show(name); paint(name); }

function keep(name) {
  kept = name;
  look(name);
  nodes.get(name).scrollIntoView({ block: "center", inline: "center" });
}

function beside(name, step) {
  const parent = byName.get(name).parent;
  const siblings = data.keys.filter((key) => key.parent === parent)
    .sort((a, b) => nodes.get(a.name).getBoundingClientRect().top - nodes.get(b.name).getBoundingClientRect().top);
  return siblings[siblings.findIndex((key) => key.name === name) + step]?.name;
}

const first = data.keys[0].name;
for (const [name, node] of nodes) {
  node.setAttribute("role", "button");
  node.setAttribute("tabindex", name === first ? "0" : "-1");
  node.setAttribute("aria-label", node.querySelector("title").textContent);
  node.querySelector("title").remove();
  node.addEventListener("mouseenter", () => { if (!kept) look(name); });
  node.addEventListener("mouseleave", () => { if (!kept) paint(null); });
  node.addEventListener("focus", () => { look(name); });
  node.addEventListener("click", () => { if (kept === name) { kept = null; paint(null); } else keep(name); });
  node.addEventListener("keydown", (event) => {
    const to = {
      ArrowLeft: () => byName.get(name).parent,
      ArrowRight: () => data.keys.find((key) => key.parent === name)?.name,
      ArrowUp: () => beside(name, -1),
      ArrowDown: () => beside(name, 1),
      Home: () => first,
    }[event.key]?.();
    if (to) {
      for (const other of nodes.values()) other.setAttribute("tabindex", "-1");
      nodes.get(to).setAttribute("tabindex", "0");
      if (kept) kept = to;
      nodes.get(to).focus();
      event.preventDefault();
    } else if (event.key === "Enter" || event.key === " ") {
      keep(name);
      event.preventDefault();
    }
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { kept = null; search.value = ""; branch.value = ""; group.value = ""; paint(null); }
  if (event.key === "/" && document.activeElement !== search) { search.focus(); event.preventDefault(); }
});
for (const control of [search, branch, group, leak]) control.addEventListener("input", () => paint(kept));
const asked = decodeURIComponent(location.hash.slice(1));
if (byName.has(asked)) keep(asked); else paint(null);
