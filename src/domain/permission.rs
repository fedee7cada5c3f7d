//! What a client may do.

use super::name::Name;

/// One kind of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Look at everything but what is sensitive.
    Read,
    /// Declare, scale, plan, retry, pause, cancel and delete machines and workspaces, and write secrets.
    Write,
    /// Approve and discard the plans of runs.
    Approve,
    /// Read sensitive outputs, and states, which hold them.
    Reveal,
    /// Everything.
    Admin,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Approve, Self::Reveal, Self::Admin];

    /// The word of the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Approve => "approve",
            Self::Reveal => "reveal",
            Self::Admin => "admin",
        }
    }
}

/// What somebody may decide that no address asks for, since it shows only in what is written. In a namespace that he
/// may not reach it gives him nothing: he is not let in there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authority {
    /// Whether his word is consent where a namespace asks for one.
    pub approves: bool,
    /// Whether he sets what namespaces may use, their limits and their policy.
    pub administers_all: bool,
    /// Namespaces in which he may read, and `*` for all: what lies elsewhere is not named to him.
    pub reads: Vec<String>,
}

impl Authority {
    /// Whether he may read what lies in a namespace.
    #[must_use]
    pub fn reads_in(&self, namespace: &Name) -> bool {
        self.reads.iter().any(|own| own == "*" || own == namespace.as_str())
    }
}

/// Who asks, and what he may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// His name: the author of what he writes.
    pub name: String,
    /// What he may.
    pub may: Vec<Permission>,
    /// Where: namespaces, and `*` for all.
    pub namespaces: Vec<String>,
}

impl Rights {
    /// Of whoever has the admin's token.
    #[must_use]
    pub fn admin() -> Self {
        Self { name: "admin".to_owned(), may: vec![Permission::Admin], namespaces: vec!["*".to_owned()] }
    }

    /// Whether he may do this kind of things.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.may.iter().any(|has| *has == permission || *has == Permission::Admin)
    }

    /// What he may decide beyond that.
    #[must_use]
    pub fn authority(&self) -> Authority {
        Authority {
            approves: self.may(Permission::Approve),
            administers_all: self.may(Permission::Admin) && self.is_everywhere(),
            reads: if self.may(Permission::Read) { self.namespaces.clone() } else { Vec::new() },
        }
    }

    /// Whether he may do something in a namespace.
    #[must_use]
    pub fn reaches(&self, namespace: &Name) -> bool {
        self.is_everywhere() || self.namespaces.iter().any(|own| own == namespace.as_str())
    }

    /// Whether he may do something in every namespace.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.namespaces.iter().any(|own| own == "*")
    }
}
