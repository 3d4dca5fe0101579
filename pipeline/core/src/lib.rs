//! The decision core: admission and its gates, message life, webhook meaning, charge. Pure.
