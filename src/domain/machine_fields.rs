//! Reads a machine's `spec` from JSON: shapes and spellings. What the numbers may be to each
//! other is in `machine_rules.rs`.

use serde_json::{Value, json};

use super::fields::{Fields, kind_of};
use super::import;
use super::machine::{
    Approval, CapacityType, DEFAULT_TEMPLATE, LaunchTemplate, MachineSpec, NodeGroupConfig, NodeRepairConfig,
    ProviderRef, RemoteAccess, RunPolicy, Scaling, ScalingOwner, Taint, TaintEffect, TemplateRef, Timeouts,
    UpdateConfig,
};
use super::machine_rules;
use super::metadata::name_field;
use super::name::Name;
use super::needs;
use super::problem::Problems;
use super::sources;

/// Reads a `spec`. What is wrong is in `problems`, pointers below `at`: with any problem, what is
/// given back serves only to look for further ones.
pub fn parse_spec(value: &Value, at: &str, problems: &mut Problems) -> Option<MachineSpec> {
    let mut fields = Fields::open(value, at, problems)?;
    let template = fields.object("workspaceTemplateRef", template_ref);
    let provider_config_ref = provider_ref(&mut fields);
    let region = fields.text("region");
    let cluster_name = fields.text("clusterName");
    let group = fields.object("nodeGroupConfig", node_group);
    let group = fields.required("nodeGroupConfig", group);
    let variables = needs::variables(&mut fields);
    let run_policy = fields.object("runPolicy", run_policy).unwrap_or_default();
    let deletion_protection = fields.boolean("deletionProtection").unwrap_or_default();
    let (wait_for, export_to) = (needs::wait_for(&mut fields), needs::export_to(&mut fields));
    let sources = sources::parse(&mut fields);
    let import = import::parse(&mut fields);
    fields.finish();
    let default_template = || {
        let name = Name::parse(DEFAULT_TEMPLATE).expect("invariant: the default template's name is a name");
        TemplateRef { name, namespace: None, revision: None }
    };
    Some(MachineSpec {
        workspace_template_ref: template.unwrap_or_else(default_template),
        provider_config_ref,
        region,
        cluster_name,
        node_group_config: group?,
        variables,
        run_policy,
        deletion_protection,
        wait_for,
        export_to,
        var_files: sources.var_files,
        env: sources.env,
        write_connection_secret_to_ref: sources.write_connection_secret_to_ref,
        import,
    })
}

/// `providerConfigRef`; `default` when it is left out.
pub(super) fn provider_ref(f: &mut Fields<'_, '_>) -> ProviderRef {
    let named = f.object("providerConfigRef", |f| {
        let name = f.text("name");
        Some(ProviderRef { name: f.required("name", name)? })
    });
    named.unwrap_or_else(|| ProviderRef { name: "default".to_owned() })
}

pub(super) fn template_ref(f: &mut Fields<'_, '_>) -> Option<TemplateRef> {
    let name = name_field(f, "name");
    let name = f.required("name", name);
    let namespace = name_field(f, "namespace");
    let revision = f.text("revision");
    Some(TemplateRef { name: name?, namespace, revision })
}

pub(super) fn run_policy(f: &mut Fields<'_, '_>) -> Option<RunPolicy> {
    let approval = word(f, "approval", &Approval::WORDS, &[]);
    Some(RunPolicy { approval: approval.unwrap_or_default() })
}

