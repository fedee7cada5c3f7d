//! What is taken in, what is another's, and what becomes of a creation that was given up.

use std::collections::BTreeMap;

use captd::domain::adoption::{Adoption, Found, Mending, Owner, Tainted, leaves_doubt, mend};
use captd::domain::failure::{Class, Failure};
use captd::domain::import::{Import, takeover};
use captd::domain::plan::{Action, Plan, ResourceChange};
use captd::domain::resource::ResourceKind;
use captd::domain::run::{Kind, Outcome, State};
use captd::domain::template::{InService, Manifest, Provider};
use serde_json::{Value, json};

use super::world::{begun, failed, planned, run};

fn adoption() -> Adoption {
    let owner =
        Owner { installation: "home".to_owned(), kind: ResourceKind::Machine, name: "default/workers/1".to_owned() };
    let known = ["a.own", "a.part", "a.other", "a.earlier", "a.elsewhere", "a.stranger", "a.bare", "a.group"];
    let ids = known.map(|address| (address.to_owned(), "demo:workers".to_owned())).into();
    Adoption { ids, owner, import: None }
}

fn found(address: &str, attributes: Value) -> Found {
    Found { address: address.to_owned(), id: "demo:workers".to_owned(), attributes }
}

fn tagged(address: &str, installation: &str, machine: &str) -> Found {
    found(address, json!({"tags": {"captd:installation": installation, "captd:machine": machine}}))
}

