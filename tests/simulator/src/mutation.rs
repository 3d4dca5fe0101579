//! Lies told to the auditor: each must be found, or a check has gone blind.

use crate::auditor::Taken;
use crate::step::{Input, Output, Step};
use tollgate_wire::outcome::OutcomeKind;

/// One way to spoil what the auditor sees. The run itself is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Opt-ins are not seen.
    ForgetConsent,
    /// People never wrote: no window was open.
    ForgetInbound,
    /// Limits are half of what they are.
    HalveLimits,
    /// Budgets are a tenth of what they are.
    ShrinkBudgets,
    /// Every fifth charge costs a little more.
    Overcharge,
    /// Every fifth charge is lost.
    LoseCharge,
    /// Every fifth charge is booked twice.
    DoubleCharge,
    /// An order is given again.
    RepeatOrder,
    /// Deliveries are not told.
    LoseDelivered,
    /// Ends of those who waited are told twice.
    EndTwice,
    /// Orders of a tick are told in reverse.
    ReverseOrders,
    /// Numbers may send one message a second.
    SlowNumbers,
    /// Approvals of templates are not seen.
    ForgetApproval,
    /// Resumes of campaigns are not seen.
    ForgetResume,
    /// Orders may leave a minute later.
    LeaveLater,
    /// The first outcome of a request is not told.
    LoseAnswer,
    /// What waits because the platform cannot serve it is told as failed.
    GiveUp,
    /// A message that failed by itself is told as one of a number restricted for spam.
    TellSpam,
    /// The same as one of a person whose marketing cap is reached.
    TellCap,
    /// The same as one to a country that the WABA is barred from.
    TellBar,
    /// The platform took each call for three people.
    CrowdPlatform,
    /// The platform took each call fifty times.
    RepeatCalls,
    /// Those who are taken off the suppression list are not seen.
    ForgetLift,
    /// Campaigns may send one message a minute.
    SlowCampaigns,
    /// Campaigns have no test recipients.
    ForgetTesters,
    /// Every fifth order of a split is told with another alternative.
    SwapVariant,
    /// Opt-ins to brands are not seen.
    ForgetBrandYes,
    /// Opt-ins to brands are opt-outs.
    RefuseBrands,
    /// Numbers are of other brands.
    SwapBrands,
    /// Every WABA is sold to a country with a currency of its own.
    SellAll,
    /// No WABA is known to be sold anywhere.
    SellNone,
}

