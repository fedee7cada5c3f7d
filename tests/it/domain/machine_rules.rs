//! Every limit of a node group, at both of its sides. The numbers are those of EKS, of its Terraform
//! provider and of its user guide.

use captd::domain::machine_fields::parse_spec;
use captd::domain::machine_rules::check_ami_type;
use captd::domain::problem::Problems;
use serde_json::{Map, Value, json};

use super::world::problems_of;

/// One machine with `value` at `pointer` below its spec.
fn machine(pointer: &str, value: Value) -> Value {
    let mut document = json!({
        "apiVersion": "captd/v1", "kind": "Machine", "metadata": {"name": "w"},
        "spec": {"nodeGroupConfig": {"name": "w", "scaling": {"minSize": 1, "maxSize": 100, "desiredSize": 2}}}
    });
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(&format!("/spec{parent}")).unwrap()[field] = value;
    document
}

/// What is wrong below `/spec`, as `pointer code`.
fn wrong(document: &Value) -> Vec<String> {
    let problems = problems_of(document);
    let told = problems.as_slice().iter().map(|p| format!("{} {}", p.pointer.trim_start_matches("/spec"), p.code));
    told.collect()
}

pub(super) fn check(pointer: &str, value: Value, expected: &[&str]) {
    let document = machine(pointer, value);
    assert_eq!(wrong(&document), expected, "{}", document["spec"]);
}

/// Each of `good` is taken at `pointer`; each of `bad` is a problem of that code there.
pub(super) fn check_values(pointer: &str, good: &[Value], code: &str, bad: &[Value]) {
    for value in good {
        check(pointer, value.clone(), &[]);
    }
    for value in bad {
        check(pointer, value.clone(), &[&format!("{pointer} {code}")]);
    }
}

fn x(length: usize) -> String {
    "x".repeat(length)
}

fn map(entries: &[(&str, &str)]) -> Value {
    entries.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<Map<_, _>>().into()
}

fn many(count: usize) -> Value {
    (0..count).map(|n| (format!("key-{n}"), json!("v"))).collect::<Map<_, _>>().into()
}

#[test]
fn names_of_clusters_and_node_groups() {
    let bad = |length_max: usize| {
        [
            json!(x(length_max + 1)),
            json!(""),
            json!("-a"),
            json!("_a"),
            json!("a.b"),
            json!("a b"),
            json!("né"),
            json!("a/b"),
        ]
    };
    check_values("/clusterName", &[json!("a"), json!(x(100)), json!("A_b-9"), json!("9")], "invalid_name", &bad(100));
    let good = [json!("a"), json!(x(63)), json!("A_b-9"), json!("9")];
    check_values("/nodeGroupConfig/name", &good, "invalid_name", &bad(63));
}

#[test]
fn regions() {
    let good = [json!("eu-central-1"), json!("us-gov-west-1"), json!("cn-north-1")];
    check_values(
        "/region",
        &good,
        "invalid_value",
        &[json!("frankfurt"), json!("EU-central-1"), json!(""), json!("eu-central 1")],
    );
}

#[test]
fn numbers_of_nodes() {
    let scaling = |min: i64, max: i64, desired: i64| json!({"minSize": min, "maxSize": max, "desiredSize": desired});
    let out_of_range = |fields: &[&str]| {
        fields.iter().map(|field| format!("/nodeGroupConfig/scaling/{field} out_of_range")).collect::<Vec<_>>()
    };
    for (min, max, desired, fields) in [
        (0, 1, 0, &[][..]),
        (0, 1, 1, &[]),
        (3, 3, 3, &[]),
        (0, 450, 450, &[]),
        (-1, 3, 2, &["minSize"]),
        (0, 0, 0, &["maxSize"]),
        (0, 3, -1, &["desiredSize"]),
        (-1, 0, -1, &["minSize", "maxSize", "desiredSize"]),
        (4, 3, 3, &["minSize", "desiredSize"]),
        (1, 3, 4, &["desiredSize"]),
        (1, 3, 1, &[]),
        (1, 3, 0, &["desiredSize"]),
        (4, 3, 4, &["minSize", "desiredSize"]),
        (0, 1, 4_294_967_296, &["desiredSize"]),
    ] {
        let document = machine("/nodeGroupConfig/scaling", scaling(min, max, desired));
        let mut found = wrong(&document);
        found.sort();
        let mut expected = out_of_range(fields);
        expected.sort();
        assert_eq!(found, expected, "{}", document["spec"]);
    }
}