#[test]
fn only_what_says_so_is_ones_own() {
    let own = || tagged("a.own", "home", "default/workers/1");
    let part = || found("a.part", json!({"policy": "x"}));
    assert_eq!(adoption().check(&[own(), part()]), Ok(()));
    assert_eq!(adoption().own(vec![own(), part()]), [own(), part()]);

    let others = [
        tagged("a.other", "home", "default/others/2"),
        tagged("a.earlier", "home", "default/workers/0"),
        tagged("a.elsewhere", "work", "default/workers/1"),
        found("a.stranger", json!({"tags": {"team": "data"}})),
        found("a.bare", json!({"tags": null})),
    ];
    let refused = adoption().check(&others).unwrap_err();
    assert_eq!(refused.class, Class::Configuration);
    insta::assert_snapshot!(refused.message.replace("; a.", "\na."), @"
    a.other (demo:workers) already exists and belongs to machine default/others/2 of installation home; this is machine default/workers/1 of installation home
    a.earlier (demo:workers) already exists and belongs to machine default/workers/0 of installation home; this is machine default/workers/1 of installation home
    a.elsewhere (demo:workers) already exists and belongs to machine default/workers/1 of installation work; this is machine default/workers/1 of installation home
    a.stranger (demo:workers) already exists and has no tag captd:machine, so captd has not made it; this is machine default/workers/1 of installation home
    a.bare (demo:workers) already exists and has no tag captd:machine, so captd has not made it; this is machine default/workers/1 of installation home
    ");
    for other in others {
        assert_eq!(
            adoption().own(vec![own(), part(), other]),
            [own()],
            "what has no tags may be a part of the other's"
        );
    }
}

#[test]
fn an_import_takes_what_is_nobodys_and_never_anothers() {
    let importing = Adoption { import: Some(Import::default()), ..adoption() };
    let group = |installation: &str| {
        let tags = json!([{"key": "captd:installation", "value": installation, "propagate_at_launch": true},
            {"key": "captd:machine", "value": "default/workers/1", "propagate_at_launch": true}]);
        found("a.group", json!({"tag": tags}))
    };
    let untagged = found("a.stranger", json!({"tags": {"team": "data"}}));
    assert_eq!(importing.check(&[untagged.clone(), group("home")]), Ok(()));
    let refused = importing.check(&[untagged, group("work")]).unwrap_err();
    assert!(refused.message.starts_with("a.group (demo:workers) already exists and belongs to"), "{refused:?}");
    assert!(refused.remedy.contains("eject it there first"), "{refused:?}");
    // What a template's own `import` blocks name is not judged by tags that captd gives.
    assert_eq!(adoption().check(&[found("b.block", json!({"tags": null}))]), Ok(()));
}

fn change(address: &str, action: Action, import_id: Option<&str>) -> ResourceChange {
    ResourceChange {
        previous_address: None,
        deposed: None,
        address: address.to_owned(),
        resource_type: "a".to_owned(),
        action,
        import_id: import_id.map(str::to_owned),
        replace_because: Vec::new(),
        tainted: false,
        changes: Vec::new(),
    }
}

fn planned_to(resources: Vec<ResourceChange>) -> Plan {
    Plan { resources, ..Plan::default() }
}

#[test]
fn what_others_have_made_is_taken_over_by_a_persons_word_alone() {
    let imported = || planned_to(vec![change("a.own", Action::Import, Some("demo:workers"))]);
    let because = Some("the plan takes over what exists: a.own (demo:workers)".to_owned());
    assert_eq!(takeover(&imported(), None), because, "an `import` block of a template");
    assert_eq!(takeover(&imported(), Some(&adoption())), None, "captd's own, found again");
    let block = planned_to(vec![change("b.block", Action::Import, Some("x"))]);
    assert!(takeover(&block, Some(&adoption())).is_some(), "a block beside what is found again");
    let accepting = Import { accept_changes: ["a.own".to_owned()].into(), ..Import::default() };
    let importing = Adoption { import: Some(accepting), ..adoption() };
    assert_eq!(takeover(&imported(), Some(&importing)), because);
    // The first apply has recorded it and came no further.
    let replaced = planned_to(vec![change("a.own", Action::Replace, None)]);
    assert!(takeover(&replaced, Some(&importing)).is_some(), "accepted, and not seen by whoever approved the import");
    assert_eq!(takeover(&planned_to(vec![change("a.own", Action::Create, None)]), None), None);
}

#[test]
fn an_apply_that_did_not_end_well_leaves_doubt() {
    let applying = run(Kind::Apply, 1, State::Applying(planned()));
    let planning = run(Kind::Apply, 1, State::Planning(begun()));
    for outcome in [failed(None), Outcome::Canceled, Outcome::Lost] {
        assert!(leaves_doubt(&applying, &outcome), "{}", outcome.as_str());
        assert!(!leaves_doubt(&planning, &outcome), "{} before anything was applied", outcome.as_str());
    }
    assert!(!leaves_doubt(&applying, &Outcome::Succeeded));
}

#[test]
fn a_creation_that_was_given_up_is_judged_by_what_came_of_it() {
    let rule = InService {
        attribute: "status".to_owned(),
        values: vec!["ACTIVE".to_owned()],
        coming: vec!["CREATING".to_owned()],
    };
    let manifest = Manifest {
        description: "Mine.".to_owned(),
        permissions: Vec::new(),
        autoscaled: BTreeMap::new(),
        update_policy: captd::domain::template::UpdatePolicy::default(),
        export_to: Vec::new(),
        gateway: captd::domain::template::Gateway::On,
        provider: Provider::Aws,
        modules: Vec::new(),
        protects: Vec::new(),
        env: Vec::new(),
        import_ids: BTreeMap::new(),
        in_service: BTreeMap::from([("a.group".to_owned(), rule)]),
    };
    let tainted = |address: &str, status: &str| {
        mend(&[Tainted { address: address.to_owned(), attributes: json!({"status": status}) }], &manifest)
    };
    assert_eq!(tainted("a.group", "ACTIVE"), Mending::Untaint(vec!["a.group".to_owned()]));
    assert_eq!(tainted("a.group", "CREATE_FAILED"), Mending::Nothing);
    assert_eq!(tainted("a.other", "ACTIVE"), Mending::Nothing, "nobody has said what that means there");
    let Mending::Wait(failure) = tainted("a.group", "CREATING") else { panic!("it is not over") };
    assert_eq!(failure.class, Class::Lock);
    assert!(failure.message.starts_with("a.group is CREATING"), "{}", failure.message);
}

#[test]
fn every_spelling_of_already_exists() {
    for text in [
        "creating EKS Node Group (demo:workers): operation error EKS: CreateNodegroup, https response error StatusCode: 409, ResourceInUseException: NodeGroup already exists with name workers and cluster name demo",
        "creating IAM Role (x): operation error IAM: CreateRole, StatusCode: 409, EntityAlreadyExists: Role with name x already exists.",
        "creating Security Group (x): api error InvalidGroup.Duplicate: The security group 'x' is there for VPC 'vpc-1'",
        "creating S3 Bucket (x): BucketAlreadyOwnedByYou: ",
        "creating Auto Scaling Group (x): AlreadyExists: AutoScalingGroup by this name",
        "creating CloudWatch Logs Log Group (x): ResourceAlreadyExistsException: The specified log group",
    ] {
        assert!(Failure::classified(text).says_it_exists(), "{text}");
    }
    let other = "ResourceInUseException: Nodegroup is not in ACTIVE status";
    assert!(!Failure::classified(other).says_it_exists());
}

#[test]
fn what_could_be_looked_for_and_is_in_no_state_is_named() {
    let recorded = ["a.own", "a.part", "a.other", "a.earlier", "a.group", "a.more"].map(str::to_owned).into();
    assert_eq!(adoption().unrecorded(&recorded), ["a.bare", "a.elsewhere", "a.stranger"]);
    let failure = Failure::not_looked_for(&["a.bare".to_owned()]);
    assert!(failure.message.starts_with("a.bare may exist") && failure.remedy.contains("captd delete --abandon"));
}
