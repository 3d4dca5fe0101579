//! What a page must be for everybody, checked in the page itself: names, landmarks and headings, what the keyboard reaches,
//! and contrast (WCAG 2.2, AA).

use std::path::PathBuf;

use crate::browser::{Browser, Scheme};

/// What a page lacks, one line each.
const FAULTS: &str = r#"
const faults = [], all = css => [...document.querySelectorAll(css)], name = e => e.outerHTML.slice(0, 120);
if (document.documentElement.lang !== 'en') faults.push('no language');
if (!document.title.includes('Tollgate')) faults.push('no title');
for (const [css, n] of [['h1', 1], ['main', 1], ['body > header', 1], ['a.skip', 1]])
  if (all(css).length !== n) faults.push(`${all(css).length} of ${css}, not ${n}`);
let level = 0;
for (const h of all('h1,h2,h3')) {
  if (+h.tagName[1] > level + 1) faults.push('a heading is left out before ' + name(h));
  level = +h.tagName[1];
}
for (const e of all('input:not([type=hidden]),select,textarea')) if (!e.labels.length) faults.push('no label: ' + name(e));
for (const e of all('table')) {
  if (!e.caption || !e.caption.textContent.trim()) faults.push('no caption: ' + name(e));
  for (const h of e.querySelectorAll('th')) if (!h.scope) faults.push('no scope: ' + name(h));
  if (!e.tHead || !e.querySelector('tbody th[scope=row]')) faults.push('no headings: ' + name(e));
}
for (const e of all('nav,meter,progress,[role=region]')) if (!e.getAttribute('aria-label')) faults.push('no name: ' + name(e));
for (const e of all('a,button')) if (!e.textContent.trim()) faults.push('no text: ' + name(e));
for (const e of all('img')) if (!e.hasAttribute('alt')) faults.push('no alt: ' + name(e));
for (const e of all('[aria-describedby]'))
  for (const id of e.getAttribute('aria-describedby').split(' '))
    if (!document.getElementById(id)) faults.push('described by nothing: ' + name(e));
const ids = all('[id]').map(e => e.id);
if (new Set(ids).size !== ids.length) faults.push('an id twice: ' + ids);
if (all('script,[style],iframe,object').length) faults.push('a script, style or frame inside');
if (all('[tabindex]').some(e => +e.tabIndex > 0)) faults.push('an order of its own for the keyboard');
if (document.documentElement.scrollWidth > innerWidth) faults.push('wider than the window');
return faults;
"#;

/// Texts with too little contrast to what is behind them, and how many were looked at.
const CONTRAST: &str = r#"
const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => {
  const part = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
};
const ground = e => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const low = [];
let looked = 0;
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.matches('input:not([type=hidden])');
  const style = getComputedStyle(e);
  if (!own || style.visibility === 'hidden' || style.display === 'none' || !e.getClientRects().length) continue;
  looked++;
  const [a, b] = [light(parse(style.color)), light(ground(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = parseFloat(style.fontSize), bold = +style.fontWeight >= 700;
  const least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
  if (ratio < least) low.push(`${ratio.toFixed(2)} of ${least}: ${style.color} on ${ground(e)}: ${e.textContent.trim().slice(0, 60)}`);
}
for (const e of document.querySelectorAll('input:not([type=hidden]),button')) {
  const [a, b] = [light(parse(getComputedStyle(e).borderTopColor)), light(ground(e.parentElement))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 3) low.push(`${ratio.toFixed(2)} of 3: the border of ${e.outerHTML.slice(0, 80)}`);
}
return [looked, low];
"#;

/// Whether the focus is on something that shows it. The name of what has it.
const FOCUS: &str = r#"
const e = document.activeElement, style = getComputedStyle(e), at = e.getBoundingClientRect();
const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && at.right > 0 && at.left < innerWidth;
return [e.textContent.trim() || e.id || e.tagName, seen];
"#;

/// What has the focus; it must be seen to have it.
pub fn focused(browser: &Browser) -> String {
    let told = browser.run(FOCUS);
    let name = told[0].as_str().unwrap().to_owned();
    assert_eq!(told[1], true, "the focus on {name:?} is not seen");
    name
}

/// Checks the page that is open, in light and dark, and keeps pictures of it where that is asked for.
pub fn check(browser: &Browser, name: &str) {
    let faults = browser.run(FAULTS);
    assert_eq!(faults.as_array().unwrap(), &[] as &[serde_json::Value], "{name}");
    let mut grounds = Vec::new();
    for scheme in [Scheme::Light, Scheme::Dark] {
        browser.prefer(scheme);
        let told = browser.run(CONTRAST);
        assert!(told[0].as_u64().unwrap() >= 4, "{name}: texts were looked at: {told}");
        assert_eq!(told[1].as_array().unwrap(), &[] as &[serde_json::Value], "{name} in {}", scheme.as_str());
        let ground = browser.run("return getComputedStyle(document.body).backgroundColor");
        grounds.push(ground.as_str().unwrap().to_owned());
        if let Some(folder) = std::env::var_os("TOLLGATE_SCREENSHOTS") {
            let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
            std::fs::create_dir_all(&file).unwrap();
            std::fs::write(file.join(format!("console-{name}-{}.png", scheme.as_str())), browser.picture()).unwrap();
        }
    }
    assert_eq!(grounds, ["rgb(255, 255, 255)", "rgb(16, 21, 27)"], "{name}: light, and dark");
    browser.prefer(Scheme::Light);
}
