//! What is refused, with what to write instead.

use super::forms::converted;

/// What is wrong, one a line.
fn problems(text: &str) -> String {
    converted(text)
        .problems
        .as_slice()
        .iter()
        .map(|it| format!("{} {}: {}\n", it.pointer, it.code, it.detail))
        .collect()
}

fn of(api: &str, kind: &str, spec: &str) -> String {
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n")
}

const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io/v1beta1";

#[test]
fn kinds_that_captd_has_not_are_refused_by_name() {
    for (api, kind, spec, remedy) in [
        (INFRASTRUCTURE, "CaptMachineSet", "{}", "declare one Machine, a node group"),
        (INFRASTRUCTURE, "CaptMachineDeployment", "{}", "declare one Machine, a node group"),
        (INFRASTRUCTURE, "CaptMachineTemplate", "{}", "declare each Machine"),
        (INFRASTRUCTURE, "CaptMachine", "{nodeGroupRef: {name: a}}", "`scaling` says how many instances"),
        ("controlplane.cluster.x-k8s.io/v1beta1", "CaptControlPlaneTemplate", "{}", "a Workspace of its template"),
        ("tf.upbound.io/v1beta1", "ProviderConfig", "{}", "write [providers.aws.<name>]"),
        ("cluster.x-k8s.io/v1beta1", "Cluster", "{topology: {class: a}}", "declare the CAPTCluster"),
    ] {
        let told = problems(&of(api, kind, spec));
        assert!(told.starts_with("/0/kind not_taken: ") && told.contains(remedy), "{kind}: {told}");
    }
    let told = problems(&of("apps/v1", "Deployment", "{}"));
    assert_eq!(
        told,
        "/0/kind unknown_kind: captd has no use for the kind Deployment of apps/v1; leave it out, or pass it over with --skip-unknown-kinds\n"
    );
}

fn template(spec: &str) -> String {
    format!(
        "apiVersion: {INFRASTRUCTURE}\nkind: WorkspaceTemplate\nmetadata: {{name: a}}\nspec:\n  template:\n    spec: {spec}\n"
    )
}

