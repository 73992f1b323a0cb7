//! The audit: train or load, measure, remedy, measure again, summarise.
