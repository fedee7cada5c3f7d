//! Files that a template writes below its own folder: its author hears of them.

use captd::render::lost_files;

fn told(text: &str) -> Vec<String> {
    let files = [("main.tf".to_owned(), text.to_owned())].into();
    lost_files(&files).into_iter().map(|(file, said)| format!("{file}: {}", said.split(' ').next().unwrap())).collect()
}

#[test]
fn a_file_below_the_templates_folder_is_named_and_another_is_not() {
    for (place, is_lost) in [
        ("\"${path.module}/kubeconfig\"", true),
        ("\"${path.root}/out/x\"", true),
        ("\"${path.cwd}/x\"", true),
        ("\"kubeconfig\"", true),
        ("\"./out/kubeconfig\"", true),
        ("join(\"/\", [path.module, \"x\"])", true),
        ("format(\"%s/x\", abspath(path.module))", true),
        ("\"/var/lib/shared/kubeconfig\"", false),
        ("\"${var.folder}/kubeconfig\"", false),
        ("var.file", false),
    ] {
        for kind in ["local_file", "local_sensitive_file"] {
            let text = format!("resource \"{kind}\" \"it\" {{\n  filename = {place}\n  content  = \"\"\n}}\n");
            let wanted = if is_lost { vec![format!("main.tf: {kind}.it")] } else { Vec::new() };
            assert_eq!(told(&text), wanted, "{place}");
        }
    }
    for text in [
        "data \"local_file\" \"it\" {\n  filename = \"${path.module}/x\"\n}\n",
        "resource \"other_file\" \"it\" {\n  filename = \"${path.module}/x\"\n}\n",
        "resource \"local_file\" \"it\" {}\n",
        "this is no HCL {{{",
        "",
    ] {
        assert_eq!(told(text), [""; 0], "{text}");
    }
}