fn node_group(f: &mut Fields<'_, '_>) -> Option<NodeGroupConfig> {
    let name = f.text("name");
    let name = f.required("name", name);
    let instance_type = f.text("instanceType");
    let instance_types = checked_texts(f, "instanceTypes", machine_rules::check_instance_type);
    let owners = [("captd", ScalingOwner::Captd), ("autoscaler", ScalingOwner::Autoscaler)];
    let scaling_owner = word(f, "scalingOwner", &owners, &[]).unwrap_or_default();
    let scaling = f.object("scaling", |f| scaling(f, scaling_owner));
    let scaling = f.required("scaling", scaling);
    let subnet_ids = checked_texts(f, "subnetIds", machine_rules::check_subnet);
    let node_role_arn = f.text("nodeRoleArn");
    let ami_type = f.text("amiType");
    let capacity_type = capacity_type(f);
    let disk_size = f.integer_in("diskSize", 1, 16_384).map(to_u32);
    let labels = f.text_map("labels").unwrap_or_default();
    let taints = taints(f);
    let tags = f.text_map("tags").unwrap_or_default();
    let update_config = update_config(f);
    let version = checked_text(f, "version", machine_rules::check_version);
    let release_version = checked_text(f, "releaseVersion", machine_rules::check_release);
    let force_update_version = f.boolean("forceUpdateVersion").unwrap_or_default();
    let launch_template = launch_template(f);
    let remote_access = f.object("remoteAccess", remote_access);
    let node_repair_config = f.object("nodeRepairConfig", |f| {
        let enabled = f.boolean("enabled");
        Some(NodeRepairConfig { enabled: f.required("enabled", enabled)? })
    });
    let timeouts = f.object("timeouts", timeouts);
    Some(NodeGroupConfig {
        name: name.unwrap_or_else(|| "unreadable".to_owned()),
        instance_type,
        instance_types,
        scaling: scaling.unwrap_or(Scaling { min_size: 0, max_size: u32::MAX, desired_size: 0 }),
        scaling_owner,
        subnet_ids,
        node_role_arn,
        ami_type,
        capacity_type,
        disk_size,
        labels,
        taints,
        tags,
        update_config,
        version,
        release_version,
        force_update_version,
        launch_template,
        remote_access,
        node_repair_config,
        timeouts,
    })
}

fn launch_template(f: &mut Fields<'_, '_>) -> Option<LaunchTemplate> {
    let mut one_of_two = true;
    // One that could not be read is told already, and stands here so that no rule misses it.
    let unread = f.has("launchTemplate").then(|| LaunchTemplate { id: None, name: None, version: String::new() });
    let template = f.object("launchTemplate", |f| {
        one_of_two = f.value("id").is_some() != f.value("name").is_some();
        let id = checked_text(f, "id", machine_rules::check_launch_template_id);
        let name = checked_text(f, "name", machine_rules::check_launch_template_name);
        let version = checked_text(f, "version", machine_rules::check_launch_template_version);
        let version = f.required("version", version);
        Some(LaunchTemplate { id, name, version: version? })
    });
    if !one_of_two {
        f.problem("launchTemplate", "exactly_one_of", "give exactly one of id and name");
    }
    template.or(unread)
}

fn remote_access(f: &mut Fields<'_, '_>) -> Option<RemoteAccess> {
    let key = f.text("ec2SshKey");
    let key = f.required("ec2SshKey", key);
    let mut source_security_groups = checked_texts(f, "sourceSecurityGroups", machine_rules::check_security_group);
    if source_security_groups.is_empty() && f.value("sourceSecurityGroups").is_some_and(|it| *it != json!([])) {
        // What could not be read is told already: nobody has left it out.
        source_security_groups.push("unreadable".to_owned());
    }
    let open_to_world = f.boolean("openToWorld").unwrap_or_default();
    Some(RemoteAccess { ec2_ssh_key: key?, source_security_groups, open_to_world })
}

fn timeouts(f: &mut Fields<'_, '_>) -> Option<Timeouts> {
    let mut read = |name| checked_text(f, name, machine_rules::check_duration);
    Some(Timeouts { create: read("create"), update: read("update"), delete: read("delete") })
}

fn scaling(f: &mut Fields<'_, '_>, owner: ScalingOwner) -> Option<Scaling> {
    let most = i64::from(u32::MAX);
    let min = f.integer_in("minSize", 0, most);
    let min = f.required("minSize", min);
    let max = f.integer_in("maxSize", 1, most);
    let max = f.required("maxSize", max);
    let desired = f.integer_in("desiredSize", 0, most);
    // Where an autoscaler's group begins, one need not say.
    let desired = if owner == ScalingOwner::Captd { f.required("desiredSize", desired) } else { desired };
    let (min, max, desired) = (min.map(to_u32), max.map(to_u32), desired.map(to_u32));
    let mut problems = Problems::default();
    machine_rules::check_scaling((min, max, desired), owner, &f.place(), &mut problems);
    f.absorb(problems);
    // What could not be read is told already; what stands for it here goes nowhere.
    let (min_size, max_size) = (min.unwrap_or(0), max.unwrap_or(u32::MAX));
    Some(Scaling { min_size, max_size, desired_size: desired.unwrap_or(min_size.min(max_size)) })
}

