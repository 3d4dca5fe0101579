// whatsapp-api-js sends through the sandbox, and reads at its own middleware what the sandbox tells by webhook.
import { createHmac } from "node:crypto";
import { Readable } from "node:stream";
import {
  BodyComponent,
  BodyParameter,
  CopyComponent,
  Document,
  HeaderComponent,
  HeaderParameter,
  Image,
  Language,
  Location,
  PayloadComponent,
  Template,
  Text,
  URLComponent,
  Video,
} from "whatsapp-api-js/messages";
import { WhatsAppAPI } from "whatsapp-api-js/middleware/node-http";
import * as common from "./common.mjs";

const { asked, attempt, row } = common;
const to = "16505551234";

/** The client writes to the platform's own host; what it writes goes to the sandbox, untouched. */
function client(token = asked.token) {
  return new WhatsAppAPI({
    token,
    appSecret: asked.secret,
    webhookVerifyToken: "verify",
    v: asked.version,
    ponyfill: { fetch: (url, more) => fetch(String(url).replace("https://graph.facebook.com", asked.sandbox), more) },
  });
}

const template = (name, ...components) => new Template(name, new Language("en_US"), ...components);
const ana = new BodyComponent(new BodyParameter("Ana"));
const header = (parameter) => new HeaderComponent(new HeaderParameter(parameter));
const media = (Kind, name, ...more) => header(new Kind(`https://example.com/a.${name}`, false, ...more));
const TEMPLATES = {
  "template positional": template("news", ana),
  "template named": template(
    "order_shipped",
    new BodyComponent(new BodyParameter("Ana", "first_name"), new BodyParameter("42", "order")),
  ),
  "template one-time code": Template.OTP("login_code", "en_US", "914207"),
  "template text header": template("titled", header("42"), ana),
  "template video header": template("clip", media(Video, "mp4"), ana),
  "template document header": template("invoice", media(Document, "pdf"), ana),
  "template location header": template("visit", header(new Location(-122.16, 37.44, "Office", "Forest Ave")), ana),
  "template without parameters": template("plain"),
};

let first;
function accepted(answer) {
  if (!answer.messages) return JSON.stringify(answer);
  first ??= answer.messages[0].id;
  return answer.messages[0].id.startsWith("wamid.") ? "" : JSON.stringify(answer);
}

async function sends(wa) {
  const send =
    (message, recipient = { phone: to }, context) =>
    () =>
      wa.sendMessage(asked.number, recipient, message, context, "job-42");
  for (const [name, message] of Object.entries(TEMPLATES)) await attempt("sends", name, send(message), accepted);
  // This client wants a name for the picture as well when the text has one: once as the platform documents it, once so.
  for (const [name, named] of [
    ["template image and buttons", undefined],
    ["the same, picture named", "picture"],
  ]) {
    await attempt(
      "sends",
      name,
      () => {
        const picture = new HeaderComponent(new HeaderParameter(new Image("https://example.com/a.jpg"), named));
        const text = new BodyComponent(new BodyParameter("Ana", "first_name"));
        const buttons = [new URLComponent("abc"), new PayloadComponent("STOP"), new CopyComponent("25OFF")];
        return send(template("summer_offer", picture, text, ...buttons))();
      },
      accepted,
    );
  }
  await attempt(
    "sends",
    "template to a business-scoped id",
    send(TEMPLATES["template positional"], { bsuid: "US.13491208655302741918" }),
    accepted,
  );
  await common.openWindow(to);
  await attempt("sends", "text", send(new Text("Hello")), accepted);
  await attempt("sends", "text with preview", send(new Text("See https://example.com", true)), accepted);
  await attempt("sends", "text in reply", send(new Text("Yes"), { phone: to }, "wamid.HBgL"), accepted);
  await attempt("sends", "image", send(new Image("https://example.com/a.jpg")), accepted);
}

async function everyone(wa) {
  for (let suffix = 1; suffix <= 18; suffix++) {
    const digits = String(suffix).padStart(3, "0");
    const held = suffix === 15 || suffix === 16 ? "held_for_quality_assessment" : "accepted";
    const code = { 8: 131056, 11: 130429 }[suffix];
    try {
      const answer = await wa.sendMessage(
        asked.number,
        { phone: `16505550${digits}` },
        TEMPLATES["template positional"],
        undefined,
        `job-${suffix}`,
      );
      const fine = code ? answer.error?.code === code : answer.messages?.[0].message_status === held;
      row("answers", `recipient ${digits}`, fine, JSON.stringify(answer));
    } catch (error) {
      // An empty 500 and a closed connection have no answer to read.
      row("answers", `recipient ${digits}`, suffix === 9 || suffix === 12, `${error.name}: ${error.message}`);
    }
  }
}