impl Mutation {
    /// Every mutation with a predicate that must find it.
    pub const ALL: [(Self, &'static str); 32] = [
        (Self::ForgetConsent, "order_needs_consent"),
        (Self::ForgetInbound, "text_needs_window"),
        (Self::HalveLimits, "quota_token_below_ceiling"),
        (Self::ShrinkBudgets, "budget_holds"),
        (Self::Overcharge, "entry_equals_recomputation"),
        (Self::LoseCharge, "every_charge_is_booked"),
        (Self::DoubleCharge, "entry_ids_are_unique"),
        (Self::RepeatOrder, "second_order_is_safe"),
        (Self::LoseDelivered, "campaign_counts_equal_recount"),
        (Self::EndTwice, "ends_once"),
        (Self::ReverseOrders, "lot_order"),
        (Self::SlowNumbers, "throughput_per_second"),
        (Self::ForgetApproval, "template_is_approved"),
        (Self::ForgetResume, "campaign_runs"),
        (Self::LeaveLater, "leaves_before_expiry"),
        (Self::LoseAnswer, "request_is_answered"),
        (Self::GiveUp, "only_a_final_answer_fails"),
        (Self::TellSpam, "restricted_number_sends_no_marketing"),
        (Self::TellCap, "platforms_marketing_cap"),
        (Self::TellBar, "barred_country_waits"),
        (Self::CrowdPlatform, "platform_counts_no_excess_of_users"),
        (Self::RepeatCalls, "platform_counts_no_excess_of_one_person"),
        (Self::RepeatCalls, "platform_counts_no_excess_of_throughput"),
        (Self::ForgetLift, "order_not_suppressed"),
        (Self::SlowCampaigns, "campaign_rate_per_minute"),
        (Self::ForgetTesters, "test_goes_to_test_recipients"),
        (Self::SwapVariant, "one_variant_for_one_person"),
        (Self::ForgetBrandYes, "brand_needs_consent"),
        (Self::RefuseBrands, "brand_is_not_refused"),
        (Self::SwapBrands, "number_is_of_the_brand"),
        (Self::SellAll, "currency_is_taken"),
        (Self::SellNone, "currency_is_refused_when_due"),
    ];

    /// A call that the platform took, as the auditor is told of it.
    pub(crate) fn spoil_call(self, taken: Taken) -> Vec<Taken> {
        match self {
            Self::CrowdPlatform => {
                (0..3).map(|n| Taken { person: format!("{} {n}", taken.person), ..taken.clone() }).collect()
            }
            Self::RepeatCalls => vec![taken; 50],
            _ => vec![taken],
        }
    }

    /// The step as the auditor is told of it.
    pub(crate) fn spoil(self, mut step: Step, nth: u64) -> Step {
        let fifth = nth.is_multiple_of(5);
        match (self, &mut step.input) {
            (Self::ForgetConsent, Input::Command(c)) if c["command"] == "set_consent" => step.accepted = false,
            (Self::ForgetInbound, Input::Event { event, .. }) if event["event"] == "inbound" => step.accepted = false,
            (Self::SellAll | Self::SellNone, Input::Command(c)) if c["command"] == "apply_account" => {
                for waba in c["spec"]["wabas"].as_array_mut().into_iter().flatten() {
                    waba["sold_to"] = if self == Self::SellAll { "BR" } else { "" }.into();
                }
            }
            (Self::HalveLimits, Input::Command(c)) if c["command"] == "apply_account" => {
                if let Some(n) = c["spec"]["limit"].as_u64() {
                    c["spec"]["limit"] = (n / 2).into();
                }
            }
            (Self::ShrinkBudgets, Input::Command(c))
                if c["command"] == "put_campaign" && c["spec"]["budget"].is_string() =>
            {
                c["spec"]["budget"] = "0.01".into();
            }
            (Self::SlowNumbers, Input::Command(c)) if c["command"] == "apply_account" => {
                for waba in c["spec"]["wabas"].as_array_mut().into_iter().flatten() {
                    for sender in waba["senders"].as_array_mut().into_iter().flatten() {
                        sender["throughput"] = 1.into();
                    }
                }
            }
            (Self::SlowCampaigns, Input::Command(c)) if c["spec"]["per_minute"].is_u64() => {
                c["spec"]["per_minute"] = 1.into();
            }
            (Self::ForgetTesters, Input::Command(c)) if c["command"] == "put_campaign" => {
                c["spec"]["test_recipients"] = serde_json::Value::Null;
            }
            (Self::ForgetApproval, Input::Event { event, .. }) if event["status"] == "approved" => {
                step.accepted = false
            }
            (Self::ForgetBrandYes, Input::Command(c)) if c["consent"]["brand"].is_string() => {
                step.accepted &= c["consent"]["state"] == "opt_out";
            }
            (Self::RefuseBrands, Input::Command(c)) if c["consent"]["brand"].is_string() => {
                c["consent"]["state"] = "opt_out".into();
            }
            (Self::SwapBrands, Input::Command(c)) if c["spec"]["policy"]["brands"].is_array() => {
                let brands = &mut c["spec"]["policy"]["brands"];
                for brand in brands.as_array_mut().into_iter().flatten() {
                    brand["name"] = if brand["name"] == "shoes" { "hats".into() } else { "shoes".into() };
                }
            }
            (Self::ForgetResume, Input::Command(c)) if c["action"] == "resume" => step.accepted = false,
            (Self::ForgetLift, Input::Command(c)) if c["suppression"]["listed"] == false => step.accepted = false,
            (Self::LoseAnswer, Input::Request { .. }) if fifth => {
                step.outputs.truncate(0);
                return step;
            }
            _ => {}
        }
        let tick = matches!(step.input, Input::Tick);
        let mut outputs = Vec::new();
        for output in step.outputs {
            match (self, output) {
                (Self::Overcharge, Output::Entry(mut e)) => {
                    e.cost = e.cost.map(|c| if fifth { c + crate::money::Units(1) } else { c });
                    outputs.push(Output::Entry(e));
                }
                (Self::LeaveLater, Output::Order(mut o)) => {
                    o.leave_by_ms += 60_000;
                    outputs.push(Output::Order(o));
                }
                (Self::LoseCharge, Output::Entry(_)) if fifth => {}
                (Self::DoubleCharge, e @ Output::Entry(_)) if fifth => outputs.extend([e.clone(), e]),
                (Self::GiveUp, Output::Move(mut m)) if m.kind == OutcomeKind::NotSent && m.code == 2 => {
                    m.kind = OutcomeKind::Failed;
                    outputs.push(Output::Move(m));
                }
                (Self::TellSpam | Self::TellCap | Self::TellBar, Output::Move(mut m)) => {
                    if [130_472, 131_053, 132_000].contains(&m.code) {
                        m.code = match self {
                            Self::TellSpam => 131_048,
                            Self::TellCap => 131_049,
                            _ => 130_497,
                        };
                    }
                    outputs.push(Output::Move(m));
                }
                (Self::SwapVariant, Output::Move(mut m)) => {
                    if let Some((taken, None)) = m.alternative.filter(|_| fifth && m.kind == OutcomeKind::Admitted) {
                        m.alternative = Some((taken, Some(taken + 1)));
                    }
                    outputs.push(Output::Move(m));
                }
                (Self::LoseDelivered, Output::Move(m))
                    if matches!(m.kind, OutcomeKind::Delivered | OutcomeKind::Read) => {}
                (Self::EndTwice, Output::Move(m))
                    if tick && matches!(m.kind, OutcomeKind::Expired | OutcomeKind::Cancelled) =>
                {
                    outputs.extend([Output::Move(m.clone()), Output::Move(m)]);
                }
                (_, other) => outputs.push(other),
            }
        }
        if self == Self::RepeatOrder && tick && matches!(outputs[..], [Output::Order(_), Output::Move(_), ..]) {
            outputs.extend_from_within(..2);
        }
        if self == Self::ReverseOrders && tick {
            // Orders and their outcomes stay together.
            let mut groups: Vec<Vec<Output>> = Vec::new();
            for output in outputs {
                match (groups.last_mut(), &output) {
                    (Some(g), Output::Move(_)) if matches!(g[..], [Output::Order(_)]) => g.push(output),
                    _ => groups.push(vec![output]),
                }
            }
            outputs = groups.into_iter().rev().flatten().collect();
        }
        step.outputs = outputs;
        step
    }
}
