#!/usr/bin/env python3
"""Makes the dashboards of dashboards.py.

generate.py            writes dashboards/*.json
generate.py --check    fails when they are not what would be written, or break a rule of Grafana's dashboard-linter (strict)
generate.py --rules    prints every query as a recording rule, for `promtool check rules`
"""
import json
import pathlib
import re
import sys

sys.dont_write_bytecode = True  # the folder is for Grafana

import lint  # noqa: E402
from dashboards import DASHBOARDS, Panel  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
CHOSEN = 'job=~"$job", instance=~"$instance"'
ACCOUNT = 'account=~"$account"'
# Columns from which on a panel has room for a legend beside its lines.
WIDE = 12
NO_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []}


def promql(text):
    """The query with the matchers of the chosen processes and accounts, and Grafana's ranges."""

    def matchers(found):
        inside = found[1].strip()
        account = inside == "account" or inside.startswith("account,")
        inside = inside.removeprefix("account").lstrip(", ") if account else inside
        return "{" + ", ".join(filter(None, [CHOSEN, ACCOUNT if account else "", inside])) + "}"

    text = re.sub(r"(?<=[a-z])\{([^{}]*)\}", matchers, text)
    return text.replace("[r]", "[$__rate_interval]").replace("[range]", "[$__range]")


def field(panel):
    steps = [{"value": start, "color": colour} for start, colour in panel.steps or [(None, "text")]]
    defaults = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}, "mappings": []}
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.unit != "dateTimeAsIso":
        defaults["min"] = 0
    if panel.bound is not None:
        defaults["max"] = panel.bound
    if panel.words:
        defaults["mappings"] = [
            {"type": "value", "options": {value: {"text": text, "color": colour, "index": n}}}
            for n, (value, text, colour) in enumerate(panel.words)
        ]
    timeseries = panel.kind == "timeseries"
    defaults["color"] = {"mode": "palette-classic" if timeseries else "thresholds"}
    if timeseries:
        defaults["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stack else 8,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stack else "none", "group": "A"},
            # Above the last step something is wrong; the line says from where on.
            "thresholdsStyle": {"mode": "line" if panel.steps else "off"},
        }
        if panel.linear_to is not None:
            # Zero is shown too, which a plain logarithm could not.
            defaults["custom"]["scaleDistribution"] = {"type": "symlog", "log": 10, "linearThreshold": panel.linear_to}
            # Its lines are so many that they hatch the panel.
            defaults["custom"]["axisGridShow"] = False
    return {"defaults": defaults, "overrides": []}


def options(panel):
    if panel.kind == "timeseries":
        # Beside the lines there is room for many series, the largest first; below them for a few.
        beside = {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"], "sortBy": "Last *",
                  "sortDesc": True}
        below = {"displayMode": "list", "placement": "bottom", "calcs": ["lastNotNull"]}
        many = panel.width >= WIDE and any("{{" in legend for legend, _ in panel.queries)
        return {
            "legend": {"showLegend": True, **(beside if many else below)},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if panel.kind == "state-timeline":
        return {
            "mergeValues": True,
            "showValue": "auto",
            "rowHeight": 0.8,
            "legend": NO_LEGEND,
            "tooltip": {"mode": "single", "sort": "none"},
        }
    shown = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "orientation": "auto"}
    if panel.size is not None:
        shown["text"] = {"valueSize": panel.size}
    if panel.kind == "bargauge":
        return {**shown, "orientation": "horizontal", "displayMode": "basic", "showUnfilled": True, "valueMode": "text",
                "namePlacement": "auto", "sizing": "auto", "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300,
                "legend": NO_LEGEND}
    # A name is shown also where there is one value only: of a version or a currency it says all.
    named = any(legend for legend, _ in panel.queries)
    return {**shown, "colorMode": "value" if panel.steps else "none", "graphMode": "none" if instant(panel) else "area",
            "textMode": "value_and_name" if named else "auto", "justifyMode": "auto", "wideLayout": True,
            "showPercentChange": False, "percentChangeColorMode": "standard"}