#[test]
fn what_is_wrong_with_a_template_is_told_with_its_place() {
    let told = [
        template("{}"),
        template("{module: 'variable {'}"),
        template("{forProvider: {source: Remote, module: ''}}"),
        template("{forProvider: {inlineFormat: JSON, module: ''}}"),
        template("{forProvider: {module: '', vars: [{key: a, value: b}]}}"),
        template("{forProvider: {module: 'variable \"size\" { type = number }', vars: [{key: size, value: b}]}}"),
        template("{forProvider: {module: '', applyArgs: ['-destroy']}}"),
        template("{forProvider: {module: '', surprise: 1}}"),
        template(
            "\n      module: |\n        module \"m\" {\n          source = \"terraform-aws-modules/eks/aws//modules/eks-managed-node-group\"\n          version = \"~> 21.0\"\n        }",
        ),
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta1\nkind: WorkspaceTemplate\nspec: {template: {spec: {module: ''}}}\n".to_owned(),
    ]
    .map(|text| problems(&text));
    insta::assert_snapshot!(told.concat(), @r#"
    /0/spec/template/spec/forProvider required: `forProvider` is required
    /0/spec/template/spec/module not_hcl: --> HCL parse error in line 1, column 11
      |
    1 | variable {
      |           ^---
      |
      = invalid block body; expected `}`, newline or identifier
    /0/spec/template/spec/forProvider/source not_taken: captd takes Inline modules; push a folder with `captd template push NAME FOLDER`
    /0/spec/template/spec/forProvider/inlineFormat not_taken: captd takes inline modules in HCL; write it as one
    /0/spec/template/spec/forProvider/vars/0 undeclared: the module declares no variable `a`; declare it, or leave this out
    /0/spec/template/spec/forProvider/vars/0 wrong_type: the text for `size` is no number
    /0/spec/template/spec/forProvider/applyArgs not_taken: `-destroy` is not taken; of Terraform's arguments captd takes -input=false, -no-color, -lock-timeout, -compact-warnings, -upgrade, -auto-approve
    /0/spec/template/spec/forProvider/surprise unknown_field: unknown field `surprise`; known here: applyArgs, destroyArgs, enableTerraformCLILogging, entrypoint, env, initArgs, inlineFormat, module, planArgs, remotePullPolicy, source, varFiles, varmap, vars
    /0/spec/template/spec/module module_version: version `~> 21.0` is wanted of `terraform-aws-modules/eks/aws//modules/eks-managed-node-group`, and [modules.mirror] has 20.37.2; allow that one, or mirror another
    /0/metadata/name required: `name` is required: a template without one takes that of the only workspaceTemplateRef in the request that names no other template of it, and there are none
    "#);
}

#[test]
fn what_is_wrong_with_an_apply_is_told_with_its_place() {
    let with = |spec: &str| {
        let module = "'variable \"zones\" { type = list(string) }'";
        format!(
            "{}---\n{}",
            template(&format!("{{module: {module}}}")),
            of(INFRASTRUCTURE, "WorkspaceTemplateApply", spec)
        )
    };
    let told = [
        with("{templateRef: {name: nowhere}}"),
        with("{templateRef: {name: a}, variables: {zones: a}}"),
        with("{templateRef: {name: a}, variables: {zonen: '[]'}}"),
        with("{templateRef: {name: a}, waitForSecrets: [{name: b, namespace: default}]}"),
        with("{templateRef: {name: a}, dependencies: [{name: b}]}"),
        of(INFRASTRUCTURE, "CAPTCluster", "{existingVpcId: vpc-1, retainVpcOnDelete: true}"),
        of(INFRASTRUCTURE, "CAPTCluster", "{region: eu-central-1, vpcTemplateRef: {name: nowhere}}"),
        of("controlplane.cluster.x-k8s.io/v1beta1", "CAPTControlPlane", "{workspaceTemplateRef: {name: a}}"),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {k: '???'}\n".to_owned(),
    ]
    .map(|text| problems(&text));
    insta::assert_snapshot!(told.concat(), @r#"
    /1/spec/templateRef/name not_found: there is no template `nowhere` in namespace default; apply it before, or in the same request
    /1/spec/variables/zones wrong_type: the text for `zones` is of type list(string), and its text must be JSON: expected value at line 1 column 1
    /1/spec/variables/zonen undeclared: the module neither declares `zonen` nor has a ${zonen}; it takes zones
    /1/spec/waitForSecrets/0 not_found: no workspace writes the secret `b`, and it is not there: declare it, or the workspace whose writeConnectionSecretToRef names it
    /1/spec/dependencies unknown_field: CAPT has no such field; write waitForWorkspaces, and captd's own `valueFrom` for the outputs of others
    /0/spec/region required: `region` is required
    /0/spec/retainVpcOnDelete excluded: a VPC that exists already is never deleted; leave it out
    /0/spec/vpcTemplateRef/name not_found: there is no template `nowhere` in namespace default; apply it before, or in the same request
    /0/spec/version required: `version` is required
    /0/data/k not_base64: is no base64 of a text; captd keeps texts
    "#);
}

#[test]
fn a_value_becomes_no_syntax() {
    let hostile = "\"} resource \"x\" \"y\" { # ${file(\\\"/etc/passwd\\\")}";
    let module = "'output \"o\" { value = \"is ${name}\" }'";
    let text = format!(
        "{}---\n{}",
        template(&format!("{{module: {module}}}")),
        of(
            INFRASTRUCTURE,
            "WorkspaceTemplateApply",
            &format!("{{templateRef: {{name: a}}, variables: {{name: {}}}}}", serde_json::json!(hostile))
        )
    );
    let conversion = converted(&text);
    assert!(conversion.problems.is_empty(), "{}", conversion.problems);
    let files = &conversion.documents[0].value["spec"]["files"];
    assert_eq!(files["main.tf"], "output \"o\" { value = \"is ${var.name}\" }");
    assert_eq!(conversion.documents[1].value["spec"]["variables"]["name"], hostile);
}
