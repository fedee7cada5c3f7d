//! The one test binary: the real daemon, the real Terraform, and the house rules.

#![allow(unreachable_pub, missing_docs, reason = "a test binary has no outside")]

mod api;
mod aws;
mod backup;
mod bad_input;
mod cancel;
mod cli;
mod config;
mod confine;
mod crash;
mod demo_stack;
mod dependencies;
mod doctor;
mod domain;
mod drain;
mod full_disk;
mod gateway;
mod keys;
mod left_behind;
mod local;
mod offline;
mod outlive;
mod own_templates;
mod policy;
mod provider_trouble;
mod render;
mod rescue;
mod restart;
mod retention;
mod run_files;
mod schema;
mod seal;
mod secrets;
mod self_managed;
mod stack;
mod start;
mod states;
mod support;
mod systemd;
mod terraform;
mod tidy;
mod upgrade;
mod uploads;
mod variables;
mod workspaces;