def instant(panel):
    """Whether one moment is asked for: bars, and figures of the whole time shown. Other figures have their course below them."""
    whole = panel.still or any("[range]" in query for _, query in panel.queries)
    return panel.kind == "bargauge" or (panel.kind == "stat" and whole)


def panels(description):
    """Rows and panels, laid from left to right and top to bottom; those side by side are equally tall."""
    made, line, x, y, height = [], [], 0, 0, 0
    for n, each in enumerate(description, 1):
        if isinstance(each, str):
            line, x, y, height = [], 0, y + height, 1
            made.append({"id": n, "type": "row", "title": each, "collapsed": False, "panels": [],
                         "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
            y, height = y + 1, 0
            continue
        tall = 5 if each.kind == "stat" else 8
        if x + each.width > 24:
            line, x, y, height = [], 0, y + height, 0
        made.append({
            "id": n,
            "type": each.kind,
            "title": each.title,
            "description": each.about,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": each.width, "h": tall},
            "targets": [
                {
                    "refId": chr(ord("A") + i),
                    "datasource": SOURCE,
                    "expr": promql(query),
                    "legendFormat": legend or "__auto",
                    "instant": instant(each),
                    "range": not instant(each),
                }
                for i, (legend, query) in enumerate(each.queries)
            ],
            "fieldConfig": field(each),
            "options": options(each),
        })
        x, height = x + each.width, max(height, tall)
        line.append(made[-1]["gridPos"])
        for place in line:
            place["h"] = height
    return made


def choice(name, query):
    """A variable of many values, all of them at first, read anew when the time shown changes."""
    return {
        "name": name,
        "label": name.title(),
        "type": "query",
        "datasource": SOURCE,
        "query": query,
        "definition": query,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "refresh": 2,
        "sort": 1,
        "regex": "",
        "hide": 0,
    }


def dashboard(uid, title, about, description):
    choices = [
        choice("job", "label_values(tollgate_build_info, job)"),
        choice("instance", 'label_values(tollgate_build_info{job=~"$job"}, instance)'),
    ]
    if any(ACCOUNT in promql(query) for each in description if isinstance(each, Panel) for _, query in each.queries):
        choices.append(choice("account", f"label_values(tollgate_quota_users{{{CHOSEN}}}, account)"))
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        # The one of provisioning/; where there is none of that id, Grafana takes the first of the type.
        "current": {"selected": False, "text": "Tollgate", "value": "tollgate"},
        "refresh": 1,
        "regex": "",
        "hide": 0,
    }
    return {
        "uid": f"tollgate-{uid}",
        "title": title,
        "description": about,
        "tags": ["tollgate"],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "version": 1,
        "timezone": "browser",
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "links": [{"type": "dashboards", "title": "Tollgate", "tags": ["tollgate"], "asDropdown": False, "keepTime": True,
                   "includeVars": True, "targetBlank": False, "icon": "external link", "url": "", "tooltip": ""}],
        "annotations": {"list": []},
        "templating": {"list": [source, *choices]},
        "panels": panels(description),
    }


def main(arguments):
    made = {f"{uid}.json": dashboard(uid, *rest) for uid, *rest in DASHBOARDS}
    if arguments == ["--rules"]:
        queries = [t["expr"] for each in made.values() for p in each["panels"] for t in p.get("targets", [])]
        rules = [{"record": f"query:n{n}", "expr": lint.plain(query)} for n, query in enumerate(queries)]
        print(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
        return 0
    if arguments == ["--check"]:
        faults = [fault for each in made.values() for fault in lint.faults(each)]
        kept = {path.name: path.read_text("utf-8") for path in HERE.glob("*.json")}
        if kept != {name: text(each) for name, each in made.items()}:
            faults.append("deploy/grafana/dashboards is stale: run deploy/grafana/generate.py")
        print("\n".join(faults) or f"{len(made)} dashboards: good")
        return 1 if faults else 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for name, each in made.items():
        (HERE / name).write_text(text(each), "utf-8")
    return 0


def text(made):
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
