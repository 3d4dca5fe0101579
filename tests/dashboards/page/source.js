// What Grafana's Prometheus data source does: variables, interval, queries, answers as data frames.

import { createDataFrame, FieldType, rangeUtil } from '@grafana/data';

async function get(prometheus, path, words) {
  const answer = await fetch(`${prometheus}/api/v1/${path}?${new URLSearchParams(words)}`);
  const told = await answer.json();
  if (told.status !== 'success') throw new Error(`${path} ${JSON.stringify(words)}: ${told.error}`);
  return told.data;
}

/** The variables of a dashboard, each with the values to choose from; all of them are chosen, as the files say. */
export async function choices(dashboard, prometheus) {
  const made = [];
  for (const each of dashboard.templating.list) {
    const { name, label, type } = each;
    if (type === 'datasource') {
      const { text, value } = each.current;
      made.push({ name, label, text, put: value, values: [value] });
      continue;
    }
    const [, metric, wanted] = /^label_values\((.+), ([a-z]+)\)$/.exec(each.query);
    const values = await get(prometheus, `label/${wanted}/values`, { 'match[]': interpolate(metric, made) });
    made.push({ name, label, text: each.current.text.join(', '), put: each.allValue, values });
  }
  return made;
}

function interpolate(text, chosen) {
  return chosen.reduce((done, each) => done.replaceAll(`$${each.name}`, each.put), text);
}

/** The answers to a panel's queries: one data frame for each series. */
export async function ask({ panel, chosen, range, width, scrape, prometheus }) {
  const { interval, intervalMs } = rangeUtil.calculateInterval(range, Math.floor(width), scrape);
  const scrapeMs = rangeUtil.intervalToMs(scrape);
  const built = [
    { name: '__rate_interval', put: rangeUtil.secondsToHms(Math.max(intervalMs + scrapeMs, 4 * scrapeMs) / 1000) },
    { name: '__range', put: `${Math.ceil((range.to - range.from) / 1000)}s` },
    { name: '__interval', put: interval },
  ];
  const frames = [];
  for (const target of panel.targets) {
    const query = interpolate(target.expr, [...built, ...chosen]);
    const [start, end] = [range.from.valueOf() / 1000, range.to.valueOf() / 1000];
    const { result } = target.instant
      ? await get(prometheus, 'query', { query, time: end })
      : await get(prometheus, 'query_range', { query, start, end, step: intervalMs / 1000 });
    for (const { metric, values, value } of result) frames.push(frame(target, metric, values ?? [value], intervalMs));
  }
  return frames;
}

function frame({ refId, legendFormat }, metric, points, interval) {
  const { __name__: name, ...labels } = metric;
  const named = (text) => text.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
  const legend = legendFormat === '__auto' ? undefined : named(legendFormat);
  return createDataFrame({
    refId,
    fields: [
      { name: 'Time', type: FieldType.time, config: { interval }, values: points.map(([time]) => time * 1000) },
      {
        name: name ?? 'Value',
        type: FieldType.number,
        labels,
        config: legend === undefined ? {} : { displayNameFromDS: legend },
        // What is no number, as a quantile of nothing, is a gap.
        values: points.map(([, value]) => (Number.isFinite(Number(value)) ? Number(value) : null)),
      },
    ],
  });
}
