//! The templates that captd has: those in the binary, those of a folder before them, and what is said
//! of a broken one.

use std::fs;
use std::path::Path;

use captd::domain::name::Name;
use captd::domain::template::{Provider, Template};
use captd::render::Library;
use tempfile::TempDir;

const MANIFEST: &str = "description: Mine.\nprovider: none\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(files: &[(&str, &str)]) -> Library {
    Library::load(Some(folder(files).path())).unwrap()
}

fn get(library: &Library, name: &str) -> Template {
    (**library.get(&Name::parse(name).unwrap()).unwrap()).clone()
}

fn names(library: &Library) -> Vec<&str> {
    library.iter().map(|template| template.name.as_str()).collect()
}

fn required(template: &Template) -> Vec<&str> {
    template.variables.iter().filter(|(_, variable)| variable.is_required()).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_a_cluster_is_made_of_is_in_the_binary() {
    let library = Library::load(None).unwrap();
    let expected = [
        "eks-controlplane-template",
        "eks-fargate-profile-template",
        "eks-nodegroup-template",
        "eks-self-managed-nodegroup-template",
        "local-controlplane-template",
        "local-fargate-profile-template",
        "local-nodegroup-template",
        "local-vpc-template",
        "vpc-template",
    ];
    assert_eq!(names(&library), expected);

    let local = get(&library, "local-nodegroup-template");
    assert_eq!(local.manifest.provider, Provider::None);
    assert_eq!(required(&local), ["desired_size", "instance_types", "max_size", "min_size", "node_group_name"]);
    assert!(local.manifest.protects("module.nodegroup.terraform_data.group"));
    assert!(!local.manifest.protects("module.nodegroup.terraform_data.node[\"0\"]"), "nodes come and go");
    assert!(local.modules.keys().all(|path| path.starts_with("modules/local-nodegroup/")));
    for variable in ["create_seconds", "fail_with"] {
        assert!(!local.variables[variable].is_required(), "{variable}");
        assert!(local.variables[variable].description.is_some(), "{variable}");
    }

    let eks = get(&library, "eks-nodegroup-template");
    assert_eq!(eks.manifest.provider, Provider::Aws);
    let expected = [
        "cluster_name",
        "desired_size",
        "instance_types",
        "max_size",
        "min_size",
        "node_group_name",
        "region",
        "subnet_ids",
    ];
    assert_eq!(required(&eks), expected);
    assert!(eks.manifest.protects("module.nodegroup.aws_eks_node_group.this"));
    assert_eq!(eks.variables["labels"].of.to_string(), "map(string)");
}

#[test]
fn a_local_twin_takes_and_gives_what_its_template_does() {
    let library = Library::load(None).unwrap();
    for (name, twin, needed) in [
        ("vpc-template", "local-vpc-template", &["name", "region"][..]),
        ("eks-controlplane-template", "local-controlplane-template", &["cluster_name", "region", "subnet_ids"]),
        (
            "eks-fargate-profile-template",
            "local-fargate-profile-template",
            &["cluster_name", "profile_name", "region", "selectors", "subnet_ids"],
        ),
    ] {
        let (template, twin) = (get(&library, name), get(&library, twin));
        assert_eq!(required(&template), needed, "{name}");
        assert!(template.variables.keys().all(|variable| twin.variables.contains_key(variable)), "{name}");
        for (variable, declared) in &template.variables {
            assert_eq!(declared.of, twin.variables[variable].of, "{name}: {variable}");
        }
        let gives = |template: &Template| -> Vec<(String, bool)> {
            template.outputs.iter().map(|(name, output)| (name.clone(), output.is_sensitive)).collect()
        };
        assert_eq!(gives(&template), gives(&twin), "{name}");
        let of = |template: &Template| {
            (template.variables.values().all(|it| it.description.is_some()), template.manifest.protects.is_empty())
        };
        assert_eq!((of(&template), of(&twin)), ((true, false), (true, false)), "{name}");
    }
}

#[test]
fn a_template_is_its_files_without_the_manifest() {
    for template in Library::load(None).unwrap().iter() {
        assert!(!template.files.contains_key("template.yaml"), "{}", template.name);
        assert!(template.files.contains_key("variables.tf"), "{}", template.name);
        assert!(!template.modules.is_empty() && !template.manifest.description.is_empty(), "{}", template.name);
        assert_eq!(template.revision.len(), 16, "{}", template.name);
    }
}

#[test]
fn a_template_of_the_folder_goes_before_the_one_in_the_binary() {
    let library = load(&[
        ("workspace/local-nodegroup-template/template.yaml", MANIFEST),
        ("workspace/local-nodegroup-template/main.tf", "variable \"size\" {\n  type = number\n}\n"),
        ("workspace/another/template.yaml", MANIFEST),
        ("workspace/another/main.tf.tera", "locals {\n}\n"),
    ]);
    let built_in = Library::load(None).unwrap();
    let others: Vec<&str> = names(&library).into_iter().filter(|name| *name != "another").collect();
    assert_eq!(others, names(&built_in));
    assert_eq!(names(&library).len(), names(&built_in).len() + 1);
    let local = get(&library, "local-nodegroup-template");
    assert_eq!(local.manifest.description, "Mine.");
    assert_eq!(local.files.keys().collect::<Vec<_>>(), ["main.tf"]);
    assert!(local.modules.is_empty());
    assert_eq!(required(&local), ["size"]);
    assert_ne!(local.revision, get(&built_in, "local-nodegroup-template").revision);
    assert_eq!(get(&library, "eks-nodegroup-template"), get(&built_in, "eks-nodegroup-template"));
}

#[test]
fn a_module_of_the_folder_goes_before_the_one_in_the_binary() {
    let library = load(&[("modules/local-nodegroup/main.tf", "locals {\n}\n")]);
    let local = get(&library, "local-nodegroup-template");
    assert_eq!(local.modules, [("modules/local-nodegroup/main.tf".to_owned(), "locals {\n}\n".to_owned())].into());
    assert_ne!(local.revision, get(&Library::load(None).unwrap(), "local-nodegroup-template").revision);
}

#[test]
fn the_same_content_has_the_same_revision_and_any_change_another() {
    let revision = |manifest: &str, main: &str, module: &str| {
        let library = load(&[
            ("workspace/a/template.yaml", manifest),
            ("workspace/a/main.tf", main),
            ("modules/m/main.tf", module),
        ]);
        get(&library, "a").revision
    };
    let manifest = "description: A.\nprovider: none\nmodules: [m]\n";
    let first = revision(manifest, "locals {\n}\n", "# m\n");
    assert_eq!(revision(manifest, "locals {\n}\n", "# m\n"), first);
    assert_ne!(revision(&format!("{manifest}protects: [a.b]\n"), "locals {\n}\n", "# m\n"), first);
    assert_ne!(revision(manifest, "locals {\n}\n\n", "# m\n"), first);
    assert_ne!(revision(manifest, "locals {\n}\n", "# n\n"), first);
}

/// Checks what is said of a folder with these files.
fn check_broken(files: &[(&str, &str)], begin: &str, contains: &str) {
    let error = Library::load(Some(folder(files).path())).expect_err(begin).to_string();
    assert!(error.starts_with(begin) && error.contains(contains), "`{begin}`, `{contains}`: {error}");
}

#[test]
fn a_broken_template_names_file_and_reason() {
    let manifest = "workspace/mine/template.yaml";
    check_broken(&[(manifest, "description: [")], "template `mine`: template.yaml: ", "");
    check_broken(&[(manifest, "description: x\nprovider: gcp\n")], "template `mine`: template.yaml: ", "gcp");
    check_broken(&[(manifest, "provider: none\n")], "template `mine`: template.yaml: ", "description");
    check_broken(&[(manifest, &format!("{MANIFEST}protect: [a]\n"))], "template `mine`: template.yaml: ", "protect");
    check_broken(&[(manifest, &format!("{MANIFEST}modules: [nope]\n"))], "template `mine`: template.yaml: ", "`nope`");
    check_broken(&[("workspace/mine/main.tf", "")], "template `mine`: it has no template.yaml", "");
    check_broken(&[("workspace/Mine_/template.yaml", MANIFEST)], "template `Mine_`: ", "DNS label");
    let hcl = [(manifest, MANIFEST), ("workspace/mine/network.tf", "resource \"a\" {\n")];
    check_broken(&hcl, "template `mine`: network.tf: ", "");
}

#[test]
fn a_file_that_is_no_text_is_named() {
    let folder = folder(&[("workspace/mine/template.yaml", MANIFEST)]);
    fs::write(folder.path().join("workspace/mine/logo.png"), [0x89, 0xff, 0x00]).unwrap();
    let error = Library::load(Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("workspace/mine/logo.png") && error.contains("cannot be read"), "{error}");
}

#[test]
fn a_folder_without_templates_changes_nothing() {
    let built_in = Library::load(None).unwrap();
    for files in [&[][..], &[("notes.txt", "x"), ("workspace/notes.txt", "x"), ("modules/unused/main.tf", "")]] {
        let library = load(files);
        assert_eq!(names(&library), names(&built_in));
        assert!(library.iter().eq(built_in.iter()));
    }
    assert_eq!(names(&Library::load(Some(Path::new("/nowhere/at/all"))).unwrap()), names(&built_in));
}

#[test]
fn what_terraform_left_in_the_folder_is_passed_over() {
    let library = load(&[
        ("workspace/mine/template.yaml", "description: Mine.\nprovider: none\nmodules: [m]\n"),
        ("workspace/mine/main.tf", "locals {\n}\n"),
        ("workspace/mine/.terraform/modules/modules.json", "{}"),
        ("workspace/mine/.terraform.lock.hcl", "x"),
        ("workspace/mine/terraform.tfstate", "{\"serial\": 1}"),
        ("workspace/mine/terraform.tfstate.backup", "{}"),
        ("workspace/mine/errored.tfstate", "{}"),
        ("modules/m/main.tf", "locals {\n}\n"),
        ("modules/m/.terraform.lock.hcl", "x"),
        ("modules/m/terraform.tfstate", "{\"serial\": 1}"),
    ]);
    let mine = get(&library, "mine");
    assert_eq!(mine.files.keys().collect::<Vec<_>>(), ["main.tf"]);
    assert_eq!(mine.modules.keys().collect::<Vec<_>>(), ["modules/m/main.tf"]);
}
