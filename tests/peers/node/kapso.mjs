// @kapso/whatsapp-cloud-api sends through the sandbox, and reads what the sandbox tells by webhook.
import { GraphApiError, WhatsAppClient, buildTemplateSendPayload } from "@kapso/whatsapp-cloud-api";
import { normalizeWebhook, verifySignature } from "@kapso/whatsapp-cloud-api/server";
import * as common from "./common.mjs";

const { asked, attempt, row } = common;
const phoneNumberId = asked.number;
const to = "16505551234";

function client(accessToken = asked.token) {
  return new WhatsAppClient({ accessToken, baseUrl: asked.sandbox, graphVersion: asked.version });
}

function template(name, more = {}) {
  return buildTemplateSendPayload({ name, language: "en_US", ...more });
}

const ana = [{ type: "text", text: "Ana" }];
const named = (parameterName, text) => ({ type: "text", text, parameterName });
const url = (index, text) => ({ type: "button", subType: "url", index, parameters: [{ type: "text", text }] });
const link = (kind) => ({ type: kind, [kind]: { link: `https://example.com/a.${kind}` } });
const TEMPLATES = {
  "template positional": template("news", { body: ana }),
  "template named": template("order_shipped", { body: [named("first_name", "Ana"), named("order", "42")] }),
  "template one-time code": template("login_code", {
    body: [{ type: "text", text: "914207" }],
    buttons: [url(0, "914207")],
  }),
  "template image and buttons": template("summer_offer", {
    header: link("image"),
    body: [named("first_name", "Ana")],
    buttons: [
      url(0, "abc"),
      { type: "button", subType: "quick_reply", index: 1, parameters: [{ type: "payload", payload: "STOP" }] },
      { type: "button", subType: "copy_code", index: 2, parameters: [{ type: "coupon_code", coupon_code: "25OFF" }] },
    ],
  }),
  "template text header": template("titled", { header: { type: "text", text: "42" }, body: ana }),
  "template video header": template("clip", { header: link("video"), body: ana }),
  "template document header": template("invoice", { header: link("document"), body: ana }),
  "template location header": template("visit", {
    header: {
      type: "location",
      location: { latitude: 37.44, longitude: -122.16, name: "Office", address: "Forest Ave" },
    },
    body: ana,
  }),
  "template without parameters": template("plain"),
};

let first;
function accepted(answer) {
  first ??= answer.messages[0].id;
  return answer.messages[0].id.startsWith("wamid.") && answer.contacts[0].input ? "" : JSON.stringify(answer);
}

async function sends(wa) {
  const send = (more) => ({ phoneNumberId, to, bizOpaqueCallbackData: "job-42", ...more });
  for (const [name, template] of Object.entries(TEMPLATES)) {
    await attempt("sends", name, () => wa.messages.sendTemplate(send({ template })), accepted);
  }
  const scoped = { phoneNumberId, recipient: "US.13491208655302741918", template: TEMPLATES["template positional"] };
  await attempt("sends", "template to a business-scoped id", () => wa.messages.sendTemplate(scoped), accepted);
  await common.openWindow(to);
  await attempt("sends", "text", () => wa.messages.sendText(send({ body: "Hello" })), accepted);
  await attempt(
    "sends",
    "text with preview",
    () => wa.messages.sendText(send({ body: "See https://example.com", previewUrl: true })),
    accepted,
  );
  await attempt(
    "sends",
    "text in reply",
    () => wa.messages.sendText(send({ body: "Yes", contextMessageId: "wamid.HBgL" })),
    accepted,
  );
  const buttons = [{ id: "y", title: "Yes" }];
  await attempt(
    "sends",
    "reply buttons",
    () => wa.messages.sendInteractiveButtons(send({ bodyText: "Well?", buttons })),
    accepted,
  );
  const image = { link: "https://example.com/a.jpg" };
  await attempt("sends", "image", () => wa.messages.sendImage(send({ image })), accepted);
}

async function everyone(wa) {
  for (let suffix = 1; suffix <= 18; suffix++) {
    const number = `16505550${String(suffix).padStart(3, "0")}`;
    const order = {
      phoneNumberId,
      to: number,
      template: TEMPLATES["template positional"],
      bizOpaqueCallbackData: `job-${suffix}`,
    };
    const name = `recipient ${String(suffix).padStart(3, "0")}`;
    const held = suffix === 15 || suffix === 16 ? "held_for_quality_assessment" : "accepted";
    const code = { 8: 131056, 11: 130429, 9: 500, 12: null }[suffix];
    try {
      const answer = await wa.messages.sendTemplate(order);
      const status = answer.messages[0].messageStatus;
      row("answers", name, code === undefined && status === held, JSON.stringify(answer));
    } catch (error) {
      row("answers", name, code !== undefined && (error.code ?? null) === code, `${error.name}: ${error.message}`);
    }
  }
}

