"""What the dashboards show: titles, units, queries. generate.py makes Grafana's JSON of it.

A query is PromQL in which `{…}` after a metric means "of the chosen processes", and `{account…}` "of the chosen accounts too":
generate.py puts the matchers in. A range of `[r]` is Grafana's for rates, `[range]` the time that is shown.
"""


class Panel:
    """One panel. `queries` are pairs of legend and PromQL; `unit` is Grafana's; `steps` are thresholds (from, colour).

    `linear_to` makes the axis logarithmic above that value. A `still` figure has no course that would tell more;
    `size` is that of its text, where words would be broken in the largest that fits.
    """

    def __init__(self, title, about, unit, *queries, kind="timeseries", width=12, steps=None, stack=False, words=None,
                 decimals=None, bound=None, linear_to=None, still=False, size=None):
        self.title, self.about, self.unit, self.queries = title, about, unit, queries
        self.kind, self.width, self.steps, self.stack, self.words = kind, width, steps, stack, words
        self.decimals, self.bound, self.linear_to, self.still = decimals, bound, linear_to, still
        self.size = size


def stat(title, about, unit, query, steps=None, width=6, decimals=None, size=None):
    """A single figure of now, or of the time that is shown."""
    return Panel(title, about, unit, ("", query), kind="stat", width=width, steps=steps, decimals=decimals, size=size)


def quantiles(metric, matchers="", by=""):
    """Median and 99th percentile of a histogram."""
    le = f"le, {by}" if by else "le"
    legend = f"{{{{{by}}}}} " if by else ""
    return [
        (f"{legend}{name}", f"histogram_quantile({q}, sum by ({le}) (rate({metric}_bucket{{{matchers}}}[r])))")
        for name, q in [("half", "0.5"), ("99 %", "0.99")]
    ]


GOOD_IS_LOW = lambda yellow, red: [(None, "green"), (yellow, "yellow"), (red, "red")]
GOOD_IS_HIGH = lambda yellow, green: [(None, "red"), (yellow, "yellow"), (green, "green")]

OVERVIEW = [
    "Flow",
    stat("Requests", "Requests read a second, both lanes.", "cps", "sum(rate(tollgate_requests_total{}[r]))"),
    stat("Orders", "Messages admitted a second: they passed every gate and left for the platform.", "cps",
         'sum(rate(tollgate_decisions_total{outcome="admitted"}[r]))'),
    stat("Waiting", "Messages in the waiting room now, whatever they wait for.", "short",
         "sum(tollgate_parked_messages{})"),
    stat("Codes in time", "Share of the priority lane ordered within a second, over the time shown. The objective is 99.9 %.",
         "percentunit",
         'sum(increase(tollgate_request_to_order_seconds_bucket{lane="priority", le=~"1|1.0"}[range]))'
         ' / sum(increase(tollgate_request_to_order_seconds_count{lane="priority"}[range]))',
         GOOD_IS_HIGH(0.99, 0.999), decimals=3, size=60),
    Panel("Moves of messages", "What became of messages, a second: from admitted to read, and how else they ended.", "cps",
          ("{{outcome}}", 'sum by (outcome) (rate(tollgate_decisions_total{outcome!="parked"}[r]))')),
    Panel("Refusals by reason", "Messages refused for good, a second. docs/reasons.md says what would help.", "cps",
          ("{{reason}}", 'sum by (reason) (rate(tollgate_decisions_total{outcome="refused"}[r]))'), stack=True),
    "Waiting",
    Panel("Waiting, by what for", "Messages in the waiting room. What only a person can free is budget, campaign_paused, "
          "template_paused and sender_blocked.", "short", ("{{lot}}", "sum by (lot) (tollgate_parked_messages{})"), stack=True),
    Panel("Time until the last one has left", "Forecast for the worst account, by lane and by whom it waits for: the platform's "
          "limit, our pacing, us, or the customer's own times.", "s",
          ("{{lane}} {{waits_for}}", "max by (lane, waits_for) (tollgate_backlog_seconds{})"), linear_to=1),
    "Time",
    Panel("Priority lane, request to order", "One-time codes: from the request in the log to the order to send it, waiting included.",
          "s", *quantiles("tollgate_request_to_order_seconds", 'lane="priority"'), steps=GOOD_IS_LOW(0.5, 1)),
    Panel("Bulk lane, request to order", "Campaigns: the same. Pacing and quota make it long, and that is meant so.", "s",
          *quantiles("tollgate_request_to_order_seconds", 'lane="bulk"')),
    Panel("Lag by topic", "Age of the oldest record of each topic that is not done, in the worst partition.", "s",
          ("{{topic}}", "max by (topic) (tollgate_log_lag_seconds{})"), steps=GOOD_IS_LOW(30, 300)),
    Panel("Time of a decision", "From reading one record to what is to be done, without the commit.", "s",
          *quantiles("tollgate_decision_seconds"), steps=GOOD_IS_LOW(0.001, 0.01)),
]

