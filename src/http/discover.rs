//! `POST /v1/namespaces/{ns}/discover`: node groups that exist, as declarations that take them over.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::access::InNamespace;
use super::body::Document;
use super::params::NoParams;
use super::problem::{Answer, Problem};
use crate::domain::discovered::Discovered;
use crate::domain::fields::Fields;
use crate::domain::problem::Problems;
use crate::service::Discovery;

/// `POST …/discover` with `clusterName`, `names`, `region` and `providerConfigRef`, none of which must be said.
pub(super) async fn discover(
    InNamespace { access, namespace }: InNamespace,
    _: NoParams,
    Document(body): Document,
) -> Answer {
    let mut problems = Problems::default();
    let asked = read(&body, &mut problems);
    let Some(asked) = asked.filter(|_| problems.is_empty()) else { return Err(Problem::invalid(problems)) };
    let found = access.service.discover(&namespace, asked, &access.actor).await?;
    let items: Vec<Value> = found.iter().map(wire).collect();
    Ok(Json(json!({"items": items})).into_response())
}

fn read(body: &Value, problems: &mut Problems) -> Option<Discovery> {
    let mut f = Fields::open(body, "", problems)?;
    let (cluster, region) = (f.text("clusterName"), f.text("region"));
    let names = f.texts("names").unwrap_or_default();
    let provider = f.object("providerConfigRef", |f| {
        let name = f.text("name");
        f.required("name", name)
    });
    f.finish();
    Some(Discovery { cluster, names, region, provider: provider.unwrap_or_else(|| "default".to_owned()) })
}

fn wire(found: &Discovered) -> Value {
    json!({
        "id": found.id,
        "status": found.status,
        "owner": found.owner,
        "installation": found.installation,
        "machine": found.machine,
        "declaration": found.declaration,
    })
}
