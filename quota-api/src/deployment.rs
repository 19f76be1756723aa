use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{LimitSpec, WindowKind};

/// The body of `PUT /v1/deployments/{id}`, and an entry of `deployments.yaml`. One limit at least.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeploymentSpec {
    /// Tokens a window; absent: no limit in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 9_007_199_254_740_991_u64))]
    pub tpm_limit: Option<u64>,
    /// Requests a window; absent: no limit in requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 9_007_199_254_740_991_u64))]
    pub rpm_limit: Option<u64>,
    /// Limits over longer periods, which hold beside those of the window: at most eight, one for
    /// each unit and period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 8))]
    pub limits: Vec<LimitSpec>,
    /// The model group that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\u0000-\u001F\u007F-\u009F]*$")
    )]
    pub model_group: Option<String>,
    /// The period that the limits count over. Fixed once the deployment is made.
    #[serde(default)]
    pub window: WindowKind,
    /// How long its leases last.
    #[serde(default)]
    pub lease: LeasePolicy,
    /// What is reserved for a request before it is sent.
    #[serde(default)]
    pub reservation: Reservation,
    /// Whether an unused reservation comes back.
    #[serde(default)]
    pub settlement: Settlement,
    /// What comes back of a reservation when the provider refused its request. A server that does
    /// not know the field takes what leaves it out, as the default does.
    #[serde(default, skip_serializing_if = "Refused::is_default")]
    pub refused: Refused,
    /// Free text for people and dashboards.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// How long the leases of a deployment last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LeasePolicy {
    /// A lease's life: 2 000 for `minute`, 1 000 for `rolling` where absent; from 100 to 30 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 100, maximum = 30_000))]
    pub life_ms: Option<u64>,
    /// How long before its window's end a lease ends at the latest, so that what is drawn also
    /// reaches the upstream in its minute: 200 where absent; from 0 to 5 000. No meaning with
    /// `rolling`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 5_000))]
    pub guard_ms: Option<u64>,
}

/// What is reserved for a request before it is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reservation {
    /// The input and all of the output that the request allows.
    #[default]
    InputPlusMaxOutput,
    /// The input and a high quantile of what the deployment's answers really used.
    InputPlusLearnedOutput,
    /// The input alone.
    Input,
}

/// Whether an unused reservation comes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The rest of a reservation returns to its lease when the real usage is known.
    #[default]
    Refund,
    /// It stays charged: for a provider that counts its estimate at the start.
    None,
}

/// What comes back of a reservation when the provider refused its request with a status that says
/// that nothing was made: 400, 401, 403, 404, 413, 415, 422 or 429. Nothing comes back of a request
/// with any other failure, which may have been worked on, nor where `settlement` is `none`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// The tokens. The request counts: most providers count what they refuse.
    #[default]
    RefundTokens,
    /// The tokens and the request.
    Refund,
    /// Nothing.
    None,
}

impl Refused {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A deployment, as the server has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// What was put.
    #[serde(flatten)]
    pub spec: DeploymentSpec,
    /// Counts its changes; in quotes it is the `ETag`.
    pub version: u64,
    /// What the servers' deployments file said of it last, if it ever named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
}

/// What a deployments file says of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Declared {
    /// What it said last.
    pub spec: DeploymentSpec,
    /// Whether it names the deployment still.
    pub in_file: bool,
    /// The fields that are not as it says; none once it does not name the deployment any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
}

/// The answer to `GET /v1/deployments`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentList {
    /// The deployments: by id where all are asked for, else in an order that no change touches.
    pub deployments: Vec<Deployment>,
    /// What `after` takes for the deployments after these; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The derive would say "all of `DeploymentSpec`", which is closed, so that nothing could be one.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Deployment {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::ToSchema as _;
        use utoipa::openapi::{RefOr, Schema};
        let mut spec = DeploymentSpec::schema();
        if let RefOr::T(Schema::Object(object)) = &mut spec {
            object.additional_properties = None;
            object.description = Some("A deployment, as the server has it.".to_owned());
            for (name, schema) in [("id", String::schema()), ("version", u64::schema())] {
                object.properties.insert(name.to_owned(), schema);
                object.required.push(name.to_owned());
            }
            let declared = utoipa::openapi::Ref::from_schema_name(Declared::name());
            object.properties.insert("declared".to_owned(), declared.into());
        }
        spec
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Deployment {
    fn schemas(
        schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>,
    ) {
        DeploymentSpec::schemas(schemas);
        schemas
            .push((Declared::name().into_owned(), <Declared as utoipa::PartialSchema>::schema()));
        Declared::schemas(schemas);
    }
}
