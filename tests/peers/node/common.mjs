// What both Node clients need: rows, an endpoint that keeps what it got, and the webhooks to read.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline/promises";

export const asked = JSON.parse(process.argv[2]);

export function row(tried, name, ok, says = "") {
  console.log(JSON.stringify({ tried, case: name, ok, says }));
}

/** Runs one try and makes a row of it; `check` gives what is wrong with the answer, or nothing. */
export async function attempt(tried, name, call, check) {
  try {
    const wrong = check(await call());
    row(tried, name, !wrong, wrong || "");
  } catch (error) {
    row(tried, name, false, `${error.name}: ${error.message}`);
  }
}

/** Listens; `handle(body, signature)` gives the status that the client's own code answers. */
export async function endpoint(handle) {
  const posts = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const post = { body: body.toString(), status: await handle(body, request.headers["x-hub-signature-256"], request) };
    posts.push(post);
    // Whatever the client thinks of it: an update that is refused would only come again.
    response.end();
  });
  await new Promise((done) => server.listen(asked.listen, "127.0.0.1", done));
  return { posts, end: () => server.close() };
}

/** Tells run.py that all is sent, and gives the number of webhooks that the sandbox then delivered. */
export async function everythingSaid(sent) {
  console.log(JSON.stringify({ sent }));
  const lines = createInterface({ input: process.stdin });
  const line = await new Promise((done) => lines.once("line", done));
  lines.close();
  return Number(line);
}

/** [name, body] of the fixtures and shapes, in ASCII as the platform writes them. */
export function cases() {
  return asked.cases ? JSON.parse(readFileSync(asked.cases_file, "utf8")) : [];
}

/** Two changes with two statuses each, as the platform may put up to 1,000 updates into one request. */
export function batch() {
  const [, body] = cases().find(([name]) => name === "shape status sent with contact");
  const envelope = JSON.parse(body);
  const { value } = change(envelope);
  value.statuses.push(value.statuses[0]);
  envelope.entry[0].changes.push(envelope.entry[0].changes[0]);
  return envelope;
}

export function change(envelope) {
  return envelope.entry[0].changes[0];
}

/** As cases.py names them. */
export function nameOf(envelope) {
  const { field, value } = change(envelope);
  if (value.statuses?.length) {
    const [status] = value.statuses;
    const words = [status.status, status.pricing?.type, status.errors?.[0]?.code, value.contacts && "with contact"];
    return `status ${words.filter(Boolean).join(" ")}`;
  }
  if (value.messages?.length) {
    const [message] = value.messages;
    return `inbound ${message.type}${message.referral ? " from an ad" : ""}`;
  }
  if (value.user_preferences?.length) return `preference ${value.user_preferences[0].value}`;
  return `${field} ${value.event ?? ""}`.trim();
}

/** What two values differ in, for a row. */
export function differences(pairs) {
  return pairs
    .filter(([, ours, theirs]) => JSON.stringify(ours) !== JSON.stringify(theirs))
    .map(([name, ours, theirs]) => `${name}: ${JSON.stringify(ours)} became ${JSON.stringify(theirs)}`)
    .join("; ");
}

/** The person writes, so that text may be sent. */
export async function openWindow(to) {
  const body = JSON.stringify({ sender: asked.number, from: to, text: "Hi" });
  await fetch(`${asked.sandbox}/sandbox/inbound`, { method: "POST", body });
}