SENDING = [
    "Quota",
    Panel("Quota used", "Share of the people whom an account may reach in 24 hours. 10 % are kept for utility and codes, so campaigns "
          "stop at 90 %.", "percentunit",
          ("{{account}}", 'max by (account) (tollgate_quota_users{account, state="used"})'
           ' / max by (account) (tollgate_quota_users{account, state="limit"})'),
          kind="bargauge", width=7, steps=GOOD_IS_LOW(0.7, 0.9), bound=1),
    Panel("Next place returns in", "Time until the next person ages out of the 24 hours of an account.", "s",
          ("{{account}}", "clamp_min(min by (account) (tollgate_quota_next_return_timestamp_seconds{account}) - time(), 0)"),
          kind="stat", width=5, still=True),
    Panel("People of 24 hours", "Counted people, and the limit, by account.", "short",
          ("{{account}} {{state}}", "max by (account, state) (tollgate_quota_users{account})")),
    "Quality",
    Panel("Quality of numbers", "The platform's score. At yellow marketing gets half of the quota, at red a tenth.", "none",
          ("{{account}} {{sender}}", "min by (account, sender) (tollgate_quality{account})"), kind="state-timeline",
          words=[("0", "unknown", "text"), ("1", "red", "red"), ("2", "yellow", "yellow"), ("3", "green", "green")]),
    Panel("Numbers", "By state and quality. A blocked number sends nothing until what the platform complained of is put right.",
          "short", ("{{state}} {{quality}}", "sum by (state, quality) (tollgate_senders{account})"), stack=True, width=6),
    Panel("Templates", "By status. Messages of a paused one wait, those of a rejected or disabled one are refused.", "short",
          ("{{status}}", "sum by (status) (tollgate_templates{account})"), stack=True, width=6),
    "Throughput",
    Panel("Send calls by result", "A second. not_sent: no connection. in_doubt: no answer. failed: refused.", "cps",
          ("{{outcome}}", "sum by (outcome) (rate(tollgate_dispatch_seconds_count{}[r]))")),
    Panel("Rate that numbers may use now", "Messages a second, by number; lower than the platform's while it slows us (130429).", "cps",
          ("{{sender}}", "max by (sender) (tollgate_throughput_limit_messages_per_second{})")),
    Panel("Orders without a result", "By number. When a number's window is full it waits for results.", "short",
          ("{{sender}}", "sum by (sender) (tollgate_in_flight_orders{})")),
    Panel("Send calls under way", "By number, of all dispatchers.", "short",
          ("{{sender}}", "sum by (sender) (tollgate_open_calls{})")),
    "The platform",
    Panel("Send calls, time", "Of one call, whatever its result.", "s", *quantiles("tollgate_dispatch_seconds"),
          steps=GOOD_IS_LOW(1, 5)),
    Panel("Errors of the platform by code", "A second, in answers and in statuses.", "cps",
          ("{{code}}", "sum by (code) (rate(tollgate_platform_errors_total{}[r]))"), stack=True),
    Panel("In doubt", "Attempts of which nobody knows whether they left, now; and how others ended, in ten minutes.", "short",
          ("now", "sum(tollgate_in_doubt_attempts{})"),
          ("{{resolution}}", "sum by (resolution) (increase(tollgate_in_doubt_total{}[10m]))")),
    Panel("Webhooks by result", "Changes a second. Anything but accepted is worth a look.", "cps",
          ("{{result}}", "sum by (result) (rate(tollgate_webhooks_total{}[r]))")),
    stat("Last webhook", "Since the platform last told us something.", "s",
         "time() - max(tollgate_last_webhook_timestamp_seconds{})", GOOD_IS_LOW(300, 900), width=12),
    stat("Disabled accounts", "Accounts that the platform or you disabled; what is for them is refused.", "short",
         "sum(tollgate_disabled_accounts{account})", GOOD_IS_LOW(1, 1), width=12),
]