/** The code, and what the client would do about it, which is not always what we do. */
async function refusals(wa) {
  const send =
    (template, by = wa) =>
    () =>
      by.messages.sendTemplate({ phoneNumberId, to: "16505557777", template });
  for (const [name, code, action, call] of [
    ["unknown template", 132001, "fix_and_retry", send(template("nothing"))],
    ["parameter count", 132000, "fix_and_retry", send(template("news"))],
    ["parameter format", 132012, "fix_and_retry", send(template("clip", { header: link("image"), body: ana }))],
    ["paused template", 132015, "fix_and_retry", send(template("resting", { body: ana }))],
    ["disabled template", 132016, "fix_and_retry", send(template("ended", { body: ana }))],
    [
      "text outside the window",
      131047,
      "do_not_retry",
      () => wa.messages.sendText({ phoneNumberId, to: "16505558888", body: "Hi" }),
    ],
    ["wrong token", 190, "refresh_token", send(TEMPLATES["template positional"], client("wrong"))],
  ]) {
    try {
      row("refusals", name, false, `accepted: ${JSON.stringify(await call())}`);
    } catch (error) {
      const fine = error instanceof GraphApiError && error.code === code && error.retry.action === action;
      row("refusals", name, fine, `${error.name}: ${error.message}: ${error.code} ${error.retry?.action}`);
    }
  }
}

/** Snake case to camel case, as the client renames keys. */
const camel = (key) => key.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

function read(tried, name, envelope) {
  let told;
  try {
    told = normalizeWebhook(envelope);
  } catch (error) {
    row(tried, name, false, `${error.name}: ${error.message}`);
    return;
  }
  const { field, value } = common.change(envelope);
  const pairs = [["raw", 1, told.raw[camel(field)]?.length]];
  for (const [ours, theirs] of [
    ["statuses", "statuses"],
    ["messages", "messages"],
    ["calls", "calls"],
  ]) {
    pairs.push([ours, value[ours]?.length ?? 0, told[theirs].length]);
  }
  if (field === "smb_message_echoes") pairs.splice(2, 1, ["echoes", 1, told.messages.length]);
  const [status] = value.statuses ?? [];
  if (status) {
    const [theirs] = told.statuses;
    pairs.push(["id", status.id, theirs.id], ["status", status.status, theirs.status]);
    pairs.push(
      ["recipient", status.recipient_id, theirs.recipientId],
      ["user", status.recipient_user_id, theirs.recipientUserId],
    );
    pairs.push(["callback", status.biz_opaque_callback_data, theirs.bizOpaqueCallbackData]);
    for (const key of ["billable", "pricing_model", "type", "category"]) {
      pairs.push([key, status.pricing?.[key], theirs.pricing?.[camel(key)]]);
    }
    pairs.push(["conversation", status.conversation?.id, theirs.conversation?.id]);
    pairs.push(["expiration", status.conversation?.expiration_timestamp, theirs.conversation?.expirationTimestamp]);
    pairs.push(["code", status.errors?.[0]?.code, theirs.errors?.[0]?.code]);
  }
  const [message] = value.messages ?? [];
  if (message) {
    const [theirs] = told.messages;
    pairs.push(
      ["id", message.id, theirs.id],
      ["from", message.from, theirs.from],
      ["text", message.text?.body, theirs.text?.body],
    );
    pairs.push(["payload", message.button?.payload, theirs.button?.payload]);
    pairs.push(["ad", message.referral?.source_id, theirs.referral?.sourceId]);
    pairs.push(["direction", "inbound", theirs.kapso?.direction]);
  }
  const says = common.differences(pairs);
  row(tried, name, !says, says);
}

const hook = await common.endpoint((rawBody, signatureHeader) =>
  verifySignature({ appSecret: asked.secret, rawBody, signatureHeader }) ? 200 : 401,
);
const wa = client();
await sends(wa);
await everyone(wa);
await refusals(wa);
const expected = await common.everythingSaid(first);
hook.end();
const good = hook.posts.filter((post) => post.status === 200);
row("webhook endpoint", "all signatures verified", good.length === expected, `${good.length} of ${expected}`);
const forged = verifySignature({ appSecret: "other", rawBody: "{}", signatureHeader: `sha256=${"0".repeat(64)}` });
row("webhook endpoint", "forged signature refused", !forged);
for (const { body } of good) {
  const envelope = JSON.parse(body);
  read("webhooks of the sandbox", common.nameOf(envelope), envelope);
}
if (asked.cases) {
  const told = normalizeWebhook(common.batch());
  row(
    "webhook endpoint",
    "four updates in one request",
    told.statuses.length === 4,
    `${told.statuses.length} of 4 told`,
  );
}
for (const [name, body] of common.cases()) read("fixtures and shapes", name, JSON.parse(body));
process.exit(0);
