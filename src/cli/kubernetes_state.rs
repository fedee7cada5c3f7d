//! A state as Terraform's Kubernetes backend keeps it: gzipped, below the key `tfstate` of a Secret.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::domain::state::BYTES_MAX;

/// The key of the Secret.
const KEY: &str = "tfstate";

/// Reads the state out of the one Secret in a file that holds one; `-` is standard input.
///
/// # Errors
/// When there is none, or several.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
    } else {
        text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    }
    state_in(&text).with_context(|| shown)
}

fn state_in(text: &str) -> Result<Vec<u8>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| anyhow!("this is not YAML: {}", crate::domain::yaml::why(&error)))?;
    // `kubectl get secrets` prints a list.
    let all = documents.iter().flat_map(|document| match document["items"].as_array() {
        Some(items) => items.iter().collect(),
        None => vec![document],
    });
    let secrets: Vec<&Value> = all.filter(|it| it["kind"] == "Secret" && it["data"].get(KEY).is_some()).collect();
    let secret = match secrets.as_slice() {
        [one] => one,
        [] => bail!(
            "it holds no Secret with the key `{KEY}`, which is where Terraform's Kubernetes backend keeps a state"
        ),
        several => {
            let name = |secret: &&Value| secret["metadata"]["name"].as_str().unwrap_or("?").to_owned();
            let names: Vec<String> = several.iter().map(name).collect();
            bail!("it holds the states {}; leave one of them in the file", names.join(", "))
        }
    };
    let data = secret["data"][KEY].as_str().with_context(|| format!("data.{KEY} is no text"))?;
    let packed: String = data.split_whitespace().collect();
    let packed = STANDARD.decode(packed).with_context(|| format!("data.{KEY} is no base64"))?;
    let mut state = Vec::new();
    let limit = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX);
    let read = MultiGzDecoder::new(packed.as_slice()).take(limit + 1).read_to_end(&mut state);
    read.with_context(|| format!("data.{KEY} is not gzipped, as Terraform's Kubernetes backend does it"))?;
    if state.len() > BYTES_MAX {
        bail!("the state has more than {BYTES_MAX} bytes");
    }
    Ok(state)
}