BILLING = [
    "In the time shown",
    stat("Charges", "Charges booked, free ones included. What was counted before Prometheus first looked is not in it.", "locale",
         "sum(increase(tollgate_charges_total{}[range]))", decimals=0),
    Panel("Cost", "Cost of what was booked, without corrections. For watching, not for billing: the ledger is, and what was "
          "counted before Prometheus first looked is not in it.", "none",
          ("{{currency}}", "sum by (currency) (increase(tollgate_charged_amount_total{}[range]))"), kind="stat", width=6, decimals=2),
    stat("Booked in time", "Share of charges in the ledger within five minutes of delivery. The objective is 99.99 %.", "percentunit",
         'sum(increase(tollgate_delivery_to_booked_seconds_bucket{le=~"300|300.0"}[range]))'
         " / sum(increase(tollgate_delivery_to_booked_seconds_count{}[range]))", GOOD_IS_HIGH(0.999, 0.9999), decimals=3, size=60),
    stat("Set aside", "Records that ledger or views could not apply, now.", "short",
         "sum(max by (topic) (tollgate_set_aside_records{}))", GOOD_IS_LOW(1, 1)),
    "Charges",
    Panel("Charges by category", "A second.", "cps", ("{{category}}", "sum by (category) (rate(tollgate_charges_total{}[r]))"),
          stack=True),
    Panel("Charges by pricing type", "A second: what is charged, and what is free and why.", "cps",
          ("{{pricing_type}}", "sum by (pricing_type) (rate(tollgate_charges_total{}[r]))"), stack=True),
    Panel("Cost an hour, by category", "At the pace of now, in whole units of the currency.", "short",
          ("{{currency}} {{category}}", "sum by (currency, category) (rate(tollgate_charged_amount_total{}[r])) * 3600"),
          stack=True, decimals=2),
    Panel("Cost by category", "Over the time shown, by currency.", "none",
          ("{{currency}} {{category}}", "sum by (currency, category) (increase(tollgate_charged_amount_total{}[range]))"),
          kind="bargauge", decimals=2, size=28),
    "What does not agree",
    Panel("Mismatches", "Charges in ten minutes that differ from what was expected at admission, by what differs. resend: an attempt "
          "and its repetition were both delivered.", "short",
          ("{{kind}}", "sum by (kind) (increase(tollgate_charge_mismatch_total{}[10m]))"), stack=True),
    Panel("Without a price, and set aside", "Deliveries booked without a price in ten minutes, by reason; records that could not be "
          "applied, now, by topic. Both are in no bill's amount until somebody helps.", "short",
          ("no price: {{reason}}", "sum by (reason) (increase(tollgate_unpriced_charges_total{}[10m]))"),
          ("set aside: {{topic}}", "max by (topic) (tollgate_set_aside_records{})")),
    "Time",
    Panel("Delivery to ledger", "From the platform's delivery time to the entry in the database.", "s",
          *quantiles("tollgate_delivery_to_booked_seconds"), steps=GOOD_IS_LOW(60, 300), width=8),
    Panel("Ledger behind", "Age of the oldest charge that is not booked.", "s",
          ("ledger", 'max(tollgate_log_lag_seconds{topic="ledger"})'), steps=GOOD_IS_LOW(60, 300), width=8),
    Panel("Newest rate card", "The day on which the newest card of a currency in use begins; and, where it ends, when.",
          "dateTimeAsIso",
          ("{{currency}} from", "max by (currency) (tollgate_rate_card_start_timestamp_seconds{}) * 1000"),
          ("{{currency}} until", "min by (currency) (tollgate_rate_card_expiry_timestamp_seconds{}) * 1000"),
          kind="stat", width=8, still=True, size=28),
]

