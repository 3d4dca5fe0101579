// @whatsapp-cloudapi/types 4.2.0 with what its webhooks lack, so that the compiler looks behind the first word it does not
// know. Each change is a disagreement of disagreements.toml; the source of each is in tests/peers/README.md.
import type {
  WebhookChange,
  WebhookEntry,
  WebhookError,
  WebhookMessage,
  WebhookMessageBase,
  WebhookPayload,
  WebhookStatus,
  WebhookValue,
} from "@whatsapp-cloudapi/types/webhook";

type Category =
  | "authentication"
  | "authentication_international"
  | "authentication-international"
  | "marketing"
  | "marketing_lite"
  | "utility"
  | "service"
  | "referral_conversion"
  | "business_initiated"
  | "user_initiated"
  | "group_marketing"
  | "group_utility"
  | "group_service";

type Fault = Omit<WebhookError, "message"> & { message?: string; href?: string };

type Status = Omit<WebhookStatus, "status" | "pricing" | "conversation" | "recipient_id" | "errors"> & {
  status: "sent" | "delivered" | "read" | "played" | "failed";
  recipient_id?: string;
  recipient_user_id?: string;
  recipient_type?: "individual" | "group";
  recipient_participant_id?: string;
  conversation?: { id: string; expiration_timestamp?: string; origin?: { type: Category } };
  pricing?: {
    billable: boolean;
    pricing_model: "NBP" | "CBP" | "PMP";
    type?: "regular" | "free_customer_service" | "free_entry_point";
    category?: Category;
  };
  errors?: Fault[];
};

type Media = { id: string; mime_type: string; sha256: string; url?: string; caption?: string };
type Context = { forwarded?: boolean; frequently_forwarded?: boolean; from?: string; id?: string };
type Content =
  | { type: "text"; text: { body: string } }
  | { type: "button"; button: { payload: string; text: string } }
  | { type: "image"; image: Media }
  | { type: "video"; video: Media }
  | { type: "audio"; audio: Media & { voice?: boolean } }
  | { type: "document"; document: Media & { filename?: string } }
  | { type: "sticker"; sticker: Media & { animated: boolean } }
  | {
      type: "location";
      location: { latitude: number; longitude: number; name?: string; address?: string; url?: string };
    }
  | { type: "contacts"; contacts: object[] }
  | { type: "reaction"; reaction: { message_id: string; emoji?: string } }
  | { type: "unsupported"; unsupported?: { type: string } }
  | { type: "order"; order: Extract<WebhookMessage, { type: "order" }>["order"] & { text?: string } }
  | { type: "system"; system: { body: string; type: string; wa_id?: string } }
  | { type: "interactive"; interactive: Extract<WebhookMessage, { type: "interactive" }>["interactive"] };

type Message = Omit<WebhookMessageBase, "type" | "from" | "context"> &
  Content & {
    from?: string;
    from_user_id?: string;
    group_id?: string;
    context?: Context;
    errors?: Fault[];
    referral?: {
      source_url: string;
      source_id: string;
      source_type: string;
      body?: string;
      headline?: string;
      media_type?: "image" | "video";
      image_url?: string;
      video_url?: string;
      thumbnail_url?: string;
      ctwa_clid?: string;
      welcome_message?: { text: string };
    };
  };

type Value = Omit<WebhookValue, "contacts" | "errors" | "messages" | "statuses"> & {
  contacts?: { wa_id?: string; user_id?: string; profile?: { name?: string; username?: string } }[];
  errors?: Fault[];
  messages?: Message[];
  statuses?: Status[];
};

type Entry = Omit<WebhookEntry, "changes"> & {
  time?: number;
  changes: (Omit<WebhookChange, "value"> & { value: Value })[];
};

export type Payload = Omit<WebhookPayload, "entry"> & { entry: Entry[] };
