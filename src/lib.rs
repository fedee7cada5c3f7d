#![doc = include_str!("../README.md")]

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod queue;
pub mod reconciler;
pub mod render;
pub mod runner;
pub mod service;
pub mod store;
pub mod supervisor;
pub mod telemetry;
pub mod terraform;
