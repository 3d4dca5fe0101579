// The panels that the dashboards have, drawn by Grafana's components. What joins data and components is part of Grafana's
// server program and not published; here it is written anew, no more than these dashboards need.

import {
  applyFieldOverrides,
  FieldConfigOptionsRegistry,
  getDisplayValueAlignmentFactors,
  getFieldDisplayName,
  getFieldDisplayValues,
  formattedValueToString,
  identityOverrideProcessor,
  VizOrientation,
} from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';

const ZONE = 'utc';
// What may be set for fields of panels of any type; what a type has of its own is below `custom`.
const COMMON = ['unit', 'min', 'max', 'decimals', 'displayName', 'color', 'thresholds', 'mappings', 'noValue'];

/** What may be set for a field; Grafana keeps such a list for every type of panel. */
function registry(defaults) {
  const option = (path, isCustom) => ({
    id: isCustom ? `custom.${path}` : path,
    path,
    isCustom,
    process: identityOverrideProcessor,
    shouldApply: () => true,
  });
  const custom = Object.keys(defaults.custom ?? {}).map((path) => option(path, true));
  const made = new FieldConfigOptionsRegistry();
  [...COMMON.map((path) => option(path, false)), ...custom].forEach((each) => made.register(each));
  return made;
}

const plain = (text) => text;

/** The frames with the panel's units, bounds, colours and words. */
function configured(panel, answers, theme) {
  const { fieldConfig } = panel;
  return applyFieldOverrides({
    data: answers,
    fieldConfig,
    fieldConfigRegistry: registry(fieldConfig.defaults),
    replaceVariables: plain,
    theme,
    timeZone: ZONE,
  });
}

function Lines({ panel, frames, width, height, range }) {
  const { legend } = panel.options;
  const size = { width, height };
  return <TimeSeries frames={frames} structureRev={1} {...size} timeRange={range} timeZone={ZONE} legend={legend} />;
}

/** The one value of each series, and how they are laid out. */
function Repeated({ panel, frames, width, height, theme, render, ...more }) {
  const { options, fieldConfig } = panel;
  const sparkline = options.graphMode !== undefined && options.graphMode !== 'none';
  const values = getFieldDisplayValues({
    fieldConfig,
    reduceOptions: options.reduceOptions,
    replaceVariables: plain,
    theme,
    data: frames,
    sparkline,
    timeZone: ZONE,
  });
  return (
    <VizRepeater
      source={frames}
      renderCounter={0}
      width={width}
      height={height}
      orientation={options.orientation}
      getValues={() => values}
      getAlignmentFactors={() => getDisplayValueAlignmentFactors(values)}
      renderValue={render}
      {...more}
    />
  );
}

function Stat({ range, ...rest }) {
  const { options } = rest.panel;
  const render = ({ value, width, height, alignmentFactors, count }) => (
    <BigValue
      value={value.display}
      sparkline={value.sparkline && { ...value.sparkline, timeRange: range }}
      colorMode={options.colorMode}
      graphMode={options.graphMode}
      textMode={options.textMode}
      justifyMode={options.justifyMode ?? 'auto'}
      alignmentFactors={alignmentFactors}
      text={options.text}
      disableWideLayout={!options.wideLayout}
      count={count}
      width={width}
      height={height}
      theme={rest.theme}
    />
  );
  return <Repeated {...rest} render={render} autoGrid />;
}

function Bars(props) {
  const { options } = props.panel;
  const render = ({ value, width, height, orientation, alignmentFactors }) => (
    <BarGauge
      value={value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex)}
      text={options.text}
      displayMode={options.displayMode}
      showUnfilled={options.showUnfilled}
      valueDisplayMode={options.valueMode}
      namePlacement={options.namePlacement ?? 'auto'}
      orientation={orientation}
      alignmentFactors={alignmentFactors}
      itemSpacing={8}
      lcdCellWidth={12}
      width={width}
      height={height}
      theme={props.theme}
    />
  );
  return <Repeated {...props} render={render} minVizWidth={8} minVizHeight={16} maxVizHeight={300} itemSpacing={8} />;
}

/** States over time. Grafana's own drawing of them is not published: only words and colours are Grafana's. */
function States({ frames, width, height, range, theme }) {
  const names = frames.map((frame) => getFieldDisplayName(frame.fields[1], frame, frames));
  const left = 8 * Math.max(...names.map((name) => name.length));
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const at = (time) => left + ((width - left) * (time - from)) / (to - from);
  const axis = 20;
  const tall = (height - axis) / frames.length;
  const text = { position: 'absolute', fontSize: 12, overflow: 'hidden', whiteSpace: 'nowrap' };
  const marks = [0, 1, 2, 3].map((n) => from + ((to - from) * (n + 0.5)) / 4);
  return (
    <div style={{ position: 'relative', width, height }}>
      {frames.flatMap((frame, row) => {
        const [times, values] = frame.fields.map((field) => field.values);
        const starts = [...times.keys()].filter((n) => n === 0 || values[n] !== values[n - 1]);
        const states = starts.map((start, n) => {
          const shown = frame.fields[1].display(values[start]);
          const [x, end] = [at(times[start]), at(times[starts[n + 1]] ?? times[times.length - 1])];
          const box = { left: x, top: row * tall + tall * 0.1, width: Math.max(end - x, 1), height: tall * 0.8 };
          const color = theme.colors.getContrastText(shown.color);
          const look = { background: shown.color, color, lineHeight: `${tall * 0.8}px`, textIndent: 8 };
          return (
            <div key={`${row}-${start}`} style={{ ...text, ...box, ...look }}>
              {formattedValueToString(shown)}
            </div>
          );
        });
        const name = (
          <div key={names[row]} style={{ ...text, left: 0, top: row * tall, lineHeight: `${tall}px` }}>
            {names[row]}
          </div>
        );
        return [name, ...states];
      })}
      {marks.map((time) => (
        <div key={time} style={{ ...text, left: at(time) - 24, top: height - axis + 2, color: theme.colors.text.secondary }}>
          {new Date(time).toISOString().slice(11, 19)}
        </div>
      ))}
    </div>
  );
}

export const KINDS = new Map([
  ['timeseries', Lines],
  ['stat', Stat],
  ['bargauge', Bars],
  ['state-timeline', States],
]);

/** One panel's inside. A panel of an unknown type has none; the page has told. */
export function draw({ panel, answers, width, height, range, theme }) {
  const Kind = KINDS.get(panel.type);
  if (!Kind || !answers?.length) return null;
  const frames = configured(panel, answers, theme);
  return <Kind panel={panel} frames={frames} width={width} height={height} range={range} theme={theme} />;
}
