// One dashboard file as a page. `window.shown` says which, over which time, from which Prometheus, and in which theme. When all
// is drawn, `window.drawn` tells the height, how many panels there are, and what is wrong.

import { useEffect, useMemo } from 'react';
import { createRoot } from 'react-dom/client';
import { createTheme, dateTime } from '@grafana/data';
import { GlobalStyles, PanelChrome, ThemeContext } from '@grafana/ui';

import { draw, KINDS } from './panels.jsx';
import { ask, choices } from './source.js';

// Grafana's grid: columns, and heights of a row and of what is between two. Pixels.
const COLUMNS = 24;
const ROW = 30;
const GAP = 8;
const WIDTH = 1600;
const HEAD = 96;

const { dashboard, prometheus, theme: scheme, from, to, scrape } = window.shown;
const theme = createTheme({ colors: { mode: scheme } });
const range = { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } };
const faults = [];
window.addEventListener('error', (event) => faults.push(`error in the page: ${event.message}`));
window.addEventListener('unhandledrejection', (event) => faults.push(`error in the page: ${event.reason}`));

const column = (WIDTH - GAP) / COLUMNS;
const place = ({ x, y, w, h }) => ({
  position: 'absolute',
  left: GAP + x * column,
  top: HEAD + y * (ROW + GAP),
  width: w * column - GAP,
  height: h * ROW + (h - 1) * GAP,
});

/** What Grafana shows above a dashboard: its title, what is chosen, the time. */
function Head({ chosen }) {
  const time = (each) => each.format('YYYY-MM-DD HH:mm:ss');
  const label = { color: theme.colors.text.secondary, fontWeight: 500, marginRight: 8 };
  const value = { border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, padding: '4px 8px', marginRight: 24 };
  return (
    <div style={{ padding: '12px 16px' }}>
      <div style={{ fontSize: 18, fontWeight: 500 }}>
        {dashboard.title}
        <span style={{ float: 'right', fontSize: 14 }}>
          {time(range.from)} to {time(range.to)} UTC
        </span>
      </div>
      <div style={{ marginTop: 14 }}>
        {chosen.map((each) => (
          <span key={each.name}>
            <span style={label}>{each.label}</span>
            <span style={value}>{each.text}</span>
          </span>
        ))}
      </div>
    </div>
  );
}

function Panel({ panel, answers }) {
  const box = place(panel.gridPos);
  if (panel.type === 'row') {
    return <div style={{ ...box, lineHeight: `${ROW}px`, fontWeight: 500, fontSize: 16 }}>{panel.title}</div>;
  }
  return (
    <div style={box} data-panel={panel.id}>
      <PanelChrome title={panel.title} description={panel.description} width={box.width} height={box.height}>
        {(width, height) => draw({ panel, answers, width, height, range, theme })}
      </PanelChrome>
    </div>
  );
}

function Page({ chosen, answered, height, done }) {
  useEffect(() => {
    // Two frames later the canvases are painted too.
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 500)));
  }, [done]);
  const panels = useMemo(
    () => dashboard.panels.map((panel) => <Panel key={panel.id} panel={panel} answers={answered.get(panel.id)} />),
    [answered],
  );
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={{ position: 'relative', width: WIDTH, height }}>
        <Head chosen={chosen} />
        {panels}
      </div>
    </ThemeContext.Provider>
  );
}

/** Whether a panel has more than its frame and title. */
function empty({ id, type, title }) {
  const box = document.querySelector(`[data-panel="${id}"]`);
  return type === 'timeseries' ? !box?.querySelector('canvas') : !box?.innerText.replace(title, '').trim();
}

async function main() {
  // Widths of texts are measured, so the fonts come first.
  await Promise.all([400, 500].map((weight) => document.fonts.load(`${weight} 14px Inter`)));
  const chosen = await choices(dashboard, prometheus);
  chosen.filter((each) => !each.values.length).forEach((each) => faults.push(`${each.label} has nothing to choose`));
  const answered = new Map();
  const drawn = dashboard.panels.filter((panel) => panel.type !== 'row');
  for (const panel of drawn) {
    if (!KINDS.has(panel.type)) {
      faults.push(`${panel.title}: panels of type ${panel.type} are not known`);
      continue;
    }
    const width = place(panel.gridPos).width;
    const answers = await ask({ panel, chosen, range, width, scrape, prometheus }).catch((error) => {
      faults.push(`${panel.title}: ${error.message}`);
      return [];
    });
    answered.set(panel.id, answers);
    const numbers = answers.flatMap((each) => each.fields[1].values).filter(Number.isFinite);
    if (!numbers.length) faults.push(`${panel.title}: no data`);
  }
  const rows = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const height = HEAD + rows * (ROW + GAP) + GAP;
  const series = [...answered.values()].reduce((sum, answers) => sum + answers.length, 0);
  const done = () => {
    drawn.filter(empty).forEach(({ title }) => faults.push(`${title}: nothing is drawn`));
    window.drawn = { width: WIDTH, height, panels: drawn.length, series, faults };
  };
  createRoot(document.getElementById('root'), {
    onUncaughtError: (error) => {
      faults.push(`error in the page: ${error.stack ?? error}`);
      done();
    },
  }).render(<Page chosen={chosen} answered={answered} height={height} done={done} />);
}

main().catch((error) => (window.drawn = { width: WIDTH, height: 600, panels: 0, series: 0, faults: [...faults, `${error}`] }));
