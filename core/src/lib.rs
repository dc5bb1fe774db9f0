//! Brazil's public-health records, from the files the ministry publishes to where people analyse them.

pub mod base;
pub mod catalog;
pub mod engine;
pub mod lake;
pub mod params;
pub mod plan;
pub mod run;
pub mod sink;
pub mod source;