/// The provider's `ExactlyOneOf`.
fn update_config(f: &mut Fields<'_, '_>) -> Option<UpdateConfig> {
    let (number, share) = ("maxUnavailable", "maxUnavailablePercentage");
    let mut one_of_two = true;
    let update = f.object("updateConfig", |f| {
        one_of_two = f.value(number).is_some() != f.value(share).is_some();
        Some(UpdateConfig {
            max_unavailable: f.integer_in(number, 1, 100).map(to_u32),
            max_unavailable_percentage: f.integer_in(share, 1, 100).map(to_u32),
        })
    });
    if !one_of_two {
        f.problem("updateConfig", "exactly_one_of", "give exactly one of maxUnavailable and maxUnavailablePercentage");
    }
    update
}

/// A string that is checked where it stands.
pub(super) fn checked_text(
    f: &mut Fields<'_, '_>,
    name: &'static str,
    check: impl Fn(&str, &str, &mut Problems),
) -> Option<String> {
    let text = f.text(name)?;
    let mut problems = Problems::default();
    check(&text, &f.pointer(name), &mut problems);
    f.absorb(problems);
    Some(text)
}

/// A list of strings, each checked at its own place.
pub(super) fn checked_texts(
    f: &mut Fields<'_, '_>,
    name: &'static str,
    check: impl Fn(&str, &str, &mut Problems),
) -> Vec<String> {
    let read = f.list(name, |value, at, problems| {
        let text = value.as_str();
        match text {
            Some(text) => check(text, at, problems),
            None => problems.add(at, "wrong_type", format!("must be a string, not {}", kind_of(value))),
        }
        text.map(str::to_owned)
    });
    read.unwrap_or_default()
}

/// The update API tells taints apart by key and effect: no two may have both in common.
fn taints(f: &mut Fields<'_, '_>) -> Vec<Taint> {
    let mut before: Vec<Taint> = Vec::new();
    // One that could not be read is told already, and keeps the places of those behind it.
    let unread = Taint { key: "unreadable".to_owned(), value: None, effect: TaintEffect::NoSchedule };
    let read = f.list("taints", |value, at, problems| {
        let Some(taint) = taint(value, at, problems) else { return Some(unread.clone()) };
        if before.iter().any(|other| other.key == taint.key && other.effect == taint.effect) {
            problems.add(at, "duplicate", format!("the taint `{}` is there twice with the same effect", taint.key));
        }
        before.push(taint.clone());
        Some(taint)
    });
    read.unwrap_or_default()
}

fn taint(value: &Value, at: &str, problems: &mut Problems) -> Option<Taint> {
    let mut f = Fields::open(value, at, problems)?;
    let key = f.text("key");
    let key = f.required("key", key);
    let value = f.text("value");
    let effect = word(
        &mut f,
        "effect",
        &[
            ("NO_SCHEDULE", TaintEffect::NoSchedule),
            ("NO_EXECUTE", TaintEffect::NoExecute),
            ("PREFER_NO_SCHEDULE", TaintEffect::PreferNoSchedule),
        ],
        &[
            ("NoSchedule", TaintEffect::NoSchedule),
            ("NoExecute", TaintEffect::NoExecute),
            ("PreferNoSchedule", TaintEffect::PreferNoSchedule),
            ("no-schedule", TaintEffect::NoSchedule),
            ("no-execute", TaintEffect::NoExecute),
            ("prefer-no-schedule", TaintEffect::PreferNoSchedule),
        ],
    );
    let effect = f.required("effect", effect);
    f.finish();
    Some(Taint { key: key?, value, effect: effect? })
}

fn capacity_type(f: &mut Fields<'_, '_>) -> Option<CapacityType> {
    word(
        f,
        "capacityType",
        &[
            ("ON_DEMAND", CapacityType::OnDemand),
            ("SPOT", CapacityType::Spot),
            ("CAPACITY_BLOCK", CapacityType::CapacityBlock),
        ],
        &[("onDemand", CapacityType::OnDemand), ("spot", CapacityType::Spot)],
    )
}

/// One of a few words; `aliases` are read as well, and not advertised.
pub(super) fn word<T: Copy>(
    f: &mut Fields<'_, '_>,
    name: &'static str,
    words: &[(&str, T)],
    aliases: &[(&str, T)],
) -> Option<T> {
    let text = f.text(name)?;
    let found = words.iter().chain(aliases).find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        f.problem(name, "unknown_value", format!("`{text}` is none of {}", known.join(", ")));
    }
    found
}

fn to_u32(number: i64) -> u32 {
    u32::try_from(number).expect("invariant: the range was checked")
}