async function refusals(wa) {
  const send =
    (message, by = wa, phone = "16505557777") =>
    () =>
      by.sendMessage(asked.number, { phone }, message);
  for (const [name, code, call] of [
    ["unknown template", 132001, send(template("nothing"))],
    ["parameter count", 132000, send(template("news"))],
    ["parameter format", 132012, send(template("clip", media(Image, "jpg"), ana))],
    ["paused template", 132015, send(template("resting", ana))],
    ["disabled template", 132016, send(template("ended", ana))],
    ["text outside the window", 131047, send(new Text("Hi"), wa, "16505558888")],
    ["wrong token", 190, send(TEMPLATES["template positional"], client("wrong"))],
  ]) {
    await attempt("refusals", name, call, (answer) => (answer.error?.code === code ? "" : JSON.stringify(answer)));
  }
}

/** The middleware's own answer to a request with this body. */
async function handle(wa, body, signature) {
  const request = Readable.from([body]);
  request.headers = { "x-hub-signature-256": signature, "content-length": String(body.length) };
  return wa.handle_post(request);
}

/** A body with its signature. */
function signed(body) {
  return [Buffer.from(body), `sha256=${createHmac("sha256", asked.secret).update(body).digest("hex")}`];
}

async function read(wa, tried, name, body) {
  let told;
  wa.on.message = (event) => void (told = { kind: "message", ...event });
  wa.on.status = (event) => void (told = { kind: "status", ...event });
  for (const kind of ["connect", "terminate", "status"])
    wa.on.call[kind] = (event) => void (told = { kind: "call", ...event });
  const status = await handle(wa, ...signed(body));
  const { field, value } = common.change(JSON.parse(body));
  if (status !== 200 || !told) {
    row(tried, name, false, `${field}: answered ${status}, ${told ? "read" : "nothing read"}`);
    return;
  }
  const pairs = [];
  const [ours] = value.statuses ?? value.messages ?? value.calls ?? [];
  if (told.kind === "status") {
    pairs.push(
      ["id", ours.id, told.id],
      ["status", ours.status, told.status],
      ["time", ours.timestamp, told.timestamp],
    );
    pairs.push(["callback", ours.biz_opaque_callback_data, told.biz_opaque_callback_data]);
    pairs.push(["pricing", ours.pricing, told.pricing], ["conversation", ours.conversation, told.conversation]);
    pairs.push(["code", ours.errors?.[0]?.code, told.error?.code]);
    if (ours.recipient_type !== "group") {
      const contact = value.contacts?.[0] ?? {};
      pairs.push(["recipient", contact.wa_id ?? ours.recipient_id, told.recipient.phone]);
      pairs.push(["user", contact.user_id ?? ours.recipient_user_id, told.recipient.bsuid]);
    }
  } else if (told.kind === "message") {
    pairs.push(["message", ours, told.message]);
    if (!ours.group_id) pairs.push(["from", ours.from, told.recipient.phone]);
  } else {
    pairs.push(["call", ours.id, told.call?.id ?? told.id]);
  }
  const says = common.differences(pairs);
  row(tried, name, !says, says);
}

const receiver = client();
const hook = await common.endpoint((body, signature) => handle(receiver, body, signature));
const wa = client();
await sends(wa);
await everyone(wa);
await refusals(wa);
const expected = await common.everythingSaid(first);
hook.end();
row("webhook endpoint", "all webhooks came", hook.posts.length === expected, `${hook.posts.length} of ${expected}`);
const unsigned = hook.posts.filter(({ status }) => status === 401 || status === 400);
row("webhook endpoint", "all signatures verified", unsigned.length === 0, `${unsigned.length} refused`);
const forged = await handle(receiver, Buffer.from("{}"), `sha256=${"0".repeat(64)}`);
row("webhook endpoint", "forged signature refused", forged === 401, String(forged));
for (const { body } of hook.posts) await read(wa, "webhooks of the sandbox", common.nameOf(JSON.parse(body)), body);
if (asked.cases) {
  let count = 0;
  wa.on.status = () => void count++;
  await handle(wa, ...signed(JSON.stringify(common.batch())));
  row("webhook endpoint", "four updates in one request", count === 4, `${count} of 4 told`);
}
for (const [name, body] of common.cases()) await read(wa, "fixtures and shapes", name, body);
process.exit(0);