#[test]
fn instance_types() {
    let good = [json!("t3.medium"), json!("x2iedn.32xlarge"), json!("u-6tb1.112xlarge"), json!("mac2-m2.metal")];
    let bad = [
        json!("t3"),
        json!("t3."),
        json!(".medium"),
        json!("T3.medium"),
        json!(""),
        json!("t3.medium\n"),
        json!(x(65)),
    ];
    check_values("/nodeGroupConfig/instanceType", &good, "invalid_value", &bad);
    let several = "/nodeGroupConfig/instanceTypes";
    check_values(several, &[json!([]), json!(vec!["t3.medium"; 20])], "too_many", &[json!(vec!["t3.medium"; 21])]);
    check(several, json!(["t3.medium", "nonsense"]), &["/nodeGroupConfig/instanceTypes/1 invalid_value"]);
    let mut both = machine(several, json!(["t3.medium"]));
    both["spec"]["nodeGroupConfig"]["instanceType"] = json!("t3.medium");
    assert_eq!(wrong(&both), ["/nodeGroupConfig/instanceTypes exactly_one_of"]);
}

#[test]
fn ami_types() {
    let good = [
        "AL2_x86_64",
        "AL2_x86_64_GPU",
        "AL2_ARM_64",
        "BOTTLEROCKET_ARM_64",
        "BOTTLEROCKET_x86_64",
        "BOTTLEROCKET_ARM_64_FIPS",
        "BOTTLEROCKET_x86_64_FIPS",
        "BOTTLEROCKET_ARM_64_NVIDIA",
        "BOTTLEROCKET_x86_64_NVIDIA",
        "WINDOWS_CORE_2019_x86_64",
        "WINDOWS_FULL_2019_x86_64",
        "WINDOWS_CORE_2022_x86_64",
        "WINDOWS_FULL_2022_x86_64",
        "AL2023_x86_64_STANDARD",
        "AL2023_ARM_64_STANDARD",
        "AL2023_x86_64_NEURON",
        "AL2023_x86_64_NVIDIA",
        "AL2023_ARM_64_NVIDIA",
    ]
    .map(|ami| json!(ami));
    check_values("/nodeGroupConfig/amiType", &good, "unknown_value", &[]);
    let more = ["WINDOWS_CORE_2025_x86_64".to_owned()];
    for (ami, known, known_with_more) in [
        ("AL2023_x86_64_STANDARD", true, true),
        ("WINDOWS_CORE_2025_x86_64", false, true),
        ("AL2023_x86_64", false, false),
        ("al2_x86_64", false, false),
        ("", false, false),
    ] {
        let document = machine("/nodeGroupConfig/amiType", json!(ami));
        let spec = parse_spec(&document["spec"], "/spec", &mut Problems::default()).unwrap();
        for (more, is_good) in [(&more[..0], known), (&more[..], known_with_more)] {
            let mut problems = Problems::default();
            check_ami_type(&spec.node_group_config, more, "/spec", &mut problems);
            assert_eq!(problems.is_empty(), is_good, "{ami}: {problems}");
        }
    }
}

#[test]
fn disks() {
    check_values(
        "/nodeGroupConfig/diskSize",
        &[json!(1), json!(16_384)],
        "out_of_range",
        &[json!(0), json!(-1), json!(16_385)],
    );
}

#[test]
fn subnets_and_roles() {
    check("/nodeGroupConfig/subnetIds", json!(["subnet-0a1b2c3d4e5f60718", "subnet-1"]), &[]);
    check(
        "/nodeGroupConfig/subnetIds",
        json!(["subnet-1", "subnet-", "0a1b", "subnet-a b"]),
        &[
            "/nodeGroupConfig/subnetIds/1 invalid_value",
            "/nodeGroupConfig/subnetIds/2 invalid_value",
            "/nodeGroupConfig/subnetIds/3 invalid_value",
        ],
    );
    let good = [
        json!("arn:aws:iam::123456789012:role/nodes"),
        json!("arn:aws-cn:iam::123456789012:role/path/nodes"),
        json!("arn:aws-us-gov:iam::123456789012:role/nodes"),
    ];
    let bad = [json!("nodes"), json!(""), json!("arn:aws:iam::123456789012:user/nodes"), json!("arn:aws:s3:::role")];
    check_values("/nodeGroupConfig/nodeRoleArn", &good, "invalid_value", &bad);
}

