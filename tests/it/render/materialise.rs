//! A workspace's folder: what differs is written, what is stale goes, what belongs to Terraform stays.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use captd::render::{INITIALISED, Rendered, materialise};

fn rendered(structure: &str, files: &[(&str, &str)]) -> Rendered {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    Rendered { files, structure: structure.to_owned(), tags: captd::render::TagsOverride::default() }
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn read(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).unwrap()
}

/// `terraform init` was run for `structure`.
fn initialise(folder: &Path, structure: &str) {
    write(folder, ".terraform/modules/modules.json", "{}");
    write(folder, INITIALISED, structure);
}

const LONG_AGO: Duration = Duration::from_secs(1_000_000);

fn age(folder: &Path, path: &str) {
    File::options()
        .append(true)
        .open(folder.join(path))
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH + LONG_AGO)
        .unwrap();
}

/// Whether the file is still the one that was aged.
fn is_untouched(folder: &Path, path: &str) -> bool {
    fs::metadata(folder.join(path)).unwrap().modified().unwrap() == SystemTime::UNIX_EPOCH + LONG_AGO
}

#[test]
fn a_new_folder_gets_all_files_is_its_owners_only_and_needs_init() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("deep/workspace");
    let files =
        [("main.tf", "a"), ("modules/m/main.tf", "b"), ("modules/m/files/c.sh", "c"), ("terraform.tfvars.json", "{}")];
    assert!(materialise(&folder, &rendered("1", &files)).unwrap());
    for (path, text) in files {
        assert_eq!(read(&folder, path), text);
    }
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(folder.join("terraform.tfvars.json")).unwrap().permissions().mode() & 0o077, 0);
    let left: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left.len(), 3, "nothing temporary is left: {left:?}");
}

#[test]
fn what_is_equal_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    materialise(
        folder,
        &rendered("1", &[("main.tf", "a"), ("modules/m/main.tf", "b"), ("terraform.tfvars.json", "1")]),
    )
    .unwrap();
    for path in ["main.tf", "modules/m/main.tf", "terraform.tfvars.json"] {
        age(folder, path);
    }
    materialise(
        folder,
        &rendered("1", &[("main.tf", "a"), ("modules/m/main.tf", "b"), ("terraform.tfvars.json", "2")]),
    )
    .unwrap();
    assert!(is_untouched(folder, "main.tf") && is_untouched(folder, "modules/m/main.tf"));
    assert!(!is_untouched(folder, "terraform.tfvars.json"));
    assert_eq!(read(folder, "terraform.tfvars.json"), "2");
}

#[test]
fn stale_configuration_goes_and_what_is_terraforms_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let stale = [
        "old.tf",
        "old.tf.json",
        "old.auto.tfvars",
        "old.auto.tfvars.json",
        "terraform.tfvars",
        "modules/m/old.tf",
        "modules/gone/main.tf",
        "modules/gone/deep/main.tf.json",
    ];
    let kept = [
        ".terraform/providers/x/main.tf",
        ".terraform/modules/modules.json",
        ".terraform.lock.hcl",
        ".terraform.tfstate.lock.info",
        "terraform.tfstate",
        "terraform.tfstate.backup",
        "errored.tfstate",
        INITIALISED,
    ];
    for path in stale.iter().chain(&kept) {
        write(folder, path, "there");
    }
    materialise(folder, &rendered("1", &[("main.tf", "a"), ("modules/m/main.tf", "b")])).unwrap();
    for path in stale {
        assert!(!folder.join(path).exists(), "{path} is stale");
    }
    for path in kept {
        assert_eq!(read(folder, path), "there", "{path} is Terraform's");
    }
    assert_eq!((read(folder, "main.tf"), read(folder, "modules/m/main.tf")), ("a".to_owned(), "b".to_owned()));
}

#[test]
fn init_is_needed_when_the_structure_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let with_module = |structure: &str, values: &str| {
        materialise(folder, &rendered(structure, &[("modules/m/main.tf", "b"), ("terraform.tfvars.json", values)]))
            .unwrap()
    };
    assert!(with_module("1", "a"), "never initialised");
    assert!(with_module("1", "a"), "still not initialised");
    initialise(folder, "1");
    assert!(!with_module("1", "a"), "nothing changed");
    assert!(!with_module("1", "b"), "only values changed");
    assert!(with_module("2", "b"), "the structure changed");
    initialise(folder, "2");
    assert!(!with_module("2", "b"), "initialised again");
    fs::remove_dir_all(folder.join(".terraform")).unwrap();
    assert!(with_module("2", "b"), "what init made is gone");
}

#[test]
fn a_workspace_without_terraforms_own_folder_is_initialised_again() {
    let folder = tempfile::tempdir().unwrap();
    let plain = rendered("1", &[("main.tf", "a")]);
    assert!(materialise(folder.path(), &plain).unwrap());
    write(folder.path(), INITIALISED, "1");
    assert!(materialise(folder.path(), &plain).unwrap(), "the mark alone is not enough");
    write(folder.path(), ".terraform/terraform.tfstate", "{}");
    assert!(!materialise(folder.path(), &plain).unwrap());
}

#[test]
fn what_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "modules", "a file where a folder is to be");
    let error = materialise(folder.path(), &rendered("1", &[("modules/m/main.tf", "b")])).unwrap_err();
    assert!(error.to_string().contains("modules/m/main.tf: "), "{error}");
}

#[test]
fn links_that_a_template_laid_lead_nowhere() {
    let root = tempfile::tempdir().unwrap();
    let (folder, other) = (root.path().join("workspace"), root.path().join("other"));
    let files = [("main.tf", "a"), ("modules/m/main.tf", "b")];
    materialise(&folder, &rendered("1", &files)).unwrap();
    write(&other, "main.tf", "of another workspace");
    write(&other, "m/secret.tf", "secret");
    // Its modules are now the other's folder, a further link goes there, and its main file is the other's.
    fs::remove_dir_all(folder.join("modules")).unwrap();
    fs::remove_file(folder.join("main.tf")).unwrap();
    for (name, target) in [("modules", other.as_path()), ("more", &other), ("main.tf", &other.join("main.tf"))] {
        std::os::unix::fs::symlink(target, folder.join(name)).unwrap();
    }
    materialise(&folder, &rendered("1", &files)).unwrap();
    assert_eq!(
        (read(&other, "main.tf").as_str(), read(&other, "m/secret.tf").as_str()),
        ("of another workspace", "secret")
    );
    assert!(!other.join("m/main.tf").exists());
    assert_eq!((read(&folder, "main.tf").as_str(), read(&folder, "modules/m/main.tf").as_str()), ("a", "b"));
}
