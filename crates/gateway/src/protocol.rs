//! Terraform's plugin protocols 5 and 6 as far as the gateway tells their calls apart, and the
//! few answers of theirs that it reads.

use crate::wire;

/// Field of the schema answer that maps resource types to schemas.
const RESOURCE_SCHEMAS: u64 = 2;
/// Field of the schema answer that maps data source types to schemas.
const DATA_SOURCE_SCHEMAS: u64 = 3;
/// `Severity` of a diagnostic that is an error.
const ERROR: u64 = 1;

/// Which of the two protocols a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `tfplugin5.Provider`
    Five,
    /// `tfplugin6.Provider`
    Six,
}

impl Dialect {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        match number {
            5 => Some(Self::Five),
            6 => Some(Self::Six),
            _ => None,
        }
    }

    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Five => 5,
            Self::Six => 6,
        }
    }

    /// The path of a call that the gateway makes itself.
    pub(crate) fn path(self, call: Call) -> &'static str {
        match (self, call) {
            (Self::Five, Call::Schema) => "/tfplugin5.Provider/GetSchema",
            (Self::Five, Call::Check) => "/tfplugin5.Provider/PrepareProviderConfig",
            (Self::Five, Call::Configure) => "/tfplugin5.Provider/Configure",
            (Self::Five, Call::Stop) => "/tfplugin5.Provider/Stop",
            (Self::Six, Call::Schema) => "/tfplugin6.Provider/GetProviderSchema",
            (Self::Six, Call::Check) => "/tfplugin6.Provider/ValidateProviderConfig",
            (Self::Six, Call::Configure) => "/tfplugin6.Provider/ConfigureProvider",
            (Self::Six, Call::Stop) => "/tfplugin6.Provider/StopProvider",
        }
    }
}

/// The calls that the gateway answers, or makes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Asks for all schemas.
    Schema,
    /// Checks a provider block.
    Check,
    /// Configures the provider.
    Configure,
    /// Asks it to give up what is under way.
    Stop,
}

/// What terraform asks for on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A call that is the gateway's.
    Own(Call),
    /// go-plugin's streams, which carry nothing here.
    Stream,
    /// go-plugin's request to end the plugin.
    Shutdown,
    /// go-plugin's question whether it serves.
    Health,
    /// All else is for the provider.
    Provider,
}

/// What the path of a request asks for.
pub(crate) fn asked(path: &str) -> Asked {
    for dialect in [Dialect::Five, Dialect::Six] {
        for call in [Call::Schema, Call::Check, Call::Configure, Call::Stop] {
            if path == dialect.path(call) {
                return Asked::Own(call);
            }
        }
    }
    match path {
        "/plugin.GRPCStdio/StreamStdio" | "/plugin.GRPCBroker/StartStream" => Asked::Stream,
        "/plugin.GRPCController/Shutdown" => Asked::Shutdown,
        "/grpc.health.v1.Health/Check" => Asked::Health,
        _ => Asked::Provider,
    }
}

/// Of the field of a schema answer that begins so: its length, and whether it stays in an answer
/// that has only the resource and data source types that `wanted` holds. All else stays: without
/// the capabilities in field 6, for one, destroying is planned otherwise. `None` when it is no such
/// answer.
pub(crate) fn stays_in_schema(begin: &[u8], wanted: impl Fn(&str) -> bool) -> Option<(usize, bool)> {
    let field = wire::head(begin)?;
    if !matches!(field.number, RESOURCE_SCHEMAS | DATA_SOURCE_SCHEMAS) {
        return Some((field.ends, true));
    }
    // The entry of a map: first its name.
    let entry = begin.get(field.begins..)?;
    let name = wire::head(entry)?;
    let text = std::str::from_utf8(entry.get(name.begins..name.ends)?).ok()?;
    Some((field.ends, name.number != 1 || wanted(text)))
}

/// The errors in an answer to `call`, each as `summary: detail`. An answer that cannot be read
/// counts as one.
pub(crate) fn errors(call: Call, answer: &[u8]) -> Vec<String> {
    let number = match call {
        Call::Schema => 4,
        Call::Check => 2,
        Call::Configure => 1,
        Call::Stop => return Vec::new(),
    };
    let Some(fields) = wire::fields(answer) else { return vec!["an answer that is no message".to_owned()] };
    let diagnostics = fields.iter().filter(|field| field.number == number);
    diagnostics.filter_map(|field| error_text(field.bytes)).collect()
}

fn error_text(diagnostic: &[u8]) -> Option<String> {
    let fields = wire::fields(diagnostic)?;
    let is_error = fields.iter().any(|field| field.number == 1 && field.varint == ERROR);
    is_error.then(|| {
        let (summary, detail) = (wire::text(&fields, 2), wire::text(&fields, 3));
        if detail.is_empty() { summary } else { format!("{summary}: {detail}") }
    })
}