RUNTIME = [
    "Processes",
    Panel("Versions", "Processes by version.", "short", ("{{version}}", "count by (version) (tollgate_build_info{})"), kind="stat",
          width=6, still=True, size=28),
    Panel("Running for", "Since the start of each process.", "dtdurations",
          ("{{instance}}", "time() - max by (instance) (process_start_time_seconds{})"), kind="stat", width=6, still=True, size=28),
    Panel("Partitions", "By state. Nothing is decided for the accounts of one that is not ready.", "short",
          ("{{state}}", "sum by (state) (tollgate_partitions{})"), stack=True),
    "Commits",
    Panel("Batches", "Commits a second.", "cps", ("{{instance}}", "sum by (instance) (rate(tollgate_batch_commit_seconds_count{}[r]))")),
    Panel("Time of a commit", "Until a batch is durable.", "s", *quantiles("tollgate_batch_commit_seconds"),
          steps=GOOD_IS_LOW(0.1, 1)),
    Panel("Records in a batch", "On average, and the largest hundredth.", "short",
          ("average", "sum(rate(tollgate_batch_records_sum{}[r])) / sum(rate(tollgate_batch_records_count{}[r]))"),
          quantiles("tollgate_batch_records")[1]),
    Panel("Restores", "Time until a moved or restarted partition decides again, on average of the time shown; the budget is 60 s.", "s",
          ("average", "sum(increase(tollgate_restore_seconds_sum{}[range])) / (sum(increase(tollgate_restore_seconds_count{}[range])) > 0)"
           " or sum(tollgate_restore_seconds_sum{}) / sum(tollgate_restore_seconds_count{})"),
          steps=GOOD_IS_LOW(30, 60)),
    "Lag",
    Panel("Lag by topic", "Age of the oldest record not done, in the worst partition.", "s",
          ("{{topic}}", "max by (topic) (tollgate_log_lag_seconds{})"), steps=GOOD_IS_LOW(30, 300)),
    Panel("Dead letters", "Records in ten minutes that became no messages, by reason.", "short",
          ("{{reason}}", "sum by (reason) (increase(tollgate_dead_letters_total{}[10m]))"), stack=True),
    "Machine",
    Panel("Clock", "How far off the brokers' clock at least, by process; one that is two seconds off is not ready.", "s",
          ("{{instance}}", "max by (instance) (tollgate_clock_offset_seconds{})")),
    Panel("Memory", "Resident, by process.", "bytes", ("{{instance}}", "max by (instance) (process_resident_memory_bytes{})")),
    Panel("Processor", "Cores in use, by process.", "short",
          ("{{instance}}", "sum by (instance) (rate(process_cpu_seconds_total{}[r]))"), decimals=2),
    Panel("Store", "Size on disk: log and state, and the ledger where it is a file.", "bytes",
          ("{{instance}} {{store}}", "max by (instance, store) (tollgate_store_bytes{})")),
    Panel("File descriptors", "Share of those allowed that are open.", "percentunit",
          ("{{instance}}", "max by (instance) (process_open_fds{}) / max by (instance) (process_max_fds{})"),
          steps=GOOD_IS_LOW(0.7, 0.9)),
]

# file and uid, title, what it is for, panels
DASHBOARDS = [
    ("overview", "Tollgate: overview", "What flows, what is refused, what waits and for how long.", OVERVIEW),
    ("sending", "Tollgate: sending", "What the platform allows, what it answers, and what of it is used.", SENDING),
    ("billing", "Tollgate: billing", "What is charged, and what of it does not agree.", BILLING),
    ("runtime", "Tollgate: runtime", "The processes: commits, restore, store, memory.", RUNTIME),
]
