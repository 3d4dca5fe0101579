"""The rules of Grafana's dashboard-linter in its strict mode, as far as they concern Prometheus; each is named as there.

target-promql-rule is kept by `promtool check rules` over `generate.py --rules`.
"""
import re

UNITS = {
    "none", "short", "percent", "percentunit", "bytes", "cps", "s", "ms", "dtdurations", "dateTimeAsIso", "locale",
    "ops", "reqps", "hertz",
}
SOURCES = {"$datasource", "${datasource}"}
SELECTOR = re.compile(r"\b((?:tollgate|process)_[a-z0-9_]+)(\{[^{}]*\})?(\[[^\]]*\])?")


def plain(query):
    """The query with plausible values for Grafana's variables."""
    return query.replace("$__rate_interval", "1m").replace("$__range", "1h").replace("$", "")


def faults(made):
    """What is wrong with a dashboard, a line for each."""
    found = [f"{made['title']}: {fault}" for fault in of_dashboard(made)]
    for panel in made["panels"]:
        if panel["type"] != "row":
            found += [f"{made['title']}, {panel['title']}: {fault}" for fault in of_panel(panel)]
    return found


def of_dashboard(made):
    variables = {each["name"]: each for each in made["templating"]["list"]}
    source = variables.get("datasource", {})
    if (source.get("type"), source.get("query"), source.get("label")) != ("datasource", "prometheus", "Data source"):
        yield "template-datasource-rule"
    for name in ("job", "instance"):
        each = variables.get(name, {})
        good = each.get("datasource", {}).get("uid") in SOURCES and each.get("type") == "query"
        if not (good and each.get("label") == name.title() and each.get("multi") and each.get("allValue") == ".+"):
            yield f"template-{name}-rule"
    for each in made["templating"]["list"]:
        if each["type"] != "query":
            continue
        if each.get("refresh") != 2:
            yield f"template-on-time-change-reload-rule: {each['name']}"
        if not re.fullmatch(r"label_values\([a-z_]+(\{[^{}]*\})?, [a-z]+\)", each["query"]):
            yield f"template-label-promql-rule: {each['name']}"
    if made.get("editable"):
        yield "uneditable-dashboard-rule"
    titles = [panel["title"] for panel in made["panels"] if panel["type"] != "row"]
    if len(titles) != len(set(titles)):
        yield "two panels have one title"


def of_panel(panel):
    if panel.get("datasource", {}).get("uid") not in SOURCES:
        yield "panel-datasource-rule"
    if not panel.get("title") or not panel.get("description"):
        yield "panel-title-description-rule"
    if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
        yield f"panel-units-rule: {panel['fieldConfig']['defaults'].get('unit')}"
    if not panel.get("targets"):
        yield "panel-no-targets-rule"
    for target in panel.get("targets", []):
        yield from of_target(target["expr"])


def of_target(query):
    for found in SELECTOR.finditer(query):
        metric, matchers, window = found[1], found[2] or "", found[3]
        before = query[: found.start()]
        for label in ("job", "instance"):
            if f'{label}=~"${label}"' not in matchers:
                yield f"target-{label}-rule: {metric}"
        if metric.endswith(("_total", "_bucket")) and not (window and re.search(r"\b(rate|irate|increase)\($", before)):
            yield f"target-counter-agg-rule: {metric}"
        if re.search(r"\bi?rate\($", before) and window != "[$__rate_interval]":
            yield f"target-rate-interval-rule: {metric}"
