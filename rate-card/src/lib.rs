//! What a WhatsApp message costs: rulebook, market map and rates as dated data, and the rating over them. Pure.
