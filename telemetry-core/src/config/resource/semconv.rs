//! The names of resource attributes, as OpenTelemetry's semantic conventions 1.42 have them.

/// Source: <https://opentelemetry.io/docs/specs/semconv/>.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";

pub(crate) const CONTAINER_ID: &str = "container.id";
pub(crate) const HOST_ARCH: &str = "host.arch";
pub(crate) const HOST_NAME: &str = "host.name";
pub(crate) const K8S_CONTAINER_NAME: &str = "k8s.container.name";
pub(crate) const K8S_NAMESPACE_NAME: &str = "k8s.namespace.name";
pub(crate) const K8S_NODE_NAME: &str = "k8s.node.name";
pub(crate) const K8S_POD_NAME: &str = "k8s.pod.name";
pub(crate) const K8S_POD_UID: &str = "k8s.pod.uid";
pub(crate) const OS_TYPE: &str = "os.type";
pub(crate) const PROCESS_EXECUTABLE_NAME: &str = "process.executable.name";
pub(crate) const PROCESS_PID: &str = "process.pid";
pub(crate) const PROCESS_RUNTIME_NAME: &str = "process.runtime.name";
pub(crate) const PROCESS_RUNTIME_VERSION: &str = "process.runtime.version";
pub(crate) const SERVICE_INSTANCE_ID: &str = "service.instance.id";
pub(crate) const SERVICE_NAME: &str = "service.name";
pub(crate) const SERVICE_NAMESPACE: &str = "service.namespace";
pub(crate) const SERVICE_VERSION: &str = "service.version";
pub(crate) const TELEMETRY_SDK_LANGUAGE: &str = "telemetry.sdk.language";
pub(crate) const TELEMETRY_SDK_NAME: &str = "telemetry.sdk.name";
pub(crate) const TELEMETRY_SDK_VERSION: &str = "telemetry.sdk.version";
pub(crate) const VCS_REF_HEAD_REVISION: &str = "vcs.ref.head.revision";