#[test]
fn lengths_of_labels() {
    let at = |key: &str| format!("/nodeGroupConfig/labels/{key} out_of_range");
    for (key, value, expected) in [
        ("k", "v", vec![]),
        (&x(63), &x(63), vec![]),
        (&x(64), "v", vec![at(&x(64))]),
        ("k", &x(64), vec![at("k")]),
        ("k", "", vec![at("k")]),
        ("", "v", vec![at("")]),
    ] {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check("/nodeGroupConfig/labels", map(&[(key, value)]), &expected);
    }
}

#[test]
fn labels_of_kubernetes_own_domains_would_keep_nodes_out() {
    for key in
        ["example.com/role", "node.kubernetes.io/role", "kubelet.kubernetes.io/role", "notkubernetes.io/role", "role"]
    {
        check("/nodeGroupConfig/labels", map(&[(key, "v")]), &[]);
    }
    for key in
        ["kubernetes.io/role", "k8s.io/role", "node-role.kubernetes.io/worker", "a.k8s.io/role", "role.node.k8s.io/a"]
    {
        let pointer = format!("/nodeGroupConfig/labels/{} reserved_label", key.replace('/', "~1"));
        check("/nodeGroupConfig/labels", map(&[(key, "v")]), &[&pointer]);
    }
}

#[test]
fn taints() {
    let taint = |key: &str, value: &str| json!([{"key": key, "value": value, "effect": "NO_SCHEDULE"}]);
    let at = "/nodeGroupConfig/taints";
    for (key, value) in [("k", "v"), (&x(63), &x(63)), ("a.b_c-d", ""), ("example.com/gpu", "v"), ("9", "v")] {
        check(at, taint(key, value), &[]);
    }
    check(at, taint(&x(64), "v"), &["/nodeGroupConfig/taints/0/key out_of_range"]);
    check(at, taint("", "v"), &["/nodeGroupConfig/taints/0/key out_of_range"]);
    check(at, taint("k", &x(64)), &["/nodeGroupConfig/taints/0/value out_of_range"]);
    for key in ["-k", ".k", "a b", "a$", "example.com/", "example.com/-k", "k-", "a/b/c", "/k", "A.b/k"] {
        check(at, taint(key, "v"), &["/nodeGroupConfig/taints/0/key invalid_value"]);
    }
    for value in ["a b", "-v", "v.", "team@corp.com", "a/b"] {
        check(at, taint("k", value), &["/nodeGroupConfig/taints/0/value invalid_value"]);
    }
    check(at, taint("node.kubernetes.io/unreachable", "v"), &[]);
}

#[test]
fn no_more_than_fifty_taints_and_none_twice() {
    let taints =
        |count: usize| (0..count).map(|n| json!({"key": format!("k{n}"), "effect": "NO_SCHEDULE"})).collect::<Value>();
    check_values("/nodeGroupConfig/taints", &[json!([]), taints(50)], "too_many", &[taints(51)]);
    let pair = |effect: &str| json!([{"key": "k", "value": "a", "effect": "NO_SCHEDULE"}, {"key": "k", "value": "b", "effect": effect}]);
    check("/nodeGroupConfig/taints", pair("NO_EXECUTE"), &[]);
    check("/nodeGroupConfig/taints", pair("NoSchedule"), &["/nodeGroupConfig/taints/1 duplicate"]);
}

#[test]
fn tags() {
    let at = "/nodeGroupConfig/tags";
    check_values(at, &[json!({}), many(48)], "too_many", &[many(49)]);
    for (key, value) in
        [(x(128).as_str(), ""), ("k", x(256).as_str()), ("awsome", "v"), ("Captd", "v"), ("a:b", "${x}")]
    {
        check(at, map(&[(key, value)]), &[]);
    }
    check(at, map(&[(&x(129), "v")]), &[&format!("{at}/{} out_of_range", x(129))]);
    check(at, map(&[("k", &x(257))]), &["/nodeGroupConfig/tags/k out_of_range"]);
    check(at, map(&[("", "v")]), &["/nodeGroupConfig/tags/ out_of_range"]);
    check(at, map(&[("aws:x", "v")]), &["/nodeGroupConfig/tags/aws:x reserved_tag"]);
    check(at, map(&[("AWS:x", "v")]), &["/nodeGroupConfig/tags/AWS:x reserved_tag"]);
    check(at, map(&[("captd:machine", "v")]), &["/nodeGroupConfig/tags/captd:machine reserved_tag"]);
}

#[test]
fn lengths_are_in_characters_and_not_in_bytes() {
    check("/nodeGroupConfig/tags", map(&[("k", &"é".repeat(256))]), &[]);
    check("/nodeGroupConfig/tags", map(&[("k", &"é".repeat(257))]), &["/nodeGroupConfig/tags/k out_of_range"]);
}

#[test]
fn updates_take_away_a_number_or_a_share_of_nodes() {
    let at = "/nodeGroupConfig/updateConfig";
    for field in ["maxUnavailable", "maxUnavailablePercentage"] {
        for number in [1, 100] {
            check(at, json!({field: number}), &[]);
        }
        for number in [0, 101, -1] {
            check(at, json!({field: number}), &[&format!("{at}/{field} out_of_range")]);
        }
    }
    check(at, json!({}), &[&format!("{at} exactly_one_of")]);
    check(at, json!({"maxUnavailable": 1, "maxUnavailablePercentage": 1}), &[&format!("{at} exactly_one_of")]);
}

#[test]
fn an_entry_keeps_its_place_when_one_before_it_cannot_be_read() {
    check(
        "/nodeGroupConfig/taints",
        json!([{"key": "k", "effect": "NEVER"}, {"key": x(64), "effect": "NO_SCHEDULE"}]),
        &["/nodeGroupConfig/taints/0/effect unknown_value", "/nodeGroupConfig/taints/1/key out_of_range"],
    );
    check(
        "/nodeGroupConfig/instanceTypes",
        json!([5, "nonsense"]),
        &["/nodeGroupConfig/instanceTypes/0 wrong_type", "/nodeGroupConfig/instanceTypes/1 invalid_value"],
    );
}

#[test]
fn a_taint_that_is_there_twice_is_pointed_at_where_it_stands() {
    let twice = json!([{"key": "k", "effect": "NEVER"}, {"key": "k", "effect": "NO_SCHEDULE"}, {"key": "k", "effect": "NO_SCHEDULE"}]);
    let expected = ["/nodeGroupConfig/taints/0/effect unknown_value", "/nodeGroupConfig/taints/2 duplicate"];
    check("/nodeGroupConfig/taints", twice, &expected);
}

#[test]
fn every_problem_is_in_one_answer() {
    let mut document = machine("/nodeGroupConfig/scaling", json!({"minSize": -1, "maxSize": 3, "desiredSize": 2}));
    document["spec"]["region"] = json!("frankfurt");
    document["spec"]["nodeGroupConfig"]["labels"] = map(&[("k", "")]);
    document["spec"]["nodeGroupConfig"]["name"] = json!("-w");
    let mut found = wrong(&document);
    found.sort();
    assert_eq!(
        found,
        [
            "/nodeGroupConfig/labels/k out_of_range",
            "/nodeGroupConfig/name invalid_name",
            "/nodeGroupConfig/scaling/minSize out_of_range",
            "/region invalid_value",
        ]
    );
}

#[test]
fn a_reference_that_cannot_be_read_hides_no_other_problem() {
    for (reference, value) in [("workspaceTemplateRef", json!({"name": "A"})), ("providerConfigRef", json!({}))] {
        let mut document = machine(&format!("/{reference}"), value);
        document["spec"]["nodeGroupConfig"]["labels"] = map(&[("k", "")]);
        let found = wrong(&document);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().any(|problem| problem.starts_with(&format!("/{reference}/name "))), "{found:?}");
        assert!(found.contains(&"/nodeGroupConfig/labels/k out_of_range".to_owned()), "{found:?}");
    }
}
